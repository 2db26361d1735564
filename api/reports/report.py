"""What a report is, whatever it is shown as: sections with a table each, and totals by currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from pydantic import ConfigDict, Field

from api.access.keys import Scope
from api.http.types import MoneyOut, Output
from api.questions.answer import Cell, ColumnOut


class ReportKind(StrEnum):
    """What is reported."""

    SPEND = "spend"
    TREND = "trend"
    DECLINES = "declines"
    BUDGETS = "budgets"
    FORECAST = "forecast"
    MONTH_END = "month-end"


#: Who may have it, and what it is called.
PERMISSIONS: Final = {
    ReportKind.SPEND: Scope.AUTHORIZATIONS_READ,
    ReportKind.TREND: Scope.AUTHORIZATIONS_READ,
    ReportKind.DECLINES: Scope.AUTHORIZATIONS_READ,
    ReportKind.BUDGETS: Scope.BUDGETS_READ,
    ReportKind.FORECAST: Scope.BUDGETS_READ,
    ReportKind.MONTH_END: Scope.LEDGER_READ,
}
TITLES: Final = {
    ReportKind.SPEND: "Spend",
    ReportKind.TREND: "Trend",
    ReportKind.DECLINES: "Declines",
    ReportKind.BUDGETS: "Budgets and what was spent",
    ReportKind.FORECAST: "Forecast",
    ReportKind.MONTH_END: "Month-end close",
}


class ReportSectionOut(Output):
    """A table. `totals` are those of its rows, for each currency; what does not add up is null in them."""

    model_config = ConfigDict(title="ReportSection")

    title: str = Field(examples=["By department"])
    note: str | None = Field(default=None, description="what the figures are, where it is not plain")
    columns: list[ColumnOut]
    rows: list[list[Cell]]
    totals: list[list[Cell]] = Field(description="one for each currency, in the columns of the table")


class ReportOut(Output):
    """A report of an organization, as far as the caller reaches."""

    model_config = ConfigDict(title="Report")

    report: ReportKind
    title: str = Field(examples=["Spend"])
    organization_id: str
    first: date = Field(description="its first day")
    last: date = Field(description="its last day")
    time_zone: str = Field(description="whose days these are")
    made_at: datetime
    sections: list[ReportSectionOut]


def column(name: str, kind: str = "money") -> ColumnOut:
    return ColumnOut(name=name, kind=kind)  # type: ignore[arg-type]  # of literals in this package


def section(
    title: str, columns: Sequence[ColumnOut], rows: Sequence[Sequence[Cell]], note: str | None = None
) -> ReportSectionOut:
    """With the totals of money and counts."""
    return ReportSectionOut(
        title=title,
        note=note,
        columns=list(columns),
        rows=[list(row) for row in rows],
        totals=totals_of(columns, rows),
    )


def totals_of(columns: Sequence[ColumnOut], rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """For each currency the sums of its rows; `Total` in the first column."""
    found: dict[str, list[Cell]] = {}
    for row in rows:
        currency = currency_of(row)
        if currency is None:
            continue
        total = found.setdefault(currency, [_nothing(one, currency) for one in columns])
        for n, (one, cell) in enumerate(zip(columns, row, strict=True)):
            before = total[n]
            if isinstance(cell, MoneyOut) and isinstance(before, MoneyOut):
                total[n] = MoneyOut(minor=before.minor + cell.minor, currency=currency)
            elif one.kind == "count" and isinstance(cell, int) and isinstance(before, int):
                total[n] = before + cell
    for total in found.values():
        total[0] = "Total"
    return [found[currency] for currency in sorted(found)]


def currency_of(row: Sequence[Cell]) -> str | None:
    """A row has one; None: no money is in it."""
    return next((cell.currency for cell in row if isinstance(cell, MoneyOut)), None)


def _nothing(one: ColumnOut, currency: str) -> Cell:
    if one.kind == "money":
        return MoneyOut(minor=0, currency=currency)
    return 0 if one.kind == "count" else None
