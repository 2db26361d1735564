"""The mapping file: which column of a card export means what. docs/imports.md explains every member."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from infra.errors import SpendlogError
from infra.texts import read_text
from schemas.ids import is_name
from schemas.money import exponent
from schemas.names import folded
from schemas.terms import is_time_zone, no_time_zone

Text = Annotated[str, msgspec.Meta(min_length=1)]
# A name as the header has it, or a number from 1: for headers that name a column twice.
Column = Text | Annotated[int, msgspec.Meta(ge=1)]


class Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file is written. Lines and rows are counted from 1.

    `delimiter`: absent, that of a `sep=` line, else a comma. `encoding`: absent, that of the byte order mark,
    else UTF-8. `skip`: lines above the header. `ragged`: rows whose width is not the header's are listed;
    "trim" drops empty fields past it, "fill" takes missing ones as empty. `row_lines_max`: a row whose quoted
    fields run over more lines is taken for a quote that was never closed. `sheet`: of a workbook.
    """

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    encoding: Text | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    ragged: Literal["list", "trim", "fill", "both"] = "list"
    row_lines_max: Annotated[int, msgspec.Meta(ge=1)] = 20
    sheet: Text | None = None


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where each value stands. `amount`, or `debit` and `credit`: two columns of which a row fills one.

    `direction`: says of each row whether it is a purchase or a refund, in the words of [direction].
    `authorization`: the payment that a row settles; for settlement files alone.
    """

    time: Column
    department: Column | None = None
    card: Column | None = None
    amount: Column | None = None
    debit: Column | None = None
    credit: Column | None = None
    direction: Column | None = None
    merchant: Column | None = None
    row_id: Column | None = None
    authorization: Column | None = None
    mcc: Column | None = None
    posted: Column | None = None
    currency: Column | None = None
    organization: Column | None = None


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format`: "iso", or strptime's codes. `zone`: of times that carry none, and of the budgets' months."""

    zone: Text
    format: Text = "iso"
    posted_format: Text = "iso"


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unit`: "minor" (pence) or "major" (pounds). `refund`: which sign says that money came back.

    Where columns say the direction, amounts have no sign; under `refund` "positive" purchases have a minus.
    `grouping`: "indian" is 1,23,456.78.
    """

    unit: Literal["minor", "major"] = "major"
    refund: Literal["negative", "positive"] = "negative"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    grouping: Literal["three", "indian"] = "three"


class Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in `columns.direction`. A row with another text is listed."""

    purchase: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    refund: tuple[Text, ...] = ()


class Only(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows count: those with one of `values` in `column`. Others are listed."""

    column: Column
    values: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same in all rows, or stands in for what a row does not have.

    `card` may hold `{department}`: the department's id.
    """

    organization: Text = "imported"
    department: Text | None = None
    card: Text | None = None
    currency: Text | None = None
    merchant: Text | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping file. `budget_currency`: department's name -> currency of its budget."""

    columns: Columns
    time: Time
    amount: Amount = Amount()
    direction: Direction | None = None
    only: tuple[Only, ...] = ()
    constants: Constants = Constants()
    file: Format = Format()
    budget_currency: dict[str, str] = {}


def read_mapping(path: Path, *, departments: bool = True) -> Mapping:
    """`departments`: each row must have one; the files of processors name none.

    Raises:
        SpendlogError: with one line that says what is wrong where.
    """
    try:
        text = read_text(path)
    except SpendlogError as error:
        raise SpendlogError(f"the mapping {error}") from None
    return parse_mapping(text, str(path), departments=departments)


def parse_mapping(text: str, name: str, *, departments: bool = True) -> Mapping:
    """The mapping that stands in `text`; `name` is for the message of a SpendlogError."""
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
        if not departments:
            mapping = without_departments(mapping)
        _require(mapping)
    except ValueError as error:  # also msgspec's and TOML's own
        raise SpendlogError(f"the mapping {name} is wrong: {error}") from None
    return mapping


def without_departments(mapping: Mapping) -> Mapping:
    """The mapping of a file of a processor: what it may leave out is "-" in every row."""
    constants = mapping.constants
    given = {
        "department": constants.department or "-",
        "card": constants.card or "-",
        "merchant": constants.merchant or "-",
    }
    return msgspec.structs.replace(mapping, constants=msgspec.structs.replace(constants, **given))


_OR_CONSTANT: Final = ("department", "card", "merchant", "currency")
_ENCODING_NOT_READ: Final = re.compile(r"idna|punycode|undefined|unicode_escape|raw_unicode_escape|utf_?7")


def _require(mapping: Mapping) -> None:
    """Raises ValueError where members contradict each other or name what does not exist."""
    columns, constants = mapping.columns, mapping.constants
    for member in _OR_CONSTANT:
        if getattr(columns, member) is None and getattr(constants, member) is None:
            raise ValueError(f"give columns.{member} or constants.{member}")
    two = (columns.debit, columns.credit)
    if (columns.amount is None) == (two == (None, None)) or (columns.amount is None and None in two):
        raise ValueError("give columns.amount, or both columns.debit and columns.credit")
    if constants.currency is not None:
        exponent(constants.currency)
    _require_direction(mapping)
    _require_budget_currencies(mapping.budget_currency)
    if not is_name(constants.organization):
        raise ValueError(
            f"constants.organization {constants.organization!r} has other than A-Z a-z 0-9 . _ -"
        )
    if mapping.amount.thousands == mapping.amount.decimal:
        raise ValueError("amount.thousands and amount.decimal are the same")
    if mapping.amount.grouping == "indian" and not mapping.amount.thousands:
        raise ValueError('amount.grouping is "indian": say amount.thousands')
    if not is_time_zone(mapping.time.zone):
        raise ValueError(f"time.zone: {no_time_zone(mapping.time.zone)}")
    encoding = mapping.file.encoding or "utf-8"
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError):
        raise ValueError(f"file.encoding {encoding!r} is not known") from None
    if _ENCODING_NOT_READ.fullmatch(encoding.lower().replace("-", "_")):
        raise ValueError(f"file.encoding {encoding!r} is none of text files")


def _require_direction(mapping: Mapping) -> None:
    columns, words = mapping.columns, mapping.direction
    if (columns.direction is None) != (words is None):
        raise ValueError("columns.direction and [direction] go together: one is missing")
    if words is None:
        return
    if columns.amount is None:
        raise ValueError(
            "columns.debit and columns.credit say the direction already: leave columns.direction out"
        )
    both = {folded(text) for text in words.purchase} & {folded(text) for text in words.refund}
    if both:
        raise ValueError(f"direction: {min(both)!r} is among purchase and refund")


def _require_budget_currencies(chosen: dict[str, str]) -> None:
    for department, currency in chosen.items():
        try:
            exponent(currency)
        except ValueError as unknown:
            raise ValueError(f"budget_currency.{department!r}: {unknown}") from None
    if len({folded(department) for department in chosen}) < len(chosen):
        raise ValueError("budget_currency has a department twice, under names that look the same")
