"""Budgets of departments: look at them, set the department's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field, StrictInt
from starlette.responses import Response

from api.access.keys import Principal, Scope
from api.access.security import KeyedRoute, needs, own_organization
from api.asking.submit import Answered, Pending
from api.http.conditions import ETAG, IfMatch, tagged
from api.http.paths import IN_PATH, storable
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, Wait, WithIdempotencyKey
from api.http.problems import Problem, responses
from api.http.types import Input, LimitIn, MoneyOut, Output, PendingOut, Text
from api.resources import replies
from api.resources.organization_paths import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    invalid,
    read_responses,
    shown,
    unknown_department,
)
from api.resources.replies import PENDING_DETAIL, decided_headers, reply, undecided
from api.resources.sending import Seen, submit_seen
from schemas.card_numbers import WORDS, has_card_number
from schemas.controls import Level, PeriodKind
from schemas.events import BudgetSet
from schemas.ids import Position, is_name
from schemas.money import MINOR_MAX, Money
from schemas.reasons import DEPARTMENT as OWN
from schemas.terms import QUARTER_S, offsets

Row = Mapping[str, Any]


class BudgetIn(Input):
    """A department's budget as it shall be from now on. Its calendar cannot change."""

    model_config = ConfigDict(title="BudgetRequest")

    name: Text = Field(min_length=1, max_length=100, examples=["Engineering"])
    limit: LimitIn
    tolerance: StrictInt = Field(
        default=0, ge=0, le=MINOR_MAX, description="minor units above the limit that pass with review"
    )
    time_zone: Text = Field(
        default="UTC", min_length=1, max_length=64, description="IANA name", examples=["America/New_York"]
    )
    period: PeriodKind = Field(default="month", examples=["month"])
    start_day: StrictInt = Field(
        default=1, ge=1, le=28, description="first day of the period; of a week: 1 (Monday) to 7"
    )
    start_month: StrictInt = Field(default=1, ge=1, le=12, description="first month of a year or quarter")


class CalendarOut(Output):
    """How time is cut into periods."""

    model_config = ConfigDict(title="Calendar")

    period: PeriodKind
    time_zone: str
    start_day: int
    start_month: int


class BudgetOut(Output):
    """A budget's period. limit = posted + held + available; available is below zero when networks settled
    more than was held."""

    model_config = ConfigDict(title="Budget")

    organization_id: str
    department_id: str
    budget_id: str = Field(examples=["department", "team:platform"])
    level: Level
    subject: str | None = Field(description="which team, card or employee", examples=["platform"])
    name: str
    time_zone: str
    currency: str
    calendar: CalendarOut
    period: str = Field(description="label of the period in its calendar", examples=["2026-03"])
    limit: MoneyOut = Field(description="with the increases in force")
    tolerance: MoneyOut = Field(description="above the limit, approved with review")
    posted: MoneyOut
    held: MoneyOut
    available: MoneyOut = Field(description="without the tolerance")
    removed: bool = Field(description="it no longer limits", examples=[False])
    changed_by: str | None = Field(description="who set or removed it last", examples=["cfo@techcorp.com"])
    changed_at: datetime | None = Field(description="when, in the time of events")
    position: str = Field(
        description="`partition:seq` of the last decision that is in it", examples=["3:1042"]
    )


class BudgetListOut(Output):
    """All budgets of a department, each with its current period: department first, then by level and id."""

    model_config = ConfigDict(title="Budgets")

    budgets: list[BudgetOut]


class BudgetSetOut(Output):
    """The budget that is now in force."""

    model_config = ConfigDict(title="BudgetSet")

    organization_id: str
    department_id: str
    name: str
    time_zone: str
    period: PeriodKind
    limit: MoneyOut
    tolerance: MoneyOut
    position: str = Field(description="`partition:seq` from which on it holds", examples=["3:1042"])


class BudgetPendingOut(PendingOut):
    """Not in force yet, as far as is known."""

    model_config = ConfigDict(title="BudgetPending")

    organization_id: str
    department_id: str


def budget_out(row: Row) -> BudgetOut:
    """A member of `budgets` of budgets.sql."""

    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=row["currency"])

    limit, posted, held = row["period_limit_minor"], row["posted_minor"], row["held_minor"]
    return BudgetOut(
        organization_id=row["organization_id"],
        department_id=row["department_id"],
        budget_id=row["budget_id"],
        level=row["level"],
        subject=row["subject"],
        name=row["name"],
        time_zone=row["time_zone"],
        currency=row["currency"],
        calendar=CalendarOut(
            period=row["calendar"],
            time_zone=row["time_zone"],
            start_day=row["start_day"],
            start_month=row["start_month"],
        ),
        period=row["period"],
        limit=of(limit),
        tolerance=of(row["tolerance_minor"]),
        posted=of(posted),
        held=of(held),
        available=of(limit - max(0, posted) - held),
        removed=row["removed"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        position=str(Position(row["partition"], row["last_seq"])),
    )


def budgets_out(row: Row) -> BudgetListOut:
    """The row of budgets.sql."""
    return BudgetListOut(budgets=[budget_out(found) for found in row["budgets"]])


PATH = f"{DEPARTMENT}/budget"
router = APIRouter(tags=["budgets"], route_class=KeyedRoute)

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# The labels of each kind of calendar; those with another start than the natural one are dates.
_LABELS = {
    "day": _DATE,
    "week": f"[0-9]{{4}}-W[0-9]{{2}}|{_DATE}",
    "month": f"[0-9]{{4}}-(0[1-9]|1[0-2])|{_DATE}",
    "quarter": f"[0-9]{{4}}-Q[1-4]|{_DATE}",
    "year": f"[0-9]{{4}}|{_DATE}",
    "lifetime": "lifetime",
}

Period = Annotated[
    str | None,
    Query(
        pattern="^([0-9]{4}(-(W[0-9]{2}|Q[1-4]|[0-9]{2}(-[0-9]{2})?))?|lifetime)$",
        description="the label of a period; the current one in the budget's calendar, if absent. A period in "
        "which nothing happened shows the limit that holds now",
        examples=["2026-03"],
    ),
]


_READ = read_responses("The period's figures.")
_READ[200]["headers"] = _READ[200]["headers"] | ETAG


@router.get(
    PATH,
    summary="Look at a department's budget",
    response_model=BudgetOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=_READ,
)
async def read_budget(
    reading: Reading,
    period: Period = None,
) -> Response:
    """Limit, posted, held and available of one period of the department's own budget."""
    reading.own()
    row = await _find(reading, OWN, period)
    if not row["budgets"]:
        raise unknown_department()
    return _one(row["budgets"][0], period, reading.wait)


@router.get(
    f"{DEPARTMENT}/budgets",
    summary="List a department's budgets",
    response_model=BudgetListOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("All that limit now, each with its current period."),
)
async def list_budgets(
    reading: Reading,
) -> Response:
    """The budgets of the department and of its teams, cards and employees."""
    reading.own()
    row = await _find(reading, None, None)
    if not row["budgets"]:
        raise unknown_department()
    body = budgets_out(row)
    latest = max((Position.parse(budget.position) for budget in body.budgets), key=lambda at: at.seq)
    return shown(body, reading.wait, latest)


@router.get(
    f"{DEPARTMENT}/budgets/{{budget_id:path}}",
    summary="Look at a budget",
    response_model=BudgetOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=_READ,
)
async def read_any_budget(
    reading: Reading,
    budget_id: Annotated[str, Path(max_length=220, description=IN_PATH, examples=["team:platform"])],
    period: Period = None,
) -> Response:
    """One budget of any level, removed ones too. Set one with the event `budget.set`."""
    reading.own()
    if not storable(budget_id):
        raise _unknown(budget_id)
    row = await _find(reading, budget_id, period)
    if not row["budgets"]:
        raise _unknown(budget_id)
    return _one(row["budgets"][0], period, reading.wait)


async def _find(reading: OfDepartment, budget_id: str | None, period: str | None) -> Any:
    asked: dict[str, Any] = {"budget_id": budget_id, "period": period, "subjects": None}
    return await reading.find("budgets", **asked, **clocks(datetime.now(UTC)))


def clocks(at: datetime) -> dict[str, Any]:
    """The moment of budgets.sql, and how far the clocks of all zones are ahead of UTC at it."""
    return {"at": at, "offsets": _offsets(int(at.timestamp()) // QUARTER_S)}


# 10 kB for all zones; an offset lasts a quarter of an hour at least.
@lru_cache(maxsize=4)
def _offsets(quarter: int) -> str:
    return msgspec.json.encode(offsets(datetime.fromtimestamp(quarter * QUARTER_S, UTC))).decode()


def _one(row: dict[str, Any], period: str | None, wait: Wait) -> Response:
    if period is not None and re.fullmatch(_LABELS[row["calendar"]], period) is None:
        raise invalid("query.period", "wrong_calendar", f"is no {row['calendar']} of this budget's calendar")
    body = budget_out(row)
    return shown(body, wait, body.position, **tagged(_set_at(row)))


def _set_at(row: Row) -> str:
    """The position at which it was last set: not moved by what is spent."""
    return str(Position(row["partition"], row["seq"]))


def _unknown(budget_id: str) -> Problem:
    return Problem(404, "unknown_budget", f"There is no budget {budget_id[:80]!r}.")


@router.put(
    PATH,
    summary="Set a department's budget",
    response_model=BudgetSetOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.BUDGETS_WRITE),
    responses={
        200: {
            "description": "In force from its position on.",
            "headers": replies.POSITION | replies.REPLAYED | replies.APPLIED | ETAG,
        },
        202: {
            "description": "Not decided within the wait.",
            "model": BudgetPendingOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 503),
    },
)
async def set_budget(
    body: BudgetIn, reading: Reading, key: WithIdempotencyKey, if_match: IfMatch = None
) -> Response:
    """Creates the department with its own budget, or changes that: an event in the log, in one order with the
    department's payments. Budgets of teams, cards and employees are set with the event `budget.set`.

    With `If-Match` only if nobody set it since; what is spent meanwhile is no change of it.
    """
    department_id, wait = reading.department_id, reading.wait
    own_organization(reading.caller, reading.organization_id)
    if not is_name(department_id):
        words = "must be 1 to 64 letters, digits, dots, underscores and hyphens"
        raise invalid("path.department_id", "string_pattern_mismatch", words)
    if has_card_number(department_id):
        raise invalid("path.department_id", "value_error", WORDS)
    event = _event(body, reading.caller, department_id, key)

    async def now() -> str | None:
        found = (await _find(reading, OWN, None))["budgets"]
        return _set_at(found[0]) if found else None

    seen, what = None if if_match is None else Seen(if_match), f"budget {event.key}"
    result = await submit_seen(reading.services, event, wait, seen, now, what, since=reading.since)
    match result:
        case Answered():
            return _in_force(event, result, wait)
        case Pending():
            return _pending(event, result, wait)


def _event(body: BudgetIn, caller: Principal, department_id: str, key: IdempotencyKey) -> BudgetSet:
    return BudgetSet(
        event_id=key.event_id(caller.organization_id),
        organization_id=caller.organization_id,
        department_id=department_id,
        occurred_at=datetime.now(UTC),
        name=body.name,
        limit=Money(body.limit.minor, body.limit.currency),
        tolerance=body.tolerance,
        time_zone=body.time_zone,
        period=body.period,
        start_day=body.start_day,
        start_month=body.start_month,
        actor=caller.actor,
    )


def _in_force(event: BudgetSet, result: Answered, wait: Wait) -> Response:
    # The event's own content: a repeat has the same, or it would have been refused.
    currency = event.limit.currency
    body = BudgetSetOut(
        organization_id=event.organization_id,
        department_id=event.department_id,
        name=event.name,
        time_zone=event.time_zone,
        period=event.period,
        limit=MoneyOut(minor=event.limit.minor, currency=currency),
        tolerance=MoneyOut(minor=event.tolerance, currency=currency),
        position=str(result.first),
    )
    headers = decided_headers(wait, replayed=result.replayed, position=result.decision.position)
    return reply(body, 200, **headers, **tagged(body.position))


def _pending(event: BudgetSet, result: Pending, wait: Wait) -> Response:
    body = BudgetPendingOut(
        organization_id=event.organization_id,
        department_id=event.department_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    location = PATH.format(organization_id=event.organization_id, department_id=event.department_id)
    return undecided(body, result, wait, location=location)
