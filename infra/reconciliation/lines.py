"""A line of a settlement file, whatever its format; and what every reader asks of texts, ids and amounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

import msgspec

from infra.imports.row import BadRow, Unusable
from schemas.card_numbers import has_card_number, masked
from schemas.entrance import YEARS
from schemas.money import MINOR_MAX, exponent

FileFormat = Literal["csv", "camt", "iso8583", "ofx"]
ID_MAX: Final = 128
MERCHANT_MAX: Final = 200
# A decimal text of more characters than this is no amount of MINOR_MAX in any currency.
_AMOUNT_TEXT_MAX: Final = 40


class SettlementLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the processor says that it settled.

    `number`: the line (CSV) or the entry (other formats), from 1. `minor`: minor units of `currency`, above
    zero; `refund`: it came back. `day`: when the processor booked it; `bought`: the purchase's own day.
    `reference`: the processor's own (an ARN, a transaction's id); `authorization`: the payment's id.
    """

    number: int
    refund: bool
    minor: int
    currency: str
    day: date
    bought: date | None = None
    reference: str | None = None
    authorization: str | None = None
    card: str | None = None
    merchant: str | None = None


@dataclass(slots=True)
class SettlementFile:
    """A file that is being read; `account` sums up to all of it when `lines` has been taken to its end.

    `account`: what became of a line or entry (`used`, `refused`, `header`, ...) -> how many.
    """

    format: FileFormat
    lines: Iterator[SettlementLine | Unusable]
    account: Counter[str] = field(default_factory=Counter)


def identifier(text: str | None, name: str) -> str | None:
    """An id as it stands; None where there is none. Raises BadRow where it must not be kept."""
    text = " ".join((text or "").split())
    if not text:
        return None
    if has_card_number(text):
        raise BadRow(f"{name} {masked(text)[:40]} is a card number, and none is stored: ask for tokens")
    if len(text) > ID_MAX:
        raise BadRow(f"{name} has {len(text)} characters, more than {ID_MAX}")
    if not text.isprintable():
        raise BadRow(f"{name} has characters that cannot be shown")
    return text


def card_token(text: str | None) -> str | None:
    """The card's token. A card number is none: the line is matched without its card."""
    text = (text or "").strip()
    return None if not text or has_card_number(text) or "*" in text else identifier(text, "card")


def merchant_name(text: str | None) -> str | None:
    """A merchant's name, card numbers masked, cut to what is kept."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text or "")
    return masked(" ".join(shown.split()))[:MERCHANT_MAX] or None


def currency_code(text: str | None) -> str:
    """A currency with minor units. Raises BadRow."""
    if not text:
        raise BadRow("currency is missing: the account or the entry must name one")
    try:
        exponent(text)
    except ValueError as unknown:
        raise BadRow(f"currency: {unknown}") from None
    return text


def signed_minor(text: str | None, currency: str) -> int:
    """Signed minor units of a decimal text with a point. Raises BadRow where it is none."""
    text = (text or "").strip()
    try:
        if not text.isascii() or "_" in text or "E" in text.upper() or len(text) > _AMOUNT_TEXT_MAX:
            raise InvalidOperation
        minor = Decimal(text).scaleb(exponent(currency))
        if not minor.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise BadRow(f"amount {text[:40]!r} is not a decimal number such as 12.50") from None
    if minor != minor.to_integral_value():
        raise BadRow(f"amount {text} has more digits than {currency} has ({exponent(currency)})")
    return bounded(int(minor))


def bounded(minor: int) -> int:
    """`minor` where it is an amount. Raises BadRow."""
    if not minor:
        raise BadRow("amount is zero")
    if abs(minor) > MINOR_MAX:
        raise BadRow(f"amount is larger than {MINOR_MAX} minor units")
    return minor


def plausible(day: date, name: str) -> date:
    """`day` where an event could have it. Raises BadRow."""
    if day.year not in YEARS:
        raise BadRow(f"{name} {day} is outside of the years {YEARS[0]} to {YEARS[-1]}")
    return day
