"""The mapping file: which column of a card export means what. mappings/birmingham.toml explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from infra.errors import SpendlogError
from schemas.ids import is_name
from schemas.money import exponent

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file is written."""

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    encoding: Text = "utf-8-sig"


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Names of columns, as the header has them."""

    department: Text
    card: Text
    amount: Text
    time: Text
    merchant: Text
    row_id: Text | None = None
    mcc: Text | None = None
    posted: Text | None = None
    currency: Text | None = None
    organization: Text | None = None


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format`: "iso", or strptime's codes. `zone`: of times that carry none, and of the budgets' months."""

    zone: Text
    format: Text = "iso"
    posted_format: Text = "iso"


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unit`: "minor" (pence) or "major" (pounds). `refund`: which sign says that money came back."""

    unit: Literal["minor", "major"] = "major"
    refund: Literal["negative", "positive"] = "negative"
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str, msgspec.Meta(max_length=1)] = ""


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same in all rows, or stands in for what a row does not have."""

    organization: Text = "imported"
    currency: Text | None = None
    merchant: Text | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping file."""

    columns: Columns
    time: Time
    amount: Amount = Amount()
    constants: Constants = Constants()
    file: Format = Format()


def read_mapping(path: Path) -> Mapping:
    """Raises SpendlogError with one line that says what is wrong where."""
    try:
        mapping = msgspec.toml.decode(path.read_bytes(), type=Mapping)
        _require(mapping)
    except OSError as error:
        raise SpendlogError(f"the mapping {path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # also msgspec's and TOML's own
        raise SpendlogError(f"the mapping {path} is wrong: {error}") from None
    return mapping


def _require(mapping: Mapping) -> None:
    """Raises ValueError where members contradict each other or name what does not exist."""
    if mapping.columns.currency is None and mapping.constants.currency is None:
        raise ValueError("give columns.currency or constants.currency")
    if mapping.constants.currency is not None:
        exponent(mapping.constants.currency)
    if not is_name(mapping.constants.organization):
        raise ValueError(
            f"constants.organization {mapping.constants.organization!r} has other than A-Z a-z 0-9 . _ -"
        )
    if mapping.amount.thousands == mapping.amount.decimal:
        raise ValueError("amount.thousands and amount.decimal are the same")
    try:
        ZoneInfo(mapping.time.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time.zone {mapping.time.zone!r} is not an IANA time zone") from None
    try:
        "".encode(mapping.file.encoding)
    except LookupError:
        raise ValueError(f"file.encoding {mapping.file.encoding!r} is not known") from None
