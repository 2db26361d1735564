"""Texts from outside: what may be in them."""

from __future__ import annotations

import re
import unicodedata

_DIGIT_RUNS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")


def plain(text: str) -> str:
    """`text` itself. Raises ValueError for control characters (PostgreSQL cannot store NUL, and a log or
    terminal must not be steered by a merchant's name) and for halves of surrogate pairs."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise ValueError("must not contain control characters")
    return text


def no_card_number(text: str) -> str:
    """`text` itself. Raises ValueError when 13 to 19 digits in it pass the Luhn check of card numbers
    (ISO/IEC 7812-1): card numbers stay out of this system, so send the processor's token."""
    for run in _DIGIT_RUNS.findall(text):
        if _luhn(re.sub(r"[ -]", "", run)):
            raise ValueError("must not contain a card number; send the processor's token")
    return text


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
