"""Words of controls that have a form of their own: times of day, time zones and calendars."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from schemas.controls import Calendar


def minute_of(text: str) -> int:
    """Minutes since midnight of `HH:MM`. Raises ValueError for anything else."""
    hours, colon, minutes = text[:2], text[2:3], text[3:]
    ok = text.isascii() and hours.isdigit() and minutes.isdigit() and len(text) == 5 and colon == ":"
    if not ok or int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"{text!r} is not a time of day HH:MM")
    return int(hours) * 60 + int(minutes)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The names of the IANA time zone database, spelled as there, wherever this runs.

    Of the package `tzdata`: systems add names of their own (`localtime`, `posix/...`, `right/...`) that
    PostgreSQL or another machine does not know.
    """
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(names) - {"Factory"}


def is_time_zone(name: str) -> bool:
    """True for a name of the IANA time zone database."""
    return name in time_zones()


def no_time_zone(name: str) -> str:
    """What is wrong with `name`, and what would be right."""
    words = f"{name!r} is no name of the IANA time zone database"
    meant = next((zone for zone in time_zones() if zone.casefold() == name.casefold()), None)
    return f"{words}; {meant!r} is" if meant else f"{words}, such as 'Europe/Berlin' or 'UTC'"


def check_calendar(calendar: Calendar) -> str | None:
    """What is wrong with a calendar; None when nothing is. The time zone is not looked at."""
    kind, day, month = calendar.period, calendar.start_day, calendar.start_month
    if kind in ("day", "lifetime") and day != 1:
        return f"start_day: a {kind} has none"
    if kind == "week" and day > 7:
        return f"start_day: {day} is no day of a week, 1 to 7"
    if kind not in ("quarter", "year") and month != 1:
        return f"start_month: a {kind} has none"
    return None
