"""Corners that random histories seldom turn, played by core and verifier; calendars over many years."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas.events as ev
from infra.verify.calendar import ends_s, label
from schemas.codec import encode_event
from schemas.controls import Calendar, PeriodKind, Policy, Rules, SpendLimit
from schemas.decisions import Decision
from schemas.effects import RefundUndone
from schemas.money import Money, PositiveMoney
from schemas.reasons import ReasonCode
from streams.core.calendar import clock_of, epoch_s
from tests.histories.referee import Line, Referee
from tests.histories.world import DAY, ORGANIZATION, PARTITION, PARTITIONS, SECOND

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
# Offsets of quarter hours, changes at midnight, a day that was left out.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia")


class Play:
    """One department, in which the verifier judges the core after each event."""

    def __init__(self, limit: int = 100_000, **calendar: Any) -> None:
        self.referee = Referee(PARTITION, PARTITIONS, thorough=True)
        self.number = 0
        self.say(ev.BudgetSet, START, name="Budget", limit=Money(limit, "USD"), **calendar)

    def say(self, kind: type[ev.Event], at: datetime, now: datetime | None = None, **given: Any) -> Decision:
        """An event of `at` that the broker records `now`."""
        self.number += 1
        event = kind(
            event_id=f"e{self.number}",
            organization_id=ORGANIZATION,
            department_id="eng",
            occurred_at=at,
            **given,
        )
        return self.referee.play(Line(now or at, event.key.encode(), encode_event(event)))

    def rules(self, *rules: Rules) -> None:
        self.say(ev.PolicyDrafted, START, policy=Policy(rules=rules), activate=True)

    def request(self, name: str, at: datetime, now: datetime | None = None, amount: int = 1) -> Decision:
        return self.say(
            ev.AuthorizationRequested,
            at,
            now,
            authorization_id=name,
            card_id="card-1",
            amount=PositiveMoney(amount, "USD"),
            merchant=ev.Merchant("Edeka"),
        )


def codes(answer: Decision) -> list[ReasonCode]:
    return [said.code for said in answer.reasons]


def test_five_hundred_holds_lapse_with_one_event_and_the_rest_with_the_next() -> None:
    play = Play()
    play.rules()
    for number in range(510):
        play.request(f"p{number:03}", START + number * SECOND)
    later = START + 8 * DAY
    first, second = (play.say(ev.ClockTicked, later) for _ in range(2))
    assert (len(first.effects), len(second.effects)) == (500, 10)
    assert [effect.authorization_id for effect in second.effects][:1] == ["p500"]  # type: ignore[union-attr]


def test_the_last_ten_policies_and_the_default_can_be_put_in_force() -> None:
    play = Play()
    for number in range(12):
        play.say(ev.PolicyDrafted, START, policy=Policy(hold_days=number + 1))
    found = [codes(play.say(ev.PolicyActivated, START, policy_version=version)) for version in range(14)]
    unknown = [ReasonCode.UNKNOWN_POLICY]
    assert found == [[], unknown, unknown, *([[]] * 10), unknown]


COUNTS = (
    (SpendLimit(rule_id="few", window="rolling", seconds=60 * 86_400, count=1), 62, 30),
    (SpendLimit(rule_id="few", window="calendar", calendar=Calendar(), count=1), 40, 20),
    (SpendLimit(rule_id="few", window="rolling", seconds=30 * 86_400, amount=1), 59, 20),
)


@pytest.mark.parametrize(("rule", "now", "late"), COUNTS)
def test_what_was_counted_still_counts_for_a_late_request(rule: SpendLimit, now: int, late: int) -> None:
    play = Play()
    play.rules(rule)
    play.request("first", START)
    play.say(ev.ClockTicked, START + now * DAY)
    assert codes(play.request("late", START + late * DAY, START + now * DAY))


def test_a_request_whose_event_id_is_forgotten_is_named_by_no_timeout() -> None:
    play = Play()
    play.say(ev.PolicyDrafted, START, policy=Policy(hold_days=60), activate=True)
    play.request("p1", START)
    asked = f"e{play.number}"
    more: dict[str, Any] = {"card_id": "card-1", "amount": PositiveMoney(1, "USD")}
    timeout: dict[str, Any] = {"authorization_id": "p1", "cause": "timeout", "request_id": asked}
    for days in (50, 100, 150):
        assert play.say(
            ev.AuthorizationIncremented, START + days * DAY, authorization_id="p1", **more
        ).effects
    assert not play.say(ev.AuthorizationReversed, START + 150 * DAY, **timeout).effects
    timeout["request_id"] = None
    assert play.say(ev.AuthorizationReversed, START + 150 * DAY, **timeout).effects


def test_a_period_that_is_over_is_not_empty_for_a_late_request() -> None:
    play = Play(limit=1000)
    play.say(
        ev.BudgetSet,
        START,
        name="Year",
        budget_id="year",
        limit=Money(1000, "USD"),
        period="year",
    )
    play.say(
        ev.ClearingPresented,
        START,
        authorization_id="p1",
        card_id="card-1",
        amount=PositiveMoney(900, "USD"),
    )
    now = datetime(2027, 3, 28, tzinfo=UTC)
    play.say(ev.ClockTicked, now)
    late = play.request("late", datetime(2026, 12, 30, tzinfo=UTC), now, amount=200)
    assert codes(late) == [ReasonCode.BUDGET_EXCEEDED]


def test_a_refund_makes_no_period_so_roomy_that_more_than_its_limit_passes_later() -> None:
    play = Play(limit=500)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    play.request("p1", now - DAY, amount=100)
    play.say(ev.RefundPresented, now, card_id="card-1", amount=PositiveMoney(100, "USD"))
    late = play.request("late", now - 32 * DAY, now, amount=501)
    assert late.would_pass is not None
    assert (late.would_pass.now, late.would_pass.later) == (500, None)


@pytest.mark.parametrize(
    ("asked", "undone"),
    [(None, [100]), (100, [100]), (30, [30]), (101, []), (250, [])],
)
def test_a_refund_whose_id_comes_again_long_after_is_taken_back_without_the_forgotten_one(
    asked: int | None, undone: list[int]
) -> None:
    play = Play()
    now = START + 100 * DAY
    for at, minor in ((START, 150), (now, 100)):
        play.say(ev.ClockTicked, at)
        back: dict[str, Any] = {"refund_id": "r1", "card_id": "card-1", "amount": PositiveMoney(minor, "USD")}
        assert play.say(ev.RefundPresented, at, **back).effects
    amount = None if asked is None else PositiveMoney(asked, "USD")
    decision = play.say(ev.RefundReversed, now, refund_id="r1", amount=amount)
    assert [effect.amount for effect in decision.effects if isinstance(effect, RefundUndone)] == undone
    left = sum(undone, -100)
    assert play.say(ev.RefundReversed, now, refund_id="r1").effects or left == 0


@pytest.mark.parametrize(
    ("kind", "period", "days", "usable"),
    [
        ("month", "2026-11", 0, True),
        ("month", "2026-11", 100, True),  # it may still be remembered
        ("month", "2026-11", 150, False),
        ("month", "2026-10", 110, False),
        ("month", "2027-04", 150, True),
        ("quarter", "2026-Q4", 150, True),
        ("quarter", "2026-Q4", 240, False),
        ("year", "2026", 400, False),
        ("week", "2026-W45", 150, False),
        ("lifetime", "lifetime", 400, True),
        ("month", "2026-Q4", 150, True),  # no label of the calendar: it may have been another's, a year long
        ("month", "2025-Q1", 500, False),
        ("month", "soon", 500, True),
    ],
)
@pytest.mark.parametrize("again", [0, 7])
def test_more_of_a_period_that_is_over_is_leased_to_nobody(
    kind: PeriodKind, period: str, days: int, usable: bool, again: int
) -> None:
    play = Play()
    lease: dict[str, Any] = {"calendar": Calendar(kind), "period": period, "currency": "USD"}
    play.say(ev.LeaseGranted, START, amount=100, **lease)
    play.say(ev.ClockTicked, START + days * DAY)
    decision = play.say(ev.LeaseGranted, START + days * DAY, amount=again, **lease)
    assert codes(decision) == ([] if usable else [ReasonCode.TOO_OLD])


@settings(max_examples=1500, deadline=None, database=None, derandomize=True)
@given(
    kind=st.sampled_from(("day", "week", "month", "quarter", "year", "lifetime")),
    zone=st.sampled_from(ZONES),
    day=st.integers(1, 28),
    month=st.integers(1, 12),
    since_2000=st.integers(0, 99 * 365 * 24 * 3600),
)
def test_periods_are_those_of_the_verifiers_calendar(
    kind: PeriodKind, zone: str, day: int, month: int, since_2000: int
) -> None:
    day = day if kind in ("month", "quarter", "year") else (day - 1) % 7 + 1 if kind == "week" else 1
    calendar = Calendar(kind, zone, day, month if kind in ("quarter", "year") else 1)
    clock = clock_of(calendar)
    moment = datetime(2000, 1, 2, tzinfo=UTC) + since_2000 * SECOND
    at_s = epoch_s(moment)
    assert clock.label(at_s) == label(calendar, at_s)
    end = clock.ends_s(at_s)
    assert end == ends_s(calendar, at_s)
    if end is not None:
        assert clock.label(end - 1) == label(calendar, at_s) != clock.label(end)


@pytest.mark.parametrize("days", [10, 40, 100, 149, 179, 210, 400])
@pytest.mark.parametrize("used", [0, 100])
@pytest.mark.parametrize("returned", [0, 50])
def test_of_a_period_that_may_be_forgotten_a_department_lends_nothing(
    days: int, used: int, returned: int
) -> None:
    play = Play(limit=1000)
    period: dict[str, Any] = {"period": "2026-11", "department": "eng-1"}
    play.say(ev.DepartmentSplit, START, shards=("eng-1", "eng-2"))
    if used:
        play.request("p1", START, amount=used)
    now = START + days * DAY
    play.say(ev.ClockTicked, now)
    play.say(ev.LeaseRequested, now, needed=400, **period)
    play.say(ev.LeaseReturned, now, amount=returned, **period)
    play.say(ev.LeaseRequested, now, needed=2000, **period)
    play.say(ev.ClockTicked, now)
    play.say(ev.BudgetSet, now, name="Budget", limit=Money(5000, "USD"))
    play.say(ev.LeaseReturned, now, amount=returned, **period)


@pytest.mark.parametrize("days", [10, 40, 100, 149, 179, 210, 400])
@pytest.mark.parametrize("used", [0, 30])
def test_of_a_period_that_may_be_forgotten_nothing_is_given_back(days: int, used: int) -> None:
    play = Play()
    lease: dict[str, Any] = {"calendar": Calendar(), "period": "2026-11", "currency": "USD"}
    play.say(ev.LeaseGranted, START, amount=100, **lease)
    if used:
        play.request("p1", START, amount=used)
    now = START + days * DAY
    play.say(ev.ClockTicked, now)
    for _ in range(2):
        play.say(ev.LeaseRecalled, now, period="2026-11")


@pytest.mark.parametrize(
    ("days", "kept"), [(1, True), (20, True), (22, True), (24, True), (25, False), (40, False), (130, False)]
)
def test_a_lease_of_some_days_ago_is_given_back_unless_it_is_forgotten(days: int, kept: bool) -> None:
    play = Play(period="day")
    assert play.say(ev.DepartmentSplit, START, shards=("eng-1",)).effects
    for day in range(days):
        now = START + day * DAY
        asked: dict[str, Any] = {"department": "eng-1", "period": f"{now:%Y-%m-%d}", "needed": 100}
        assert play.say(ev.LeaseRequested, now, **asked).effects
    for period, known in (("2026-11-01", kept), (f"{now:%Y-%m-%d}", True), ("2026-10-31", False)):
        back: dict[str, Any] = {"department": "eng-1", "period": period, "amount": 10}
        assert bool(play.say(ev.LeaseReturned, now, **back).effects) is known


#: Days after which it comes again. Its total is remembered for 13 spans of 30 days after that of all else.
AWAY = [3, 100, 300, 450, 480, 520, 600]


@pytest.mark.parametrize("days", AWAY)
@pytest.mark.parametrize("kind", ["month", "year", "lifetime"])
@pytest.mark.parametrize("unused", [0, 500])
def test_a_budget_that_comes_again_has_its_total_or_begins_anew(
    kind: PeriodKind, days: int, unused: int
) -> None:
    play, removed = Play(), START + max(2, unused) * DAY
    budget: dict[str, Any] = {"budget_id": "b", "limit": Money(1000, "USD"), "period": kind}
    play.say(ev.BudgetSet, START, name="B", **budget)
    play.request("p1", START, amount=300)
    cleared: dict[str, Any] = {"card_id": "card-1", "amount": PositiveMoney(300, "USD")}
    play.say(ev.ClearingPresented, START + DAY, authorization_id="p1", **cleared)
    play.say(ev.ClockTicked, removed)
    play.say(ev.BudgetRemoved, removed, budget_id="b")
    now = removed + days * DAY
    play.say(ev.ClockTicked, now)
    play.say(ev.BudgetSet, now, name="B", **budget)
    play.say(ev.BalanceInquired, now, card_id="card-1")
    long_ago, away = days >= 480 or (unused and days >= 100), days + unused
    begins_anew = long_ago or (kind == "month" and away > 30) or (kind == "year" and away > 60)
    assert bool(codes(play.request("p2", now, amount=800))) is not begins_anew


@pytest.mark.parametrize("days", AWAY)
@pytest.mark.parametrize("kind", ["year", "lifetime"])
def test_a_rule_that_comes_again_has_its_total_or_begins_anew(kind: PeriodKind, days: int) -> None:
    play, now = Play(), START + (2 + days) * DAY
    rule = SpendLimit(rule_id="r", window="calendar", calendar=Calendar(kind), amount=1000)
    play.rules(rule)
    cleared: dict[str, Any] = {"card_id": "card-1", "amount": PositiveMoney(300, "USD")}
    play.say(ev.ClearingPresented, START + DAY, authorization_id="p1", **cleared)
    play.say(ev.PolicyDrafted, START + 2 * DAY, policy=Policy(), activate=True)
    play.say(ev.ClockTicked, now)
    play.say(ev.PolicyDrafted, now, policy=Policy(rules=(rule,)), activate=True)
    play.say(ev.BalanceInquired, now, card_id="card-1")
    begins_anew = days >= 480 or (kind == "year" and days > 60)
    assert bool(codes(play.request("p2", now, amount=800))) is not begins_anew
