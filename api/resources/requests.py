"""Requests that people approve, looked at. They are made and answered with events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.people import Person, reach_of
from api.access.reach import WITHIN_REACH, require_department
from api.access.roles import Reach
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.http.types import MoneyOut, Output
from api.resources.organization_paths import (
    DEPARTMENT,
    OfDepartment,
    OfOrganization,
    OnlyDepartment,
    Reading,
    ReadingAll,
    invalid,
    list_responses,
    read_responses,
    shown,
)
from schemas.controls import BudgetTerms, Calendar, Card, Level, PeriodKind
from schemas.ids import Position, is_name
from schemas.requests import RequestKind

Row = Mapping[str, Any]

RequestStatus = Literal["waiting", "approved", "refused", "lapsed"]
_ONE_MAX: Final = 5  # departments that are named where several have a request of one id
_budget_of = msgspec.json.Decoder(BudgetTerms).decode
_card_of = msgspec.json.Decoder(Card).decode


class WantedBudgetOut(Output):
    """The budget that the last approval sets."""

    model_config = ConfigDict(title="WantedBudget")

    budget_id: str = Field(examples=["team:platform"])
    name: str
    level: Level
    subject: str | None
    limit: MoneyOut = Field(description="in each period")
    tolerance: MoneyOut
    period: PeriodKind
    time_zone: str


class WantedCardOut(Output):
    """The card that the last approval registers."""

    model_config = ConfigDict(title="WantedCard")

    card_id: str = Field(examples=["card_fair"])
    employee: str | None
    team: str | None
    single_use: bool
    locked_to: str | None


class ApprovalRequestOut(Output):
    """Somebody asked; each level approves once, and with the last one it is set.

    People are named as the events name them: by the actor of an API key, or as another producer wrote.
    """

    model_config = ConfigDict(title="ApprovalRequest")

    organization_id: str
    department_id: str
    request_id: str = Field(examples=["inc_7"])
    kind: RequestKind = Field(description="more of a budget for a while, a card with a budget, or a budget")
    budget_id: str = Field(examples=["department", "team:platform"])
    status: RequestStatus
    amount: MoneyOut = Field(
        description="of an increase; else the limit that is asked for: it says the levels"
    )
    starts_at: datetime | None = Field(description="of an increase, as asked; null: with the last approval")
    ends_at: datetime | None = Field(description="of an increase")
    budget: WantedBudgetOut | None = Field(description="null: it is an increase")
    card: WantedCardOut | None = Field(description="null: it is no request for a card")
    asked_by: str = Field(examples=["ada@example.com"])
    asked_at: datetime | None
    lapses_at: datetime | None = Field(description="nobody may answer it from then on")
    reminded_at: datetime | None = Field(description="when those who may answer it were last reminded")
    reason: str | None = Field(description="as who asked gave it", examples=["the conference in March"])
    levels: list[list[str]] = Field(
        description="who may approve, level by level; an empty list: anybody who has not asked or approved",
        examples=[[[], ["cfo@example.com"]]],
    )
    approved_by: list[str] = Field(description="one for each level that has approved", examples=[[]])
    on_behalf_of: list[str | None] = Field(
        description="for each of them, whom he stood in for; null: nobody", examples=[[]]
    )
    waits_for: list[str] | None = Field(
        description="who may approve it now, as in `levels`; null: it does not wait", examples=[[]]
    )
    stand_ins: dict[str, str] = Field(
        description="those of them who are away now, and who answers for each", examples=[{}]
    )
    refused_by: str | None = Field(description="who asked, where it was taken back", examples=[None])
    refused_on_behalf_of: str | None = Field(description="whom he stood in for", examples=[None])
    refusal_reason: str | None = Field(description="as who refused gave it", examples=[None])
    closed_at: datetime | None = Field(description="of the last approval or the refusal; when it lapsed")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class ApprovalRequestListOut(Output):
    """A page of requests, by id."""

    model_config = ConfigDict(title="ApprovalRequests")

    requests: list[ApprovalRequestOut]
    next: str | None = Field(description=NEXT)


def request_out(organization_id: str, row: Row) -> ApprovalRequestOut:
    """A member of `requests` of requests.sql."""
    levels, approved_by = row["levels"], row["approved_by"]
    waits = row["status"] == "waiting" and len(approved_by) < len(levels)
    return ApprovalRequestOut(
        organization_id=organization_id,
        department_id=row["department_id"],
        request_id=row["request_id"],
        kind=row["kind"],
        budget_id=row["budget_id"],
        status=row["status"],
        amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        budget=_wanted_budget(row["budget"], row["currency"]),
        card=_wanted_card(row["card"]),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        lapses_at=row["lapses_at"],
        reminded_at=row["reminded_at"],
        reason=row["reason"],
        levels=levels,
        approved_by=approved_by,
        on_behalf_of=[one or None for one in row["on_behalf_of"]],
        waits_for=levels[len(approved_by)] if waits else None,
        stand_ins=row["stand_ins"],
        refused_by=row["refused_by"],
        refused_on_behalf_of=row["refused_on_behalf_of"],
        refusal_reason=row["refusal_reason"],
        closed_at=row["closed_at"],
        position=str(Position(row["partition"], row["seq"])),
    )


def _wanted_budget(text: str | None, currency: str) -> WantedBudgetOut | None:
    if text is None:
        return None
    terms = _budget_of(text)
    calendar: Calendar = terms.calendar
    return WantedBudgetOut(
        budget_id=terms.budget_id,
        name=terms.name,
        level=terms.level,
        subject=terms.subject,
        limit=MoneyOut(minor=terms.limit, currency=currency),
        tolerance=MoneyOut(minor=terms.tolerance, currency=currency),
        period=calendar.period,
        time_zone=calendar.time_zone,
    )


def _wanted_card(text: str | None) -> WantedCardOut | None:
    if text is None:
        return None
    card = _card_of(text)
    return WantedCardOut(
        card_id=card.card_id,
        employee=card.employee,
        team=card.team,
        single_use=card.single_use,
        locked_to=card.locked_to,
    )


PATH = f"{DEPARTMENT}/increase-requests"
ALL = "/v1/requests"
router = APIRouter(tags=["requests"], route_class=KeyedRoute)

_SEES: Final = (Scope.BUDGETS_READ, Scope.BUDGETS_REQUEST)
OfStatus = Annotated[RequestStatus | None, Query(description="only these; all, if absent")]
RequestId = Annotated[str, Path(max_length=128, description=IN_PATH, examples=["inc_7"])]


@router.get(
    ALL,
    summary="List requests",
    response_model=ApprovalRequestListOut,
    openapi_extra=needs(*_SEES, own=WITHIN_REACH),
    responses=list_responses("A page of them."),
)
async def list_all_requests(
    reading: ReadingAll,
    page: Paged,
    department_id: OnlyDepartment = None,
    kind: Annotated[RequestKind | None, Query(description="only these; all, if absent")] = None,
    status: OfStatus = None,
    asked_by: Annotated[str | None, Query(max_length=200, description="only what this person asked")] = None,
) -> Response:
    """By id: increases, cards and budgets that somebody asked for. Filters may be combined.

    Who may see no budgets sees what he has asked for himself. Ask by `POST /v1/increase-requests`,
    `/v1/card-requests` or `/v1/budget-requests`.
    """
    after = page.key(tuple[str, str]) or (None, None)
    rows = await find_requests(
        reading,
        departments=_departments(reading, department_id),
        kind=kind,
        status=status,
        asked_by=_asker(reading, asked_by),
        after=after[0],
        after_department=after[1],
        rows_max=page.rows_max,
    )
    shown_rows, following = page.turn(rows, lambda one: (one["request_id"], one["department_id"]))
    found = [request_out(reading.caller.organization_id, row) for row in shown_rows]
    body = ApprovalRequestListOut(requests=found, next=following)
    return shown(body, reading.wait, **page.link(following))


@router.get(
    f"{ALL}/{{request_id}}",
    summary="Look at a request",
    response_model=ApprovalRequestOut,
    openapi_extra=needs(*_SEES, own=WITHIN_REACH),
    responses=read_responses("How far it has got."),
)
async def read_any_request(
    reading: ReadingAll, request_id: RequestId, department_id: OnlyDepartment = None
) -> Response:
    """Who asked for what and why, who has approved or refused, and who may approve it now."""
    rows = await find_requests(
        reading,
        departments=_departments(reading, department_id),
        request_id=request_id,
        asked_by=_asker(reading, None),
        rows_max=_ONE_MAX,
    )
    if not rows:
        raise unknown_request(request_id)
    if len(rows) > 1:
        several = ", ".join(row["department_id"] for row in rows)
        words = f"say which is meant: requests of this id are in {several}"
        raise invalid("query.department_id", "ambiguous", words)
    body = request_out(reading.caller.organization_id, rows[0])
    return shown(body, reading.wait, body.position)


def _asker(reading: OfOrganization, asked_by: str | None) -> str | None:
    """Whose requests are looked for: his own, for whom no more is open. Raises Problem 403."""
    caller = reading.caller
    if not isinstance(caller, Person) or reach_of(caller, *_SEES) is not Reach.OWN:
        return asked_by
    if asked_by not in (None, caller.actor):
        raise Problem(403, "out_of_reach", f"{caller.actor} may see what he has asked for himself.")
    return caller.actor


def _departments(reading: OfOrganization, department_id: str | None) -> list[str] | None:
    """None: all. Raises Problem 403: one that is beyond the caller's reach."""
    caller = reading.caller
    if isinstance(caller, Person) and reach_of(caller, *_SEES) is Reach.DEPARTMENTS:
        if department_id is None:
            return sorted(caller.departments)
        require_department(caller, department_id, *_SEES)
    return None if department_id is None else [department_id]


async def find_requests(reading: OfOrganization, **asked: Any) -> Sequence[Row]:
    """Rows of requests.sql for the filters `asked`; all requests without any."""
    given = {**UNFILTERED, **asked}
    texts = [given["request_id"], given["asked_by"], *(given["departments"] or ())]
    if not all(storable(text) for text in texts if text is not None):
        return []
    if not all(is_name(name) for name in given["departments"] or ()):
        return []
    rows: Sequence[Row] = (await reading.find("requests", **given))["requests"]
    return rows


#: Parameters of requests.sql that ask for all.
UNFILTERED: Final[Mapping[str, Any]] = {
    "departments": None,
    "request_id": None,
    "kind": None,
    "status": None,
    "asked_by": None,
    "ended": False,
    "after": None,
    "after_department": None,
    "rows_max": 1,
}


def unknown_request(request_id: str) -> Problem:
    return Problem(404, "unknown_request", f"There is no request {request_id[:80]!r}.")


# -- of one department, increases alone


@router.get(
    PATH,
    summary="List requests for an increase",
    response_model=ApprovalRequestListOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=list_responses("A page of them."),
)
async def list_requests(reading: Reading, page: Paged, status: OfStatus = None) -> Response:
    """Of one department, by id, as `GET /v1/requests` lists them."""
    organization_id, _ = reading.own()
    row = await _find(reading, status=status, after=page.after, rows_max=page.rows_max)
    rows, last = page.split(row["requests"])
    found = [request_out(organization_id, each) for each in rows]
    body = ApprovalRequestListOut(requests=found, next=None if last is None else last["request_id"])
    return shown(body, reading.wait, **page.link(body.next))


@router.get(
    f"{PATH}/{{request_id:path}}",
    summary="Look at a request for an increase",
    response_model=ApprovalRequestOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("How far it has got."),
)
async def read_request(reading: Reading, request_id: RequestId) -> Response:
    """Who asked and why, who has approved or refused, and who may approve it now."""
    organization_id, _ = reading.own()
    row = await _find(reading, request_id=request_id)
    if not row["requests"]:
        raise unknown_request(request_id)
    body = request_out(organization_id, row["requests"][0])
    return shown(body, reading.wait, body.position)


async def _find(reading: OfDepartment, **asked: Any) -> Any:
    request_id = asked.get("request_id") or ""
    if not storable(request_id):
        raise unknown_request(request_id)
    given = {name: value for name, value in UNFILTERED.items() if name != "departments"}
    given |= {"kind": "increase", "after_department": reading.department_id, **asked}
    return await reading.known("requests", **given)
