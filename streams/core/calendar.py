"""Periods: which day, week, month, quarter or year of a calendar a moment falls into."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.controls import Calendar
from schemas.terms import is_time_zone, zone_of

# Since 2000 every offset of every zone, and so every midnight, is a whole number of quarter hours from UTC's:
# within one nothing changes.
QUARTER_S = 900
DAY_S = 86_400
_CACHED_MAX = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Zones are known in these, and room is left before and after them.
_AGES = range(1900, 9000)
_MONTHS_A_PERIOD = {"month": 1, "quarter": 3, "year": 12}


def epoch_s(moment: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC, rounded down; `moment` must carry its offset."""
    since = moment - _EPOCH
    return since.days * DAY_S + since.seconds


def moment_of(seconds: int) -> datetime:
    """The moment, in UTC, of `epoch_s`."""
    return datetime.fromtimestamp(seconds, UTC)


def _zone(name: str) -> ZoneInfo:
    """The zone; UTC for a name that only an older version took: its department can still be mended."""
    return zone_of(name if is_time_zone(name) else "UTC")


@lru_cache(maxsize=4096)
def _offset_s(quarter: int, zone: str) -> int:
    offset = datetime.fromtimestamp(quarter * QUARTER_S, _zone(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def local_s(at_s: int, zone: str) -> int:
    """Seconds since the epoch as the zone's wall clock shows them: a day of it is 86,400 of these."""
    return at_s + _offset_s(at_s // QUARTER_S, zone)


def local_date(at_s: int, zone: str) -> date:
    """The day of the zone's calendar."""
    return date(1970, 1, 1) + timedelta(days=local_s(at_s, zone) // DAY_S)


class PeriodLabels:
    """Labels of one calendar's periods. Two look-ups for most moments: the zone's offset, and its day."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._zone = calendar.time_zone
        self._labels: dict[int, str] = {}  # by the zone's day
        self._ordinals: dict[int, int] = {}
        self._ends: dict[str, int | None] = {}
        self._around: tuple[date, frozenset[str]] | None = None

    def label(self, at_s: int) -> str:
        """The period that holds `at_s` (whole seconds since the epoch)."""
        day = local_s(at_s, self._zone) // DAY_S
        found = self._labels.get(day)
        if found is None:
            if len(self._labels) >= _CACHED_MAX:
                self._labels.clear()
            found = self._labels[day] = self._label(self._first_day(at_s))
        return found

    def ordinal(self, at_s: int) -> int:
        """A number that is greater for a later period."""
        day = local_s(at_s, self._zone) // DAY_S
        found = self._ordinals.get(day)
        if found is None:
            if len(self._ordinals) >= _CACHED_MAX:
                self._ordinals.clear()
            found = self._ordinals[day] = self._first_day(at_s).toordinal()
        return found

    def ends_s(self, at_s: int) -> int | None:
        """When the period that holds `at_s` ends: the first second of the next. None: never."""
        label = self.label(at_s)
        if label not in self._ends:
            if len(self._ends) >= _CACHED_MAX:
                self._ends.clear()
            self._ends[label] = self._ends_s(self._first_day(at_s))
        return self._ends[label]

    def ends_of(self, label: str) -> int | None:
        """When the period of this label ends. None: never, or it is none of this calendar's."""
        first = _first_day_of(label)
        if first is None:
            return None
        noon = datetime(first.year, first.month, first.day, 12, tzinfo=_zone(self._calendar.time_zone))
        return self.ends_s(epoch_s(noon)) if self.label(epoch_s(noon)) == label else None

    def around(self, at_s: int, before: int, after: int) -> frozenset[str]:
        """The labels of the period that holds `at_s`, of `before` before it and `after` after it.

        Always asked with the same two numbers: those of one period are kept.
        """
        here = self._first_day(at_s)
        if self._around is not None and self._around[0] == here:
            return self._around[1]
        firsts = [here]
        if self._calendar.period != "lifetime":
            for _ in range(before):
                firsts.insert(0, self._first_of(firsts[0] - timedelta(days=1)))
            for _ in range(after):
                firsts.append(self._following(firsts[-1]))
        self._around = here, frozenset(map(self._label, firsts))
        return self._around[1]

    def _following(self, first: date) -> date:
        kind = self._calendar.period
        if kind in ("day", "week"):
            return first + timedelta(days=1 if kind == "day" else 7)
        return _months_later(first, _MONTHS_A_PERIOD[kind])

    def _ends_s(self, first: date) -> int | None:
        if self._calendar.period == "lifetime":
            return None
        following = self._following(first)
        zone = _zone(self._calendar.time_zone)
        return epoch_s(datetime(following.year, following.month, following.day, tzinfo=zone))

    def _first_day(self, at_s: int) -> date:
        return self._first_of(local_date(at_s, self._calendar.time_zone))

    def _first_of(self, day: date) -> date:
        calendar = self._calendar
        match calendar.period:
            case "lifetime":
                return date.min
            case "day":
                return day
            case "week":
                return day - timedelta(days=(day.isoweekday() - calendar.start_day) % 7)
        months = _MONTHS_A_PERIOD[calendar.period]
        # The month that the period's day falls into when months begin on `start_day`.
        index = day.year * 12 + day.month - 1 - (day.day < calendar.start_day)
        index -= (index - (calendar.start_month - 1)) % months if months > 1 else 0
        return date(index // 12, index % 12 + 1, calendar.start_day)

    def _label(self, first: date) -> str:
        calendar = self._calendar
        kind = calendar.period
        if kind == "lifetime":
            return "lifetime"
        if calendar.start_day == 1 and kind != "day":
            if kind == "week":
                year, week, _ = first.isocalendar()
                return f"{year:04d}-W{week:02d}"
            if kind == "month":
                return f"{first.year:04d}-{first.month:02d}"
            if calendar.start_month == 1:
                quarter = f"-Q{(first.month + 2) // 3}" if kind == "quarter" else ""
                return f"{first.year:04d}{quarter}"
        return first.isoformat()


def end_of(clock: PeriodLabels | None, label: str) -> int | None:
    """By when a period of this label is over. None: never, or not to be known.

    `clock` None, or one that has no such label: the latest that it can be, such as for a lease of a calendar
    that was.
    """
    ends_s = None if clock is None else clock.ends_of(label)
    return latest_end_s(label) if ends_s is None else ends_s


def latest_end_s(label: str) -> int | None:
    """By when a period of this label has ended, whatever its calendar. None: never, or not to be known."""
    first = _first_day_of(label)
    # None is longer than a year, and in no zone does a year begin a day late.
    return None if first is None else epoch_s(datetime(first.year + 1, 12, 31, tzinfo=UTC)) + 2 * 86_400


_LABEL = re.compile(r"(\d{4})(?:-W(\d\d)|-Q([1-4])|-(\d\d)(?:-(\d\d))?)?", re.ASCII)


def _first_day_of(label: str) -> date | None:
    """The first day of the period that has this label. None: there is no such day in these ages."""
    found = _LABEL.fullmatch(label)
    if found is None:
        return None
    year, week, quarter, month, day = found.groups()
    try:
        if week:
            first = date.fromisocalendar(int(year), int(week), 1)
        else:
            first = date(int(year), int(month or 3 * int(quarter or 1) - 2), int(day or 1))
    except ValueError:
        return None
    return first if first.year in _AGES else None


def _months_later(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, first.day)


@lru_cache(maxsize=1024)
def clock_of(calendar: Calendar) -> PeriodLabels:
    """The calendar's clock: one for all who use the same calendar."""
    return PeriodLabels(calendar)
