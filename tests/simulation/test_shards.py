"""A department lent to shards: messages under way in any order and twice, owners that end at any moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from schemas.decisions import Decision
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    ClearingPresented,
    ClockTicked,
    DepartmentSplit,
    Event,
    Merchant,
)
from schemas.ids import department_key
from schemas.money import Money, PositiveMoney
from schemas.partitions import partition_of
from streams.core.apply.evolve import evolve
from streams.core.messages import messages
from streams.core.state import PartitionState
from tests.verify.logs import PARTITIONS, UNTIL, Company
from tests.verify.told import assert_true

LIMIT = 100_000
WIDE, SHARDS = "wide", ("wide-1", "wide-2", "wide-3", "wide-4")
PERIOD = "department@2026-11"
STEPS = 400
AGAIN = 6  # of so many decisions the next owner of a partition writes the messages once more


class Lending(Company):
    """Messages between departments wait until they are delivered, in any order."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = random.Random(seed)
        self.waiting: list[Event] = []
        self.open: list[tuple[str, str, int]] = []
        self._number = 0

    def decide(self, event: Event, recorded_at: Any = UNTIL) -> Decision:
        decision = self.decide_alone(event, recorded_at)
        self.waiting += messages(decision)
        return decision

    def say(self, kind: type[Event], department: str, **members: Any) -> Decision:
        self._number += 1
        at = UNTIL - timedelta(days=5) + timedelta(seconds=self._number)
        members |= {"organization_id": "acme", "department_id": department, "occurred_at": at}
        return self.decide(kind(event_id=f"e{self._number}", **members))

    def request(self, department: str, amount: int) -> Decision:
        name = f"a{self._number}"
        decision = self.say(AuthorizationRequested, department, authorization_id=name, **paid(amount))
        if decision.granted:
            self.open.append((department, name, amount))
        return decision

    def settle(self) -> None:
        """One open payment is cleared, or given back."""
        if self.open:
            department, name, amount = self.open.pop(self.rng.randrange(len(self.open)))
            about = {"authorization_id": name}
            if self.rng.random() < 0.5:
                self.say(AuthorizationReversed, department, **about)
            else:
                self.say(ClearingPresented, department, **about, **paid(amount))

    def deliver(self) -> None:
        """One message, whichever; now and then it comes a second time, later."""
        if self.waiting:
            event = self.waiting.pop(self.rng.randrange(len(self.waiting)))
            if self.rng.random() < 0.2:
                self.waiting.append(event)
            self.decide(event)

    def drain(self) -> None:
        while self.waiting:
            self.deliver()

    def end_an_owner(self) -> None:
        """The next one folds the log, comes to the same state, and writes again what may be missing."""
        partition = self.rng.choice(list(self.worlds))
        state = PartitionState(partition)
        for decision in self.worlds[partition].decisions:
            evolve(state, decision)
        assert state == self._states[partition]
        self._states[partition] = state
        for decision in self.worlds[partition].decisions[-AGAIN:]:
            self.waiting += messages(decision)

    def used(self) -> int:
        """Held and posted in all of them together."""
        return sum(
            state.departments[key].periods[PERIOD].used
            for state in self._states.values()
            for key in state.departments
            if PERIOD in state.departments[key].periods
        )

    def left(self) -> int:
        """The department's own limit: what it does not lend."""
        return self._states[_partition(WIDE)].departments[department_key("acme", WIDE)].periods[PERIOD].limit


def paid(amount: int) -> dict[str, Any]:
    """With which card, where."""
    money = PositiveMoney(amount, "USD")
    return {"card_id": "card", "amount": money, "merchant": Merchant("Shop", "5943", "US")}


def _partition(department: str) -> int:
    return partition_of(department_key("acme", department).encode(), PARTITIONS)


def begun(seed: int) -> Lending:
    told = Lending(seed)
    told.say(BudgetSet, WIDE, name="Wide", limit=Money(LIMIT, "USD"))
    told.request(WIDE, LIMIT // 10)
    told.say(DepartmentSplit, WIDE, shards=SHARDS)
    while not all(
        told.say(BudgetSet, shard, name="Wide", limit=Money(LIMIT, "USD"), shard_of=WIDE).outcome
        == "accepted"
        for shard in SHARDS
    ):
        told.deliver()
    return told


def steps(told: Lending, count: int) -> Iterator[int]:
    """What is used after each."""
    for _ in range(count):
        kind = told.rng.random()
        if kind < 0.4:
            told.request(told.rng.choice((WIDE, *SHARDS)), told.rng.randint(1, LIMIT // 8))
        elif kind < 0.55:
            told.settle()
        elif kind < 0.6:
            told.say(ClockTicked, told.rng.choice((WIDE, *SHARDS)))
        elif kind < 0.64:
            told.end_an_owner()
        else:
            told.deliver()
        yield told.used()


def test_the_shards_lie_on_different_partitions() -> None:
    assert len({_partition(name) for name in (WIDE, *SHARDS)}) > 2


@pytest.mark.parametrize("seed", range(4))
def test_together_shards_never_use_more_than_the_budget(seed: int) -> None:
    told = begun(seed)
    assert all(used <= LIMIT for used in steps(told, STEPS))
    told.drain()
    told.book()
    report = assert_true(told)
    assert report["O11"].checked > 50
    assert report["O15"].checked > 50


@pytest.mark.parametrize("seed", range(4))
def test_a_budget_that_changes_is_lent_up_to_its_largest(seed: int) -> None:
    told, largest = begun(seed), LIMIT
    for used in steps(told, STEPS):
        assert used <= largest
        if told.rng.random() < 0.05:
            limit = told.rng.randint(LIMIT // 4, 2 * LIMIT)
            largest = max(largest, limit)
            told.say(BudgetSet, WIDE, name="Wide", limit=Money(limit, "USD"))
    told.drain()
    told.book()
    assert_true(told)


def test_the_last_cent_can_be_spent_by_one_shard() -> None:
    told = begun(9)
    for _ in range(40):
        told.request("wide-3", max(1, LIMIT - told.used()))
        told.drain()
    assert told.used() == LIMIT
    assert told.left() == LIMIT // 10, "what the department had held before"
