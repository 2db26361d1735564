"""Reads a whole export: what can be played, what is listed and why, and where every line of the file went."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import SpendlogError
from infra.imports.departments import in_one_currency
from infra.imports.mapping import Mapping
from infra.imports.row import Row, Unusable
from infra.imports.rows import open_rows
from infra.imports.table import LineCount, open_table
from schemas.card_numbers import masked


@dataclass(slots=True)
class Reading:
    """`rows`: usable, in time order. `listed`: line -> reason. `account`: where the file's lines went."""

    header: list[str]
    account: LineCount
    rows: list[Row] = field(default_factory=list)
    listed: dict[int, str] = field(default_factory=dict)

    @property
    def kinds(self) -> Counter[str]:
        """Reasons without what is particular to a row, and how many rows have them."""
        return Counter(_kind(reason) for reason in self.listed.values())

    def whereabouts(self) -> Iterator[str]:
        """Where every line is: parts that sum up to the file's lines, one text each."""
        account = self.account
        yield f"{account.lines:,} lines read" + (
            ", the rest not: a limit was given" if account.unread else ""
        )
        yield f"{account.in_rows:,} of {account.rows:,} rows"
        yield f"{account.header:,} of the header"
        for count, what in (
            (account.skipped, "skipped, as [file] skip says"),
            (account.sep, "says the delimiter (sep=)"),
            (account.blank, "blank"),
        ):
            if count:
                yield f"{count:,} {what}"
        for first, last in account.spread:
            yield f"lines {first} to {last} are one row: a quoted field runs over them"


def read_export(path: Path, mapping: Mapping, limit_rows: int | None = None) -> Reading:
    """Every row of the file.

    Raises:
        SpendlogError: the file as a whole cannot be read.
    """
    listed: dict[int, str] = {}
    rows: list[Row] = []
    with open_rows(path, mapping, limit_rows) as (table, found):
        for one in found:
            if isinstance(one, Unusable):
                listed[one.line] = one.reason
            else:
                rows.append(one)
        reading = Reading(table.header, table.account, listed=listed)
    rows.sort(key=lambda row: (row.at, row.line))
    reading.rows, others = in_one_currency(rows, mapping.budget_currency)
    listed |= {other.line: other.reason for other in others}
    return reading


def write_listed(path: Path, export: Path, mapping: Mapping, reading: Reading, more: dict[int, str]) -> None:
    """A CSV of line, reason and the row as it stands in the export, card numbers masked.

    `more`: what was refused or is held.

    Raises:
        SpendlogError: `path` cannot be written.
    """
    reasons = {**more, **reading.listed}
    try:
        # Bytes that were no text go out as they came in.
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "reason", *map(masked, reading.header)])
            for line, fields in _lines(export, mapping, reasons):
                writer.writerow([line, reasons[line], *map(masked, fields)])
    except OSError as error:
        raise SpendlogError(f"the reject file {path} cannot be written: {error.strerror}") from None


def _lines(export: Path, mapping: Mapping, wanted: dict[int, str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Fields of these lines, from the file again: most often there are few."""
    if not wanted:
        return
    left = len(wanted)
    with open_table(export, mapping) as table:
        for record in table.rows():
            if record.first in wanted:
                yield record.first, getattr(record, "fields", ())
                left -= 1
                if not left:
                    return


def _kind(reason: str) -> str:
    return re.sub(r"'.*?'|\b\d[\d.,-]*\b", "…", reason)


def require_rows(path: Path, reading: Reading) -> None:
    """Raises SpendlogError where nothing can be played."""
    if not reading.rows:
        first = next(iter(sorted(reading.listed.items())), None)
        said = f"the first, line {first[0]}: {first[1]}" if first else "there is none below the header"
        raise SpendlogError(f"{path} has no usable row; {said}")
