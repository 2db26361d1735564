"""Times of day, worked out once more from docs/rules.md and the words of `schemas.controls`."""

from __future__ import annotations

from datetime import date, datetime

from schemas.controls import ActiveHours
from schemas.terms import zone_of


def holds(rule: ActiveHours, at_s: int) -> bool:
    """Whether `at_s`, seconds since 1970, is within the hours; a span belongs to the day it starts on."""
    local = datetime.fromtimestamp(at_s, zone_of(rule.time_zone))
    minute, today = local.hour * 60 + local.minute, local.isoweekday()
    start, end = _minute(rule.start), _minute(rule.end)
    if start < end:
        return today in rule.days and start <= minute < end
    yesterday = (today - 2) % 7 + 1
    return (today in rule.days and minute >= start) or (yesterday in rule.days and minute < end)


def _minute(clock: str) -> int:
    """Of the day, for `HH:MM`."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def day(time_zone: str, at_s: int) -> date:
    """The date there."""
    return datetime.fromtimestamp(at_s, zone_of(time_zone)).date()
