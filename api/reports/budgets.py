"""Budgets against what was spent, and what the current period will come to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Final

from api.http.types import MoneyOut
from api.questions.answer import Cell
from api.questions.answering import Questions
from api.questions.fiscal_calendar import DaySpan
from api.reports.report import ReportSectionOut, column, section
from api.reports.spend import percent
from api.resources.budgets import BudgetOut, budgets_out, clocks
from api.resources.periods import span_of
from api.stores.questions import Statement
from api.stores.sql import statement

#: Below so much of a period a forecast of it is a guess, and none is made.
ELAPSED_MIN: Final = Fraction(1, 20)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class BudgetReports:
    """Budgets of the departments that the one who asks may see."""

    questions: Questions

    async def variance(self, span: DaySpan) -> list[ReportSectionOut]:
        """Each budget in its period that holds the last day of `span`."""
        zone = self.questions.zone
        at = datetime.combine(span.last, time(12), zone).astimezone(UTC)
        budgets = await self._at(min(at, self.questions.now))
        budgets.sort(key=lambda one: (one.currency, one.department_id, one.level, one.name))
        cells = [self._line(one) for one in budgets]
        columns = [
            column("budget", "text"),
            column("level", "text"),
            column("period", "text"),
            column("limit"),
            column("settled"),
            column("held"),
            column("left"),
            column("used", "percent"),
        ]
        own = [row for row in cells if row[1] == "department"]
        below = [row for row in cells if row[1] != "department"]
        note = "A payment counts in the period in which it was authorized."
        found = [section("Departments", columns, own, note)]
        if below:
            # They are in their departments' figures already, and some in each other's: listed, not added.
            within = section("Within departments", columns, below)
            found.append(within.model_copy(update={"totals": []}))
        return found

    async def forecast(self) -> ReportSectionOut:
        """Each department's current period, if it goes on as it did; when its budget would be used up."""
        found = sorted(await self._at(self.questions.now), key=lambda one: (one.currency, one.name))
        cells = [self._forecast(one) for one in found if one.level == "department"]
        columns = [
            column("department", "text"),
            column("period", "text"),
            column("limit"),
            column("so far"),
            column("forecast"),
            column("left then"),
            column("used up", "time"),
        ]
        note = (
            "So far: settled and held. Forecast: the same pace to the end of the period; none in its first "
            "twentieth. Used up: the day on which the limit would be reached."
        )
        return section("Departments", columns, cells, note)

    def _line(self, one: BudgetOut) -> list[Cell]:
        spent = one.posted.minor + one.held.minor
        return [
            self._name(one),
            one.level,
            one.period,
            one.limit,
            one.posted,
            one.held,
            MoneyOut(minor=one.limit.minor - spent, currency=one.currency),
            percent(spent, one.limit.minor),
        ]

    def _forecast(self, one: BudgetOut) -> list[Cell]:
        now = self.questions.now
        spent = max(0, one.posted.minor) + one.held.minor
        span = span_of(one.calendar, now)
        told: list[Cell] = [
            self._name(one),
            one.period,
            one.limit,
            MoneyOut(minor=spent, currency=one.currency),
        ]
        if span is None or spent == 0:
            return [*told, None, None, None]
        over = Fraction((now - span.start) // _SECOND, max(1, (span.end - span.start) // _SECOND))
        if over < ELAPSED_MIN:
            return [*told, None, None, None]
        comes_to = round(spent / over)
        used_up = None
        if comes_to > one.limit.minor:
            seconds = int(Fraction((now - span.start) // _SECOND * one.limit.minor, spent))
            used_up = (
                (span.start + timedelta(seconds=seconds)).astimezone(self.questions.zone).date().isoformat()
            )
        return [
            *told,
            MoneyOut(minor=comes_to, currency=one.currency),
            MoneyOut(minor=one.limit.minor - comes_to, currency=one.currency),
            used_up,
        ]

    def _name(self, one: BudgetOut) -> str:
        department = self.questions.directory.label("department", one.department_id)
        return department if one.level == "department" else f"{department}: {one.name}"

    async def _at(self, at: datetime) -> list[BudgetOut]:
        """In the period that holds `at`: with the limit that it ended with, where it is over."""
        current = await self._run(at, self._departments(), None)
        over: dict[str, set[str]] = defaultdict(set)
        for one in current:
            span = span_of(one.calendar, at)
            if span is not None and span.end <= self.questions.now:
                over[one.period].add(one.department_id)
        kept = [one for one in current if one.department_id not in over.get(one.period, ())]
        for period, departments in over.items():
            found = await self._run(self.questions.now, sorted(departments), period)
            labels = {(one.department_id, one.budget_id) for one in current if one.period == period}
            kept += [one for one in found if (one.department_id, one.budget_id) in labels]
        return kept

    def _departments(self) -> list[str]:
        directory, asker = self.questions.directory, self.questions.asker
        names = dict.fromkeys(one.ids[0] for _, one in directory.named if one.kind == "department")
        return [name for name in names if asker.departments is None or name in asker.departments]

    async def _run(self, at: datetime, departments: list[str], period: str | None) -> list[BudgetOut]:
        asked = {
            "budget_id": None,
            "period": period,
            "subjects": None,
            "departments": departments,
            **clocks(at),
        }
        row = await self.questions.reads.run(Statement(statement("budgets"), asked))
        return budgets_out(row).budgets
