"""Budgets that an export does not have: a factor times what was spent in the three months before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from infra.imports.months import month_of, months_before
from infra.imports.row import Row

MONTHS = 3
Department = tuple[str, str]  # organization, department


class Budgets:
    """Limits by department and month, in minor units.

    Spent is the sum of purchases, declined ones and not yet refunded ones included: the export does not know
    what would have been declined. A month's limit is `factor` times the mean of those of the three months
    before in which the department existed, that is from its first purchase on, months without any counting
    as 0. Where that is nothing (its first month, or a pause of three), its own month takes their place: so
    nothing is declined there with a factor of 1 or more.
    """

    def __init__(self, rows: Iterable[Row], zone: str, factor: float) -> None:
        self._factor = Decimal(str(factor))
        self._zone = zone
        self._spent: dict[Department, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in rows:
            if not row.refund:
                self._spent[row.organization, row.department][month_of(row.at, zone)] += row.minor
        self._first = {department: min(months) for department, months in self._spent.items()}

    def limit(self, department: Department, month: str) -> int:
        spent = self._spent.get(department)
        if not spent:  # nothing but refunds
            return 0
        known = [before for before in months_before(month, MONTHS) if before >= self._first[department]]
        total = sum(spent.get(before, 0) for before in known)
        if not total:
            return int(self._factor * spent.get(month, 0))
        return int(self._factor * total / len(known))
