"""The verifier's own calendar against labels from a wall calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from infra.verify.calendar import first_day, is_label, label, seconds
from schemas.controls import Calendar

# moment (UTC), calendar, label
LABELS = [
    ("2026-11-21T12:00", Calendar("day"), "2026-11-21"),
    ("2026-11-21T23:30", Calendar("day", "Europe/Berlin"), "2026-11-22"),
    ("2026-11-22T04:59", Calendar("day", "America/New_York"), "2026-11-21"),
    ("2026-11-21T12:00", Calendar("week"), "2026-W47"),
    ("2026-11-23T00:00", Calendar("week"), "2026-W48"),
    ("2027-01-01T12:00", Calendar("week"), "2026-W53"),
    ("2026-11-21T12:00", Calendar("week", start_day=7), "2026-11-15"),
    ("2026-11-21T12:00", Calendar("month"), "2026-11"),
    ("2026-11-30T23:30", Calendar("month", "Asia/Tokyo"), "2026-12"),
    ("2026-11-14T12:00", Calendar("month", start_day=15), "2026-10-15"),
    ("2026-11-15T00:00", Calendar("month", start_day=15), "2026-11-15"),
    ("2026-01-03T12:00", Calendar("month", start_day=15), "2025-12-15"),
    ("2026-11-21T12:00", Calendar("quarter"), "2026-Q4"),
    ("2026-01-21T12:00", Calendar("quarter", start_month=2), "2025-11-01"),
    ("2026-11-21T12:00", Calendar("quarter", start_month=2), "2026-11-01"),
    ("2026-02-10T12:00", Calendar("quarter", start_day=15, start_month=2), "2025-11-15"),
    ("2026-11-21T12:00", Calendar("year"), "2026"),
    ("2026-03-31T23:59", Calendar("year", start_month=4), "2025-04-01"),
    ("2026-04-01T00:00", Calendar("year", start_month=4), "2026-04-01"),
    ("2026-04-06T12:00", Calendar("year", "Europe/London", 6, 4), "2026-04-06"),
    ("2026-11-21T12:00", Calendar("lifetime"), "lifetime"),
]


@pytest.mark.parametrize(("moment", "calendar", "wanted"), LABELS)
def test_the_label_of_a_period(moment: str, calendar: Calendar, wanted: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert label(calendar, seconds(at)) == wanted
    assert is_label(calendar, wanted)


@pytest.mark.parametrize(("moment", "calendar", "wanted"), LABELS)
def test_a_label_says_where_its_period_begins(moment: str, calendar: Calendar, wanted: str) -> None:
    first = first_day(wanted)
    if calendar.period == "lifetime":
        assert first == date.min
        return
    noon = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    assert label(calendar, seconds(noon)) == wanted
    assert label(calendar, seconds(noon - timedelta(days=1, hours=6))) != wanted


@pytest.mark.parametrize("text", ["", "november", "2026-13", "2026-W60", "2026-Q5", "2026-11-31", "team"])
def test_what_is_no_label(text: str) -> None:
    assert not is_label(Calendar("month"), text)


def test_a_label_of_another_calendar_is_none_of_this_one() -> None:
    assert not is_label(Calendar("month"), "2026-Q4")
    assert not is_label(Calendar("quarter"), "2026-11")
    assert not is_label(Calendar("month", start_day=15), "2026-11-14")
