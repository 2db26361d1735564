"""What was settled by the accounts of the organization's chart: what other books take over after a month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from api.http.types import MoneyOut
from api.questions.answer import Cell
from api.questions.answering import Questions
from api.questions.fiscal_calendar import DaySpan
from api.questions.parameters import instant
from api.reports.journal.chart import AccountName, Chart, ChartRuleIn
from api.reports.journal.postings import kind_of
from api.reports.report import ReportSectionOut, column, section
from api.stores.reports import charted

_DAY: Final = timedelta(days=1)


async def chart_sums(questions: Questions, span: DaySpan) -> ReportSectionOut:
    """Raises Problem 503."""
    since, until = instant(span.first, questions.zone), instant(span.last + _DAY, questions.zone)
    row = await questions.reads.run(charted(since, until, questions.asker.departments))
    chart = Chart([ChartRuleIn.model_validate(rule) for rule in row["rules"]])
    cells: list[list[Cell]] = [
        [
            name,
            code,
            *(MoneyOut(minor=minor, currency=currency) for minor in (debits, -credits, debits + credits)),
        ]
        for ((name, code), currency), (debits, credits) in sorted(_sums(chart, row["rows"]).items())
    ]
    columns = [
        column("account", "text"),
        column("number", "text"),
        column("debits"),
        column("credits"),
        column("change"),
    ]
    words = "Settled bookings, each on the account that the chart names for it; the changes come to zero."
    return section("By the chart of accounts", columns, cells, words)


def _sums(chart: Chart, rows: list[Mapping[str, Any]]) -> dict[tuple[AccountName, str], tuple[int, int]]:
    """Debits, and credits below zero, by account and currency, in minor units."""
    found: dict[tuple[AccountName, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in rows:
        currency, minor = one["currency"], one["minor"]
        for account, debit, credit in ((one["debit"], minor, 0), (one["credit"], 0, -minor)):
            key = (chart.account_of(kind_of(account), one["department_id"], one["mcc"]), currency)
            found[key] = (found[key][0] + debit, found[key][1] + credit)
    return found
