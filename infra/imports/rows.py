"""From the fields of a line to a row that can be played, or the reason why it cannot."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from sys import intern
from typing import Final

import msgspec

from infra.errors import SpendlogError
from infra.imports.amounts import BadAmount, minor_units
from infra.imports.departments import Departments
from infra.imports.header import looks_like_header, place, places
from infra.imports.mapping import Direction, Mapping
from infra.imports.records import TableRecord, Unreadable
from infra.imports.row import BadRow, Row, Unusable
from infra.imports.table import DateCell, LongNumberCell, Table, open_table, pad
from infra.imports.timestamps import moment
from schemas.card_numbers import has_card_number, masked
from schemas.ids import is_name
from schemas.money import exponent
from schemas.names import folded
from schemas.terms import zone_of

NAME_MAX: Final = 100
ID_MAX: Final = 100  # identifiers may have 128; ours has a prefix
MERCHANT_MAX: Final = 200
_SHORTENED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]+")
_MCC: Final = re.compile(r"[0-9]{4}")
_DIGITS: Final = re.compile(r"[0-9]{1,3}")
# How far below its first line a header is looked for, to say what `skip` must be.
_HEADER_SOUGHT_LINES: Final = 50


class Reader:
    """Reads an export row by row."""

    def __init__(
        self, mapping: Mapping, header: Sequence[str], line: int = 1, *, ids_repeat: bool = False
    ) -> None:
        """`ids_repeat`: rows with the same id are read, too; who reads them says what they are.

        Raises:
            SpendlogError: a column of the mapping is not in the header, or twice.
        """
        self._mapping = mapping
        self._ids_repeat = ids_repeat
        self._width = len(header)
        self._at = places(mapping.columns, header, line)
        self._only = [
            (place(f"only.{n}.column", one.column, header, line), header, set(map(folded, one.values)))
            for n, one in enumerate(mapping.only, start=1)
        ]
        self._refund_by_word = _by_word(mapping.direction)
        self._zone = zone_of(mapping.time.zone)
        self._departments = Departments()
        self._lines: dict[str, int] = {}

    def read(self, line: int, fields: Sequence[str]) -> Row | Unusable:
        padded = pad(fields, self._width, self._mapping.file.ragged)
        if isinstance(padded, str):
            return Unusable(line, padded, fields)
        try:
            return self._row(line, padded)
        except BadRow as bad:
            return Unusable(line, masked(str(bad)), fields)

    def _row(self, line: int, fields: Sequence[str]) -> Row:
        mapping, constants = self._mapping, self._mapping.constants
        self._require_counted(fields)
        id_ = self._required(fields, "row_id", ID_MAX) if mapping.columns.row_id else f"line-{line}"
        organization = self._text(fields, "organization") or constants.organization
        if not is_name(organization):
            raise BadRow(
                f"organization {organization[:70]!r} has other than A-Z a-z 0-9 . _ -, or is too long"
            )
        _require_id(id_, "row_id")
        _require_id(organization, "organization")
        name = self._required(fields, "department", NAME_MAX, constants.department)
        currency = self._currency(fields)
        minor, refund = self._money(fields, currency)
        at = self._moment(self._required(fields, "time"), "time", mapping.time.format)
        card = self._required(fields, "card", ID_MAX, constants.card)
        _require_id(name, "department")
        _require_id(card, "card")
        row = Row(
            line=line,
            id=id_,
            organization=intern(organization),
            department="",
            department_name="",
            card=card,
            merchant=intern(masked(self._required(fields, "merchant", MERCHANT_MAX, constants.merchant))),
            mcc=self._mcc(fields),
            minor=minor,
            currency=intern(currency),
            at=at,
            posted_at=self._posted_at(fields, at),
            refund=refund,
            authorization=self._authorization(fields),
        )
        # Last, so that a row that is refused leaves nothing behind.
        if not self._ids_repeat and (first := self._lines.setdefault(id_, line)) != line:
            raise BadRow(f"row id {id_} is on line {first} already")
        department, name = self._departments.of(organization, name)
        if "card" not in self._at:
            card = card.replace("{department}", department)
        return msgspec.structs.replace(
            row, department=intern(department), department_name=intern(name), card=intern(card)
        )

    def _authorization(self, fields: Sequence[str]) -> str | None:
        if "authorization" not in self._at or not self._text(fields, "authorization"):
            return None
        text = self._required(fields, "authorization", ID_MAX)
        _require_id(text, "authorization")
        return text

    def _require_counted(self, fields: Sequence[str]) -> None:
        for at, header, values in self._only:
            if folded(fields[at]) not in values:
                raise BadRow(
                    f"{header[at][:60]} is {masked(fields[at].strip())[:40]!r}: [[only]] leaves it out"
                )

    def _text(self, fields: Sequence[str], member: str) -> str:
        """What stands in the column, runs of spaces and line breaks as one space; empty if it has none."""
        at = self._at.get(member)
        if at is None:
            return ""
        text = fields[at]
        if isinstance(text, DateCell):
            return text
        if isinstance(text, LongNumberCell):
            raise BadRow(
                f"{member} is a number of more than 15 digits, which no spreadsheet keeps: make it text"
            )
        if text.isascii() and text.isprintable():
            return text.strip() if "  " not in text else " ".join(text.split())
        text = " ".join(text.split())
        _require_text(text, member)
        return text

    def _required(
        self, fields: Sequence[str], member: str, length_max: int = ID_MAX, constant: str | None = None
    ) -> str:
        text = self._text(fields, member) or constant
        if not text:
            raise BadRow(f"{member} is missing")
        if not text.isascii() and not folded(text):
            raise BadRow(f"{member} shows nothing")
        if len(text) > length_max:
            raise BadRow(f"{member} has {len(text)} characters, more than {length_max}")
        return text

    def _mcc(self, fields: Sequence[str]) -> str | None:
        text = self._text(fields, "mcc")
        if not text:
            return None
        if _DIGITS.fullmatch(text):  # a spreadsheet took the zeros in front away
            text = text.zfill(4)
        if not _MCC.fullmatch(text):
            raise BadRow(f"mcc {masked(text)[:20]!r} is not four digits (0-9)")
        return intern(text)

    def _currency(self, fields: Sequence[str]) -> str:
        text = self._text(fields, "currency") or self._mapping.constants.currency
        if not text:
            raise BadRow("currency is missing")
        currency = text.upper() if text.isascii() else text
        try:
            exponent(currency)
        except ValueError as unknown:
            raise BadRow(str(unknown)) from None
        return currency

    def _money(self, fields: Sequence[str], currency: str) -> tuple[int, bool]:
        """Minor units above zero, and whether it came back."""
        if "debit" in self._at:
            return self._debit_or_credit(fields, currency)
        signed = self._signed(fields, "amount", currency)
        if not signed:
            raise BadRow("amount is zero")
        if "direction" in self._at:
            return self._unsigned("amount", signed, self._is_refund(fields))
        return abs(signed), (signed < 0) == (self._mapping.amount.refund == "negative")

    def _is_refund(self, fields: Sequence[str]) -> bool:
        text = self._text(fields, "direction")
        refund = self._refund_by_word.get(folded(text))
        if refund is None:
            raise BadRow(f"direction {masked(text)[:40]!r} is none of [direction] purchase and refund")
        return refund

    def _unsigned(self, member: str, signed: int, refund: bool) -> tuple[int, bool]:
        """The amount where a column says the direction: the sign, if exports put one, must agree."""
        minus = not refund and self._mapping.amount.refund == "positive"
        if (signed < 0) != minus:
            raise BadRow(
                f"{member} is positive: by [amount] refund purchases have a minus"
                if minus
                else f"{member} is negative: the column says the direction already"
            )
        return abs(signed), refund

    def _debit_or_credit(self, fields: Sequence[str], currency: str) -> tuple[int, bool]:
        """A row fills one of the two; the other is empty or zero."""
        found = {
            member: self._signed(fields, member, currency)
            for member in ("debit", "credit")
            if self._text(fields, member)
        }
        filled = {member: signed for member, signed in found.items() if signed}
        if len(filled) == 2:
            raise BadRow("debit and credit are both filled: is it a purchase or a refund?")
        if not filled:
            raise BadRow("amount is zero" if found else "debit and credit are both empty")
        ((member, signed),) = filled.items()
        return self._unsigned(member, signed, member == "credit")

    def _signed(self, fields: Sequence[str], member: str, currency: str) -> int:
        text = self._text(fields, member)
        if not text:
            raise BadRow(f"{member} is missing")
        try:
            return minor_units(text, currency, self._mapping.amount)
        except BadAmount as bad:
            _require_id(text, member)
            raise BadRow(f"{member} {bad}") from None

    def _moment(self, text: str, member: str, pattern: str) -> datetime:
        try:
            return moment(text, "iso" if isinstance(text, DateCell) else pattern, self._zone)
        except ValueError as bad:
            raise BadRow(f"{member} {masked(text)[:40]!r} is {bad}") from None

    def _posted_at(self, fields: Sequence[str], at: datetime) -> datetime:
        """Never before the purchase: the posting date of the same day is its start."""
        text = self._text(fields, "posted")
        if not text:
            return at
        return max(at, self._moment(text, "posted", self._mapping.time.posted_format))


def _by_word(words: Direction | None) -> dict[str, bool]:
    """Text of the direction's column -> whether it is a refund."""
    if words is None:
        return {}
    return {folded(text): False for text in words.purchase} | {folded(text): True for text in words.refund}


def _require_id(text: str, member: str) -> None:
    """An id is not masked: two cards with the same last four digits would become one."""
    if _SHORTENED.fullmatch(text):
        raise BadRow(f"{member} {text} is a number that a spreadsheet shortened, so others may look the same")
    if has_card_number(text):
        raise BadRow(
            f"{member} {masked(text)[:40]} is a card number, and none is stored: use the processor's token"
        )


def _require_text(text: str, member: str) -> None:
    """Surrogates and U+FFFD are bytes that were no text; control characters are no part of a name."""
    for letter in text:
        category = unicodedata.category(letter)
        if category == "Cs" or letter == "\ufffd":
            raise BadRow(f"{member} is not text in the file's encoding; [file] encoding may say another")
        if category in ("Cc", "Cn") or letter in "\u2028\u2029":
            raise BadRow(f"{member} has the control character U+{ord(letter):04X}")


@contextmanager
def open_rows(
    path: Path, mapping: Mapping, limit_rows: int | None = None, *, ids_repeat: bool = False
) -> Iterator[tuple[Table, Iterator[Row | Unusable]]]:
    """The export and its rows, in the file's order; `table.account` is whole when all rows were taken.

    `ids_repeat`: as of Reader.

    Raises:
        SpendlogError: the file cannot be read, is empty, lacks a column, or has one twice.
    """
    with open_table(path, mapping) as table:
        try:
            reader = Reader(mapping, table.header, table.header_line, ids_repeat=ids_repeat)
        except SpendlogError as error:
            raise SpendlogError(f"{path}: {error}{_header_below(table, mapping)}") from None
        yield table, _rows(table, reader, limit_rows)


def _rows(table: Table, reader: Reader, limit_rows: int | None) -> Iterator[Row | Unusable]:
    for n, record in enumerate(table.rows(), start=1):
        yield _read(reader, record)
        if n == limit_rows:
            table.account.unread = True
            return


def _read(reader: Reader, record: TableRecord | Unreadable) -> Row | Unusable:
    if isinstance(record, Unreadable):
        return Unusable(record.first, record.reason)
    return reader.read(record.first, record.fields)


def read_rows(path: Path, mapping: Mapping, limit_rows: int | None = None) -> Iterator[Row | Unusable]:
    """`open_rows`, for those who want no more than the rows."""
    with open_rows(path, mapping, limit_rows) as (_, rows):
        yield from rows


def read_header(path: Path, mapping: Mapping) -> list[str]:
    """The file's own header line. Raises SpendlogError as `open_rows` does."""
    with open_rows(path, mapping) as (table, _):
        return table.header


def _header_below(table: Table, mapping: Mapping) -> str:
    """Where the header may be instead; or which delimiter the line that was read has."""
    try:
        for record in islice(table.rows(), _HEADER_SOUGHT_LINES):
            if isinstance(record, TableRecord) and looks_like_header(mapping.columns, record.fields):
                skip = record.first - 1 - table.account.sep
                return f". Line {record.first} has all of them: say [file] skip = {skip}"
    except SpendlogError:
        pass  # what is wrong below is not what is asked
    if any("\udc80" <= letter <= "\udcff" or letter == "\ufffd" for letter in "".join(table.header)):
        return ". It is not text in the file's encoding: [file] encoding may say another"
    if len(table.header) == 1:
        others = ";\t|," + "".join(letter for letter in table.header[0] if letter in "^~#:!*\x1f")
        for delimiter in others.replace(table.delimiter, ""):
            if looks_like_header(mapping.columns, table.header[0].split(delimiter)):
                return f". It may be delimited: [file] delimiter = {delimiter!r}"
    return ""
