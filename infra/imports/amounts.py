"""Texts of amounts. A text is read by the whole of its pattern, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.numbers import get_currency_symbol

from infra.imports.mapping import Amount
from schemas.money import MINOR_MAX, exponent

_MINUS: Final = "-\u2212"  # hyphen, minus sign
_SPACES: Final = " \u00a0\u202f\u2009"  # what separates groups where a space does
_DIGITS_MAX: Final = len(str(MINOR_MAX))
_CREDIT_OR_DEBIT: Final = re.compile(r"(?<![A-Za-z])(CR|DR)\.?\Z", re.IGNORECASE | re.ASCII)
# Signs that several currencies share, or that are the currency's own only at home.
_SYMBOLS: Final = {
    "$": "USD CAD AUD NZD SGD HKD TWD MXN CLP COP ARS UYU BBD BSD BZD FJD JMD TTD XCD BMD KYD NAD LRD",
    "€": "EUR", "US$": "USD", "C$": "CAD", "A$": "AUD", "S$": "SGD", "R$": "BRL", "£": "GBP GIP FKP SHP EGP",
    "¥": "JPY CNY", "￥": "JPY CNY", "元": "CNY", "円": "JPY", "kr": "SEK NOK DKK ISK", "kr.": "DKK SEK",
    "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON", "₹": "INR", "Rs": "INR PKR LKR",
    "Rs.": "INR PKR LKR",
    "₺": "TRY", "₽": "RUB", "₴": "UAH", "R": "ZAR", "Fr.": "CHF", "SFr.": "CHF", "฿": "THB", "Rp": "IDR",
    "RM": "MYR", "лв.": "BGN", "₪": "ILS", "₩": "KRW", "₫": "VND", "₱": "PHP", "₦": "NGN",
}  # fmt: skip


# Decimal sign, thousands sign and grouping that exports have: any of them makes a text look like a number.
_WRITINGS: Final = (
    (".", ",", "three"), (",", ".", "three"), (".", "", "three"), (",", "", "three"), (",", " ", "three"),
    (".", "'", "three"), (".", " ", "three"), (".", ",", "indian"),
)  # fmt: skip


class BadAmount(ValueError):
    """Why a text is no amount; the message ends a sentence that begins with the column's name."""


def minor_units(text: str, currency: str, amount: Amount) -> int:
    """Signed minor units of `currency`: "(1,234.50)" is -123450 under decimal "." and thousands ",".

    Signs: a minus (also U+2212) in front or behind, brackets, a plus in front; CR or DR behind, which say
    that money came back or went, so that their sign is what `amount.refund` says. The currency's code or
    symbol in front or behind. Groups have three digits, under `grouping` "indian" two but for the last.
    Nothing is rounded, nothing is guessed.

    Raises:
        BadAmount: the text is something else, could be read in two ways, or is too large.
        ValueError: `currency` is none of ISO 4217.
    """
    digits = 0 if amount.unit == "minor" else exponent(currency)
    number, negative = _number(text.strip(), currency, amount.refund == "negative")
    match = _pattern(amount.decimal, amount.thousands, amount.grouping).fullmatch(number)
    if match is None:
        raise BadAmount(f"{text[:40]!r} is not a number{_hint(number, currency, amount)}")
    whole = re.sub(r"[^0-9]", "", match["whole"] or "0")
    fraction = match["fraction"] or ""
    if len(fraction) == 3 > digits and not match["grouped"] and match["whole"]:
        raise BadAmount(
            f"{text[:40]!r} may be {whole}{fraction} or {whole} and a fraction; {currency} has {digits} "
            f"digits behind the decimal sign. Say [amount] decimal and thousands"
        )
    if fraction.rstrip("0")[digits:]:
        raise BadAmount(f"{text[:40]} has more digits than {currency} has ({digits})")
    if (
        len(whole.lstrip("0")) > _DIGITS_MAX
        or (minor := int(whole + fraction[:digits].ljust(digits, "0"))) > MINOR_MAX
    ):
        raise BadAmount(f"{text[:40]} is larger than {MINOR_MAX} minor units")
    return -minor if negative else minor


def _number(text: str, currency: str, credit_is_negative: bool) -> tuple[str, bool]:
    """What is left without sign, brackets and currency, each at most once; and whether it is negative."""
    rest, signs, marks = text, 0, 0
    negative = False
    while True:
        before = rest
        if rest[:1] == "(" and rest[-1:] == ")":
            rest, signs, negative = rest[1:-1].strip(), signs + 1, True
        elif rest[:1] and rest[0] in _MINUS + "+":
            signs, negative, rest = signs + 1, rest[0] != "+", rest[1:].strip()
        elif rest[-1:] and rest[-1] in _MINUS:
            signs, negative, rest = signs + 1, True, rest[:-1].strip()
        elif rest[-1:] in ("R", "r", ".") and (word := _CREDIT_OR_DEBIT.search(rest)) is not None:
            signs, negative = signs + 1, (word[1][0] in "Cc") == credit_is_negative
            rest = rest[: word.start()].strip()
        else:
            for mark in _marks(currency):
                if rest.startswith(mark):
                    rest, marks = rest[len(mark) :].strip(), marks + 1
                    break
                if rest.endswith(mark):
                    rest, marks = rest[: -len(mark)].strip(), marks + 1
                    break
        if rest == before:
            return rest, negative
        if signs > 1 or marks > 1:
            raise BadAmount(f"{text[:40]!r} has more than one {'sign' if signs > 1 else 'currency'}")


def says_credit_or_debit(text: str) -> bool:
    """Whether CR or DR stands behind the amount."""
    return _CREDIT_OR_DEBIT.search(text.strip()) is not None


def symbols_in(texts: Iterable[str]) -> list[str]:
    """Currencies whose own symbol or code stands in every one of `texts`; none where it is shared."""
    plain = [text.strip(" -+()0123456789.,'\u2212\u2019\u00a0\u202f\u2009") for text in texts]
    if not plain or len(set(plain)) != 1:
        return []
    mark = plain[0]
    codes = _SYMBOLS.get(mark, mark.upper() if len(mark) == 3 else "").split()
    return codes if len(codes) == 1 and _is_currency(codes[0]) else []


def _is_currency(code: str) -> bool:
    try:
        exponent(code)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=512)
def _marks(currency: str) -> tuple[str, ...]:
    """Code and symbols of a currency, the longest first."""
    own = {symbol for symbol, codes in _SYMBOLS.items() if currency in codes.split()}
    found = own | {currency, currency.lower(), get_currency_symbol(currency, locale="en_US")}
    return tuple(sorted(found, key=len, reverse=True))


@lru_cache(maxsize=32)
def _pattern(decimal: str, thousands: str, grouping: str = "three") -> re.Pattern[str]:
    if thousands:
        group = (
            f"[{_SPACES}]" if thousands == " " else "['\u2019]" if thousands == "'" else re.escape(thousands)
        )
        first, between = ("{0,2}", "{3}") if grouping == "three" else ("{0,1}", "{2}")
        groups = f"(?:[0-9]{between}(?P=sign))*[0-9]{{3}}"
        whole = f"(?P<grouped>[1-9][0-9]{first}(?P<sign>{group}){groups})|[0-9]+"
    else:
        whole = "(?P<grouped>(?!))|[0-9]+"  # never grouped
    return re.compile(f"(?P<whole>{whole})?(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?(?<=[0-9])")


def _hint(number: str, currency: str, amount: Amount) -> str:
    """Which currency or which signs the text seems to have; empty where nothing is known."""
    for symbol, codes in _SYMBOLS.items():
        if currency not in codes.split() and not symbol.isalpha() and symbol in number:
            return f": it has {symbol}, the currency of the row is {currency}"
    if any(_pattern(*signs).fullmatch(number) for signs in _WRITINGS):
        grouping = ' and grouping "indian"' if amount.grouping == "indian" else ""
        return f" under decimal {amount.decimal!r} and thousands {amount.thousands!r}{grouping}"
    return ""


def decimal_text(value: float | int, decimal: str) -> str:
    """A number cell of a spreadsheet as it is shown: 15 significant digits, no exponent."""
    return f"{Decimal(f'{value:.15g}'):f}".replace(".", decimal)
