"""Budget periods: which calendar month of a time zone a moment falls into."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def is_time_zone(name: str) -> bool:
    """True for a name of the IANA time zone database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=4096)
def _month_of_hour(hour: int, zone: str) -> str | None:
    """The month that holds the whole hour (from the epoch), or None when the month turns within it."""
    tz = ZoneInfo(zone)
    first = datetime.fromtimestamp(hour * 3600, tz)
    last = datetime.fromtimestamp(hour * 3600 + 3599.999999, tz)
    same = (first.year, first.month) == (last.year, last.month)
    return f"{first.year:04d}-{first.month:02d}" if same else None


def month_of(moment: datetime, zone: str) -> str:
    """The calendar month `YYYY-MM` of `moment` (aware) in the IANA zone `zone`, daylight saving included.

    Most calls cost a dictionary look-up: a month turns within an hour only in zones whose offset is no
    whole number of hours.
    """
    month = _month_of_hour(int(moment.timestamp()) // 3600, zone)
    if month is None:
        local = moment.astimezone(UTC).astimezone(ZoneInfo(zone))
        month = f"{local.year:04d}-{local.month:02d}"
    return month
