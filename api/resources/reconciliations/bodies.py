"""What goes in and out of reconciliation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from api.http.paging import NEXT
from api.http.types import Currency, DepartmentName, Input, MoneyOut, Output, PaymentId, Text, money
from schemas.entrance import YEARS
from schemas.money import MINOR_MAX
from schemas.terms import is_time_zone, no_time_zone

FORMATS = Literal["csv", "camt", "iso8583", "ofx", "lines"]
FileStatus = Literal["receiving", "matching", "matched", "replaced"]
Result = Literal["matched", "differs", "missing_here", "missing_there", "duplicate", "unreadable"]
Action = Literal["accept", "post", "reverse", "repost"]
LINES_MAX = 1_000_000
LINES_OF_REQUEST_MAX = 250


def _zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError(no_time_zone(name))
    return name


def _in_years(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"must be in the years {YEARS.start} to {YEARS[-1]}")
    return day


Day = Annotated[date, Field(examples=["2026-11-21"]), AfterValidator(_in_years)]
TimeZone = Annotated[
    StrictStr,
    Field(max_length=64, description="of the IANA database", examples=["Europe/Berlin"]),
    AfterValidator(_zone),
]
Because = Annotated[
    Text,
    Field(min_length=1, max_length=500, description="for who asks later", examples=["fee, see ticket 7"]),
]


class ReconciliationIn(Input):
    """A file whose lines will follow."""

    model_config = ConfigDict(title="NewReconciliation")

    name: Text = Field(min_length=1, max_length=200, examples=["settlement-2026-11-21.csv"])
    format: FORMATS = Field(default="lines", description="what it was read from")
    digest: StrictStr = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the file and of what it was read by; the same is the same file",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    lines: StrictInt = Field(
        ge=1, le=LINES_MAX, description="how many will follow, unusable ones too", examples=[2]
    )
    account: dict[Annotated[str, Field(max_length=40)], StrictInt] = Field(
        default_factory=dict,
        max_length=20,
        description="where all lines of the file went: `used`, `refused`, `header` and so on",
        examples=[{"used": 2, "header": 1}],
    )
    since: Day = Field(description="first day that the file covers")
    until: Day = Field(description="last day that it covers")
    time_zone: TimeZone = "UTC"
    days_max: StrictInt = Field(
        default=3, ge=0, le=31, description="so many days may lie between a line and its booking"
    )
    replaces: StrictStr | None = Field(
        default=None, max_length=64, description="the file that this one corrects", examples=[None]
    )


class SettlementLineIn(Input):
    """A line of the file, or (with `unreadable`) one that could not be used."""

    model_config = ConfigDict(title="SettlementLine")

    n: StrictInt = Field(
        ge=1, le=LINES_MAX, description="its number among the file's lines, from 1", examples=[1]
    )
    number: StrictInt = Field(ge=1, description="its line or entry in the file", examples=[2])
    refund: StrictBool = Field(default=False, description="money that came back")
    minor: StrictInt | None = Field(
        default=None, gt=0, le=MINOR_MAX, description="minor units", examples=[60000]
    )
    currency: Currency | None = None
    day: Day | None = Field(default=None, description="when the processor booked it")
    bought: Day | None = Field(default=None, description="of the purchase")
    reference: PaymentId | None = Field(
        default=None, description="the processor's own: the id of the event that posted it, or of the refund"
    )
    authorization_id: PaymentId | None = None
    card_id: PaymentId | None = Field(default=None, examples=["card-alice"])
    merchant: Text | None = Field(default=None, min_length=1, max_length=200, examples=["Dell"])
    unreadable: Text | None = Field(
        default=None, min_length=1, max_length=500, description="why it cannot be used", examples=[None]
    )


class SettlementLinesIn(Input):
    """Some of the lines, in any order."""

    model_config = ConfigDict(title="SettlementLines")

    lines: list[SettlementLineIn] = Field(min_length=1, max_length=LINES_OF_REQUEST_MAX)


class ReceivedOut(Output):
    """How many lines were new."""

    model_config = ConfigDict(title="ReceivedLines")

    added: int


class MatchingProgressOut(Output):
    """Steps of the matching that are done, and all of them."""

    model_config = ConfigDict(title="MatchingProgress")

    done: int = Field(examples=[4])
    total: int = Field(examples=[19])


class ReconciliationOut(Output):
    """A settlement file, and how it stands."""

    model_config = ConfigDict(title="Reconciliation")

    file_id: str = Field(examples=["rec_9f86d081884c7d659a2f"])
    name: str
    format: str
    status: FileStatus
    lines: int
    received: int = Field(description="of its lines")
    account: dict[str, int] = Field(description="where all lines of the file went")
    since: date
    until: date
    time_zone: str
    days_max: int
    results: dict[str, int] = Field(description="how many items of each result", examples=[{"matched": 2}])
    open: int = Field(description="items that somebody must resolve")
    progress: MatchingProgressOut | None = Field(description="while it is being matched")
    replaces: str | None
    replaced_by: str | None
    uploaded_by: str
    uploaded_at: datetime
    matched_at: datetime | None


class ReconciliationListOut(Output):
    """A page of files."""

    model_config = ConfigDict(title="Reconciliations")

    reconciliations: list[ReconciliationOut]
    next: str | None = Field(description=NEXT)


class ReconciliationItemOut(Output):
    """A line against its booking, or a booking that the file should have and has not."""

    model_config = ConfigDict(title="ReconciliationItem")

    file_id: str
    n: int
    number: int | None = Field(description="line or entry of the file; null: it is not in it")
    result: Result | None = Field(description="null: not matched yet, or its file was replaced before")
    differences: list[Literal["amount", "currency", "day"]]
    open: bool
    amount: MoneyOut | None = Field(description="as the file says; of a booking that it lacks, as booked")
    refund: bool | None
    day: date | None
    bought: date | None
    reference: str | None
    authorization_id: str | None
    card_id: str | None
    merchant: str | None
    department_id: str | None
    booked: MoneyOut | None = Field(description="in the ledger")
    booked_day: date | None
    position: str | None = Field(description="of the decision that booked it", examples=["3:1042"])
    matched_by: str | None = Field(description="by what the booking was found", examples=["reference"])
    duplicate_of: str | None = Field(description="`file_id/n` of the line that it repeats", examples=[None])
    unreadable: str | None
    resolution: Literal["accepted", "posted", "reversed", "reposted", "matched_later"] | None
    reason: str | None
    resolved_by: str | None
    resolved_at: datetime | None


class ReconciliationItemListOut(Output):
    """A page of items."""

    model_config = ConfigDict(title="ReconciliationItems")

    items: list[ReconciliationItemOut]
    next: str | None = Field(description=NEXT)


class ResolutionIn(Input):
    """What shall become of an open item."""

    model_config = ConfigDict(title="Resolution")

    action: Action = Field(
        description="`accept`: it stays as it is, and no money moves. `post`: what the books lack is "
        "posted. `reverse`: what the processor did not settle is taken back. `repost`: what differs is taken "
        "back and posted as the file says."
    )
    reason: Because
    department_id: DepartmentName | None = Field(
        default=None, description="whose money it is, where neither card nor payment tells"
    )
    card_id: PaymentId | None = Field(
        default=None, description="of what is posted, where the file does not tell", examples=["card-alice"]
    )


class PeriodCloseIn(Input):
    """A month that shall be closed."""

    model_config = ConfigDict(title="PeriodClose")

    reason: Because
    time_zone: TimeZone | None = Field(
        default=None,
        description="whose month it is: that of the months that are closed, else the organization's",
    )


class SettledOut(Output):
    """What was booked of a kind."""

    model_config = ConfigDict(title="SettledTotal")

    department_id: str
    kind: str = Field(examples=["clearing"])
    amount: MoneyOut
    transfers: int


class PeriodOut(Output):
    """A closed month: its bookings are those up to these positions, whatever comes later."""

    model_config = ConfigDict(title="ClosedPeriod")

    period: str = Field(examples=["2026-11"])
    until: datetime = Field(description="the first moment of the next month")
    time_zone: str
    positions: dict[str, int] = Field(description="partition: the first decision that is not in it")
    totals: list[SettledOut]
    reason: str
    closed_by: str
    closed_at: datetime


class PeriodListOut(Output):
    """Closed months, newest first."""

    model_config = ConfigDict(title="ClosedPeriods")

    periods: list[PeriodOut]
    next: str | None = Field(description=NEXT)


def file_out(row: dict[str, Any]) -> ReconciliationOut:
    return ReconciliationOut(**row)


def item_out(row: dict[str, Any]) -> ReconciliationItemOut:
    found = dict(row)
    partition, seq = found.pop("partition"), found.pop("seq")
    twin_file, twin_n = found.pop("twin_file_id"), found.pop("twin_n")
    amount = money(found.pop("minor"), found.pop("currency"))
    booked = money(found.pop("booked_minor"), found.pop("booked_currency"))
    found.pop("active")
    found.pop("resolved_seq")
    return ReconciliationItemOut(
        open=found.pop("is_open"),
        amount=amount,
        booked=booked,
        position=None if seq is None else f"{partition}:{seq}",
        duplicate_of=None if twin_file is None else f"{twin_file}/{twin_n}",
        **found,
    )


def period_out(row: dict[str, Any]) -> PeriodOut:
    totals = [
        SettledOut(
            department_id=one["department_id"],
            kind=one["kind"],
            amount=MoneyOut(minor=one["amount"], currency=one["currency"]),
            transfers=one["transfers"],
        )
        for one in row["totals"]
    ]
    return PeriodOut(**{**row, "totals": totals})
