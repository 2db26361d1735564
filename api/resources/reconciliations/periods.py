"""Closed months: what they are made of never changes; what comes later counts in the next one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.reach import WHOLE
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, Page, Paged
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem
from api.resources.organization_paths import invalid
from api.resources.reconciliations.bodies import PeriodCloseIn, PeriodListOut, PeriodOut, period_out
from api.resources.reconciliations.reconciliations import answers, told
from api.resources.replies import reply
from api.services import Services, services_of
from schemas.entrance import YEARS

PERIODS: Final = "/v1/closed-periods"
router = APIRouter(prefix=PERIODS, tags=["reconciliation"], route_class=KeyedRoute)

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
Month = Annotated[str, Path(max_length=7, description="a calendar month", examples=["2026-11"])]


@router.get(
    "",
    summary="List closed periods",
    response_model=PeriodListOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_READ, own=WHOLE),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_closed_periods(request: Request, caller: Caller, page: Paged) -> Response:
    """Newest first, each with its positions and what was settled in it."""
    body = await periods_page(services_of(request), caller, page)
    return reply(body, 200, **page.link(body.next))


@router.put(
    "/{period}",
    summary="Close a period",
    response_model=PeriodOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE),
    responses=answers(200, "It is closed.", 400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
)
async def close_period(body: PeriodCloseIn, request: Request, caller: Caller, period: Month) -> Response:
    """Only when it is over, all settlement files of its days are matched, and nothing up to it is open.
    It stays closed: what comes later, whatever day it is of, counts in the next month."""
    return reply(await close(request, caller, period, body))


# -- what the routes and the pages do


async def periods_page(services: Services, caller: Principal, page: Page) -> PeriodListOut:
    """Raises Problem."""
    key = page.key(tuple[str])
    row = await services.reconciliations.ask(
        "periods",
        organization_id=caller.organization_id,
        before=key[0] if key else None,
        rows_max=page.rows_max,
    )
    rows, following = page.turn(row["periods"], lambda one: (one["period"],))
    return PeriodListOut(periods=[period_out(one) for one in rows], next=following)


def bounds(period: str, time_zone: str) -> tuple[datetime, datetime]:
    """First moment of the month and of the next. Raises Problem 422."""
    found = _MONTH.fullmatch(period)
    if found is None or int(found[1]) not in YEARS:
        raise invalid("path.period", "value_error", "is no month; it reads YYYY-MM, for example 2026-11")
    year, month = int(found[1]), int(found[2])
    zone = ZoneInfo(time_zone)
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return (
        datetime(year, month, 1, tzinfo=zone).astimezone(UTC),
        datetime(*following, 1, tzinfo=zone).astimezone(UTC),
    )


async def close(request: Request, caller: Principal, period: str, said: PeriodCloseIn) -> PeriodOut:
    """The closed month; one that was closed before as it is. Raises Problem."""
    services = services_of(request)
    zone = await zone_of_months(services, caller, said.time_zone)
    since, until = bounds(period, zone)
    if found := await _closed(services, caller, period):
        return found
    if until > datetime.now(UTC):
        raise Problem(409, "period_not_over", f"{period} is not over: it ends at {until.isoformat()}.")
    of = {"organization_id": caller.organization_id, "until": until, "time_zone": zone}

    async def make(changes: Changeset) -> None:
        against = await changes.row("period_open_items", **of)
        assert against is not None
        _require_nothing_open(period, against["open"], against["unmatched"], against["last"])
        given = of | {"period": period, "since": since, "reason": said.reason, "actor": caller.actor}
        if await changes.row("period_close", **given) is not None:
            changes.tell(f"{PERIODS}/{period}", after={"reason": said.reason, "until": until.isoformat()})

    await told(request, make)
    closed = await _closed(services, caller, period)
    assert closed is not None
    return closed


async def zone_of_months(services: Services, caller: Principal, wanted: str | None) -> str:
    """In which months end: all in one, or two would share hours. Raises Problem 422."""
    row = await services.reconciliations.ask(
        "periods", organization_id=caller.organization_id, before=None, rows_max=1
    )
    if row["periods"]:
        zone: str = row["periods"][0]["time_zone"]
        if wanted not in (None, zone):
            words = f"is not that of the months that are closed, {zone}: two months would share hours"
            raise invalid("body.time_zone", "contradiction", words)
        return zone
    if wanted is not None:
        return wanted
    row = await services.reconciliations.ask(
        "organization_calendar", organization_id=caller.organization_id, partition=0
    )
    return (row["calendar"] or {}).get("time_zone") or "UTC"


def _require_nothing_open(period: str, open_items: int, unmatched: int, last: str | None) -> None:
    """Raises Problem 409."""
    if last is not None and last > period:
        raise Problem(409, "period_before_closed", f"{last} is closed already, and with it all before.")
    if unmatched:
        words = f"{unmatched} settlement files of {period} or before are not matched yet. Match them first."
        raise Problem(409, "files_unmatched", words)
    if open_items:
        words = f"{open_items} items of {period} or before are open. Resolve them first."
        raise Problem(409, "items_open", words)


async def _closed(services: Services, caller: Principal, period: str) -> PeriodOut | None:
    row = await services.reconciliations.ask(
        "periods", organization_id=caller.organization_id, before=None, rows_max=1_000
    )
    return next((period_out(one) for one in row["periods"] if one["period"] == period), None)
