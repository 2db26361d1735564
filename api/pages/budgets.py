"""Departments with their budget as the pages draw it: what is left, the pace, where the period will end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from api.access.keys import Scope
from api.pages.route import Asking
from api.resources.budgets import BudgetOut, budgets_out, clocks
from api.resources.periods import Span, span_of
from schemas.terms import zone_of

#: Departments that a page shows.
DEPARTMENTS_MAX: Final = 60
#: Below it a forecast is a guess: the first purchases of a month say little.
_FORECAST_FROM: Final = 0.08


@dataclass(frozen=True, slots=True)
class Forecast:
    """What will be spent by the period's end, in minor units: as the period went so far, and its range."""

    low: int
    middle: int
    high: int


@dataclass(frozen=True, slots=True)
class DepartmentCard:
    """A department's own budget in its current period."""

    budget: BudgetOut
    span: Span | None

    @property
    def used(self) -> int:
        """Settled and held, minor units."""
        return max(0, self.budget.posted.minor) + self.budget.held.minor

    @property
    def share(self) -> int:
        """Percent of the limit that is used, whole ones: 100 when nothing is left."""
        limit = self.budget.limit.minor
        return 0 if limit <= 0 else 100 * self.used // limit

    @property
    def pace(self) -> int | None:
        """Percent of the period that is over."""
        return None if self.span is None else round(100 * self.span.elapsed)

    @property
    def last_day(self) -> str:
        """Of the period, by the budget's own clock; empty for a lifetime."""
        if self.span is None:
            return ""
        end = (self.span.end - timedelta(seconds=1)).astimezone(zone_of(self.budget.calendar.time_zone))
        return f"{end:%-d %b}"

    @property
    def badge(self) -> tuple[str, str] | None:
        """A word and its tone at 80 and at 100 percent."""
        if self.share >= 100:
            return "Used up", "bad"
        return (f"{self.share} % used", "warn") if self.share >= 80 else None

    @property
    def forecast(self) -> Forecast | None:
        """None where too little of the period is over.

        What was spent divided by the share that is over. The range is the spread of a total of many
        independent purchases over the rest: the rest's own share of it, at least a tenth.
        """
        if self.span is None or self.span.elapsed < _FORECAST_FROM or not self.used:
            return None
        rest = self.used * (1 - self.span.elapsed) / self.span.elapsed
        spread = rest * max(0.1, 0.3 * (1 - self.span.elapsed))
        return Forecast(
            round(self.used + rest - spread), round(self.used + rest), round(self.used + rest + spread)
        )


async def department_cards(asking: Asking) -> list[DepartmentCard]:
    """All departments that the viewer may see, fullest first."""
    row = await asking.organization().find(
        "budgets",
        departments=await department_names(asking),
        budget_id="department",
        period=None,
        subjects=None,
        **clocks(datetime.now(UTC)),
    )
    found = [card_of(budget) for budget in budgets_out(row).budgets]
    return sorted(found, key=lambda card: (-card.share, card.budget.name))


async def department_names(asking: Asking) -> list[str]:
    """Of all that the viewer may see the budgets of."""
    row = await asking.organization().find("company_departments", rows_max=DEPARTMENTS_MAX)
    visible = asking.viewer.departments(Scope.BUDGETS_READ)
    return [name for name in row["departments"] if visible is None or name in visible]


async def department_card(asking: Asking, department_id: str) -> DepartmentCard | None:
    """None where there is no such department."""
    budgets = await budgets_of(asking, department_id, budget_id="department")
    return card_of(budgets[0]) if budgets else None


async def budgets_of(asking: Asking, department_id: str, budget_id: str | None = None) -> list[BudgetOut]:
    """Those of a department, or one of them."""
    row = await asking.department(department_id).find(
        "budgets", budget_id=budget_id, period=None, subjects=None, **clocks(datetime.now(UTC))
    )
    return budgets_out(row).budgets


def card_of(budget: BudgetOut) -> DepartmentCard:
    return DepartmentCard(budget, span_of(budget.calendar, datetime.now(UTC)))
