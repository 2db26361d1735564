"""Periods and slots by plain date arithmetic: what docs/rules.md says of time, written out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from schemas.controls import Calendar
from schemas.terms import zone_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SLOTS = 60  # a rolling window is counted in this many slots, and the one it begins in
MEMORY_SPAN = 30 * DAY
SPANS_BEFORE = 3


@dataclass(frozen=True)
class Period:
    """One period of a calendar: its label, first day, and the moment (UTC) at which it is over."""

    label: str
    first: date
    end: datetime | None


def seconds(at: datetime) -> int:
    """Whole seconds since the epoch, rounded down."""
    return (at - EPOCH) // SECOND


def whole_second(at: datetime) -> datetime:
    return EPOCH + seconds(at) * SECOND


def memory_span(at: datetime) -> int:
    """Which 30-day span since the epoch `at` lies in."""
    return (at - EPOCH) // MEMORY_SPAN


def slot_of(at: datetime, window_seconds: int) -> int:
    """The slot of a request at `at` in a rolling window of `window_seconds`."""
    size = (window_seconds + SLOTS - 1) // SLOTS
    return seconds(at) // size


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(zone_of(zone))


@lru_cache(maxsize=100_000)
def period_of(calendar: Calendar, at: datetime) -> Period:
    """The period of `calendar` that holds `at`."""
    if calendar.period == "lifetime":
        return Period("lifetime", date.min, None)
    day = local(at, calendar.time_zone).date()
    while not _begins(calendar, day):
        day -= DAY
    after = day + DAY
    while not _begins(calendar, after):
        after += DAY
    end = datetime.combine(after, time(), zone_of(calendar.time_zone)).astimezone(UTC)
    return Period(_label(calendar, day), day, end)


def _begins(calendar: Calendar, day: date) -> bool:
    """Whether a period begins on this day."""
    start_of_month = day.day == calendar.start_day
    match calendar.period:
        case "day":
            return True
        case "week":
            return day.isoweekday() == calendar.start_day
        case "month":
            return start_of_month
        case "quarter":
            return start_of_month and (day.month - calendar.start_month) % 3 == 0
        case _:
            return start_of_month and day.month == calendar.start_month


def _label(calendar: Calendar, first: date) -> str:
    if calendar.start_day != 1 or calendar.start_month != 1:
        return first.isoformat()
    match calendar.period:
        case "day":
            return first.isoformat()
        case "week":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{first.year}-{first.month:02}"
        case "quarter":
            return f"{first.year}-Q{(first.month + 2) // 3}"
        case _:
            return f"{first.year}"


def fits(calendar: Calendar) -> bool:
    """Whether the start goes with the kind of period."""
    match calendar.period:
        case "day" | "lifetime":
            return calendar.start_day == 1 and calendar.start_month == 1
        case "week":
            return calendar.start_day <= 7 and calendar.start_month == 1
        case "month":
            return calendar.start_month == 1
        case _:
            return True
