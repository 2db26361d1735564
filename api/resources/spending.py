"""What a department's purchases cost: day by day, by merchant, by category, by person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from pydantic import ConfigDict, Field

from api.http.types import MoneyOut, Output
from api.resources.organization_paths import OfDepartment
from api.stores.postgres import REPORT_TIMEOUT_S
from schemas.terms import zone_of

Row = Mapping[str, Any]
TOP: Final = 6


class SpendingDayOut(Output):
    """One day, in the time zone of the department's budget."""

    model_config = ConfigDict(title="SpendingDay")

    day: date
    amount: MoneyOut
    purchases: int


class SpendingShareOut(Output):
    """What one merchant, category or person has cost."""

    model_config = ConfigDict(title="SpendingShare")

    name: str = Field(description="the merchant, the MCC, or the holder; empty: it was not told")
    amount: MoneyOut
    purchases: int


class SpendingOut(Output):
    """Settled less refunds, and held, by when it was asked for. Corrections and disputes are in the books."""

    model_config = ConfigDict(title="Spending")

    days: list[SpendingDayOut] = Field(description="those with a purchase, in order")
    merchants: list[SpendingShareOut] = Field(description="those that cost the most")
    categories: list[SpendingShareOut] = Field(description="those that cost the most")
    people: list[SpendingShareOut] = Field(description="whose purchases cost the most")


async def spending_of(
    reading: OfDepartment, *, since: datetime, time_zone: str, currency: str
) -> SpendingOut:
    """Of its purchases since `since`; days are by the zone's clock of `since`. Raises Problem 503."""
    # PostgreSQL's own rules of zones may be of another age than the core's: see schemas.terms.
    offset = since.astimezone(zone_of(time_zone)).utcoffset() or timedelta()
    row: Row = await reading.find(
        "spending",
        timeout_s=REPORT_TIMEOUT_S,
        since=since,
        offset_s=round(offset.total_seconds()),
        rows_max=TOP,
    )

    def shares(rows: list[Row]) -> list[SpendingShareOut]:
        return [
            SpendingShareOut(
                name=each["name"],
                amount=MoneyOut(minor=each["minor"], currency=currency),
                purchases=each["purchases"],
            )
            for each in rows
        ]

    return SpendingOut(
        days=[
            SpendingDayOut(
                day=each["day"],
                amount=MoneyOut(minor=each["minor"], currency=currency),
                purchases=each["purchases"],
            )
            for each in row["days"]
        ],
        merchants=shares(row["merchants"]),
        categories=shares(row["categories"]),
        people=shares(row["people"]),
    )
