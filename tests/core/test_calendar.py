"""When periods end, told by their labels alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.controls import Calendar
from streams.core.calendar import PeriodLabels, epoch_s, latest_end_s, moment_of

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
CALENDARS = st.one_of(
    st.builds(Calendar, st.sampled_from(["day", "month"]), st.sampled_from(ZONES)),
    st.builds(Calendar, st.just("week"), st.sampled_from(ZONES), start_day=st.integers(1, 7)),
    st.builds(Calendar, st.just("month"), st.sampled_from(ZONES), start_day=st.integers(1, 28)),
    st.builds(
        Calendar,
        st.sampled_from(["quarter", "year"]),
        st.sampled_from(ZONES),
        start_day=st.integers(1, 28),
        start_month=st.integers(1, 3),
    ),
)
MOMENTS = st.integers(946_684_800, 4_102_444_800)  # 2000 to 2100


@given(CALENDARS, MOMENTS)
@example(Calendar("week", "UTC"), 1_609_545_600)  # 2021-01-02, in 2020-W53
@example(Calendar("day", "Pacific/Kiritimati"), 1_772_323_200)
@example(Calendar("month", "Europe/Berlin"), 1_774_832_400)  # the day on which summer time begins
def test_a_label_says_when_its_period_ends(calendar: Calendar, at_s: int) -> None:
    clock = PeriodLabels(calendar)
    label = clock.label(at_s)
    ends_s = clock.ends_of(label)
    assert ends_s == clock.ends_s(at_s)
    assert ends_s is not None
    assert clock.label(ends_s - 1) == label != clock.label(ends_s)
    assert (latest_end_s(label) or 0) >= ends_s


@given(CALENDARS, CALENDARS, MOMENTS)
def test_a_label_of_another_calendar_ends_as_it_says_or_is_not_known(
    calendar: Calendar, other: Calendar, at_s: int
) -> None:
    clock, label = PeriodLabels(calendar), PeriodLabels(other).label(at_s)
    ends_s = clock.ends_of(label)
    assert ends_s is None or clock.label(ends_s - 1) == label
    assert (latest_end_s(label) or 0) >= (PeriodLabels(other).ends_s(at_s) or 0)


@pytest.mark.parametrize(
    "label",
    [
        *("", "lifetime", "2026-13", "2026-00", "2026-02-30", "2026-W54", "2026-W00", "2026-Q5", "2026-Q0"),
        *("26-01", "2026-1", " 2026", "2026\n", "٢٠٢٦", "0000", "0001", "1899", "9999-12-31", "9999-W52"),
        "x" * 200,
    ],
)
def test_what_is_no_period_never_ends(label: str) -> None:
    for calendar in (
        Calendar("month"),
        Calendar("week"),
        Calendar("lifetime"),
        Calendar("day", "Asia/Tokyo"),
    ):
        assert PeriodLabels(calendar).ends_of(label) is None
    assert latest_end_s(label) is None


def test_moments_come_back() -> None:
    assert epoch_s(moment_of(latest_end_s("2026-11") or 0)) == latest_end_s("2026")
