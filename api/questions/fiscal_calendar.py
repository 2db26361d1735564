"""Periods of an organization's calendar: its today, its fiscal year, and what words say of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

import dateparser
from dateutil.relativedelta import relativedelta

from api.questions.errors import NotUnderstood

Unit = Literal["day", "week", "month", "quarter", "year", "fiscal"]
_DAY: Final = timedelta(days=1)
_STEP: Final[dict[Unit, relativedelta]] = {
    "day": relativedelta(days=1),
    "week": relativedelta(weeks=1),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
    "fiscal": relativedelta(years=1),
}


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Days, both included. `unit`: of which it is one; None: any days."""

    first: date
    last: date
    unit: Unit | None = None

    def before(self) -> DaySpan:
        """The one before it: of its unit, or as many days."""
        end = self.first - _DAY
        if self.unit is None:
            return DaySpan(self.first - (self.last - self.first) - _DAY, end)
        return DaySpan(self.first - _STEP[self.unit], end, self.unit)

    def year_before(self) -> DaySpan:
        year = relativedelta(years=1)
        if self.unit in ("month", "quarter", "year", "fiscal"):  # whole ones, also where February was longer
            return DaySpan(self.first - year, self.last + _DAY - year - _DAY, self.unit)
        return DaySpan(self.first - year, self.last - year)


@dataclass(frozen=True, slots=True)
class OrgCalendar:
    """`today`: of the organization. `fiscal`: month and day on which its year begins."""

    today: date
    fiscal: tuple[int, int] = (1, 1)

    def containing(self, unit: Unit, day: date | None = None) -> DaySpan:
        """The period that holds `day`, or today. Weeks begin on Monday, quarters with the fiscal year."""
        day = day or self.today
        match unit:
            case "day":
                first = day
            case "week":
                first = day - timedelta(days=day.weekday())
            case "month":
                first = day.replace(day=1)
            case "year":
                first = day.replace(month=1, day=1)
            case "quarter" | "fiscal":
                first = self._since_start(day, 3 if unit == "quarter" else 12)
        return DaySpan(first, first + _STEP[unit] - _DAY, unit)

    def _since_start(self, day: date, months: int) -> date:
        month, first_day = self.fiscal
        index = day.year * 12 + day.month - 1 - (day.day < first_day)
        index -= (index - (month - 1)) % months
        return date(index // 12, index % 12 + 1, first_day)

    def last(self, unit: Unit) -> DaySpan:
        return self.containing(unit).before()

    def rolling(self, count: int, unit: Unit) -> DaySpan:
        """So many units that end today."""
        if not 1 <= count <= 1_000:
            raise NotUnderstood("contradiction", f"{count} {unit}s are too many; ask for 1 to 1,000")
        try:
            return DaySpan(self.today + _DAY - count * _STEP[unit], self.today)
        except (ValueError, OverflowError):
            raise NotUnderstood("contradiction", f"{count} {unit}s ago there was no calendar") from None

    def ago(self, count: int, unit: Unit) -> DaySpan:
        if count < 0:
            raise NotUnderstood("contradiction", f"{count} {unit}s ago is to come")
        try:
            return self.containing(unit, self.today - count * _STEP[unit])
        except (ValueError, OverflowError):
            raise NotUnderstood("contradiction", f"{count} {unit}s ago there was no calendar") from None

    def month(self, month: int, year: int | None = None, *, over: bool = False) -> DaySpan:
        """The latest that has begun, without a year; `over`: and has ended."""
        if year is None:
            year = self.today.year
            if month > self.today.month or (over and month == self.today.month):
                year -= 1
        return self.containing("month", date(year, month, 1))

    def fiscal_year(self, year: int | None = None) -> DaySpan:
        """Named by the year in which it ends, as most companies do."""
        if year is None:
            return self.containing("fiscal")
        month, day = self.fiscal
        first = date(year - (self.fiscal != (1, 1)), month, day)
        return DaySpan(first, first + _STEP["fiscal"] - _DAY, "fiscal")

    def quarter(self, number: int, within: DaySpan | None = None) -> DaySpan:
        """Of the fiscal year `within`; without one the latest that has begun."""
        year = within or self.containing("fiscal")
        first = year.first + (number - 1) * _STEP["quarter"]
        if within is None and first > self.today:
            first -= _STEP["fiscal"]
        return DaySpan(first, first + _STEP["quarter"] - _DAY, "quarter")

    def half(self, number: int, within: DaySpan | None = None) -> DaySpan:
        quarter = self.quarter(2 * number - 1, within)
        return DaySpan(quarter.first, quarter.first + relativedelta(months=6) - _DAY)

    def weekday(self, iso: int, *, this: bool = False) -> DaySpan:
        """The last one before today; `this`: of the current week."""
        if this:
            return self._one(self.containing("week").first + timedelta(days=iso - 1))
        return self._one(self.today - timedelta(days=(self.today.isoweekday() - iso - 1) % 7 + 1))

    def weekend(self, *, this: bool = False) -> DaySpan:
        saturday = self.containing("week").first + timedelta(days=5)
        if not this:
            saturday -= timedelta(days=7)
        return DaySpan(saturday, saturday + _DAY)

    def day(self, text: str) -> DaySpan:
        """A date as people write it; without a year the latest that is not to come.

        Raises NotUnderstood for what is no date, or may be two.
        """
        if text[:4].isdigit():  # ISO 8601; no other order of its parts is thought of
            try:
                return self._one(date.fromisoformat(text))
            except ValueError:
                raise NotUnderstood("contradiction", f"there is no day “{text}”") from None
        parts = [int(part) for part in text.replace(".", "/").split("/") if part.isdigit()]
        if len(parts) == 3 and max(parts[:2]) <= 12 and parts[0] != parts[1]:
            raise NotUnderstood(
                "contradiction", f"“{text}” may be two days; write it like {self.today.isoformat()}"
            )
        found = dateparser.parse(
            text,
            languages=["en"],
            settings={
                "RELATIVE_BASE": datetime.combine(self.today, time()),
                "PREFER_DATES_FROM": "past",
                "DATE_ORDER": "DMY" if not parts or parts[0] > 12 else "MDY",
                "REQUIRE_PARTS": ["day", "month"],
            },
        )
        if found is None:
            raise NotUnderstood("contradiction", f"there is no day “{text}”")
        return self._one(found.date())

    def _one(self, day: date) -> DaySpan:
        return DaySpan(day, day, "day")
