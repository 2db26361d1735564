"""The labels of periods, worked out once more from docs/rules.md."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from schemas.controls import Calendar
from schemas.terms import zone_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400
# Since 2000 every zone's midnights and changes lie on quarter hours of UTC: within one the label is the same.
_QUARTER_S = 900
_AGES = range(1900, 9000)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC, rounded down."""
    since = moment - EPOCH
    return since.days * DAY_S + since.seconds


@lru_cache(maxsize=32_768)
def _of_quarter(calendar: Calendar, quarter: int) -> str:
    local = datetime.fromtimestamp(quarter * _QUARTER_S, zone_of(calendar.time_zone)).date()
    return _name(calendar, _first_day(calendar, local))


def label(calendar: Calendar, at_s: int) -> str:
    """The label of the period that holds `at_s`, seconds since the epoch: `2026-11`, `2026-W47`, `lifetime`.

    Raises ValueError: no calendar that a decision may name.
    """
    return _of_quarter(calendar, at_s // _QUARTER_S)


@lru_cache(maxsize=4096)
def first_day(period: str) -> date:
    """The day on which the period of this label begins. Raises ValueError: it is no label."""
    if period == "lifetime":
        return date.min
    year, _, rest = period.partition("-")
    if not rest:
        return date(int(year), 1, 1)
    if rest[0] == "W":
        return date.fromisocalendar(int(year), int(rest[1:]), 1)
    if rest[0] == "Q":
        return date(int(year), int(rest[1:]) * 3 - 2, 1)
    return date.fromisoformat(period if "-" in rest else f"{period}-01")


@lru_cache(maxsize=4096)
def is_label(calendar: Calendar, period: str) -> bool:
    """Whether the calendar has a period of this label: a budget that was set anew may have another one."""
    try:
        first = first_day(period)
    except ValueError:
        return False
    return first == _first_day(calendar, first) and period == _name(calendar, first)


@lru_cache(maxsize=256)
def near(calendar: Calendar, day: date, before: int, after: int) -> frozenset[str]:
    """The labels of the period that holds `day`, and of so many before and after it."""
    here = _first_day(calendar, day)
    if here == date.min:
        return frozenset({"lifetime"})
    found, one = {_name(calendar, here)}, here
    for _ in range(before):
        one = _first_day(calendar, one - timedelta(days=1))
        found.add(_name(calendar, one))
    one = here
    for _ in range(after):
        begun = one
        while one == begun:
            day += timedelta(days=1)
            one = _first_day(calendar, day)
        found.add(_name(calendar, one))
    return frozenset(found)


def _first_day(calendar: Calendar, day: date) -> date:
    """The first day of the period that holds `day`."""
    kind = calendar.period
    if kind == "lifetime":
        return date.min
    if kind == "day":
        return day
    if kind == "week":
        while day.isoweekday() != calendar.start_day:
            day -= timedelta(days=1)
        return day
    # Months begin on `start_day`: go back to one that does, then to one that a quarter or year begins with.
    while day.day != calendar.start_day:
        day -= timedelta(days=1)
    every = _MONTHS[kind]
    while (day.month - calendar.start_month) % every:
        day = (day.replace(day=1) - timedelta(days=1)).replace(day=calendar.start_day)
    return day


def _name(calendar: Calendar, first: date) -> str:
    kind = calendar.period
    if kind == "lifetime":
        return "lifetime"
    if kind == "day" or calendar.start_day != 1:
        return first.isoformat()
    if kind == "week":
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    if kind == "month":
        return f"{first:%Y-%m}"
    if calendar.start_month != 1:
        return first.isoformat()
    return str(first.year) if kind == "year" else f"{first.year}-Q{first.month // 3 + 1}"


@lru_cache(maxsize=32_768)
def ends_s(calendar: Calendar, at_s: int) -> int | None:
    """The second at which the period that holds `at_s` is over; None: never."""
    kind = calendar.period
    if kind == "lifetime":
        return None
    first = _first_day(calendar, datetime.fromtimestamp(at_s, zone_of(calendar.time_zone)).date())
    if kind in ("day", "week"):
        after = first + timedelta(days=1 if kind == "day" else 7)
    else:
        months = first.month - 1 + _MONTHS[kind]
        after = first.replace(year=first.year + months // 12, month=months % 12 + 1)
    # A midnight that the clock leaves out is read as of the time before it: the moment of the change.
    return seconds(datetime(after.year, after.month, after.day, tzinfo=zone_of(calendar.time_zone)))


def end_of(calendar: Calendar | None, period: str) -> int | None:
    """The second at which the period of this label is over; None: never, or it is no label.

    One that is none of the calendar's was another's: at most a year long, in a zone at most a day away.
    `calendar` None: it is gone, and the period any's.
    """
    try:
        first = first_day(period)
    except ValueError:
        return None
    if first.year not in _AGES:  # a lifetime, or nothing that anybody lives to see
        return None
    if calendar is not None and is_label(calendar, period):
        return ends_s(
            calendar, seconds(datetime(*first.timetuple()[:3], 12, tzinfo=zone_of(calendar.time_zone)))
        )
    return seconds(datetime(first.year + 1, 12, 31, tzinfo=UTC)) + 2 * DAY_S
