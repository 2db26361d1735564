"""Decision to the budget read models: the department's budget, and each month's last balance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.decisions import BudgetChanged, Decision
from schemas.reasons import Outcome


class DepartmentBudget(NamedTuple):
    """A row of table `department_budget`; `limit_minor`: minor units of `currency` for each month."""

    organization_id: str
    department_id: str
    name: str
    currency: str
    time_zone: str
    limit_minor: int
    partition: int
    seq: int


class BudgetPeriod(NamedTuple):
    """A row of table `budget_period`: the balance of `period` (YYYY-MM) after decision `seq`."""

    organization_id: str
    department_id: str
    period: str
    limit_minor: int
    posted_minor: int
    held_minor: int
    partition: int
    seq: int


def budgets(decisions: Iterable[Decision]) -> tuple[list[DepartmentBudget], list[BudgetPeriod]]:
    """The last state of every budget and period that `decisions`, in log order, touch."""
    last: dict[tuple[str, str, str], Decision] = {}
    set_budgets: dict[tuple[str, str], DepartmentBudget] = {}
    for decision in decisions:
        organization, department = decision.organization_id, decision.department_id
        # A repeat tells its first answer again, balance of that time included; a rejection moves nothing.
        if organization is None or department is None or decision.duplicate_of is not None:
            continue
        if decision.outcome is Outcome.REJECTED:
            continue
        if decision.balance is not None:
            last[organization, department, decision.balance.period] = decision
        for effect in decision.effects:
            if type(effect) is BudgetChanged:
                set_budgets[organization, department] = _budget(decision, effect)
    return list(set_budgets.values()), [_period(*key, decision) for key, decision in last.items()]


def _budget(decision: Decision, effect: BudgetChanged) -> DepartmentBudget:
    assert decision.organization_id is not None
    assert decision.department_id is not None
    assert decision.currency is not None
    return DepartmentBudget(
        decision.organization_id,
        decision.department_id,
        effect.name,
        decision.currency,
        effect.time_zone,
        effect.limit,
        decision.partition,
        decision.seq,
    )


def _period(organization: str, department: str, period: str, decision: Decision) -> BudgetPeriod:
    balance = decision.balance
    assert balance is not None
    return BudgetPeriod(
        organization,
        department,
        period,
        balance.limit,
        balance.posted,
        balance.held,
        decision.partition,
        decision.seq,
    )
