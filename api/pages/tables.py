"""Tables to take away: CSV and XLSX. Money stays a decimal text, and nothing becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import xlsxwriter

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: A cell that begins with one of these is run by spreadsheets, whoever typed it (CWE-1236).
_RUN: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180, UTF-8 with a mark, which Excel needs to know it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RUN) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "", 1).isdigit()


def xlsx_of(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: set[int]) -> bytes:
    """`numbers`: columns that hold decimals. Excel keeps 15 digits of them, which is below any real sum."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet("transactions")
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, header, book.add_format({"bold": True}))
    for n, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if column in numbers:
                sheet.write_number(n, column, Decimal(cell))
            else:
                sheet.write_string(n, column, cell)
    sheet.autofit()
    book.close()
    return out.getvalue()
