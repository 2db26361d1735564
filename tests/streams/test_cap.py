"""A company's cap over two partitions: exact at every prefix, and used up to the last cent."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.consumed import offset_of, partition_of
from schemas.administration import TREASURY
from schemas.chain import Chain
from schemas.claims import stamp_of
from schemas.decisions import Decision
from schemas.effects import LeaseAdded, LeaseGiven, LeaseGivenBack, LeaseTaken
from schemas.events import CapSet
from schemas.money import Money
from schemas.reasons import Outcome
from tests.streams.events import DEPARTMENTS, NOW, budget, request
from tests.streams.line import PARTITIONS, Line, value_of

CAP = 10_000
QUIET_S = 0.7


def cap(limit: int = CAP) -> CapSet:
    return CapSet(
        event_id=f"cap-{limit}",
        organization_id="techcorp",
        department_id=TREASURY,
        occurred_at=NOW,
        limit=Money(limit, "USD"),
        departments=tuple(DEPARTMENTS),
    )


def all_decisions(line: Line, at_least: int) -> list[Decision]:
    """What has been decided once nothing more comes: owners write to each other, so nobody knows how many."""
    consumer = Consumer(
        {
            "bootstrap.servers": line.kafka,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    topic = line.names.decisions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: list[Decision] = []
    chains = {partition: Chain(partition) for partition in range(PARTITIONS)}
    deadline, heard = time.monotonic() + 60.0, time.monotonic()
    try:
        while len(found) < at_least or time.monotonic() - heard < QUIET_S:
            assert time.monotonic() < deadline, f"{len(found)} of {at_least} decisions"
            for message in consumer.consume(10_000, 0.1):
                if message.error() is None:
                    stamp = stamp_of(message.headers())
                    decision = chains[partition_of(message)].follow(
                        offset_of(message), value_of(message), stamp
                    )
                    if decision is not None:
                        found.append(decision)
                        heard = time.monotonic()
    finally:
        consumer.close()
    return found


def approved(decisions: list[Decision]) -> int:
    return sum(decision.granted for decision in decisions if decision.event_type == "authorization.requested")


def assert_leases_are_exact(decisions: list[Decision], limit: int = CAP) -> None:
    """At every prefix of the treasury: free + leases = cap; every lease arrives once and goes back once."""
    leased = 0
    for decision in decisions:
        if decision.department_id == TREASURY:
            for effect in decision.effects:
                if isinstance(effect, LeaseGiven):
                    leased += effect.amount
                elif isinstance(effect, LeaseTaken):
                    leased -= effect.amount
            assert 0 <= leased <= limit
    effects = [effect for decision in decisions for effect in decision.effects]
    given = [effect.amount for effect in effects if isinstance(effect, LeaseGiven)]
    added = [effect.amount for effect in effects if isinstance(effect, LeaseAdded)]
    back = [effect.amount for effect in effects if isinstance(effect, LeaseGivenBack)]
    taken = [effect.amount for effect in effects if isinstance(effect, LeaseTaken)]
    assert sorted(given) == sorted(added)
    assert sorted(back) == sorted(taken)


def test_a_cap_over_partitions_is_never_exceeded_and_can_be_used_up(line: Line) -> None:
    line.worker("w1")
    line.send(budget(department, limit=100_000) for department in DEPARTMENTS)
    line.send([cap()])
    all_decisions(line, 5)
    sent = 0
    for _ in range(40):
        # The first department asks for more than its half: what the second holds must come to it.
        for department, count in zip(DEPARTMENTS, (12, 1), strict=True):
            line.send(request(number, department) for number in range(sent, sent + count))
        sent += 12
        decisions = all_decisions(line, 5 + sent)
        assert approved(decisions) <= CAP
        if approved(decisions) == CAP:
            break
    assert approved(decisions) == CAP, "money was left, and nobody could have it"
    assert_leases_are_exact(decisions)
    declined = [decision for decision in decisions if decision.outcome is Outcome.DECLINED]
    assert {decision.reasons[0].code for decision in declined} == {"lease_exceeded"}
    effects = [effect for decision in decisions for effect in decision.effects]
    assert any(isinstance(effect, LeaseTaken) and effect.amount for effect in effects), "nothing was recalled"


@pytest.mark.faults
def test_a_killed_worker_grants_and_returns_nothing_twice(line: Line) -> None:
    first = line.worker("first")
    line.send(budget(department, limit=100_000) for department in DEPARTMENTS)
    line.send([cap()])
    all_decisions(line, 5)  # the cap is in force
    first.kill()
    sent = 0
    for round_ in range(12):
        worker = line.start_worker(f"w{round_}")
        for department in DEPARTMENTS:
            line.send(request(number, department) for number in range(sent, sent + 30))
        sent += 30
        time.sleep(1.0 + 0.37 * round_ % 3)
        worker.kill()
    line.worker("last")
    decisions = all_decisions(line, 3 + 2 * sent)
    assert approved(decisions) <= CAP
    assert_leases_are_exact(decisions)
