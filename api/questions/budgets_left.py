"""What budgets still have, for questions: the same statement as the budgets' own routes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.http.types import MoneyOut
from api.questions.answer import Cell, ColumnOut, FigureOut
from api.questions.errors import NotUnderstood
from api.questions.organization_names import Directory
from api.questions.parameters import Asker
from api.questions.query import Kind, Query
from api.resources.budgets import BudgetOut, budgets_out, clocks
from api.stores.questions import QuestionReads, Statement
from api.stores.sql import statement
from schemas.controls import Level

_LEVELS: Final[dict[Kind, Level]] = {
    "department": "department",
    "team": "team",
    "person": "employee",
    "card": "card",
}


@dataclass(frozen=True, slots=True)
class LeftReads:
    """Budgets in their current period, as far as the one who asks may see them."""

    reads: QuestionReads
    asker: Asker
    directory: Directory
    now: datetime

    async def of(self, query: Query) -> tuple[list[FigureOut], list[ColumnOut], list[list[Cell]]]:
        """Raises NotUnderstood where what is named has no budget."""
        kind = self._kind(query)
        budgets = [each for each in await self._all(query) if self._asked(query, kind, each)]
        if not budgets and not query.over_budget:
            raise NotUnderstood("not_known", self._none(query, kind))
        if query.over_budget:
            budgets = [each for each in budgets if each.available.minor <= 0]
        sign = 1 if query.order == "smallest" else -1
        budgets.sort(key=lambda each: (each.currency, sign * each.available.minor, each.name))
        columns = [
            ColumnOut(name=kind, kind="text"),
            ColumnOut(name="period", kind="text"),
            ColumnOut(name="left", kind="money"),
            ColumnOut(name="limit", kind="money"),
            ColumnOut(name="settled", kind="money"),
            ColumnOut(name="held", kind="money"),
        ]
        rows: list[list[Cell]] = [
            [self._label(each), each.period, each.available, each.limit, each.posted, each.held]
            for each in budgets[: query.rows_max]
        ]
        return _figures(budgets), columns, rows

    def _label(self, budget: BudgetOut) -> str:
        own = budget.level == "department"
        return self.directory.label("department", budget.department_id) if own else budget.name

    def _kind(self, query: Query) -> Kind:
        for kind in _LEVELS:
            if kind in query.group_by:
                return kind
        narrow: tuple[Kind, ...] = ("card", "person", "team")
        named = next((kind for kind in narrow if query.names.of(kind)), None)
        return named or ("person" if self.asker.own is not None else "department")

    async def _all(self, query: Query) -> list[BudgetOut]:
        departments = query.names.department or tuple(
            one.ids[0] for _, one in self.directory.named if one.kind == "department"
        )
        if self.asker.departments is not None:
            departments = tuple(name for name in departments if name in self.asker.departments)
        asked = {"budget_id": None, "period": None, "subjects": None, **clocks(self.now)}
        found = await asyncio.gather(
            *(
                self.reads.run(Statement(statement("budgets"), {**asked, "departments": [name]}))
                for name in dict.fromkeys(departments)
            )
        )
        return [budget for row in found for budget in budgets_out(row).budgets]

    def _asked(self, query: Query, kind: Kind, budget: BudgetOut) -> bool:
        if self.asker.own is not None and not self._is_own(budget):
            return False
        if query.currency is not None and budget.currency != query.currency:
            return False
        if budget.department_id in query.without.department:
            return False
        names = () if kind == "department" else query.names.of(kind)
        if kind == "person" and budget.level == "card" and names:
            return False
        own_cards = self.asker.own is not None and kind == "person" and budget.level == "card"
        return (budget.level == _LEVELS[kind] or own_cards) and (not names or budget.subject in names)

    def _is_own(self, budget: BudgetOut) -> bool:
        assert self.asker.own is not None
        cards = {one.ids[0] for _, one in self.directory.named if one.kind == "card"}
        if budget.level == "employee":
            return budget.subject in self.asker.own
        return budget.level == "card" and budget.subject in cards

    def _none(self, query: Query, kind: Kind) -> str:
        if self.asker.own is not None:
            return "you have no budget of your own; My cards shows what your cards may still spend"
        named = ", ".join(self.directory.label(kind, name) for name in query.names.of(kind))
        if kind in ("person", "card", "team") and named:
            return f"{named} has no budget of their own: ask how much the department can still spend"
        return f"there is no budget of a {kind} here"


def _figures(budgets: Sequence[BudgetOut]) -> list[FigureOut]:
    left: dict[str, list[int]] = defaultdict(list)
    for each in budgets:
        left[each.currency].append(each.available.minor)
    return [
        FigureOut(
            amount=MoneyOut(minor=sum(amounts), currency=currency),
            purchases=0,
            average=None,
            before=None,
            purchases_before=None,
            change_percent=None,
            groups=len(amounts),
        )
        for currency, amounts in sorted(left.items())
    ]
