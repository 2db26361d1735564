"""Texts of times. One that could be two times, or whose zone is not certain, is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, tzinfo
from typing import Final

from schemas.entrance import YEARS

# Abbreviations are no zones: CST is three of them, and strptime takes those of the machine and drops them.
_UTC_WORDS: Final = re.compile(r"(?<![A-Za-z])(?:UTC|GMT|Z)(?![A-Za-z+-])")
# Numbers side by side: strptime would read 2112026 as 21 January, also where a zero was lost.
_SIDE_BY_SIDE: Final = re.compile(r"%[dmyYHIMSj]%[dmyYHIMSj]")
_DAY_NUMBER: Final = re.compile(r"[0-9]{5}(?:\.[0-9]+)?")


def moment(text: str, pattern: str, zone: tzinfo) -> datetime:
    """The UTC time that `text` is by `pattern`: "iso", or strptime's codes. `zone`: where it says none.

    `%Z` takes UTC, GMT and Z alone.

    Raises:
        ValueError: it is none; the message ends a sentence that begins with the text.
    """
    try:
        found = _parsed(text, pattern)
        utc = found.replace(tzinfo=found.tzinfo or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        hint = ""
        if _DAY_NUMBER.fullmatch(text):
            hint = "; if it is a spreadsheet's day number, give its cells the format of a date"
        raise ValueError(f"not a date ({pattern}){hint}") from None
    if found.tzinfo is None and (doubt := _doubt(found, utc, zone)):
        raise ValueError(f"{doubt} in {zone}; an offset (%z) would say when")
    if utc.year not in YEARS:  # a cell of 0 is a day in 1899 or 1970, and no event may have it
        raise ValueError(f"outside of the years {YEARS[0]} to {YEARS[-1]}")
    return utc


def _doubt(wall: datetime, utc: datetime, zone: tzinfo) -> str | None:
    """What is wrong with the time on a wall where clocks are put forward and back; None if it is one time.

    Midnight stands for a day, and a day has one beginning, also where clocks change at midnight.
    """
    if wall.time() == time.min:
        return None
    if utc.astimezone(zone).replace(tzinfo=None) != wall:
        return "a time that the clock left out"
    if wall.replace(tzinfo=zone, fold=1).utcoffset() != wall.replace(tzinfo=zone).utcoffset():
        return "a time that the clock showed twice"
    return None


def _parsed(text: str, pattern: str) -> datetime:
    if not text.isascii():  # strptime would take digits of every script
        raise ValueError
    if pattern == "iso":
        return datetime.fromisoformat(text)
    if "%Z" in pattern:
        text, pattern = _UTC_WORDS.sub("+0000", text), pattern.replace("%Z", "%z")
    found = datetime.strptime(text, pattern)  # noqa: DTZ007
    if _SIDE_BY_SIDE.search(pattern) and found.strftime(pattern) != text:
        raise ValueError
    return found
