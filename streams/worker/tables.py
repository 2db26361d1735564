"""The department budgets as a Faust table: a view for whoever looks through Faust, never read to decide."""

from __future__ import annotations

from itertools import islice

import msgspec

from streams.core.state import Department

# A view in one message, made after each batch: the department's first budgets, and each one's newest periods.
BUDGETS_SHOWN_MAX = 200
PERIODS_SHOWN_MAX = 10


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
    charges = (
        charge for id_ in limits for charge in department.budget_charges.get(id_, ())[-PERIODS_SHOWN_MAX:]
    )
    periods = {
        charge: (period.posted, period.held)
        for charge in charges
        if (period := department.periods.get(charge)) is not None
    }
    view = BudgetView(department.currency, department.policy_version, limits, periods)
    return msgspec.json.encode(view)
