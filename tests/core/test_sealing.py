"""No event makes a decision that a record of the log cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import check_seal, decode_decision, encode_event
from schemas.controls import BUDGETS_A_SUBJECT_MAX, INCREASES_MAX, Action, Calendar, Policy, SpendLimit
from schemas.decisions import Decision
from schemas.event import Event, Merchant
from schemas.events import (
    AuthorizationRequested,
    BudgetIncreased,
    BudgetSet,
    ClockTicked,
    PolicyDrafted,
    VerificationRequested,
)
from schemas.money import Money, PositiveMoney
from schemas.reasons import Outcome, Reason, ReasonCode
from schemas.topics import MESSAGE_BYTES_MAX
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.lapses import LAPSE_BYTES_MAX, LAPSES_MAX
from streams.core.sealing import DECISION_BYTES_MAX, seal
from streams.core.state import PartitionState
from streams.kafka_log import BATCH_BYTES
from streams.model import Unscored

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
# Four bytes a letter, and one that JSON escapes.
WIDE = "😀"
LONG = Reason(code=ReasonCode.BUDGET_EXCEEDED, subject=WIDE * 100, rule="r" * 128, period="2026-11")


class Partition:
    """One department, asked one event after the other."""

    def __init__(self) -> None:
        self.state = PartitionState(0)
        self.at = START
        self.largest = 0
        self._numbers: Iterator[int] = iter(range(10**9))

    def say(self, kind: type[Event], **members: Any) -> Decision:
        event = kind(
            event_id=f"e{next(self._numbers)}",
            organization_id="acme",
            department_id="ops",
            occurred_at=self.at,
            **members,
        )
        record = Record(self.state.next_offset, self.at, event.key.encode(), encode_event(event))
        decision, value = seal(judge(self.state, record, 1, Unscored()))
        check_seal(value, decode_decision(value), self.state.last_hash)
        evolve(self.state, decision)
        self.largest = max(self.largest, len(value))
        return decision

    def budget(self, **members: Any) -> Decision:
        return self.say(
            BudgetSet, **{"name": "B" * 100, "limit": Money(10**12, "USD"), "period": "lifetime"} | members
        )

    def request(self, card: str, number: int, **members: Any) -> Decision:
        return self.say(
            AuthorizationRequested,
            **{
                "authorization_id": f"{number}-".ljust(128, "a"),
                "card_id": card,
                "amount": PositiveMoney(1, "USD"),
                "merchant": Merchant(name="M"),
            }
            | members,
        )


def test_what_a_decision_may_be_fits_a_batch_and_a_topic() -> None:
    key_and_headers = 300 + 128 + 1_000
    assert DECISION_BYTES_MAX + key_and_headers < BATCH_BYTES < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("letter", ["n", WIDE, '"', "\\"])
def test_holds_with_long_names_lapse_in_as_many_decisions_as_they_need(letter: str) -> None:
    """520 holds of a card with 20 budgets of long names: as one decision they would take megabytes."""
    ops = Partition()
    ops.budget()
    ops.say(PolicyDrafted, policy=Policy(), activate=True)
    for number in range(BUDGETS_A_SUBJECT_MAX):
        name = f"{number}{letter * 120}"
        assert ops.budget(level="card", subject="c1", budget_id=name).outcome is Outcome.ACCEPTED
    for number in range(520):
        assert ops.request("c1", number).outcome is Outcome.APPROVED
    ops.at += timedelta(days=8)
    lapsed, decisions = 0, 0
    while lapsed < 520:
        decision = ops.say(ClockTicked)
        assert decision.outcome is Outcome.ACCEPTED
        assert decision.effects, "a decision that lets nothing lapse would never come to the end"
        lapsed += len(decision.effects)
        decisions += 1
    assert not ops.say(ClockTicked).effects
    assert ops.largest <= 2 * LAPSE_BYTES_MAX
    assert decisions > 520 // LAPSES_MAX + 1
    assert all(period.held == 0 for period in ops.state.departments["acme/ops"].periods.values())


def test_a_decision_that_no_record_holds_is_rejected_and_moves_nothing() -> None:
    """Every rule of a policy speaks, each with a long name: as reasons they fill a record many times over."""
    ops = Partition()
    ops.budget()
    decision = ops.say(VerificationRequested, card_id="c1", merchant=Merchant(name="M"))
    grown = msgspec.structs.replace(
        decision, reasons=tuple(decision.reasons) + (LONG,) * 5_000, seq=ops.state.seq
    )
    rejected, value = seal(grown)
    assert rejected.outcome is Outcome.REJECTED
    (reason,) = rejected.reasons
    assert reason.code is ReasonCode.DECISION_TOO_LARGE
    assert "most of them in its reasons" in (reason.detail or "")
    assert len(value) < 2_000
    assert rejected.event_id == decision.event_id and not rejected.effects


def test_one_subject_has_a_bounded_number_of_budgets() -> None:
    ops = Partition()
    ops.budget()
    for number in range(BUDGETS_A_SUBJECT_MAX):
        assert ops.budget(level="card", subject="c1", budget_id=f"b{number}").outcome is Outcome.ACCEPTED
    more = ops.budget(level="card", subject="c1", budget_id="more")
    assert more.reasons[0].code is ReasonCode.INVALID_BUDGET
    assert "has 20 budgets already" in (more.reasons[0].detail or "")
    assert ops.budget(level="card", subject="c2").outcome is Outcome.ACCEPTED
    assert ops.budget(level="card", subject="c1", budget_id="b3").outcome is Outcome.ACCEPTED  # a change


def test_a_budget_has_a_bounded_number_of_increases() -> None:
    ops = Partition()
    ops.budget()
    for number in range(INCREASES_MAX + 1):
        decision = ops.say(
            BudgetIncreased,
            budget_id="department",
            amount=PositiveMoney(1, "USD"),
            ends_at=ops.at + timedelta(days=1),
        )
        assert (decision.outcome is Outcome.ACCEPTED) is (number < INCREASES_MAX)


names = st.text(st.sampled_from(["a", WIDE, '"', "é"]), min_size=1, max_size=100)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_nothing_that_may_be_set_makes_a_decision_too_large(data: st.DataObject) -> None:
    """Budgets, rules that all speak, and lapses at once: decided or rejected, and time always goes on."""
    ops = Partition()
    ops.budget(limit=Money(data.draw(st.sampled_from([0, 10**12])), "USD"), name=data.draw(names))
    action: Action = data.draw(st.sampled_from(get_args(Action)))
    count = data.draw(st.integers(0, 200))
    rule_id = data.draw(st.integers(1, 60))
    rules = tuple(
        SpendLimit(
            rule_id=f"r{n:03}".ljust(rule_id, "x"),
            window="calendar",
            calendar=Calendar("month"),
            amount=data.draw(st.sampled_from([0, 10**12])) if n < 3 else 0,
            per="card",
            action=action,
        )
        for n in range(count)
    )
    ops.say(PolicyDrafted, policy=Policy(rules=rules), activate=True)
    card = data.draw(st.text(st.sampled_from(["c", WIDE, '"']), min_size=1, max_size=128))
    for number in range(data.draw(st.integers(0, BUDGETS_A_SUBJECT_MAX))):
        ops.budget(level="card", subject=card, budget_id=f"{number}" + data.draw(names), name="n")
    for number in range(data.draw(st.integers(1, 60))):
        ops.request(card, number, cardholder=WIDE * 50)
    ops.at += timedelta(days=8)
    ops.request(card, 1_000, partial_allowed=True, cardholder=WIDE * 50)
    for _ in range(70):
        if not ops.say(ClockTicked).effects:
            break
    else:
        raise AssertionError("what was held never lapses")
    assert ops.largest <= DECISION_BYTES_MAX
