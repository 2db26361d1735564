"""A record that does not continue the decisions: every reader stops there, and says so in the same words."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from api.log.follow import DecisionTail
from api.log.produce import WrittenEvent
from infra import topics
from infra.consumed import bytes_of, offset_of
from infra.continuation import examine
from infra.errors import SpendlogError
from infra.replay import replay
from infra.verify.leases import Leases
from infra.verify.partition import PartitionCheck
from infra.verify.report import Report
from infra.verify.sources import Logs
from schemas.codec import encode_event
from schemas.event import Event, Merchant
from schemas.events import AuthorizationRequested, BudgetSet
from schemas.money import Money, PositiveMoney
from schemas.topics import CARD_EVENTS, DECISIONS, TOPICS
from sinks.loop.consumer import BatchLimits, Consumer
from sinks.loop.kafka import KafkaDecisions
from sinks.loop.ports import SystemClock
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge, recorded_at
from streams.core.sealing import seal
from streams.core.state import PartitionState
from streams.kafka_log import KafkaLog, Names
from streams.log import InvariantBroken
from streams.model import Unscored
from streams.owner import Owner
from tests.sinks.memory import MemoryStore

COUNT, AT = 9, 5
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def events(prefix: str, count: int = COUNT) -> list[Event]:
    common: dict[str, Any] = {"organization_id": "acme", "department_id": "ops"}
    first = BudgetSet(event_id=f"{prefix}0", occurred_at=START, name="O", limit=Money(10**9, "USD"), **common)
    return [
        first,
        *(
            AuthorizationRequested(
                event_id=f"{prefix}{number}",
                occurred_at=START + timedelta(seconds=number),
                authorization_id=f"{prefix}A{number}",
                card_id="c",
                amount=PositiveMoney(100, "USD"),
                merchant=Merchant(name="M"),
                **common,
            )
            for number in range(1, count)
        ),
    ]


def decided(records: list[Record]) -> list[bytes]:
    """The decisions of the real core."""
    state, values = PartitionState(0), []
    for record in records:
        decision, value = seal(judge(state, record, 1, Unscored()))
        evolve(state, decision)
        values.append(value)
    return values


def recorded(sent: list[Event]) -> list[Record]:
    return [
        Record(number, START, event.key.encode(), encode_event(event)) for number, event in enumerate(sent)
    ]


Foreign = Callable[[list[bytes]], bytes | None]
#: By what was there: the true decisions, of which the sixth is to come.
FOREIGN: dict[str, Foreign] = {
    "none: there is a gap": lambda true: true[AT + 1],
    "of another history": lambda true: decided(recorded(events("f")))[AT],
    "changed": lambda true: true[AT].replace(b'"amount":100,', b'"amount":900,'),
    "no JSON": lambda true: b"\xff\x00",
    "without value": lambda true: None,
    # with the faults: the same rule, other bytes
    "the one before again": lambda true: true[AT - 1],
    "the first again": lambda true: true[0],
    "cut": lambda true: true[AT][:-20],
    "another's seal": lambda true: true[AT][:-66] + true[AT - 1][-66:],
    "of another partition": lambda true: true[AT].replace(b'"partition":0', b'"partition":1'),
    "a card event": lambda true: encode_event(events("e")[AT]),
    "an empty object": lambda true: b"{}",
    "a list": lambda true: b"[1]",
    "nested too deep": lambda true: b'{"partition":' + b"[" * 5_000,
    "empty": lambda true: b"",
}
_QUICK = 5


class Site:
    """Topics of one partition with nine decided card events; the sixth decision is something else."""

    def __init__(self, kafka: str, foreign: Foreign) -> None:
        self.kafka, self.prefix = kafka, f"foreign-{uuid.uuid4().hex[:8]}-"
        topics.apply(kafka, 1, prefix=self.prefix)
        self.sent = events("e")
        self.decisions = self.prefix + DECISIONS.name
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})
        for event in self.sent:
            self._producer.produce(self.prefix + CARD_EVENTS.name, encode_event(event), event.key, 0)
        assert self._producer.flush(20) == 0
        logs = Logs(kafka)
        found = logs.messages(self.prefix + CARD_EVENTS.name, 0, 0, COUNT)
        self.true = decided(
            [
                Record(offset_of(m), recorded_at(m.timestamp()[1]), bytes_of(m.key()), bytes_of(m.value()))
                for m in found
            ]
        )
        logs.close()
        self.foreign = foreign(self.true)
        self.append(range(AT - 1))

    def append(self, numbers: range) -> None:
        for number in numbers:
            value = self.foreign if number == AT else self.true[number]
            headers: list[tuple[str, str | bytes | None]] = [("event_id", self.sent[number].event_id)]
            self._producer.produce(self.decisions, value, "acme/ops", 0, headers=headers)
        assert self._producer.flush(20) == 0


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[pytest.mark.faults] * (number >= _QUICK))
        for number, kind in enumerate(FOREIGN)
    ]
)
def site(stack: Any, request: pytest.FixtureRequest) -> Iterator[Site]:
    found = Site(stack.kafka, FOREIGN[request.param])
    yield found
    topics_of = [found.prefix + topic.name for topic in TOPICS]
    admin = AdminClient({"bootstrap.servers": found.kafka})
    for future in admin.delete_topics(topics_of).values():
        future.result(60)


def owner(site: Site) -> str:
    async def take_over() -> str:
        log = KafkaLog(site.kafka, 0, 1, Names.prefixed(site.prefix))
        new = Owner(0, 1, log, Unscored, lambda changed: None)
        try:
            with pytest.raises(InvariantBroken) as broken:
                await new.take_over()
        finally:
            await new.close()
        assert new.state.seq == AT
        return str(broken.value)

    return asyncio.run(take_over())


def sink(site: Site) -> str:
    store, log = MemoryStore(), KafkaDecisions(site.kafka, site.decisions, f"{site.prefix}sink")
    consumer = Consumer(log, store, SystemClock(), BatchLimits(rows_max=7))
    try:
        for _ in range(200):
            consumer.step()
            if consumer.stopped:
                break
        consumer.step()
        assert store.rows == site.true[:AT]
        return consumer.stopped[0].why
    finally:
        log.close()


def verifier(site: Site) -> str:
    report, logs = Report(), Logs(site.kafka)
    low, high = logs.bounds(site.decisions, 0)
    check = PartitionCheck(0, 1, report, Leases(report))
    for _ in check.run([], logs.read(site.decisions, 0, low, high), [], []):
        pass
    logs.close()
    return report["O9"].examples[0]


def continuation(site: Site) -> str:
    with pytest.raises(SpendlogError) as error:
        examine(site.kafka, 0, site.prefix)
    return str(error.value)


def again(site: Site) -> str:
    with pytest.raises(SpendlogError) as error:
        replay(site.kafka, prefix=site.prefix)
    return str(error.value)


READERS: list[Callable[[Site], str]] = [owner, sink, verifier, continuation, again]


@asynccontextmanager
async def following(site: Site) -> AsyncIterator[DecisionTail]:
    tail = DecisionTail(site.kafka, waiters_max=10, topic=site.decisions, try_again_s=0.3)
    tail.start()
    try:
        async with asyncio.timeout(20):
            while tail.away is not None:  # noqa: ASYNC110  set by a thread
                await asyncio.sleep(0.01)
        yield tail
    finally:
        await asyncio.to_thread(tail.close)


def the_tail(site: Site) -> str:
    """It is told what comes before the foreign record, and nothing of what comes after."""

    async def follow() -> str:
        async with following(site) as tail:
            waiters = [tail.expect(event.event_id) for event in site.sent]
            for number, waiter in enumerate(waiters):
                waiter.written(WrittenEvent(0, number))
            site.append(range(AT - 1, COUNT))
            async with asyncio.timeout(20):
                decision = await waiters[AT - 1].decision()
                while not tail.stopped:  # noqa: ASYNC110  set by a thread
                    await asyncio.sleep(0.01)
            assert decision.seq == AT - 1
            await asyncio.sleep(0.3)
            assert tail.stopped_for("acme/ops") == tail.stopped[0]
            for waiter in waiters[AT:]:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await waiter.decision()
            return tail.stopped[0]

    return asyncio.run(follow())


def test_every_reader_stops_at_a_foreign_record_and_says_the_same(site: Site) -> None:
    told = {"the tail": the_tail(site)} | {reader.__name__: reader(site) for reader in READERS}
    words = {}
    for reader, said in told.items():
        assert f"expected decision 0:{AT}, found " in said, (reader, said)
        words[reader] = said.partition("expected decision")[2]
    assert len(set(words.values())) == 1, words
