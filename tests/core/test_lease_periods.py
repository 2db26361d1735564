"""A lease is lent of real periods near the treasury's clock only: no invented one pushes a real one out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.administration import TREASURY
from schemas.codec import encode_event
from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.effects import LeaseGiven
from schemas.events import CapSet, LeaseRequested
from schemas.money import Money
from schemas.reasons import Outcome, ReasonCode
from streams.core.apply.evolve import evolve
from streams.core.apply.leases import LEASE_PERIODS_KEPT
from streams.core.calendar import clock_of, epoch_s
from streams.core.intake import Record, judge
from streams.core.sealing import seal
from streams.core.state import PartitionState
from streams.core.treasury import PERIODS_AFTER, PERIODS_BEFORE
from streams.model import Unscored

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 1_000

#: By calendar: the oldest and the youngest period of which a lease may be asked for then.
WINDOWS = {
    Calendar("day"): ("2026-10-30", "2026-11-22"),
    Calendar("day", "Pacific/Kiritimati"): ("2026-10-31", "2026-11-23"),
    Calendar("week"): ("2026-W26", "2026-W49"),
    Calendar("week", start_day=3): ("2026-06-24", "2026-12-02"),
    Calendar("month"): ("2025-02", "2027-01"),
    Calendar("month", start_day=15): ("2025-02-15", "2027-01-15"),
    Calendar("quarter"): ("2021-Q3", "2027-Q2"),
    Calendar("quarter", start_month=2): ("2021-08-01", "2027-05-01"),
    Calendar("year"): ("2005", "2028"),
    Calendar("lifetime"): ("lifetime", "lifetime"),
}


class Site:
    """A treasury with a cap of ten dollars for two departments."""

    def __init__(self, calendar: Calendar) -> None:
        self.state, self.at, self.sent = PartitionState(0), START, 0
        cap = CapSet(
            **self._common(), limit=Money(LIMIT, "USD"), departments=("sales", "ops"), calendar=calendar
        )
        assert self._say(cap).outcome is Outcome.ACCEPTED

    def _common(self) -> dict[str, Any]:
        self.sent += 1
        return {
            "event_id": f"e{self.sent}",
            "organization_id": "acme",
            "department_id": TREASURY,
            "occurred_at": self.at,
        }

    def _say(self, event: CapSet | LeaseRequested) -> Decision:
        record = Record(self.state.next_offset, self.at, event.key.encode(), encode_event(event))
        decision, _ = seal(judge(self.state, record, 1, Unscored()))
        evolve(self.state, decision)
        return decision

    def ask(self, period: str, needed: int = 1, department: str = "sales") -> Decision:
        return self._say(
            LeaseRequested(**self._common(), department=department, period=period, needed=needed)
        )

    @property
    def leases(self) -> dict[str, dict[str, int]]:
        treasury = self.state.departments[f"acme/{TREASURY}"].treasury
        assert treasury is not None
        return treasury.leases


def refused(decision: Decision) -> bool:
    return decision.outcome is Outcome.REJECTED and decision.reasons[0].code is ReasonCode.INVALID_CAP


def test_the_window_is_what_is_remembered() -> None:
    assert PERIODS_BEFORE + 1 + PERIODS_AFTER == LEASE_PERIODS_KEPT


def neighbours(label: str) -> list[str]:
    """What looks like a label and is none of this calendar."""
    return [
        *("", " ", label + " ", "0" + label, label.lower() + "x", label[:-1], "9999", "0000-00"),
        *("2026-13", "2026-02-30", "2026-W54", "2026-Q5", "２０２６-11", "LIFETIME", "a" * 200),
    ]


@pytest.mark.parametrize("calendar", WINDOWS, ids=str)
def test_leases_are_lent_of_real_periods_near_the_clock(calendar: Calendar) -> None:
    oldest, youngest = WINDOWS[calendar]
    for label in (oldest, youngest):
        assert Site(calendar).ask(label).outcome is Outcome.ACCEPTED, label
    site = Site(calendar)
    for other, (first, last) in WINDOWS.items():
        for label in (first, last):
            if other != calendar and len(label) != len(oldest):
                assert refused(site.ask(label)), label
    for label in neighbours(youngest):
        assert refused(site.ask(label)), label
    assert len(site.leases) == 1


@pytest.mark.parametrize(
    ("calendar", "label"),
    [
        (Calendar("day"), "2026-10-29"),
        (Calendar("day"), "2026-11-23"),
        (Calendar("week"), "2026-W25"),
        (Calendar("week"), "2026-W50"),
        (Calendar("month"), "2025-01"),
        (Calendar("month"), "2027-02"),
        (Calendar("month", start_day=15), "2026-11-16"),
        (Calendar("quarter"), "2021-Q2"),
        (Calendar("year"), "2029"),
    ],
)
def test_periods_further_away_are_refused(calendar: Calendar, label: str) -> None:
    assert refused(Site(calendar).ask(label))


def lent(site: Site, asked: Iterable[tuple[str, int]]) -> dict[str, int]:
    """What was lent of each period by the first cap and by these requests in turn."""
    found = {period: sum(leases.values()) for period, leases in site.leases.items()}
    for period, needed in asked:
        for effect in site.ask(period, needed).effects:
            if isinstance(effect, LeaseGiven):
                found[effect.period] = found.get(effect.period, 0) + effect.amount
    return found


@pytest.mark.parametrize("back", range(1, 40, 3))
def test_what_was_lent_of_a_forgotten_period_is_not_lent_again(back: int) -> None:
    """Every day a lease of that day, and of one that lies `back` days before it."""
    site = Site(Calendar("day"))

    def days() -> Iterator[tuple[str, int]]:
        for _ in range(80):
            site.at += timedelta(days=1)
            yield str(site.at.date()), LIMIT
            yield str((site.at - timedelta(days=back)).date()), LIMIT

    found = lent(site, days())
    assert all(amount <= LIMIT for amount in found.values()), found
    assert len(site.leases) <= LEASE_PERIODS_KEPT


# Days from the clock on, or any text.
LABELS = st.one_of(st.integers(-40, 5), st.text("0123456789-QW", max_size=12))
ASKED = st.lists(st.tuples(LABELS, st.integers(1, 2 * LIMIT), st.integers(0, 5)), max_size=80)
CALENDARS = [Calendar("day"), Calendar("week", start_day=4), Calendar("month", start_day=2)]


@settings(max_examples=30, deadline=None)
@given(asked=ASKED, calendar=st.sampled_from(CALENDARS))
def test_whatever_is_asked_no_period_is_lent_beyond_the_cap(
    asked: list[tuple[int | str, int, int]], calendar: Calendar
) -> None:
    site = Site(calendar)

    def requests() -> Iterator[tuple[str, int]]:
        for when, needed, days in asked:
            site.at += timedelta(days=days)
            at_s = epoch_s(site.at) + (when * 86_400 if isinstance(when, int) else 0)
            yield (when if isinstance(when, str) else clock_of(calendar).label(at_s)), needed

    assert all(amount <= LIMIT for amount in lent(site, requests()).values())
    assert len(site.leases) <= LEASE_PERIODS_KEPT
