"""Words of controls that have a form of their own: times of day, time zones and calendars."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from schemas.controls import Calendar


def minute_of(text: str) -> int:
    """Minutes since midnight of `HH:MM`. Raises ValueError for anything else."""
    hours, colon, minutes = text[:2], text[2:3], text[3:]
    ok = text.isascii() and hours.isdigit() and minutes.isdigit() and len(text) == 5 and colon == ":"
    if not ok or int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"{text!r} is not a time of day HH:MM")
    return int(hours) * 60 + int(minutes)


# Since 2024 (until then Casey changed at 00:01) every offset changes on a quarter hour of UTC.
QUARTER_S = 900


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


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The rules of a time zone, by the package `tzdata` whatever this machine has.

    Workers on several machines, the books and a replay must agree; PostgreSQL and each system have rules of
    their own age, and for PostgreSQL CET, EET, MET and WET know no summer. Raises ValueError for other names.
    """
    if not is_time_zone(name):
        raise ValueError(no_time_zone(name))
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


def offsets(at: datetime) -> dict[str, int]:
    """How far each zone's wall clock is ahead of UTC at `at`, in seconds."""
    found = {name: at.astimezone(zone_of(name)).utcoffset() for name in time_zones()}
    return {name: int(offset.total_seconds()) for name, offset in found.items() if offset is not None}


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
