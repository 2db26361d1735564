"""Periods of organizations whose year begins in another month, and days that do not exist."""

from __future__ import annotations

from datetime import date

import pytest

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import OrgCalendar
from api.questions.organization_names import Directory
from api.questions.parse import understood
from tests.questions.notation import query_line

EMPTY = Directory((), ("USD",))
APRIL, APRIL_6TH, OCTOBER, JANUARY = (4, 1), (4, 6), (10, 1), (1, 1)


@pytest.mark.parametrize(
    ("fiscal", "today", "asked", "first", "last"),
    [
        (APRIL, "2026-11-18", "FY27", "2026-04-01", "2027-03-31"),
        (APRIL, "2026-11-18", "this fiscal year", "2026-04-01", "2027-03-31"),
        (APRIL, "2026-03-31", "this fiscal year", "2025-04-01", "2026-03-31"),
        (APRIL, "2026-11-18", "last fiscal year", "2025-04-01", "2026-03-31"),
        (APRIL, "2026-11-18", "Q3", "2026-10-01", "2026-12-31"),
        (APRIL, "2026-11-18", "Q4", "2026-01-01", "2026-03-31"),
        (APRIL, "2026-11-18", "Q1 FY2026", "2025-04-01", "2025-06-30"),
        (APRIL, "2026-11-18", "this year", "2026-01-01", "2026-12-31"),
        (APRIL_6TH, "2026-04-05", "fiscal year", "2025-04-06", "2026-04-05"),
        (APRIL_6TH, "2026-04-06", "fiscal year", "2026-04-06", "2027-04-05"),
        (OCTOBER, "2026-11-18", "FY2026", "2025-10-01", "2026-09-30"),
        (OCTOBER, "2026-11-18", "last quarter", "2026-07-01", "2026-09-30"),
        (JANUARY, "2026-02-10", "Q3", "2025-07-01", "2025-09-30"),
        (JANUARY, "2026-02-10", "December", "2025-12-01", "2025-12-31"),
        (JANUARY, "2026-03-31", "last month", "2026-02-01", "2026-02-28"),
        (JANUARY, "2028-03-31", "last month", "2028-02-01", "2028-02-29"),
        (JANUARY, "2026-01-01", "yesterday", "2025-12-31", "2025-12-31"),
        (JANUARY, "2026-03-31", "last 1 month", "2026-03-01", "2026-03-31"),
        (JANUARY, "2026-01-04", "this week", "2025-12-29", "2026-01-04"),
        (JANUARY, "2026-01-05", "last week", "2025-12-29", "2026-01-04"),
        (JANUARY, "2026-02-28", "29 February 2024", "2024-02-29", "2024-02-29"),
        (JANUARY, "2026-11-18", "25/12/2025", "2025-12-25", "2025-12-25"),
        (JANUARY, "2026-11-18", "12/25/2025", "2025-12-25", "2025-12-25"),
        (JANUARY, "2026-11-18", "01.01.2026", "2026-01-01", "2026-01-01"),
    ],
)
def test_a_period_has_the_days_of_the_organization_s_year(
    fiscal: tuple[int, int], today: str, asked: str, first: str, last: str
) -> None:
    calendar = OrgCalendar(date.fromisoformat(today), fiscal)
    assert query_line(understood(f"spend {asked}", EMPTY, calendar).query) == f"total period={first}..{last}"


@pytest.mark.parametrize("asked", ["29 February 2026", "31 June", "2026-13-01", "99999 days ago"])
def test_a_day_that_does_not_exist_is_refused(asked: str) -> None:
    with pytest.raises(NotUnderstood):
        understood(f"spend since {asked}", EMPTY, OrgCalendar(date(2026, 11, 18)))
