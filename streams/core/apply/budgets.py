"""Budgets and their increases."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
)
from streams.core.apply.forgetting import finish
from streams.core.calendar import epoch_s
from streams.core.state import Budget, Department


def set_budget(department: Department, effect: BudgetChanged, decision: Decision, bucket: int) -> None:
    known = department.budgets.get(effect.budget_id)
    increases = known.increases if known else []
    if known is None and effect.budget_id in department.budget_charges:
        finish(department)  # a budget that comes again finds what it had posted, or finds it gone
    budget = Budget(
        effect.level,
        effect.subject,
        effect.name,
        effect.limit,
        effect.tolerance,
        effect.calendar,
        increases,
    )
    department.put_budget(effect.budget_id, budget)
    # The current period has the new limit, and any that was opened ahead; one that is over keeps its own.
    for charge in department.budget_charges.get(effect.budget_id, ()):
        label = charge.rpartition("@")[2]
        if label >= effect.period:
            department.periods[charge].limit = effect.limit - department.lent(effect.budget_id, label)
    department.revision += 1


def remove_budget(department: Department, effect: BudgetTakenAway, decision: Decision, bucket: int) -> None:
    department.drop_budget(effect.budget_id)
    department.revision += 1


def set_increase(department: Department, effect: BudgetIncreaseSet, decision: Decision, bucket: int) -> None:
    budget = department.budgets[effect.budget_id]
    more = (epoch_s(effect.starts_at), epoch_s(effect.ends_at), effect.amount)
    # What is long over goes with the next one that is set.
    kept = [known for known in budget.increases if known[1] > department.clock_s - 86_400 * 120]
    budget.increases = [*kept, more]
    department.revision += 1
