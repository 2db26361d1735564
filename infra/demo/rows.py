"""From a line of a card export to a row that can be played, or the reason why it cannot."""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import Final, TextIO
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec

from infra.demo.mapping import Mapping
from infra.errors import SpendlogError
from schemas.ids import is_name
from schemas.money import MINOR_MAX, exponent

NAME_MAX: Final = 100
ID_MAX: Final = 100  # identifiers may have 128; ours has a prefix
MERCHANT_MAX: Final = 200
_DIGITS_MAX: Final = len(str(MINOR_MAX))
_MCC = re.compile(r"\d{4}")
_DIGITS = re.compile(r"\d{1,3}")


class Row(msgspec.Struct, frozen=True, gc=False):
    """A usable row. `minor`: minor units, above zero. `posted_at`: when it is cleared. Times are UTC."""

    line: int
    id: str
    organization: str
    department: str
    department_name: str
    card: str
    merchant: str
    mcc: str | None
    minor: int
    currency: str
    at: datetime
    posted_at: datetime
    refund: bool


class Unusable(msgspec.Struct, frozen=True):
    """A line that cannot be played. `fields`: the line as it stands in the file."""

    line: int
    reason: str
    fields: Sequence[str] = ()


class _Bad(ValueError):
    """Why a row cannot be used."""


class Departments:
    """Names to ids: what differs in case or spacing only is one department; ids never collide."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def of(self, organization: str, text: str) -> tuple[str, str]:
        """The department's id and its name as it was first written."""
        name = " ".join(text.split())
        key = (organization, name.casefold())
        found = self._ids.get(key)
        if found is None:
            found = slug(name)
            if (organization, found) in self._names:  # "A & B" and "A-B"
                found = f"{found[:55]}-{crc32(key[1].encode()):08x}"
            self._ids[key] = found
            self._names[organization, found] = name
        return found, self._names[organization, found]


def slug(name: str) -> str:
    """An id of a-z, 0-9 and hyphens, at most 64: `EDUCATION & SKILLS` -> education-skills."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    return found or f"department-{crc32(name.casefold().encode()):08x}"


class Reader:
    """Reads an export row by row."""

    def __init__(self, mapping: Mapping, header: Sequence[str]) -> None:
        """Raises SpendlogError where a column of the mapping is not in the header."""
        self._mapping = mapping
        self._width = len(header)
        self._at = {}
        for member in mapping.columns.__struct_fields__:
            column = getattr(mapping.columns, member)
            if column is None:
                continue
            if column not in header:
                raise SpendlogError(
                    f"the file has no column {column!r} (columns.{member} of the mapping); it has "
                    f"{', '.join(header)}"
                )
            self._at[member] = header.index(column)
        self._zone = ZoneInfo(mapping.time.zone)
        self._departments = Departments()
        self._lines: dict[str, int] = {}

    def read(self, line: int, fields: Sequence[str]) -> Row | Unusable:
        try:
            return self._row(line, fields)
        except _Bad as bad:
            return Unusable(line, str(bad), fields)

    def _row(self, line: int, fields: Sequence[str]) -> Row:
        if len(fields) != self._width:
            raise _Bad(f"it has {len(fields)} fields, the header {self._width}")
        mapping = self._mapping
        id_ = self._bounded(fields, "row_id", ID_MAX) if mapping.columns.row_id else f"line-{line}"
        organization = self._text(fields, "organization") or mapping.constants.organization
        if not is_name(organization):
            raise _Bad(f"organization {organization[:70]!r} has other than A-Z a-z 0-9 . _ -, or is too long")
        name = self._bounded(fields, "department", NAME_MAX)
        currency = self._text(fields, "currency") or mapping.constants.currency or ""
        minor, refund = self._money(fields, currency)
        at = self._moment(self._required(fields, "time"), "time", mapping.time.format)
        row = Row(
            line=line,
            id=id_,
            organization=intern(organization),
            department="",
            department_name="",
            card=intern(self._bounded(fields, "card", ID_MAX)),
            merchant=intern(self._merchant(fields)),
            mcc=self._mcc(fields),
            minor=minor,
            currency=intern(currency),
            at=at,
            posted_at=self._posted_at(fields, at),
            refund=refund,
        )
        # Last, so that a row that is refused leaves nothing behind.
        first = self._lines.setdefault(id_, line)
        if first != line:
            raise _Bad(f"row id {id_} is on line {first} already")
        department, name = self._departments.of(organization, name)
        return msgspec.structs.replace(row, department=intern(department), department_name=intern(name))

    def _text(self, fields: Sequence[str], member: str) -> str:
        """What stands in the column; empty where the mapping has none."""
        at = self._at.get(member)
        if at is None:
            return ""
        text = fields[at].strip()
        if not text.isascii():
            _require_utf8(text, member)
        return text

    def _required(self, fields: Sequence[str], member: str) -> str:
        text = self._text(fields, member)
        if not text:
            raise _Bad(f"{member} is missing")
        return text

    def _bounded(self, fields: Sequence[str], member: str, length_max: int) -> str:
        text = self._required(fields, member)
        if len(text) > length_max:
            raise _Bad(f"{member} has {len(text)} characters, more than {length_max}")
        return text

    def _merchant(self, fields: Sequence[str]) -> str:
        text = self._text(fields, "merchant") or self._mapping.constants.merchant
        if not text:
            raise _Bad("merchant is missing")
        if len(text) > MERCHANT_MAX:
            raise _Bad(f"merchant has {len(text)} characters, more than {MERCHANT_MAX}")
        return text

    def _mcc(self, fields: Sequence[str]) -> str | None:
        text = self._text(fields, "mcc")
        if not text:
            return None
        if _DIGITS.fullmatch(text):  # a spreadsheet took the zeros in front away
            text = text.zfill(4)
        if not _MCC.fullmatch(text):
            raise _Bad(f"mcc {text[:20]!r} is not four digits")
        return intern(text)

    def _money(self, fields: Sequence[str], currency: str) -> tuple[int, bool]:
        """Minor units above zero, and whether it came back."""
        if not currency:
            raise _Bad("currency is missing")
        try:
            digits = exponent(currency)
        except ValueError as unknown:
            raise _Bad(str(unknown)) from None
        text = self._required(fields, "amount")
        amount = self._mapping.amount
        if amount.thousands:
            text = text.replace(amount.thousands, "")
        if amount.decimal == ",":
            text = text.replace(",", ".")
        try:
            value = Decimal(text)
        except ArithmeticError:
            raise _Bad(f"amount {text[:40]!r} is not a number") from None
        if not value.is_finite():
            raise _Bad(f"amount {text[:40]!r} is not a number")
        if not value:
            raise _Bad("amount is zero")
        # The exponent first: 1E999999 can be compared, but not multiplied.
        minor = value if amount.unit == "minor" or value.adjusted() > _DIGITS_MAX else value.scaleb(digits)
        if abs(minor) > MINOR_MAX:
            raise _Bad(f"amount {text[:40]} is larger than {MINOR_MAX} minor units")
        if minor != minor.to_integral_value():
            raise _Bad(f"amount {text[:40]} has more digits than {currency} has ({digits})")
        return abs(int(minor)), (value < 0) == (amount.refund == "negative")

    def _moment(self, text: str, member: str, pattern: str) -> datetime:
        try:
            found = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
            if found.tzinfo is None:
                found = found.replace(tzinfo=self._zone)
            moment = found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Bad(f"{member} {text[:40]!r} is not a date ({pattern})") from None
        if not 1970 <= moment.year <= 2100:
            raise _Bad(f"{member} {text[:40]!r} is outside of the years 1970 to 2100")
        return moment

    def _posted_at(self, fields: Sequence[str], at: datetime) -> datetime:
        """Never before the purchase: the posting date of the same day is its start."""
        text = self._text(fields, "posted")
        if not text:
            return at
        return max(at, self._moment(text, "posted", self._mapping.time.posted_format))


def _require_utf8(text: str, member: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Bad(f"{member} is not text in the file's encoding") from None


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The file as text, gunzipped when its name ends with .gz; bytes that are no text become surrogates.

    Raises:
        SpendlogError: it cannot be read, or ends in the middle.
    """
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding=encoding, errors="surrogateescape", newline="") as text:
            yield text
    except (OSError, EOFError) as error:  # BadGzipFile is an OSError
        raise SpendlogError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_lines(text: TextIO, delimiter: str) -> Iterator[tuple[int, Sequence[str] | str]]:
    """Line number and fields; a text instead of fields says why a line is none. Empty lines are left out."""
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, f"not a line of CSV: {error}"
            continue
        if fields:
            yield reader.line_num, fields


def read_rows(path: Path, mapping: Mapping, limit_rows: int | None) -> Iterator[Row | Unusable]:
    """Every data row of the file, in its order.

    Raises:
        SpendlogError: the file cannot be read, is empty, or lacks a column.
    """
    with open_text(path, mapping.file.encoding) as text:
        lines = read_lines(text, mapping.file.delimiter)
        _, reader = _header(path, mapping, lines)
        for n, (line, fields) in enumerate(lines):
            if n == limit_rows:
                return
            yield Unusable(line, fields) if isinstance(fields, str) else reader.read(line, fields)


def read_header(path: Path, mapping: Mapping) -> list[str]:
    """The file's own header line.

    Raises:
        SpendlogError: the file cannot be read, is empty, or lacks a column of the mapping.
    """
    with open_text(path, mapping.file.encoding) as text:
        return _header(path, mapping, read_lines(text, mapping.file.delimiter))[0]


def _header(
    path: Path, mapping: Mapping, lines: Iterator[tuple[int, Sequence[str] | str]]
) -> tuple[list[str], Reader]:
    _, header = next(lines, (0, ""))
    if isinstance(header, str):
        raise SpendlogError(f"{path} has no header")
    return list(header), Reader(mapping, [name.strip() for name in header])


@lru_cache(maxsize=8192)
def _month_of_hour(hour: int, zone: str) -> str:
    return datetime.fromtimestamp(hour * 3600, ZoneInfo(zone)).strftime("%Y-%m")


def month_of(moment: datetime, zone: str) -> str:
    """The month YYYY-MM of `moment` in `zone`. Zones whose offset is no whole hour cost a little more."""
    hour, rest = divmod(int(moment.timestamp()), 3600)
    month = _month_of_hour(hour, zone)
    if rest and month != _month_of_hour(hour + 1, zone):
        return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m")
    return month


def month_start(month: str, zone: str) -> datetime:
    """The first moment of a month in `zone`, as UTC."""
    year, number = map(int, month.split("-"))
    return datetime(year, number, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def months_before(month: str, count: int) -> list[str]:
    """The `count` months before `month`, the nearest first."""
    year, number = map(int, month.split("-"))
    found = []
    for _ in range(count):
        year, number = (year - 1, 12) if number == 1 else (year, number - 1)
        found.append(f"{year:04d}-{number:02d}")
    return found
