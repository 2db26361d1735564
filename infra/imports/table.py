"""From a file to its rows of fields, CSV or a workbook. Every line of the file is accounted for."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

import python_calamine as calamine

from infra.errors import SpendlogError
from infra.imports.amounts import decimal_text
from infra.imports.formats import kind_of
from infra.imports.mapping import Mapping
from infra.imports.records import TableRecord, Unreadable, csv_records
from infra.texts import mark_of

_START_BYTES: Final = 4096
# Spreadsheet programs and editors put spaces, or the delimiter for each empty cell, behind it.
_SEP: Final = re.compile(r'"?sep=(.)"?(?:\1| )*', re.IGNORECASE | re.DOTALL)
_WIDE: Final = ("utf-16", "utf-32")


class DateCell(str):
    """ISO text of a cell that is a date: the mapping's format is for texts."""

    __slots__ = ()


class LongNumberCell(str):
    """Text of a number of 16 digits and more: spreadsheets keep 15, so it may not be what was entered."""

    __slots__ = ()


@dataclass(slots=True)
class LineCount:
    """Lines of the file by what became of them; of a workbook, rows of the sheet."""

    skipped: int = 0  # by the mapping's `skip`
    sep: int = 0
    header: int = 0
    blank: int = 0
    in_rows: int = 0
    rows: int = 0
    spread: list[tuple[int, int]] = field(
        default_factory=list
    )  # first and last line of rows with line breaks
    unread: bool = False  # a limit ended it before the end of the file

    @property
    def lines(self) -> int:
        return self.skipped + self.sep + self.header + self.blank + self.in_rows


@dataclass(slots=True)
class Table:
    """A file that is being read. `header`: names as they stand, stripped; `header_line`: where it ends."""

    header: list[str]
    header_line: int
    delimiter: str
    account: LineCount
    _records: Iterator[TableRecord | Unreadable]

    def rows(self) -> Iterator[TableRecord | Unreadable]:
        """What is below the header, without blank lines."""
        account = self.account
        for record in self._records:
            count = record.last - record.first + 1
            if isinstance(record, TableRecord) and not any(text.strip() for text in record.fields):
                account.blank += count
                continue
            account.rows += 1
            account.in_rows += count
            if count > 1:
                account.spread.append((record.first, record.last))
            yield record


@contextmanager
def open_table(path: Path, mapping: Mapping) -> Iterator[Table]:
    """The export, its header read.

    Raises:
        SpendlogError: it cannot be read, is of a format that is not read, or has no header.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
            kind = kind_of(path, start)
            file.seek(0)
            if kind == "workbook":
                account = LineCount(skipped=mapping.file.skip)
                yield _begin(path, account, _sheet_records(path, file, mapping), ",")
                return
            content = gzip.GzipFile(fileobj=file) if kind == "gzip" else file
            with _open_text(path, content, mapping) as text:
                yield _begin_text(path, mapping, text)
    except (OSError, EOFError) as error:  # BadGzipFile is an OSError
        raise SpendlogError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except UnicodeError as error:
        raise SpendlogError(f"{path} is not text in its encoding ({error}); say [file] encoding") from None


def _begin_text(path: Path, mapping: Mapping, text: TextIO) -> Table:
    account = LineCount()
    given = mapping.file.delimiter
    lines = iter(text)
    first = next(lines, "")
    said = delimiter_said(first)
    if said:
        account.sep = 1
        if given not in (None, said):
            raise SpendlogError(
                f"{path}: its first line says the delimiter is {said!r}, [file] delimiter says {given!r}"
            )
        given = said
    elif mapping.file.skip:
        account.skipped = 1
    else:
        lines = _chain(first, lines)
    for _ in range(mapping.file.skip - account.skipped):
        if next(lines, None) is None:
            raise SpendlogError(f"{path} has no header: [file] skip = {mapping.file.skip} leaves nothing")
        account.skipped += 1
    delimiter = given or ","
    done = account.sep + account.skipped
    records = csv_records(path, lines, delimiter, done, mapping.file.row_lines_max)
    return _begin(path, account, records, delimiter)


def delimiter_said(line: str) -> str | None:
    """The delimiter that a line `sep=;` says; None for any other line."""
    found = _SEP.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else None


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _begin(
    path: Path, account: LineCount, records: Iterator[TableRecord | Unreadable], delimiter: str
) -> Table:
    """Goes to the header: the first line that is not blank."""
    for record in records:
        count = record.last - record.first + 1
        if isinstance(record, Unreadable):
            raise SpendlogError(
                f"{path}: line {record.first}, where the header should be, is {record.reason}"
            )
        if not any(text.strip() for text in record.fields):
            account.blank += count
            continue
        account.header = count
        return Table([name.strip() for name in record.fields], record.last, delimiter, account, records)
    raise SpendlogError(f"{path} has no header")


@contextmanager
def _open_text(path: Path, file: BinaryIO | gzip.GzipFile, mapping: Mapping) -> Iterator[TextIO]:
    """The file as text; bytes that are no text become surrogates or U+FFFD, and their rows are listed."""
    buffered = io.BufferedReader(cast(io.RawIOBase, file), 1 << 16)
    start = buffered.peek(_START_BYTES)[:_START_BYTES]
    if isinstance(file, gzip.GzipFile) and kind_of(path, start) != "text":
        raise SpendlogError(f"{path} holds an archive or workbook inside of gzip: unpack it first")
    mark, encoding = _encoding(path, start, mapping.file.encoding)
    buffered.read(len(mark))
    errors = "replace" if encoding.startswith(_WIDE) else "surrogateescape"
    with io.TextIOWrapper(buffered, encoding=encoding, errors=errors, newline="") as text:
        yield text


def _encoding(path: Path, start: bytes, given: str | None) -> tuple[bytes, str]:
    """The byte order mark to go over and the encoding behind it. Raises SpendlogError on a contradiction."""
    found = mark_of(start)
    plain = (given or "").lower().replace("_", "-")
    family = plain.removesuffix("-sig").removesuffix("-le").removesuffix("-be").replace("utf8", "utf-8")
    if found is not None:
        mark, marked = found
        if given is not None and not marked.startswith(
            family.replace("utf16", "utf-16").replace("utf32", "utf-32")
        ):
            raise SpendlogError(
                f"{path} begins with the byte order mark of {marked}, but [file] "
                f"encoding is {given!r}: leave it out"
            )
        return mark, marked
    if given is None or family in ("utf-16", "utf16", "utf-32", "utf32"):
        wide = wide_without_mark(start)
        if given is None and wide:
            raise SpendlogError(
                f'{path} seems to be {wide} without a byte order mark: say [file] encoding = "{wide}"'
            )
        if plain in ("utf-16", "utf16"):
            return b"", wide or "utf-16-le"
    return b"", "utf-8" if given is None or family == "utf-8" else given


def wide_without_mark(start: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every second byte."""
    half = len(start) // 2
    if half < 4:
        return None
    if start[1::2].count(0) > half * 0.7 and start[::2].count(0) < half * 0.1:
        return "utf-16-le"
    if start[::2].count(0) > half * 0.7 and start[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def _sheet_records(path: Path, file: BinaryIO, mapping: Mapping) -> Iterator[TableRecord | Unreadable]:
    """Rows of a sheet (XLSX, XLS, XLSB, ODS), numbered as the program shows them."""
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(file)
        sheet = workbook.get_sheet_by_name(_sheet_name(path, workbook, mapping.file.sheet))
        rows = sheet.to_python(skip_empty_area=False)
    except (calamine.CalamineError, ValueError, OSError) as error:
        raise SpendlogError(
            f"{path} cannot be read as a workbook ({error}); if it has a password, save it without one"
        ) from None
    skip, decimal = mapping.file.skip, mapping.amount.decimal
    for number, row in enumerate(rows[skip:], start=skip + 1):
        yield TableRecord(number, number, [_cell(cell, decimal) for cell in row])


def _sheet_name(path: Path, workbook: calamine.CalamineWorkbook, given: str | None) -> str:
    names = workbook.sheet_names
    if given is not None:
        if given not in names:
            raise SpendlogError(f"{path} has no sheet {given!r}; it has {', '.join(names)}")
        return given
    visible = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible is calamine.SheetVisibleEnum.Visible
        and sheet.typ is calamine.SheetTypeEnum.WorkSheet
    ]
    filled = [name for name in visible or names if workbook.get_sheet_by_name(name).to_python()]
    if len(filled) > 1:
        raise SpendlogError(f"{path} has several sheets: say [file] sheet; it has {', '.join(filled)}")
    if not filled:
        raise SpendlogError(f"{path} has no header")
    return filled[0]


def _cell(cell: object, decimal: str) -> str:
    match cell:
        case bool():
            return str(cell)
        case int() | float():
            text = decimal_text(cell, decimal)
            return LongNumberCell(text) if abs(cell) >= 10**15 else text
        case datetime() | date():
            return DateCell(cell.isoformat())
    return str(cell)


def pad(fields: Sequence[str], width: int, ragged: str) -> Sequence[str] | str:
    """`fields` at the header's width, or why they cannot be brought to it."""
    count = len(fields)
    if count == width:
        return fields
    said = f"it has {count} fields, the header {width}"
    if count > width and not any(text.strip() for text in fields[width:]):
        if ragged in ("trim", "both"):
            return fields[:width]
        return f'{said}; the last are empty: [file] ragged = "trim" drops them'
    if count < width:
        if ragged in ("fill", "both"):
            return [*fields, *[""] * (width - count)]
        return f'{said}; [file] ragged = "fill" takes missing ones as empty'
    return said
