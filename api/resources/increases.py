"""Requests for an increase of a budget. They are made and answered with events; here they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Page, Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.http.types import MoneyOut, Output
from api.resources.places import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    list_responses,
    read_responses,
    shown,
)
from schemas.ids import Position

Row = Mapping[str, Any]

RequestStatus = Literal["waiting", "approved", "refused"]


class IncreaseRequestOut(Output):
    """Somebody asked for more; each level approves once, and with the last one the increase is set.

    People are named as the events name them: by the actor of an API key, or as another producer wrote.
    """

    model_config = ConfigDict(title="IncreaseRequest")

    organization_id: str
    department_id: str
    request_id: str = Field(examples=["inc_7"])
    budget_id: str = Field(examples=["department", "team:platform"])
    status: RequestStatus
    amount: MoneyOut
    starts_at: datetime | None = Field(description="as it was asked; null: with the last approval")
    ends_at: datetime
    asked_by: str = Field(examples=["ada@example.com"])
    asked_at: datetime | None
    reason: str | None = Field(description="as who asked gave it", examples=["the conference in March"])
    levels: list[list[str]] = Field(
        description="who may approve, level by level; an empty list: anybody who has not asked or approved",
        examples=[[[], ["cfo@example.com"]]],
    )
    approved_by: list[str] = Field(description="one for each level that has approved", examples=[[]])
    waits_for: list[str] | None = Field(
        description="who may approve it now, as in `levels`; null: it does not wait", examples=[[]]
    )
    refused_by: str | None = Field(description="who asked, where it was taken back", examples=[None])
    refusal_reason: str | None = Field(description="as who refused gave it", examples=[None])
    closed_at: datetime | None = Field(description="of the last approval, or the refusal")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class IncreaseRequestListOut(Output):
    """A page of requests, by id."""

    model_config = ConfigDict(title="IncreaseRequests")

    requests: list[IncreaseRequestOut]
    next: str | None = Field(description=NEXT)


def requests_out(organization_id: str, department_id: str, row: Row, page: Page) -> IncreaseRequestListOut:
    """The row of increases.sql."""
    rows, last = page.split(row["requests"])
    found = [request_out(organization_id, department_id, request) for request in rows]
    return IncreaseRequestListOut(requests=found, next=None if last is None else last["request_id"])


def request_out(organization_id: str, department_id: str, row: Row) -> IncreaseRequestOut:
    """A member of `requests` of increases.sql."""
    levels, approved_by = row["levels"], row["approved_by"]
    return IncreaseRequestOut(
        organization_id=organization_id,
        department_id=department_id,
        request_id=row["request_id"],
        budget_id=row["budget_id"],
        status=row["status"],
        amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        reason=row["reason"],
        levels=levels,
        approved_by=approved_by,
        waits_for=levels[len(approved_by)] if row["status"] == "waiting" else None,
        refused_by=row["refused_by"],
        refusal_reason=row["refusal_reason"],
        closed_at=row["closed_at"],
        position=str(Position(row["partition"], row["seq"])),
    )


PATH = f"{DEPARTMENT}/increase-requests"
router = APIRouter(tags=["budgets"], route_class=KeyedRoute)


@router.get(
    PATH,
    summary="List requests for an increase",
    response_model=IncreaseRequestListOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=list_responses("A page of them."),
)
async def list_requests(
    reading: Reading,
    page: Paged,
    status: Annotated[RequestStatus | None, Query(description="only these; all, if absent")] = None,
) -> Response:
    """By id. Ask with the event `increase.requested`, answer with `increase.approved` or `increase.refused`.

    Who asked may take it back with `increase.refused`.
    One that nobody answers for 90 days is forgotten by those who decide: it stays here, and waits for ever.
    """
    where = reading.own()
    row = await _find(reading, status=status, after=page.after, rows_max=page.rows_max)
    body = requests_out(*where, row, page)
    return shown(body, reading.wait, **page.link(body.next))


@router.get(
    f"{PATH}/{{request_id:path}}",
    summary="Look at a request for an increase",
    response_model=IncreaseRequestOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("How far it has got."),
)
async def read_request(
    reading: Reading,
    request_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["inc_7"])],
) -> Response:
    """Who asked and why, who has approved or refused, and who may approve it now."""
    where = reading.own()
    row = await _find(reading, request_id=request_id)
    if not row["requests"]:
        raise Problem(404, "unknown_request", f"There is no request for an increase {request_id[:80]!r}.")
    body = request_out(*where, row["requests"][0])
    return shown(body, reading.wait, body.position)


async def _find(
    reading: OfDepartment,
    *,
    request_id: str | None = None,
    status: RequestStatus | None = None,
    after: str | None = None,
    rows_max: int = 1,
) -> Any:
    if not storable(request_id or ""):
        raise Problem(404, "unknown_request", "There is no such request for an increase.")
    return await reading.known(
        "increases", request_id=request_id, status=status, after=after, rows_max=rows_max
    )
