"""The department budgets as a Faust table: a view for whoever looks through Faust, never read to decide."""

from __future__ import annotations

import msgspec

from streams.core.plans import RULE
from streams.core.state import Department


class BudgetView(msgspec.Struct, frozen=True):
    """A department's budgets as the table shows them.

    `limits`: by budget id; `periods`: [posted, held] by charge.
    """

    currency: str
    policy_version: int
    limits: dict[str, int]
    periods: dict[str, tuple[int, int]]


def budget_view(department: Department) -> bytes:
    """The table's value for a department: JSON of BudgetView."""
    # Budgets only: limits of policies may have a period for each card and day.
    periods = {
        charge: (period.posted, period.held)
        for charge, period in department.periods.items()
        if not charge.startswith(RULE)
    }
    limits = {id_: budget.limit for id_, budget in department.budgets.items()}
    view = BudgetView(department.currency, department.policy_version, limits, periods)
    return msgspec.json.encode(view)
