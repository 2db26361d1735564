"""The day on a receipt, in the orders and words of several languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import dateparser
from rapidfuzz import fuzz

from infra.receipts.text_rows import label_of
from infra.receipts.vocabulary import WORDS

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pt", "sv")
_MONTH: Final = (
    r"(?:jan|feb|f[ée]v|m[aä]r|apr|abr|avr|ma[iyj]|mei|jun|juin|jui|jul|aug|ago|ao[uû]|sep|set|okt|oct|out|ott|nov|"
    r"de[czs]|d[ée]c|ene|gen|giu|lug|mag|mrt)[a-zéûäç]*\.?"
)
_YEAR: Final = r"(?:20\d\d|'?\d\d)(?=\D|\d{1,2}:|$)"
_ISO: Final = re.compile(r"(?<!\d)(20\d\d)[-/.年 ](\d{1,2})[-/.月 ](\d{1,2})(?!\d{3})")
_NUMBERS: Final = re.compile(rf"(?<![\d.,])(\d{{1,2}})\s?[-/.]\s?(\d{{1,2}})\s?[-/.]\s?({_YEAR})")
_WORDS: Final = (
    re.compile(
        rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|\.)?[\s\-/.]*(?:de )?({_MONTH})[\s\-/.,]*(?:de )?({_YEAR})",
        re.I,
    ),
    re.compile(rf"\b({_MONTH})[\s\-/.]*(\d{{1,2}})(?:st|nd|rd|th)?[\s,.\-/]+({_YEAR})", re.I),
)
_TIME: Final = re.compile(r"\d{1,2}[:.h]\d\d")
AGE_MAX: Final = timedelta(days=3 * 365)


@dataclass(frozen=True, slots=True)
class Day:
    """`other`: the day it is if day and month stand the other way round, where both could be."""

    day: date
    other: date | None = None


def day_of(texts: Sequence[str], *, received: date, month_first: bool) -> Day | None:
    """The likeliest of all days that stand on it; none that is after `received`,
    or older than three years."""
    best: tuple[int, int, Day] | None = None
    for number, text in enumerate(texts):
        label = label_of(text)
        weight = 2 * _tells(label, WORDS.day) - 4 * _tells(label, WORDS.other_day) + bool(_TIME.search(text))
        for found in _days(text, received, month_first=month_first):
            if best is None or (weight, -number) > best[:2]:
                best = (weight, -number, found)
    return None if best is None else best[2]


def _tells(label: str, names: tuple[str, ...]) -> bool:
    words = label.split()
    return any(name in words if " " not in name else name in label for name in names) or any(
        fuzz.ratio(word, name) >= 86 for word in words for name in names if len(name) >= 5
    )


def _days(text: str, received: date, *, month_first: bool) -> list[Day]:
    found: list[Day] = []
    for year, month, day in _ISO.findall(text):
        _add(found, [_day(int(year), int(month), int(day))], received)
    for first, second, year in _NUMBERS.findall(_ISO.sub(" ", text)):
        whole = int(year.strip("'")) + (2000 if len(year.strip("'")) == 2 else 0)
        by_month, by_day = _day(whole, int(first), int(second)), _day(whole, int(second), int(first))
        _add(found, [by_month, by_day] if month_first else [by_day, by_month], received)
    for pattern in _WORDS:
        for match in pattern.finditer(text):
            parsed = dateparser.parse(
                re.sub(r"[-/.,']", " ", " ".join(match.groups())),
                languages=list(LANGUAGES),
                settings={"REQUIRE_PARTS": ["day", "month", "year"], "DATE_ORDER": "DMY"},
            )
            if parsed is not None:
                _add(found, [parsed.date()], received)
    return found


def _add(found: list[Day], readings: list[date | None], received: date) -> None:
    possible: list[date] = []
    for one in readings:
        # A day on: the receipt is from a zone where it is tomorrow.
        if (
            one is not None
            and received - AGE_MAX <= one <= received + timedelta(days=1)
            and one not in possible
        ):
            possible.append(one)
    if possible:
        found.append(Day(possible[0], possible[1] if len(possible) > 1 else None))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
