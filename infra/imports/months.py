"""Months of an export, in the mapping's time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from schemas.terms import zone_of


@lru_cache(maxsize=8192)
def _month_of_hour(hour: int, zone: str) -> str:
    return datetime.fromtimestamp(hour * 3600, zone_of(zone)).strftime("%Y-%m")


def month_of(moment: datetime, zone: str) -> str:
    """The month YYYY-MM of `moment` in `zone`. Zones whose offset is no whole hour cost a little more."""
    hour, rest = divmod(int(moment.timestamp()), 3600)
    month = _month_of_hour(hour, zone)
    if rest and month != _month_of_hour(hour + 1, zone):
        return moment.astimezone(zone_of(zone)).strftime("%Y-%m")
    return month


def month_start(month: str, zone: str) -> datetime:
    """The first moment of a month in `zone`, as UTC."""
    year, number = map(int, month.split("-"))
    return datetime(year, number, 1, tzinfo=zone_of(zone)).astimezone(UTC)


def months_before(month: str, count: int) -> list[str]:
    """The `count` months before `month`, the nearest first."""
    year, number = map(int, month.split("-"))
    found = []
    for _ in range(count):
        year, number = (year - 1, 12) if number == 1 else (year, number - 1)
        found.append(f"{year:04d}-{number:02d}")
    return found
