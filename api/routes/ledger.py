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
from api.preferences import AtPosition, Waiting
from api.routes.places import (
    DEPARTMENT,
    ORGANIZATION,
    OrganizationId,
    Reading,
    invalid,
    read_responses,
    shown,
    unknown_department,
)
from api.security import Caller, ReportRoute, needs, own_organization
from api.services import services_of, since_of
from api.views import accounts_out, balances_out, trial_balance_out
from schemas.ids import Position

router = APIRouter(tags=["ledger"], route_class=ReportRoute)

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
    responses=read_responses("Pending, posted and available of each period."),
)
async def read_balances(
    reading: Reading,
    recorded_by: RecordedBy = None,
    occurred_by: OccurredBy = None,
    as_of: AsOf = None,
) -> Response:
    """The department's own budget, now or as it was. A past one is added up from its bookings, which takes
    longer the more there are."""
    where, at = reading.own(), _as_of(as_of)
    past: dict[str, Any] = {}
    if recorded_by or occurred_by or at:
        past = _past(recorded_by, occurred_by, at)
    name, timeout_s = ("balances_then", REPORT_TIMEOUT_S) if past else ("balances", QUERY_TIMEOUT_S)
    row = await reading.find(name, reached=at, timeout_s=timeout_s, **past)
    _same_partition(row, at)
    if row["currency"] is None:
        raise unknown_department()
    body = balances_out(*where, row, at.seq if at else None)
    return shown(body, reading.wait, body.position)


@router.get(
    f"{DEPARTMENT}/accounts",
    summary="Look at a department's accounts",
    response_model=AccountsOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses=read_responses("Debits less credits of each."),
)
async def read_accounts(
    reading: Reading,
    recorded_by: RecordedBy = None,
    occurred_by: OccurredBy = None,
    as_of: AsOf = None,
) -> Response:
    """Added up from the bookings, now or as of a time or a decision."""
    where, at = reading.own(), _as_of(as_of)
    past = _past(recorded_by, occurred_by, at)
    row = await reading.find("accounts", reached=at, timeout_s=REPORT_TIMEOUT_S, **past)
    _same_partition(row, at)
    if row["partition"] is None:
        raise unknown_department()
    body = accounts_out(*where, row, at.seq if at else None)
    return shown(body, reading.wait, body.position)


@router.get(
    f"{ORGANIZATION}/trial-balance",
    summary="Look at the trial balance",
    response_model=TrialBalanceOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses=read_responses("Each total is 0, or the books are wrong."),
)
async def read_trial_balance(
    request: Request, caller: Caller, wait: Waiting, position: AtPosition, organization_id: OrganizationId
) -> Response:
    """All entries of the organization added up, by currency and by layer of their accounts."""
    own_organization(caller, organization_id)
    services = services_of(request)
    row = await services.ledger.find(
        "trial_balance",
        position,
        wait_s=services.reading(wait, position, since=since_of(request)),
        timeout_s=REPORT_TIMEOUT_S,
        organization_id=organization_id,
    )
    return shown(trial_balance_out(organization_id, row), wait)


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
