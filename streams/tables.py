"""The department budgets as a Faust table: a view for whoever looks through Faust, never read to decide."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.core.state import Department


class BudgetView(msgspec.Struct, frozen=True):
    """A department's budget as the table shows it; `periods` maps YYYY-MM to [posted, held]."""

    name: str
    currency: str
    limit: int
    time_zone: str
    policy_version: int
    periods: dict[str, tuple[int, int]]


def budget_view(department: Department) -> bytes:
    """The table's value for a department: JSON of BudgetView."""
    periods = {label: (period.posted, period.held) for label, period in department.periods.items()}
    view = BudgetView(
        department.name,
        department.currency,
        department.limit,
        department.time_zone,
        department.policy_version,
        periods,
    )
    return msgspec.json.encode(view)


def read_budgets(table: Any) -> dict[str, BudgetView]:
    """The table's rows as views, by department key."""
    return {str(key): msgspec.json.decode(value, type=BudgetView) for key, value in table.items()}
