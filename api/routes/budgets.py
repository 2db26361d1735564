"""Budgets of departments: look at one, set one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api import replies
from api.keys import ApiKey, Scope
from api.models import BudgetIn, BudgetOut, BudgetPendingOut, BudgetSetOut, MoneyOut
from api.postgres import Row
from api.preferences import POSITION_HEADER, AtPosition, IdempotencyKey, Wait, Waiting, WithIdempotencyKey
from api.problems import FieldError, Problem, responses
from api.replies import reply
from api.routes.authorizations import PENDING_DETAIL
from api.security import Caller, KeyedRoute, needs, own_organization
from api.services import services_of
from api.submissions import Answered, Pending
from schemas.events import BudgetSet
from schemas.ids import Position, is_name
from schemas.money import Money

PATH = "/v1/organizations/{organization_id}/departments/{department_id}/budget"
router = APIRouter(tags=["budgets"], route_class=KeyedRoute)

OrganizationId = Annotated[str, Path(max_length=64, examples=["techcorp"])]
DepartmentId = Annotated[str, Path(max_length=64, examples=["engineering"])]


@router.get(
    PATH,
    summary="Look at a budget",
    response_model=BudgetOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses={
        200: {"description": "The month's figures.", "headers": replies.POSITION | replies.APPLIED},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_budget(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
    period: Annotated[
        str | None,
        Query(
            pattern="^[0-9]{4}-(0[1-9]|1[0-2])$",
            description="a month; the current one in the budget's time zone, if absent. A month in which "
            "nothing happened shows the limit that holds now",
            examples=["2026-03"],
        ),
    ] = None,
) -> Response:
    """Limit, posted, held and available of one month, as the ledger has them."""
    own_organization(caller, organization_id)
    if not is_name(department_id):
        raise _unknown()
    services = services_of(request)
    wait_s = wait.seconds(2.0 if position else 0.0, services.settings.api_wait_s_max)
    row = await services.budgets.find(organization_id, department_id, period, position, wait_s=wait_s)
    if row is None:
        raise _unknown()
    body = _budget_out(organization_id, department_id, row)
    return reply(body, 200, **{POSITION_HEADER: body.position}, **wait.applied)


def _unknown() -> Problem:
    return Problem(404, "unknown_department", "There is no budget for this department.")


def _budget_out(organization_id: str, department_id: str, row: Row) -> BudgetOut:
    def money(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=row["currency"])

    # A month that is over keeps the limit that it ended with; a month that is not has the one in force.
    over = row["period"] < row["current_period"] and row["period_limit_minor"] is not None
    limit = row["period_limit_minor"] if over else row["limit_minor"]
    posted, held = row["posted_minor"] or 0, row["held_minor"] or 0
    seq = row["seq"] if row["period_seq"] is None else max(row["seq"], row["period_seq"])
    return BudgetOut(
        organization_id=organization_id,
        department_id=department_id,
        name=row["name"],
        time_zone=row["time_zone"],
        currency=row["currency"],
        period=row["period"],
        limit=money(limit),
        posted=money(posted),
        held=money(held),
        available=money(limit - posted - held),
        position=str(Position(row["partition"], seq)),
    )


@router.put(
    PATH,
    summary="Set a budget",
    response_model=BudgetSetOut,
    openapi_extra=needs(Scope.BUDGETS_WRITE),
    responses={
        200: {
            "description": "In force from its position on.",
            "headers": replies.POSITION | replies.REPLAYED | replies.APPLIED,
        },
        202: {
            "description": "Not decided within the wait.",
            "model": BudgetPendingOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 413, 415, 422, 500, 503),
    },
)
async def set_budget(
    request: Request,
    body: BudgetIn,
    caller: Caller,
    key: WithIdempotencyKey,
    wait: Waiting,
    organization_id: OrganizationId,
    department_id: DepartmentId,
) -> Response:
    """Creates the department's monthly budget or changes it: an event in the log, in one order with the
    department's payments."""
    since = asyncio.get_running_loop().time()
    own_organization(caller, organization_id)
    _require_name(department_id)
    services = services_of(request)
    event = _event(body, caller, department_id, key)
    result = await services.submit(event, wait, since=since)
    match result:
        case Answered():
            return _in_force(event, result, wait)
        case Pending():
            return _pending(event, result, wait)


def _require_name(department_id: str) -> None:
    if not is_name(department_id):
        words = "must be 1 to 64 letters, digits, dots, underscores and hyphens"
        wrong = FieldError(field="path.department_id", code="string_pattern_mismatch", message=words)
        raise Problem(422, "invalid_request", "Not as it must be: path.department_id.", errors=[wrong])


def _event(body: BudgetIn, caller: ApiKey, department_id: str, key: IdempotencyKey) -> BudgetSet:
    return BudgetSet(
        event_id=f"api-{key.digest(caller.organization_id)}",
        organization_id=caller.organization_id,
        department_id=department_id,
        occurred_at=datetime.now(UTC),
        name=body.name,
        limit=Money(body.limit.minor, body.limit.currency),
        time_zone=body.time_zone,
        period=body.period,
        actor=caller.id,
    )


def _in_force(event: BudgetSet, result: Answered, wait: Wait) -> Response:
    # The event's own content: a repeat has the same, or it would have been refused.
    body = BudgetSetOut(
        organization_id=event.organization_id,
        department_id=event.department_id,
        name=event.name,
        time_zone=event.time_zone,
        period=event.period,
        limit=MoneyOut(minor=event.limit.minor, currency=event.limit.currency),
        position=str(result.first),
    )
    headers = {POSITION_HEADER: str(result.decision.position), **wait.applied}
    if result.replayed:
        headers[replies.REPLAYED_HEADER] = "true"
    return reply(body, 200, **headers)


def _pending(event: BudgetSet, result: Pending, wait: Wait) -> Response:
    body = BudgetPendingOut(
        organization_id=event.organization_id,
        department_id=event.department_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    location = PATH.format(organization_id=event.organization_id, department_id=event.department_id)
    return reply(body, 202, Location=location, Retry_After="1", **wait.applied)
