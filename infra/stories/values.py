"""Values as a finance person writes them: `USD 120.00`, `2026-11-20T09:00:00Z`, `+3 days`, `each month`."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, get_args

from infra.stories.tokens import WordReader
from schemas.controls import PeriodKind
from schemas.money import Money, exponent

#: A time, or how long after (or before) the line it stands in.
When = datetime | timedelta

_NUMBER: Final = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_STEP: Final = re.compile(r"[+-]?[0-9]+")
_UNITS: Final = {
    unit + plural: timedelta(seconds=seconds)
    for unit, seconds in {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}.items()
    for plural in ("", "s")
}
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PERIODS: Final = tuple(kind for kind in get_args(PeriodKind) if kind != "lifetime")
_TIME: Final = "a time with its offset, such as 2026-11-20T09:00:00Z"


def is_currency(text: str | None) -> bool:
    return text is not None and _CURRENCY.fullmatch(text) is not None


def is_number(text: str | None) -> bool:
    return text is not None and _NUMBER.fullmatch(text) is not None


def number(reader: WordReader, expected: str = "an amount, such as 120.00") -> Decimal:
    """A decimal number; commas may part thousands."""
    word = reader.next(expected)
    if not is_number(word.text):
        reader.fail(word, expected)
    return Decimal(word.text.replace(",", ""))


def is_whole(text: str) -> bool:
    """Digits 0-9: `str.isdigit` takes those of every script."""
    return text.isascii() and text.isdigit()


def whole(reader: WordReader, expected: str) -> int:
    """A whole number from 0."""
    word = reader.next(expected)
    if not is_whole(word.text):
        reader.fail(word, expected)
    return int(word.text)


def digits(currency: str) -> int:
    """Those of its minor unit; 2 for a currency that does not exist, which a story may well send."""
    try:
        return exponent(currency)
    except ValueError:
        return 2


def minor(amount: Decimal, currency: str) -> int:
    """Raises ValueError when `currency` has fewer digits."""
    scaled = amount.scaleb(digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {digits(currency)} digits after the point")
    return int(scaled)


def money(reader: WordReader) -> Money:
    """A currency and an amount of it, `USD 120.00`."""
    code = reader.next("an amount, such as USD 120.00")
    if not is_currency(code.text):
        reader.fail(code, "an amount, such as USD 120.00")
    word = reader.words[reader.at] if reader.at < len(reader.words) else code
    fraction = word.text.partition(".")[2]
    if is_number(word.text) and len(fraction) > digits(code.text):  # 3.000 dollars: three, or three thousand?
        raise reader.place.error(
            word.column, f"{word.text!r}: {code.text} has {digits(code.text)} digits after the point"
        )
    try:
        return Money(minor(number(reader), code.text), code.text)
    except ValueError as error:
        raise reader.place.error(word.column, f"{word.text!r}: {error}") from None


def is_step(text: str | None) -> bool:
    """Whether a relative time begins here: `+3 days`."""
    return text is not None and text[:1] in ("+", "-") and _STEP.fullmatch(text) is not None


def duration(reader: WordReader) -> timedelta:
    """`3 days 2 hours`, `-1 minute`: the sign is for all of it."""
    word = reader.next("a number of days, hours ...")
    if _STEP.fullmatch(word.text) is None:
        reader.fail(word, "a whole number of days, hours ...")
    sign = -1 if word.text.startswith("-") else 1
    total = abs(int(word.text)) * _UNITS[reader.one_of(_UNITS, "a unit of time")]
    while (text := reader.peek()) is not None and is_whole(text):
        total += whole(reader, "a whole number") * _UNITS[reader.one_of(_UNITS, "a unit of time")]
    return sign * total


def moment(reader: WordReader) -> datetime:
    """RFC 3339. A time without an offset is refused: whose would it be?"""
    word = reader.next(_TIME)
    try:
        found = datetime.fromisoformat(word.text)
    except ValueError:
        reader.fail(word, _TIME)
    if found.tzinfo is None:
        raise reader.place.error(word.column, f"{word.text!r} tells no offset; expected {_TIME}")
    return found


def when(reader: WordReader) -> When:
    return duration(reader) if is_step(reader.peek()) else moment(reader)


def day(reader: WordReader) -> date:
    word = reader.next("a date, such as 2026-11-30")
    try:
        return date.fromisoformat(word.text)
    except ValueError:
        reader.fail(word, "a date, such as 2026-11-30")


def start(reader: WordReader) -> tuple[int, int]:
    """First day and first month of a period: `15`, `04-06` (month-day), or a weekday."""
    word = reader.next("a first day, such as 15, 04-06 or wed")
    if word.text in WEEKDAYS:
        return WEEKDAYS.index(word.text) + 1, 1
    found = re.fullmatch(r"(?:(\d\d)-)?(\d{1,2})", word.text, re.ASCII)
    if found is None:
        reader.fail(word, "a first day, such as 15, 04-06 (month-day) or wed")
    return int(found[2]), int(found[1] or 1)


def weekdays(reader: WordReader) -> tuple[int, ...]:
    """`mon-fri`, `mon,wed`, `none`: ISO weekdays."""
    word = reader.next("weekdays, such as mon-fri or mon,wed")
    if word.text == "none":
        return ()
    days: list[int] = []
    for item in word.items():
        first, _, last = item.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            reader.fail(word, "weekdays, such as mon-fri or mon,wed", WEEKDAYS)
        days += range(WEEKDAYS.index(first) + 1, WEEKDAYS.index(last or first) + 2)
    return tuple(days)


def text_list(reader: WordReader, expected: str) -> tuple[str, ...]:
    return reader.next(expected).items()
