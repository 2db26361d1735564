"""`/v1/chart-of-accounts`: the chart that an organization keeps, for exports and the close of months."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.reach import WHOLE
from api.access.security import Caller, KeyedRoute, needs
from api.http.conditions import ANY, ETAG, IfMatch, changed_since, tag_at, tagged
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import invalid_request, responses
from api.http.types import Input, Output
from api.reports.journal.chart import OTHERWISE, RULES_MAX, AccountKind, ChartRuleIn, faults_of
from api.resources.replies import reply
from api.services import Services, services_of

PLACE: Final = "/v1/chart-of-accounts"
#: The tag of one that nobody has set.
UNSET: Final = "default"
router = APIRouter(tags=["ledger"], route_class=KeyedRoute)


class ChartOfAccountsIn(Input):
    """Rules in their order: of those that fit a booking the first counts."""

    model_config = ConfigDict(title="ChartOfAccountsChange")

    rules: list[ChartRuleIn] = Field(max_length=RULES_MAX, description="none: the default chart")


class ChartRuleOut(Output):
    """What fits all that it names is booked on `name`."""

    model_config = ConfigDict(title="ChartRuleSet")

    account: AccountKind
    department_id: str | None = None
    category: str | None = None
    mcc: str | None = None
    name: str = Field(examples=["Expenses:Travel:Flights"])
    code: str | None = Field(default=None, examples=["6210"])


class FallbackOut(Output):
    """Where what no rule fits is booked."""

    model_config = ConfigDict(title="ChartFallback")

    account: AccountKind
    name: str = Field(examples=["Expenses:DEPARTMENT:CATEGORY"])


class ChartOfAccountsOut(Output):
    """The chart of accounts of an organization."""

    model_config = ConfigDict(title="ChartOfAccounts")

    rules: list[ChartRuleOut]
    otherwise: list[FallbackOut] = Field(
        description="where what no rule fits is booked; DEPARTMENT and CATEGORY are those of the purchase"
    )
    changed_at: datetime | None = Field(description="null: nobody has set one, and the default chart counts")
    changed_by: str | None


@router.get(
    PLACE,
    summary="Read the chart of accounts",
    response_model=ChartOfAccountsOut,
    openapi_extra=needs(Scope.LEDGER_READ, own=WHOLE),
    responses={
        200: {"description": "The chart in force.", "headers": ETAG},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def read_chart_of_accounts(request: Request, caller: Caller) -> Response:
    """By it journals are exported and months are added up, where no other is said."""
    found = await find_chart(services_of(request), caller.organization_id)
    return reply(found, 200, **tagged(tag_of(found)))


@router.put(
    PLACE,
    summary="Set the chart of accounts",
    response_model=ChartOfAccountsOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.REPORTS_WRITE, own=WHOLE),
    responses={
        200: {"description": "It is set.", "headers": ETAG},
        **responses(400, 401, 403, 412, 413, 415, 422, 500, 503),
    },
)
async def set_chart_of_accounts(
    body: ChartOfAccountsIn, request: Request, caller: Caller, if_match: IfMatch = None
) -> Response:
    """Exports from now on go by it, whatever day a booking is of: an export that was made stays as it is.

    Refused are a number of two accounts, an account of two numbers, and rules that nothing could reach.
    """
    found = await set_chart(request, caller, body.rules, if_match)
    return reply(found, 200, **tagged(tag_of(found)))


# -- what the routes and the pages do


async def find_chart(services: Services, organization_id: str) -> ChartOfAccountsOut:
    """Raises Problem 503."""
    row = await services.reconciliations.ask("chart_of_accounts", organization_id=organization_id)
    return ChartOfAccountsOut(**row, otherwise=_OTHERWISE)


async def stored_rules(services: Services, organization_id: str) -> list[ChartRuleIn]:
    """Those in force. Raises Problem 503."""
    return rules_of((await find_chart(services, organization_id)).rules)


def rules_of(rules: list[ChartRuleOut]) -> list[ChartRuleIn]:
    return [ChartRuleIn.model_validate(rule.model_dump()) for rule in rules]


async def set_chart(
    request: Request, caller: Principal, rules: list[ChartRuleIn], if_match: str | None = None
) -> ChartOfAccountsOut:
    """Raises Problem: 412; 422, they do not go together."""
    if faults := faults_of(rules, "body.rules"):
        raise invalid_request(faults)
    services, of = services_of(request), {"organization_id": caller.organization_id}
    told: list[dict[str, Any]] = [rule.model_dump(exclude_none=True) for rule in rules]

    async def put(changes: Changeset) -> None:
        row = await changes.row("chart_of_accounts", **of)
        before = ChartOfAccountsOut(**row or {}, otherwise=_OTHERWISE)
        if if_match not in (None, ANY, tag_of(before)):
            raise changed_since(tag_of(before))
        kept = await changes.row(
            "chart_of_accounts_set",
            **of,
            rules=json.dumps(told),
            actor=caller.actor,
            seen=before.changed_at,
            whatever=if_match in (None, ANY),
        )
        if kept is None:
            raise changed_since(None)
        was = [rule.model_dump(exclude_none=True) for rule in before.rules]
        changes.tell(PLACE, before={"rules": was}, after={"rules": told})

    await change(request, put)
    return await find_chart(services, caller.organization_id)


def tag_of(chart: ChartOfAccountsOut) -> str:
    """For `If-Match`."""
    return UNSET if chart.changed_at is None else tag_at(chart.changed_at)


_OTHERWISE: Final = [FallbackOut(account=account, name=name) for account, name in OTHERWISE.items()]
