"""CSV: records with the lines they stand on. A quote that does not close is an error, not a long field."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.errors import SpendlogError


@dataclass(frozen=True, slots=True)
class TableRecord:
    """Fields as they stand, on lines `first` to `last`."""

    first: int
    last: int
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is none of CSV."""

    first: int
    last: int
    reason: str


class _Lines:
    """Hands lines to the CSV reader, and knows those of the record that it is in."""

    def __init__(self, path: Path, lines: Iterator[str], done: int, lines_max: int) -> None:
        self._path, self._lines, self._max = path, lines, lines_max
        self.read = done
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if len(self.record) >= self._max:
            raise SpendlogError(
                f"{self._path}: a quote opens on line {self.read - len(self.record) + 1} and has not closed "
                f"{self._max} lines below. Close it, or say [file] row_lines_max if a field is that long"
            )
        self.read += 1
        self.record.append(line)
        return line


def csv_records(
    path: Path, lines: Iterator[str], delimiter: str, done: int, row_lines_max: int
) -> Iterator[TableRecord | Unreadable]:
    """Records in the file's order, also empty ones. `done`: lines that were read before.

    Raises:
        SpendlogError: a quoted field does not close, or swallowed rows; with the line on which it opens.
    """
    fed = _Lines(path, lines, done, row_lines_max)
    reader = csv.reader(fed, delimiter=delimiter, strict=True)
    width = 0
    while True:
        fed.record = []
        first = fed.read + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = fed.read
            quote = _open_quote(fed.record, delimiter, first)
            if last > first or "end of data" in str(error):
                raise SpendlogError(
                    f"{path}: a quote opens on {quote} and does not close as a quote must "
                    f"(read to line {last}: {error})"
                ) from None
            yield Unreadable(first, last, f"not a line of CSV: {error}")
            reader = csv.reader(
                fed, delimiter=delimiter, strict=True
            )  # the old one is in the middle of a field
            continue
        width = width or len(fields)
        if fed.read > first:
            _require_no_rows_inside(path, fields, delimiter, width, first)
        yield TableRecord(first, fed.read, fields)


def _require_no_rows_inside(
    path: Path, fields: Sequence[str], delimiter: str, width: int, first: int
) -> None:
    """A field whose later lines have a row's delimiters: a quote opened, and another row's closed it."""
    line = first
    for text in fields:
        parts = text.split("\n") if "\n" in text else text.split("\r")
        if any(width > 1 and part.count(delimiter) >= width - 1 for part in parts[1:]):
            raise SpendlogError(
                f"{path}: the quote that opens on line {line} closes on line {line + len(parts) - 1}, with "
                f"whole rows between: a quote is missing, or one too many"
            )
        line += len(parts) - 1


def _open_quote(lines: Sequence[str], delimiter: str, first: int) -> str:
    """Where the last quoted field of a broken record opens: `line 2, column 20`."""
    at = (first, 1)
    inside, opens, doubles = False, True, False
    for number, line in enumerate(lines, start=first):
        for column, letter in enumerate(line, start=1):
            if letter != '"':
                opens, doubles = not inside and letter in (delimiter, "\n", "\r"), False
            elif inside:
                inside, doubles = False, True
            elif opens or doubles:
                at = at if doubles else (number, column)
                inside, doubles = True, False
    return f"line {at[0]}, column {at[1]}"
