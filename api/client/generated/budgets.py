"""Budgets of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import Budget, Money
from api.client.operations import Resource, S, operation


class BudgetSet(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The budget that is now in force."""

    organization_id: str
    department_id: str
    name: str
    time_zone: str
    period: str
    limit: Money
    tolerance: Money
    position: str


class Budgets(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All budgets of a department, each with its current period."""

    budgets: list[Budget]


class BudgetsResource(Resource[S]):
    """Operations on budgets."""

    @operation
    def read(
        self,
        organization_id: str,
        department_id: str,
        *,
        period: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Budget]:
        """Look at a department's budget."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/budget", organization_id, department_id),
            Budget,
            query={"period": period},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def set(
        self,
        organization_id: str,
        department_id: str,
        *,
        name: str,
        limit: Money,
        tolerance: int | None = None,
        time_zone: str | None = None,
        period: str | None = None,
        start_day: int | None = None,
        start_month: int | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[BudgetSet]:
        """Set a department's budget."""
        return Call(
            "PUT",
            at("/v1/organizations/{}/departments/{}/budget", organization_id, department_id),
            BudgetSet,
            body=given(
                name=name,
                limit=limit,
                tolerance=tolerance,
                time_zone=time_zone,
                period=period,
                start_day=start_day,
                start_month=start_month,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )

    @operation
    def list(
        self,
        organization_id: str,
        department_id: str,
        *,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Budgets]:
        """List a department's budgets."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/budgets", organization_id, department_id),
            Budgets,
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_any(
        self,
        budget_id: str,
        organization_id: str,
        department_id: str,
        *,
        period: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Budget]:
        """Look at a budget."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/budgets/{}", organization_id, department_id, budget_id),
            Budget,
            query={"period": period},
            wait=wait,
            position=position,
            reads=True,
        )
