"""The department budgets as a Faust table: a view for whoever looks through Faust, never read to decide."""

from __future__ import annotations

from itertools import islice

import msgspec

from streams.core.state import Department

# A view in one message, made after each batch: the department's first budgets and its newest periods will do.
BUDGETS_SHOWN_MAX = 200
PERIODS_LOOKED_AT_MAX = 2_000


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
    limits = {id_: budget.limit for id_, budget in islice(department.budgets.items(), BUDGETS_SHOWN_MAX)}
    # Budgets only: limits of policies may have a period for each card and day.
    periods = {
        charge: (period.posted, period.held)
        for charge, period in islice(reversed(department.periods.items()), PERIODS_LOOKED_AT_MAX)
        if charge.rpartition("@")[0] in limits
    }
    view = BudgetView(department.currency, department.policy_version, limits, periods)
    return msgspec.json.encode(view)
