"""A mapping for a file that nobody described: what names and texts say, and a mark where they do not."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import charset_normalizer

from infra.errors import SpendlogError
from infra.imports.amounts import says_credit_or_debit, symbols_in
from infra.imports.check import SIGNS, is_date, is_whole, seem_minor, values
from infra.imports.columns import NAMES, SETTLEMENT_NAMES, KindColumn, by_names, kinds, texts_of
from infra.imports.formats import kind_of
from infra.imports.mapping import Columns, Format, Mapping, Time, parse_mapping
from infra.imports.records import TableRecord
from infra.imports.table import delimiter_said, open_table, wide_without_mark
from infra.texts import mark_of
from schemas.card_numbers import masked
from schemas.names import folded

_SAMPLE_BYTES: Final = 1 << 16
_SAMPLE_ROWS: Final = 500
_HEADER_LINES: Final = 50
# What spreadsheet programs, banks and older systems write where it is not UTF-8.
_ENCODINGS: Final = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman", "cp850", "cp932", "gb18030", "big5",
    "cp949", "cp037",
]  # fmt: skip
_CHECK: Final = "# CHECK: "
_DAYS: Final = (
    "iso", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
_DATES: Final = tuple(
    day + time for time in ("", " %H:%M", " %H:%M:%S") for day in _DAYS if day != "iso" or not time
)


#: What stands in for a column that a card export does not have.
_CONSTANTS: Final = (("department", "everyone"), ("card", "{department}-card"), ("merchant", "unknown"))


@dataclass(slots=True)
class _Draft:
    """TOML lines by table. A line that nothing in the file vouches for has a CHECK behind it."""

    tables: dict[str, list[str]] = field(default_factory=dict)

    def say(self, table: str, key: str, value: str | int | list[str], doubt: str = "") -> None:
        text = f"{key} = {json.dumps(value, ensure_ascii=False)}"
        self.tables.setdefault(table, []).append(f"{text} {_CHECK}{doubt}" if doubt else text)

    def only(self, column: str, values: list[str], doubt: str) -> None:
        """One more [[only]]: rows of which kinds count."""
        name = f"[only]{len(self.tables)}"
        self.say(name, "column", column)
        self.say(name, "values", values, doubt)

    def text(self) -> str:
        order = ("columns", "time", "amount", "direction", "constants", "file")
        only = [name for name in self.tables if name.startswith("[only]")]
        heads = [(name, f"[{name}]") for name in order] + [(name, "[[only]]") for name in only]
        parts = ["\n".join([head, *self.tables[name]]) for name, head in heads if name in self.tables]
        return "\n\n".join(parts) + "\n"


def propose(path: Path, *, settlement: bool = False) -> str:
    """A mapping as TOML, which can be used as it is; `# CHECK` marks what a person must decide.

    `settlement`: of a processor's file, which names its own references, and no departments.

    Raises:
        SpendlogError: the file cannot be read, or nothing in it looks like a header.
    """
    draft = _Draft()
    form = _format(path, draft)
    probe = Mapping(columns=Columns(time=1), time=Time(zone="UTC"), file=form)
    with open_table(path, probe) as table:
        header = table.header
        records = [one.fields for one in table.rows() if isinstance(one, TableRecord)][:_SAMPLE_ROWS]
    at = _columns(header, records, draft, settlement=settlement)
    _time(at, records, draft)
    _amount(header, at, records, draft)
    for member, constant in () if settlement else _CONSTANTS:
        if member not in at:
            draft.say("constants", member, constant, f"no column is called like a {member}")
    text = draft.text()
    parse_mapping(text, f"proposed for {path}", departments=not settlement)
    return text


def _format(path: Path, draft: _Draft) -> Format:
    """Encoding, delimiter and skip of a text; of a workbook, the skip."""
    try:
        with path.open("rb") as file:
            start = file.read(_SAMPLE_BYTES)
            kind = kind_of(path, start)
        if kind == "gzip":
            with gzip.open(path) as unpacked:
                start = unpacked.read(_SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise SpendlogError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if kind == "workbook":
        skip = _skip_of_workbook(path)
        if skip:
            draft.say("file", "skip", skip)
        return Format(skip=skip)
    encoding = _encoding(start)
    mark, marked = mark_of(start) or (b"", encoding or "utf-8")
    text = start[len(mark) :].decode(marked, "replace")
    lines = text.splitlines(keepends=True)[:_SAMPLE_ROWS]
    sep = delimiter_said(lines[0]) if lines else None
    body = lines[1:] if sep else lines
    delimiter = sep or _delimiter(body)
    skip = _skip([list(row) for row in csv.reader(body, delimiter=delimiter)])
    if not sep and delimiter != ",":
        draft.say("file", "delimiter", delimiter)
    if skip:
        draft.say("file", "skip", skip)
    if encoding:
        draft.say("file", "encoding", encoding, "guessed from the bytes; look at names with accents")
    ragged = _ragged(list(csv.reader(body[skip:], delimiter=delimiter)))
    if ragged:
        draft.say("file", "ragged", ragged)
    return Format(delimiter=None if sep else delimiter, encoding=encoding, skip=skip, ragged=ragged or "list")


def _encoding(start: bytes) -> str | None:
    """None: UTF-8, or what the byte order mark says."""
    if mark_of(start):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(start, cp_isolation=_ENCODINGS).best()
        return best.encoding if best else "cp1252"
    return wide_without_mark(start)


def _delimiter(lines: Sequence[str]) -> str:
    """The one by which most lines have the same number of fields, and more than one."""

    def fit(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1)
        width, count = max(widths.items(), key=lambda found: (found[1], found[0]), default=(0, 0))
        return count, width

    return max(",;\t|", key=fit)


def _skip(rows: Sequence[Sequence[str]]) -> int:
    """Lines above the first row that knows at least two of the names, else above the first wide one."""
    known = {name for names in NAMES.values() for name in names} | {
        "amount",
        "currency",
        "betrag",
        "wkz umsatz",
    }
    for n, row in enumerate(rows[:_HEADER_LINES]):
        if sum(folded(text) in known for text in row) >= 2:
            return n
    width = max((len([text for text in row if text.strip()]) for row in rows[:_HEADER_LINES]), default=0)
    return next((n for n, row in enumerate(rows) if width and len([t for t in row if t.strip()]) == width), 0)


def _skip_of_workbook(path: Path) -> int:
    with open_table(path, Mapping(columns=Columns(time=1), time=Time(zone="UTC"))) as table:
        rows = [one for one in table.rows() if isinstance(one, TableRecord)][:_HEADER_LINES]
        first = TableRecord(table.header_line, table.header_line, table.header)
    all_rows = [first, *rows]
    return all_rows[_skip([row.fields for row in all_rows])].first - 1


def _ragged(rows: Sequence[Sequence[str]]) -> Literal["", "trim"]:
    """Empty fields past the header's in every wider row."""
    full = [row for row in rows if row]
    wider = [row[len(full[0]) :] for row in full[1:] if len(row) > len(full[0])] if full else []
    return "trim" if wider and not any(text.strip() for rest in wider for text in rest) else ""


def _columns(
    header: Sequence[str], records: Sequence[Sequence[str]], draft: _Draft, *, settlement: bool
) -> dict[str, int]:
    """Member -> index, each column once."""
    told = list(kinds(header, records))
    found = by_names(header, {kind.at for kind in told}, SETTLEMENT_NAMES if settlement else NAMES)
    ids = texts_of(records, found.get("row_id", (None,))[0])
    # Not unique, so no id; of a settlement a line that repeats another is found.
    if "row_id" in found and (not ids or (not settlement and len(set(ids)) < len(records))):
        del found["row_id"]
    if "time" not in found and "posted" in found:
        found["time"] = found.pop("posted")
    if "time" not in found or not {"amount", "debit"} & found.keys():
        raise SpendlogError(
            "no mapping can be proposed: no column is called like a date and an amount; the header has "
            f"{', '.join(masked(name)[:60] for name in header)}"
        )
    names = [folded(name) for name in header]
    for member, (n, doubt) in found.items():
        twice = names.count(names[n]) > 1
        doubt = f"the header has {header[n]!r} more than once" if twice else doubt
        draft.say("columns", member, n + 1 if twice else header[n], doubt)
    at = {member: n for member, (n, _) in found.items()}
    _kinds(header, told, texts_of(records, at.get("amount")), draft)
    return at


def _kinds(header: Sequence[str], told: Sequence[KindColumn], amounts: Sequence[str], draft: _Draft) -> None:
    """What columns say about rows: the direction, where amounts do not; else which of them count."""
    signed = any(mark in text for text in amounts for mark in "-\u2212(")
    for kind in told:
        if kind.is_direction and amounts and not signed and "direction" not in draft.tables:
            draft.say("columns", "direction", header[kind.at])
            draft.say(
                "direction", "purchase", kind.purchases or ["?"], "" if kind.purchases else "none in the file"
            )
            draft.say("direction", "refund", kind.refunds)
            continue
        kept = [value for value in kind.values if value not in kind.left_out]
        left = (
            f"left out are {', '.join(kind.left_out)}" if kind.left_out else "is each a purchase or refund?"
        )
        draft.only(header[kind.at], kept or ["?"], left)


def _time(at: dict[str, int], records: Sequence[Sequence[str]], draft: _Draft) -> None:
    for member, key in (("time", "format"), ("posted", "posted_format")):
        texts = texts_of(records, at.get(member))
        if not texts:
            continue
        fits = {pattern: sum(is_date(text, pattern) for text in texts) for pattern in _DATES}
        best = [pattern for pattern, count in fits.items() if count == max(fits.values())]
        doubt = f"{texts[0]} may be {best[1]}, too" if len(best) > 1 else ""
        if not fits[best[0]]:
            doubt = f"no known format: {texts[0]}"
        draft.say("time", key, best[0], doubt)
    draft.say("time", "zone", "UTC", "the zone of times that carry none, and of the months of budgets")


def _amount(
    header: Sequence[str], at: dict[str, int], records: Sequence[Sequence[str]], draft: _Draft
) -> None:
    texts = [text for member in ("amount", "debit", "credit") for text in texts_of(records, at.get(member))]
    currencies = Counter(text.upper() for text in texts_of(records, at.get("currency")))
    currency = next(iter(currencies), None) or next(iter(symbols_in(texts)), None)
    if "currency" not in at:
        draft.say(
            "constants", "currency", currency or "USD", "" if currency else "nothing in the file says it"
        )
    currency = currency or "USD"
    read = [(signs, values(texts, currency, signs)) for signs in SIGNS]
    most = max(len(texts) - found.count(None) for _, found in read)
    best = [(signs, found) for signs, found in read if len(texts) - found.count(None) == most]
    signs, found = best[0]
    other = next((them for them, theirs in best if theirs != found), None)
    doubt = f"decimal {other.decimal!r} and thousands {other.thousands!r} would read as many" if other else ""
    if most < len(texts):
        doubt = f"no signs read all amounts; these read {most} of {len(texts)}"
    draft.say("amount", "decimal", signs.decimal, doubt)
    if signs.thousands:
        draft.say("amount", "thousands", signs.thousands)
    if signs.grouping != "three":
        draft.say("amount", "grouping", signs.grouping)
    _refund(at, found, texts, draft)
    name = folded(header[at["amount"]]) if "amount" in at else ""
    if all(map(is_whole, texts)):
        if any(word in name for word in ("minor", "cents", "pence")):
            draft.say("amount", "unit", "minor")
        elif seem_minor(texts, currency):
            draft.say("amount", "unit", "major", "no amount has decimals: are they minor units?")


def _refund(at: dict[str, int], found: Sequence[int | None], texts: Sequence[str], draft: _Draft) -> None:
    """Which sign money has that came back; nothing where all have one sign."""
    by_sign = zip(texts, found, strict=True)
    signed = [value for text, value in by_sign if value and not says_credit_or_debit(text)]
    negative = sum(value < 0 for value in signed)
    if "amount" not in at:
        if any(text[:1] in "-\u2212" for text in texts):
            draft.say("amount", "refund", "positive", "purchases have a minus")
    elif negative * 2 >= len(signed) > 0 and negative:
        words = "most" if negative * 2 > len(signed) else "half of the"
        draft.say("amount", "refund", "positive", f"{words} amounts are negative, so those are the purchases")
    elif negative:
        draft.say("amount", "refund", "negative", "most amounts are positive, so those are the purchases")
