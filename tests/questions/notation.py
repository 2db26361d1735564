"""Typed queries and answers as one line each, for tables that a person reads.

total department=sales category=travel amount>500 period=2026-07-01..2026-09-30 by=merchant
USD 1660.00/2 | Delta Air Lines USD 900.00/1 | Marriott USD 760.00/1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from api.http.types import MoneyOut
from api.questions.answer import AnswerOut, Cell, FigureOut
from api.questions.answer_table import text_of
from api.questions.query import KINDS, ROWS_USUAL, AmountRange, AskedNames, AskedPeriod, Query

TRAVEL: Final = ("airline", "hotel", "car_rental", "travel")


def query_line(query: Query) -> str:
    """All that is not as usual."""
    return " ".join([query.measure, *_parts(query)])


def _parts(query: Query) -> Iterator[str]:
    for prefix, names in (("", query.names), ("-", query.without)):
        yield from _names(prefix, names)
    if query.statuses:
        yield "status=" + ",".join(query.statuses)
    for member in ("approved", "flagged", "review", "over_budget"):
        if getattr(query, member):
            yield member
    yield from _amount("amount", query.amount)
    yield from _amount("group", query.group_amount)
    if query.group_count is not None:
        yield f"count={query.group_count.at_least or ''}..{query.group_count.at_most or ''}"
    if query.currency:
        yield f"currency={query.currency}"
    yield from _period("period", query.period)
    yield from _period("before", query.compared_with)
    if query.group_by:
        yield "by=" + ",".join(query.group_by)
    if query.order != "largest":
        yield query.order
    if query.rows_max != ROWS_USUAL:
        yield f"rows={query.rows_max}"


def _names(prefix: str, names: AskedNames) -> Iterator[str]:
    for kind in KINDS:
        if ids := names.of(kind):
            if kind == "category" and ids[:4] == TRAVEL:
                ids = ("travel", *ids[4:])
            yield f"{prefix}{kind}=" + ",".join(one.replace(" ", "_") for one in ids)


def _amount(name: str, amount: AmountRange | None) -> Iterator[str]:
    if amount is None:
        return
    signs = (">", amount.above), (">=", amount.at_least), ("<", amount.below), ("<=", amount.at_most)
    bounds = "".join(f"{sign}{bound}" for sign, bound in signs if bound is not None)
    yield f"{name}{bounds}{amount.currency or ''}"


def _period(name: str, period: AskedPeriod | None) -> Iterator[str]:
    if period is not None:
        yield f"{name}={period.first or ''}..{period.last or ''}"


def answer_line(answer: AnswerOut) -> str:
    """The figures, then the table's rows."""
    figures = [_figure(answer.query, one) for one in answer.figures]
    rows = [_row(answer, row) for row in answer.rows] if _has_rows(answer) else []
    return " | ".join([", ".join(figures) or "nothing", *rows])


def _figure(query: Query, figure: FigureOut) -> str:
    average = f" ~{text_of(figure.average)}" if query.measure == "average" else ""
    return f"{money(figure.amount)}/{figure.purchases}{average}{_change(figure.change_percent)}"


def _has_rows(answer: AnswerOut) -> bool:
    return any(column.kind in ("text", "time") for column in answer.columns)


def _change(percent: str | None) -> str:
    return "" if percent is None else f" {'' if percent.startswith('-') else '+'}{percent}%"


def _row(answer: AnswerOut, row: list[Cell]) -> str:
    if answer.query.measure == "purchases":
        return f"{row[-1]} {money(row[5])}"
    cells: list[str] = []
    for column, cell in zip(answer.columns, row, strict=True):
        if column.kind == "count":
            cells[-1] += f"/{cell}"
        elif column.kind == "percent":
            cells.append("new" if cell is None else _change(str(cell)).strip())
        else:
            cells.append(money(cell) if isinstance(cell, MoneyOut) else str(cell))
    return " ".join(cells)


def money(cell: Cell) -> str:
    assert isinstance(cell, MoneyOut)
    return f"{cell.currency} {text_of(cell)}"
