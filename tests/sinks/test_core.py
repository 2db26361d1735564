"""Decision to rows, without any service."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.authorizations import Status
from schemas.controls import Calendar, Policy
from schemas.decisions import Decision
from schemas.effects import LeaseAdded, LeaseAsked, LeaseGiven, LeaseTaken, PolicyTaken
from schemas.reasons import Outcome, Reason, ReasonCode
from sinks.errors import PartitionBroken
from sinks.ledger.bookings import Bookkeeper, Transfer
from sinks.ledger.read_models import changes_of
from sinks.payments import fold, touched
from sinks.recent import Recent
from sinks.status.feed import brief, entries
from tests.sinks.builder import DecisionLog


def test_transfers_have_the_columns_of_their_table_in_order() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    (_, row) = Bookkeeper().transfers([log.clear("a", 450)])
    assert type(row) is Transfer
    assert (row.partition, row.seq, row.n, row.leg) == (0, 1, 1, 0)
    assert (row.authorization_id, row.currency, row.period, row.compensates_seq) == (
        *("a", "USD", "2026-11"),
        None,
    )


def test_the_period_is_what_follows_the_last_at_sign_of_the_department_s_charge() -> None:
    log = DecisionLog()
    (row,) = Bookkeeper().transfers([log.approve("a", charges=("department@2026-W47", "team:a@b@2026-Q4"))])
    assert row.period == "2026-W47"


@pytest.mark.parametrize("change", [{"currency": None}, {"organization_id": None}, {"department_id": None}])
def test_an_effect_that_cannot_be_booked_breaks_an_invariant(change: dict[str, None]) -> None:
    decision = msgspec.structs.replace(DecisionLog().approve("a"), **change)
    with pytest.raises(PartitionBroken, match="decision 0:0"):
        Bookkeeper().transfers([decision])


def test_money_that_counts_in_no_budget_breaks_an_invariant() -> None:
    with pytest.raises(PartitionBroken, match="effect 0 counts in no budget"):
        Bookkeeper().transfers([DecisionLog().approve("a", charges=())])


@pytest.mark.parametrize("amount", [0, -5])
def test_an_amount_that_is_not_above_zero_breaks_an_invariant(amount: int) -> None:
    with pytest.raises(PartitionBroken, match=f"moves {amount}"):
        Bookkeeper().transfers([DecisionLog().approve("a", amount)])


# -- read models


def test_the_last_budget_and_balance_of_a_batch_count() -> None:
    log = DecisionLog()
    log.budget(limit=100)
    first = log.approve("a", 10)
    log.budget(limit=200)
    log.clear("a", 12)
    log.repeat(first)
    changes = changes_of(log.decisions)
    (budget,), (period,) = changes.budgets.values(), changes.period_rows()
    assert (budget.limit_minor, budget.seq) == (200, 2)
    assert (period.limit_minor, period.posted_minor, period.held_minor, period.seq) == (200, 12, 0, 3)


def test_every_balance_of_a_decision_counts() -> None:
    log = DecisionLog()
    charges = ("department@2026-11", "team:a@2026-Q4", "rule:lunch:card-7@2026-11-21", "company@2026-11")
    log.approve("a", 10, charges=charges)
    held = {(row.budget_id, row.period): row.held_minor for row in changes_of(log.decisions).period_rows()}
    assert held == {
        ("department", "2026-11"): 10,
        ("team:a", "2026-Q4"): 10,
        ("rule:lunch:card-7", "2026-11-21"): 10,
        ("company", "2026-11"): 10,
    }


def test_a_limit_is_told_when_it_changes_and_only_then() -> None:
    log = DecisionLog()
    log.budget(limit=100)
    log.approve("a", 10)
    log.budget(limit=200)
    log.budget(limit=100)
    told = [(row.seq, row.limit_minor, row.sure) for row in changes_of(log.decisions).limits]
    assert told == [(0, 100, False), (2, 200, True), (3, 100, True)]
    known = {("techcorp", "eng", "2026-11"): 100}
    assert [row.seq for row in changes_of(log.decisions, known).limits] == [2, 3]


def test_of_the_policies_taken_in_a_batch_the_last_is_in_force() -> None:
    log = DecisionLog()
    log.draft(1, Policy(), activate=True)
    log.draft(2, Policy(hold_days=3), activate=True)
    log.set("policy.activated", PolicyTaken(policy_version=1), department="other")
    active = {key[1:]: row.active for key, row in changes_of(log.decisions).activated.items()}
    assert active == {("eng", 1): False, ("eng", 2): True, ("other", 1): True}


def test_what_moves_on_a_lease_adds_up_and_what_is_asked_is_the_last() -> None:
    log = DecisionLog()
    calendar = Calendar()
    given = {"department": "eng", "period": "2026-11", "calendar": calendar}
    log.set("cap.set", LeaseGiven(amount=100, short=0, **given), department="_treasury")  # type: ignore[arg-type]
    log.set("lease.requested", LeaseGiven(amount=30, short=20, **given), department="_treasury")  # type: ignore[arg-type]
    taken = LeaseTaken(department="eng", period="2026-11", amount=40)
    log.set("lease.returned", taken, department="_treasury")
    log.set("lease.granted", LeaseAdded(period="2026-11", amount=100, calendar=calendar))
    log.set("clock.ticked", LeaseAsked(period="2026-11", needed=25))
    changes = changes_of(log.decisions)
    moved = {key[1:]: row.moved for key, row in changes.leases.items()}
    assert moved == {("eng", "2026-11", "treasury"): 90, ("eng", "2026-11", "department"): 100}
    asked = {key[3]: row.asked_minor for key, row in changes.asked.items()}
    assert asked == {"treasury": 20, "department": 25}


# -- payments


def test_payments_fold_over_a_batch_and_over_what_was_before() -> None:
    log = DecisionLog()
    log.approve("a", 10)
    log.approve("b", 20)
    early = touched(log.decisions)
    before = fold({}, early)
    key = ("techcorp", "eng", "a")
    assert early.started_here == before.keys()
    late = touched([log.clear("a", 10), log.unreadable(), log.repeat(log.decisions[0])])
    assert late.started_here == set()
    after = fold(before, late)
    assert after.keys() == {key}
    assert (after[key].status, after[key].requested, after[key].posted) == (Status.CLEARED, 10, 10)


def test_one_decision_touches_every_payment_whose_hold_lapses_with_it() -> None:
    log = DecisionLog()
    for name in "abcd":
        log.approve(name, 10)
    cleared = log.clear("a", 10, lapsing=("b", "c"))
    found = touched([cleared])
    assert {key[2] for key in found.by_key} == {"a", "b", "c"}
    after = {key[2]: state for key, state in fold(fold({}, touched(log.decisions[:4])), found).items()}
    assert {name: state.status for name, state in after.items()} == {
        "a": Status.CLEARED,
        "b": Status.EXPIRED,
        "c": Status.EXPIRED,
    }
    assert after["b"].alerts == ()  # what is said of a is not said of b
    assert after["b"].expired == 10
    assert after["b"].expires_at is None


def test_an_increment_on_an_unknown_payment_leaves_no_payment() -> None:
    log = DecisionLog()
    assert fold({}, touched([log.decline_increment("a", 10)])) == {}


def test_the_memory_of_payments_forgets_the_oldest_first() -> None:
    log = DecisionLog()
    states = fold({}, touched([log.approve(name) for name in "abcd"]))
    recent = Recent(kept_max=3)
    recent.keep(states)
    assert [key[2] for key in recent.get(states)] == ["b", "c", "d"]


# -- the feed


def test_the_feed_tells_a_decline_in_a_sentence() -> None:
    told = brief(DecisionLog().decline("a", 600_050))
    assert told.sentence is not None
    assert "Requested: $6,000.50" in told.sentence
    assert told.reason == "budget_exceeded"


def test_the_feed_tells_why_somebody_should_look_at_an_approval() -> None:
    review = Reason(code=ReasonCode.TOLERANCE_USED, subject="eng", currency="USD", limit=1000, requested=1100)
    told = brief(DecisionLog().approve("a", 1100, reviews=(review, review), alerts=("above_limits",)))
    assert (told.outcome, told.reason) == (Outcome.APPROVED, None)
    assert told.reviews == (ReasonCode.TOLERANCE_USED,)
    assert told.alerts == ("above_limits",)
    assert told.sentence is not None
    assert "within its tolerance" in told.sentence


def test_the_feed_tells_what_was_approved_in_part_and_how_many_holds_lapsed() -> None:
    log = DecisionLog()
    assert brief(log.approve_in_part("a", 100, 60)).approved == 60
    log.approve("b")
    assert brief(log.tick("a", "b")).lapsed == 2


def test_the_feed_keeps_the_last_entries_of_each_organization() -> None:
    log = DecisionLog()
    for number in range(5):
        log.approve(f"a{number}")
    log.unreadable()
    assert [entry.position for entry in entries(log.decisions, 2)] == ["0:3", "0:4"]


def test_what_is_not_stored_yet_of_a_decision_is_not_lost_in_the_feed() -> None:
    decisions: list[Decision] = [DecisionLog().approve("a", 7)]
    told: Any = msgspec.json.decode(entries(decisions, 10)[0].decision)
    assert (told["authorization"], told["amount"]) == ("a", 7)
