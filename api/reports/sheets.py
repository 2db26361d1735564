"""A report as CSV and as a workbook whose totals are formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from api.http.safe_csv import csv_lines, csv_of
from api.http.types import MoneyOut
from api.questions.answer import Cell
from api.reports.report import ReportOut, ReportSectionOut, currency_of
from schemas.money import exponent

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
#: Excel's own bounds: a sheet's name, and what it may not hold.
_NAME_LENGTH: Final = 31
_FIRST_ROW: Final = 3


def csv_of_report(report: ReportOut) -> bytes:
    """Its tables one after the other, each under its title, with a blank line between them."""
    head = f"{report.title}, {report.organization_id}, {report.first} to {report.last}"
    parts = [csv_of([head], [])]
    for one in report.sections:
        names = [each.name for each in one.columns]
        parts.append(csv_lines([[], [one.title], [*names, "currency"]]))
        parts.append(csv_lines(_texts(row) for row in (*one.rows, *one.totals)))
    return b"".join(parts)


def _texts(row: Sequence[Cell]) -> list[str]:
    return [*(_text(cell) for cell in row), currency_of(row) or ""]


def _text(cell: Cell) -> str:
    if isinstance(cell, MoneyOut):
        return f"{_major(cell):f}"
    return "" if cell is None else str(cell)


def _major(amount: MoneyOut) -> Decimal:
    return Decimal(amount.minor).scaleb(-exponent(amount.currency))


def xlsx_of_report(report: ReportOut) -> bytes:
    """A sheet for each section. Totals are formulas over their rows, by currency."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": report.title, "company": report.organization_id})
    formats = _Formats(book)
    for number, one in enumerate(report.sections, 1):
        sheet = book.add_worksheet(f"{number} {one.title}"[:_NAME_LENGTH])
        _write(sheet, report, one, formats)
    book.close()
    return out.getvalue()


class _Formats:
    """Made once for a workbook: of each currency one, with its decimals."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._money: dict[tuple[str, bool], Any] = {}
        self.bold = book.add_format({"bold": True})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.soft = book.add_format({"font_color": "#666666"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.bold_count = book.add_format({"num_format": "#,##0", "bold": True, "top": 1})

    def money(self, currency: str, bold: bool) -> Any:
        key = (currency, bold)
        if key not in self._money:
            digits = exponent(currency)
            shown = "#,##0" + (f".{'0' * digits}" if digits else "")
            made = {"num_format": shown, "bold": bold} | ({"top": 1} if bold else {})
            self._money[key] = self._book.add_format(made)
        return self._money[key]


def _write(sheet: Any, report: ReportOut, one: ReportSectionOut, formats: _Formats) -> None:
    sheet.write_string(0, 0, f"{report.title}: {one.title}", formats.title)
    about = f"{report.organization_id}, {report.first} to {report.last}, days of {report.time_zone}."
    sheet.write_string(1, 0, f"{about} {one.note or ''}".strip(), formats.soft)
    names = [each.name for each in one.columns]
    for at, name in enumerate([*names, "currency"]):
        sheet.write_string(_FIRST_ROW - 1, at, name, formats.bold)
    sheet.freeze_panes(_FIRST_ROW, 1)
    for n, row in enumerate(one.rows, _FIRST_ROW):
        for at, cell in enumerate(row):
            _write_cell(sheet, n, at, cell, one.columns[at].kind, formats)
        sheet.write_string(n, len(names), currency_of(row) or "")
    last = _FIRST_ROW + len(one.rows)
    for n, total in enumerate(one.totals, last + 1):
        _write_total(sheet, n, last, total, formats)
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, len(names), 16)


def _write_cell(sheet: Any, row: int, at: int, cell: Cell, kind: str, formats: _Formats) -> None:
    if isinstance(cell, MoneyOut):
        sheet.write_number(row, at, _major(cell), formats.money(cell.currency, False))
    elif isinstance(cell, int):
        sheet.write_number(row, at, cell, formats.count)
    elif kind == "percent" and cell is not None:
        sheet.write_number(row, at, Decimal(cell))
    elif cell is not None:
        sheet.write_string(row, at, cell)


def _write_total(sheet: Any, row: int, last: int, total: Sequence[Cell], formats: _Formats) -> None:
    """`last`: the row after the table. A formula has its result with it, for who does not work it out."""
    currency = currency_of(total) or ""
    sheet.write_string(row, 0, str(total[0]), formats.bold)
    where = xl_col_to_name(len(total))
    sheet.write_string(row, len(total), currency, formats.bold)
    for at, cell in enumerate(total[1:], 1):
        if cell is None:
            continue
        column = xl_col_to_name(at)
        first = _FIRST_ROW + 1
        formula = f"=SUMIF({where}{first}:{where}{last},{where}{row + 1},{column}{first}:{column}{last})"
        if isinstance(cell, MoneyOut):
            sheet.write_formula(row, at, formula, formats.money(currency, True), _major(cell))
        else:
            sheet.write_formula(row, at, formula, formats.bold_count, cell)
