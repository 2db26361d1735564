"""Where a budget's period begins and ends, and how much of it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from api.resources.budgets import CalendarOut
from schemas.terms import zone_of


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until `end`, which is outside; `elapsed`: the share (0..1) that is over."""

    start: datetime
    end: datetime
    elapsed: float

    @property
    def days(self) -> float:
        return (self.end - self.start) / timedelta(days=1)


def span_of(calendar: CalendarOut, now: datetime) -> Span | None:
    """The period of `calendar` that holds `now`; None for a lifetime, which has no end."""
    if calendar.period == "lifetime":
        return None
    zone = zone_of(calendar.time_zone)
    first, last = _days(calendar, now.astimezone(zone).date())
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last))
    return Span(start, end, min(1.0, max(0.0, (now - start) / (end - start))))


def _days(calendar: CalendarOut, today: date) -> tuple[date, date]:
    """First day of the period and of the next one."""
    if calendar.period == "day":
        return today, today + timedelta(days=1)
    if calendar.period == "week":
        first = today - timedelta(days=(today.isoweekday() - calendar.start_day) % 7)
        return first, first + timedelta(days=7)
    months = {"month": 1, "quarter": 3, "year": 12}[calendar.period]
    # Counted from the start day on: before it, the month still belongs to the period before.
    month = today.year * 12 + today.month - 1 - (today.day < calendar.start_day)
    month -= (month - (calendar.start_month - 1)) % months
    return _day(month, calendar.start_day), _day(month + months, calendar.start_day)


def _day(month: int, day: int) -> date:
    return date(month // 12, month % 12 + 1, day)
