"""Which sections each report has, and the days that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from api.questions.answering import Questions
from api.questions.fiscal_calendar import DaySpan, OrgCalendar, Unit
from api.reports.budgets import BudgetReports
from api.reports.charted import chart_sums
from api.reports.closing import account_balances, declines, still_open
from api.reports.report import TITLES, ReportKind, ReportOut, ReportSectionOut
from api.reports.spend import SIDES, Side, by_side, trend
from api.resources.organization_paths import invalid

PeriodWord = Literal[
    "this_month", "last_month", "this_quarter", "last_quarter", "this_year", "last_year", "last_week"
]
_DAYS_MAX: Final = 3_700
_YEAR_FIRST: Final = 1990


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report of these days. `by`: of spend; empty: every side."""

    kind: ReportKind
    span: DaySpan
    by: Sequence[Side] = ()


def span_of_word(word: PeriodWord, calendar: OrgCalendar) -> DaySpan:
    which, _, name = word.partition("_")
    unit: Unit = name  # type: ignore[assignment]  # of PeriodWord
    if name == "year":
        unit = "fiscal"
    return calendar.containing(unit) if which == "this" else calendar.last(unit)


def span_of_days(first: date | None, last: date | None, word: PeriodWord, calendar: OrgCalendar) -> DaySpan:
    """The days, where they are given, else the period. Raises Problem 422."""
    if first is None and last is None:
        return span_of_word(word, calendar)
    if first is None or last is None:
        missing = "first" if first is None else "last"
        raise invalid(f"query.{missing}", "missing", "give both days, or a period")
    if first > last:
        raise invalid("query.first", "empty_range", "is after last: nothing could fit")
    if first.year < _YEAR_FIRST or last.year >= 9000 or (last - first).days > _DAYS_MAX:
        raise invalid("query.first", "out_of_range", f"from {_YEAR_FIRST} on, and {_DAYS_MAX:,} days at most")
    whole = calendar.containing("month", first)
    return whole if (whole.first, whole.last) == (first, last) else DaySpan(first, last)


async def report_of(questions: Questions, wanted: Wanted) -> ReportOut:
    """Raises Problem 503: no answer within 5 s."""
    return ReportOut(
        report=wanted.kind,
        title=TITLES[wanted.kind],
        organization_id=questions.asker.organization_id,
        first=wanted.span.first,
        last=wanted.span.last,
        time_zone=questions.directory.time_zone,
        made_at=questions.now,
        sections=await _sections(questions, wanted),
    )


async def _sections(questions: Questions, wanted: Wanted) -> list[ReportSectionOut]:
    span = wanted.span
    match wanted.kind:
        case ReportKind.SPEND:
            return [await by_side(questions, side, span) for side in wanted.by or SIDES]
        case ReportKind.TREND:
            return [await trend(questions, span)]
        case ReportKind.DECLINES:
            return await declines(questions, span)
        case ReportKind.BUDGETS:
            return await BudgetReports(questions).variance(span)
        case ReportKind.FORECAST:
            return [await BudgetReports(questions).forecast()]
        case ReportKind.MONTH_END:
            return [
                await by_side(questions, "department", span, closing=True),
                await by_side(questions, "category", span, closing=True),
                *await BudgetReports(questions).variance(span),
                await account_balances(questions, span),
                await chart_sums(questions, span),
                await still_open(questions, span),
            ]
