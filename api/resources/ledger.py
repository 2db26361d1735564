"""The books: balances of a department, its accounts, and the trial balance of an organization."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import Caller, ReportRoute, needs, own_organization
from api.http.preferences import AtPosition, Waiting
from api.http.types import Moment, MoneyOut, Output
from api.resources.organization_paths import (
    DEPARTMENT,
    ORGANIZATION,
    OrganizationId,
    Reading,
    invalid,
    read_responses,
    shown,
    unknown_department,
)
from api.services import services_of, since_of
from api.stores.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S
from schemas.ids import Position

Row = Mapping[str, Any]


class PeriodBalanceOut(Output):
    """The department's own budget in one period. limit = pending + posted + available."""

    model_config = ConfigDict(title="PeriodBalance")

    period: str = Field(examples=["2026-03"])
    limit: MoneyOut
    pending: MoneyOut = Field(description="held")
    posted: MoneyOut = Field(description="settled, less refunds and won disputes")
    available: MoneyOut


class BalancesOut(Output):
    """A department's balances, one for each period in which something happened."""

    model_config = ConfigDict(title="Balances")

    organization_id: str
    department_id: str
    periods: list[PeriodBalanceOut]
    position: str | None = Field(
        description="`partition:seq` of the last decision that may be in it; null: none yet",
        examples=["3:1042"],
    )


class AccountOut(Output):
    """One account: debits less credits."""

    model_config = ConfigDict(title="Account")

    account: str = Field(examples=["department:techcorp/engineering:card-spend"])
    layer: str = Field(description="pending: what is held; posted: what is settled", examples=["posted"])
    balance: MoneyOut = Field(description="below zero: more credits than debits")
    entries: int = Field(examples=[120])


class AccountsOut(Output):
    """The accounts that a department's transfers name; of the organization's accounts, its own part."""

    model_config = ConfigDict(title="Accounts")

    organization_id: str
    department_id: str
    accounts: list[AccountOut]
    position: str | None = Field(
        description="`partition:seq` of the last decision that may be in it; null: none yet",
        examples=["3:1042"],
    )


class TrialLineOut(Output):
    """All entries of one currency and layer, added up."""

    model_config = ConfigDict(title="TrialBalanceLine")

    currency: str = Field(examples=["USD"])
    layer: str = Field(examples=["posted"])
    total: MoneyOut = Field(description="0, or the books are wrong")
    entries: int = Field(examples=[2400])


class TrialBalanceOut(Output):
    """An organization's trial balance."""

    model_config = ConfigDict(title="TrialBalance")

    organization_id: str
    balanced: bool
    lines: list[TrialLineOut]


def balances_out(organization_id: str, department_id: str, row: Row, up_to: int | None = None) -> BalancesOut:
    """The row of balances.sql or balances_then.sql; `up_to`: the decision that was asked for."""

    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=row["currency"])

    return BalancesOut(
        organization_id=organization_id,
        department_id=department_id,
        periods=[
            PeriodBalanceOut(
                period=period["period"],
                limit=of(period["limit_minor"]),
                pending=of(period["pending"]),
                posted=of(period["posted"]),
                available=of(period["available"]),
            )
            for period in row["periods"]
        ],
        position=_place(row, up_to),
    )


def accounts_out(organization_id: str, department_id: str, row: Row, up_to: int | None = None) -> AccountsOut:
    """The row of accounts.sql; `up_to`: the decision that was asked for."""
    return AccountsOut(
        organization_id=organization_id,
        department_id=department_id,
        accounts=[
            AccountOut(
                account=account["account"],
                layer=account["layer"],
                balance=MoneyOut(minor=account["balance"], currency=account["currency"]),
                entries=account["entries"],
            )
            for account in row["accounts"]
        ],
        position=_place(row, up_to),
    )


def _place(row: Row, up_to: int | None) -> str | None:
    """Where the department's partition was in the ledger, or the decision that was asked for."""
    next_seq = row["own_next_seq"]
    if row["partition"] is None or not next_seq:
        return None
    return str(Position(row["partition"], next_seq - 1 if up_to is None else min(up_to, next_seq - 1)))


def trial_balance_out(organization_id: str, row: Row) -> TrialBalanceOut:
    """The row of trial_balance.sql."""
    lines = [
        TrialLineOut(
            currency=line["currency"],
            layer=line["layer"],
            total=MoneyOut(minor=line["total"], currency=line["currency"]),
            entries=line["entries"],
        )
        for line in row["lines"]
    ]
    return TrialBalanceOut(
        organization_id=organization_id,
        balanced=all(line.total.minor == 0 and line.layer != "not opened" for line in lines),
        lines=lines,
    )


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
    where, at = reading.own(), position_of(as_of)
    past: dict[str, Any] = {}
    if recorded_by or occurred_by or at:
        past = _past(recorded_by, occurred_by, at)
    name, timeout_s = ("balances_then", REPORT_TIMEOUT_S) if past else ("balances", QUERY_TIMEOUT_S)
    row = await reading.find(name, reached=at, timeout_s=timeout_s, **past)
    same_partition(row["partition"], at)
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
    where, at = reading.own(), position_of(as_of)
    past = _past(recorded_by, occurred_by, at)
    row = await reading.find("accounts", reached=at, timeout_s=REPORT_TIMEOUT_S, **past)
    same_partition(row["partition"], at)
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


def position_of(text: str | None) -> Position | None:
    """Of `as_of`. Raises Problem 422."""
    try:
        return None if text is None else Position.parse(text)
    except ValueError as error:
        raise invalid("query.as_of", "malformed_position", str(error)[:200]) from None


def _past(recorded_by: datetime | None, occurred_by: datetime | None, at: Position | None) -> dict[str, Any]:
    return {"recorded_by": recorded_by, "occurred_by": occurred_by, "up_to": at.seq if at else None}


def same_partition(partition: int | None, at: Position | None) -> None:
    """Raises Problem 422 where a department's decisions (None: it has none) are in another than `at`."""
    if at is not None and partition is not None and partition != at.partition:
        words = f"the department's decisions are in partition {partition}"
        raise invalid("query.as_of", "another_partition", words)
