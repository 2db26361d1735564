"""The close of a month: accounts from their opening to their closing balances, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from api.http.types import MoneyOut
from api.questions.answer import Cell
from api.questions.answering import Questions
from api.questions.fiscal_calendar import DaySpan
from api.questions.parameters import instant
from api.questions.query import AskedPeriod, Query
from api.reports.report import ReportSectionOut, column, section
from api.resources.transactions.answer import TransactionStatus
from api.stores.reports import accounts

_DAY: Final = timedelta(days=1)
ROWS_MAX: Final = 200


async def account_balances(questions: Questions, span: DaySpan) -> ReportSectionOut:
    """Every account, pending and posted; all of a currency and layer come to nothing."""
    since, until = instant(span.first, questions.zone), instant(span.last + _DAY, questions.zone)
    row: Mapping[str, Any] = await questions.reads.run(accounts(since, until, questions.asker.departments))
    cells: list[list[Cell]] = []
    for one in row["rows"]:
        opening, debits, credits = one["opening"], one["debits"], one["credits"]
        amounts = (opening, debits, credits, opening + debits - credits)
        cells.append(
            [
                one["account"],
                one["layer"],
                *(MoneyOut(minor=minor, currency=one["currency"]) for minor in amounts),
                one["entries"],
            ]
        )
    columns = [
        column("account", "text"),
        column("layer", "text"),
        column("opening"),
        column("debits"),
        column("credits"),
        column("closing"),
        column("entries", "count"),
    ]
    return section(
        "Accounts",
        columns,
        cells,
        "Debits above zero, credits below; the whole comes to zero, or the books are wrong.",
    )


async def still_open(questions: Questions, span: DaySpan) -> ReportSectionOut:
    """What was bought until the last day and is held or disputed now: it will move money in a later month."""
    cells: list[list[Cell]] = []
    for status in (TransactionStatus.HELD, TransactionStatus.DISPUTED):
        query = Query(
            measure="total", statuses=(status,), group_by=("department",), period=AskedPeriod(last=span.last)
        )
        answer = await questions.answer(query)
        cells += [[row[0], status.value, row[1], row[2]] for row in answer.rows]
    columns = [
        column("department", "text"),
        column("state", "text"),
        column("amount"),
        column("purchases", "count"),
    ]
    return section("Still open", columns, cells, "Purchases until the last day, as they stand now.")


async def declines(questions: Questions, span: DaySpan) -> list[ReportSectionOut]:
    """Why purchases were declined, and where."""
    found = []
    for side in ("reason", "department", "merchant"):
        query = Query(
            measure="count",
            statuses=(TransactionStatus.DECLINED,),
            group_by=(side,),
            period=AskedPeriod(first=span.first, last=span.last),
            rows_max=ROWS_MAX,
        )
        answer = await questions.answer(query)
        columns = [column(side, "text"), column("asked for"), column("declined", "count")]
        found.append(section(f"By {side}", columns, [row[:3] for row in answer.rows]))
    return found
