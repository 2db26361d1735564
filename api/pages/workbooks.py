"""Tables to take away: XLSX here, CSV in `api.http.safe_csv`. Money stays a decimal text; nothing is run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import xlsxwriter

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


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
