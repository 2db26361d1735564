"""Events that make as much as they can of a decision, on real Kafka: none stops its partition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from infra import dead_letters
from schemas.codec import encode_event
from schemas.controls import BUDGETS_A_SUBJECT_MAX, Match, Policy, SpendLimit
from schemas.events import AuthorizationRequested, BudgetSet, ClockTicked, Event, Merchant, PolicyDrafted
from schemas.money import Money, PositiveMoney
from tests.streams.events import DEPARTMENTS, budget, request
from tests.streams.line import Line, outcomes

MINE = DEPARTMENTS[0]
HOLDS = 520


def common(event_id: str, at: datetime) -> dict[str, object]:
    return {"event_id": event_id, "organization_id": "techcorp", "department_id": MINE, "occurred_at": at}


def budgets(count: int, at: datetime) -> list[Event]:
    return [
        BudgetSet(
            **common(f"budget-{number}", at),  # type: ignore[arg-type]
            name="B" * 100,
            limit=Money(10**9, "USD"),
            level="card",
            subject="c1",
            budget_id=f"{number}-".ljust(120, "b"),
            period="lifetime",
        )
        for number in range(count)
    ]


def holds(at: datetime) -> list[Event]:
    return [
        AuthorizationRequested(
            **common(f"hold-{number}", at),  # type: ignore[arg-type]
            authorization_id=f"{number}-".ljust(120, "a"),
            card_id="c1",
            amount=PositiveMoney(1, "USD"),
            merchant=Merchant(name="M"),
        )
        for number in range(HOLDS)
    ]


def large_policy(at: datetime) -> Event:
    texts = tuple(f"{number}-".ljust(190, "m") for number in range(500))
    rules = tuple(
        SpendLimit(rule_id=f"r{n}", window="rolling", seconds=60, count=1, only=Match(merchants=texts))
        for n in range(30)
    )
    return PolicyDrafted(**common("policy", at), policy=Policy(rules=rules))  # type: ignore[arg-type]


def test_the_largest_events_are_decided_or_rejected_and_the_partition_goes_on(line: Line) -> None:
    now = datetime.now(UTC)
    before = now - timedelta(days=10)
    worker = line.worker("w1")
    line.send([msgspec.structs.replace(budget(MINE), occurred_at=before)])
    line.send([*budgets(2_500, before), *holds(before)])
    # Compressed, these pass a broker that takes a megabyte; no event is read that is so large.
    large = line.new_producer(**{"message.max.bytes": 20_000_000, "compression.type": "zstd"})
    policy = encode_event(large_policy(before))
    assert len(policy) > 2_800_000
    large.produce(line.names.card_events, policy, f"techcorp/{MINE}".encode(), partition=0)
    large.produce(line.names.card_events, b"{}", b"k" * 3_000_000, partition=0)
    assert large.flush(30.0) == 0
    ticks = [ClockTicked(**common(f"tick-{n}", now)) for n in range(100)]  # type: ignore[arg-type]
    line.send([*ticks, request(1, MINE)])
    sent = 1 + 2_500 + HOLDS + 2 + len(ticks) + 1
    decisions = [found for found in line.decisions(sent, timeout_s=120.0) if found.partition == 0]
    assert outcomes(decisions) == {
        "accepted": 1 + BUDGETS_A_SUBJECT_MAX + len(ticks),
        "rejected": 2_500 - BUDGETS_A_SUBJECT_MAX + 2,
        "approved": HOLDS + 1,
    }
    lapsed = [len(found.effects) for found in decisions if found.event_type == "clock.ticked"]
    assert sum(lapsed) == HOLDS
    assert lapsed[0] < HOLDS
    letters = {letter.reason for letter in dead_letters.read(line.kafka, line.prefix)}
    assert letters == {"invalid_budget", "invalid_event", "unknown_type"}
    assert worker.alive() and "stands_still" not in worker.output()
