"""ClosedPeriods of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given
from api.client.generated.shared import Money
from api.client.operations import Resource, S, listing, operation


class ClosedPeriod(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A closed month."""

    period: str
    until: datetime
    time_zone: str
    positions: dict[str, int]
    totals: list[SettledTotal]
    reason: str
    closed_by: str
    closed_at: datetime


class ClosedPeriods(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Closed months, newest first."""

    periods: list[ClosedPeriod]
    next: str | None = None


class SettledTotal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was booked of a kind."""

    department_id: str
    kind: str
    amount: Money
    transfers: int


class ClosedPeriodsResource(Resource[S]):
    """Operations on closed periods."""

    def _list(self, *, after: str | None = None, limit: int | None = None) -> Call[ClosedPeriods]:
        """List closed periods."""
        return Call(
            "GET", "/v1/closed-periods", ClosedPeriods, query={"after": after, "limit": limit}, reads=True
        )

    list = listing(_list, "periods", ClosedPeriod)

    @operation
    def close_period(self, period: str, *, reason: str, time_zone: str | None = None) -> Call[ClosedPeriod]:
        """Close a period."""
        return Call(
            "PUT",
            at("/v1/closed-periods/{}", period),
            ClosedPeriod,
            body=given(reason=reason, time_zone=time_zone),
        )
