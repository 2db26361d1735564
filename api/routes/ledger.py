"""The books: balances of a department, its accounts, and the trial balance of an organization."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.keys import Scope
from api.models.base import Moment
from api.models.ledger import AccountsOut, BalancesOut, TrialBalanceOut
from api.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S
from api.preferences import AtPosition, Wait, Waiting
from api.problems import responses
from api.routes.places import (
    DEPARTMENT,
    ORGANIZATION,
    READ_HEADERS,
    DepartmentId,
    OrganizationId,
    invalid,
    own_department,
    shown,
    unknown_department,
)
from api.security import Caller, KeyedRoute, needs, own_organization
from api.services import services_of
from api.views import accounts_out, balances_out, trial_balance_out
from schemas.ids import Position

router = APIRouter(tags=["ledger"], route_class=KeyedRoute)

RecordedBy = Annotated[
    Moment | None,
    Query(description="as the log knew it at this time: what arrived later is left out"),
]
OccurredBy = Annotated[
    Moment | None,
    Query(description="as it was at this time: what arrived later but happened before is in it"),
]
AsOf = Annotated[
    str | None,
    Query(
        description="as it was after this decision, `partition:seq`, of the department's partition",
        examples=["3:1042"],
    ),
]


@router.get(
    f"{DEPARTMENT}/balances",
    summary="Look at a department's balances",
    response_model=BalancesOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses={
        200: {"description": "Pending, posted and available of each period.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_balances(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
    recorded_by: RecordedBy = None,
    occurred_by: OccurredBy = None,
    as_of: AsOf = None,
) -> Response:
    """The department's own budget, now or as it was. A past one is added up from its bookings, which takes
    longer the more there are."""
    own_department(caller, organization_id, department_id)
    where, at = (organization_id, department_id), _as_of(as_of)
    past: dict[str, Any] = {}
    if recorded_by or occurred_by or at:
        past = _past(recorded_by, occurred_by, at)
    name = "balances_then" if past else "balances"
    row = await _find(request, name, wait, at or position, where, **past)
    _same_partition(row, at)
    if row["currency"] is None:
        raise unknown_department()
    body = balances_out(*where, row, at.seq if at else None)
    return shown(body, wait, body.position)


@router.get(
    f"{DEPARTMENT}/accounts",
    summary="Look at a department's accounts",
    response_model=AccountsOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses={
        200: {"description": "Debits less credits of each.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_accounts(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
    recorded_by: RecordedBy = None,
    occurred_by: OccurredBy = None,
    as_of: AsOf = None,
) -> Response:
    """Added up from the bookings, now or as of a time or a decision."""
    own_department(caller, organization_id, department_id)
    where, at = (organization_id, department_id), _as_of(as_of)
    past = _past(recorded_by, occurred_by, at)
    row = await _find(request, "accounts", wait, at or position, where, **past)
    _same_partition(row, at)
    if row["partition"] is None:
        raise unknown_department()
    body = accounts_out(*where, row, at.seq if at else None)
    return shown(body, wait, body.position)


@router.get(
    f"{ORGANIZATION}/trial-balance",
    summary="Look at the trial balance",
    response_model=TrialBalanceOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses={
        200: {"description": "Each total is 0, or the books are wrong.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_trial_balance(
    request: Request, caller: Caller, wait: Waiting, position: AtPosition, organization_id: OrganizationId
) -> Response:
    """All entries of the organization added up, by currency and by layer of their accounts."""
    own_organization(caller, organization_id)
    row = await _find(request, "trial_balance", wait, position, (organization_id, ""))
    return shown(trial_balance_out(organization_id, row), wait)


async def _find(
    request: Request, name: str, wait: Wait, position: Position | None, where: tuple[str, str], **asked: Any
) -> Any:
    services = services_of(request)
    return await services.ledger.find(
        name,
        position,
        wait_s=services.reading(wait, position),
        timeout_s=QUERY_TIMEOUT_S if name == "balances" else REPORT_TIMEOUT_S,
        organization_id=where[0],
        department_id=where[1],
        **asked,
    )


def _as_of(text: str | None) -> Position | None:
    try:
        return None if text is None else Position.parse(text)
    except ValueError as error:
        raise invalid("query.as_of", "malformed_position", str(error)[:200]) from None


def _past(recorded_by: datetime | None, occurred_by: datetime | None, at: Position | None) -> dict[str, Any]:
    return {"recorded_by": recorded_by, "occurred_by": occurred_by, "up_to": at.seq if at else None}


def _same_partition(row: Any, at: Position | None) -> None:
    if at is not None and row["partition"] is not None and row["partition"] != at.partition:
        words = f"the department's decisions are in partition {row['partition']}"
        raise invalid("query.as_of", "another_partition", words)
