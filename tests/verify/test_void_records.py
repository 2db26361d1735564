"""A zombie that writes after it was replaced, on a real Kafka: every reader passes over what it wrote."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from api.log.follow import DecisionTail
from api.log.produce import WrittenEvent
from infra import dead_letters, topics
from infra.consumed import bytes_of, offset_of
from infra.continuation import examine
from infra.replay import replay
from infra.verify.leases import Leases
from infra.verify.partition import PartitionCheck
from infra.verify.report import Report
from infra.verify.sources import Logs
from schemas.chain import Chain
from schemas.codec import encode_event
from schemas.topics import CARD_EVENTS, DECISIONS, TOPICS
from sinks.loop.consumer import BatchLimits, Consumer
from sinks.loop.kafka import KafkaDecisions
from sinks.loop.ports import SystemClock
from streams.core.intake import Record, recorded_at
from streams.kafka_log import KafkaLog, Names
from streams.log import DeadLetter, Fenced, Frame
from streams.model import Unscored
from streams.owner import Owner
from tests.docs.blocks import ROOT, blocks_of
from tests.sinks.memory import MemoryStore
from tests.verify.test_foreign_records import events

COUNT, REPLACED_AT, FIRST_ZOMBIE = 12, 4, 9


class Site:
    """Topics of one partition with `COUNT` card events."""

    def __init__(self, kafka: str) -> None:
        self.kafka, self.prefix = kafka, f"void-{uuid.uuid4().hex[:8]}-"
        topics.apply(kafka, 1, prefix=self.prefix)
        self.sent = events("e", COUNT)
        self.decisions = self.prefix + DECISIONS.name
        producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})
        for event in self.sent:
            producer.produce(self.prefix + CARD_EVENTS.name, encode_event(event), event.key, 0)
        assert producer.flush(20) == 0
        logs = Logs(kafka)
        found = logs.messages(self.prefix + CARD_EVENTS.name, 0, 0, COUNT)
        self.records = [
            Record(offset_of(m), recorded_at(m.timestamp()[1]), bytes_of(m.key()), bytes_of(m.value()))
            for m in found
        ]
        logs.close()

    def owner(self) -> Owner:
        log = KafkaLog(self.kafka, 0, 1, Names.prefixed(self.prefix))
        return Owner(0, 1, log, Unscored, lambda changed: None)

    async def decide(self, owner: Owner, end: int) -> None:
        await owner.decide([Frame(owner.position, end, self.records[owner.position : end])])

    def values(self) -> tuple[list[bytes], Chain, int]:
        """The decisions that count, the chain, and how many records there are."""
        logs, chain = Logs(self.kafka), Chain(0)
        records = list(logs.read(self.decisions, 0, *logs.bounds(self.decisions, 0)))
        logs.close()
        counted = [
            record.value or b""
            for record in records
            if chain.follow(record.offset, record.value, record.stamp) is not None
        ]
        return counted, chain, len(records)


def by_the_document(site: Site) -> list[Any]:
    """What the lines in docs/architecture.md take."""
    (block,) = (one for one in blocks_of(ROOT / "docs" / "architecture.md") if one.info == "python")
    program = compile(block.text, str(block), "exec")
    taken: list[Any] = []
    names: dict[str, Any] = {"json": json, "take": taken.append, "claim": (0, b"")}
    logs = Logs(site.kafka)
    for record in logs.read(site.decisions, 0, *logs.bounds(site.decisions, 0)):
        names.update(value=record.value, stamp=record.stamp or b"")
        exec(program, names)
    logs.close()
    return taken


async def haunt(site: Site) -> None:
    """The first owner is replaced, does not know it, and writes; its successor goes on."""
    zombie, successor = site.owner(), site.owner()
    await zombie.take_over()
    await site.decide(zombie, REPLACED_AT)
    assert await successor.take_over() == REPLACED_AT
    await site.decide(successor, FIRST_ZOMBIE - 2)
    with pytest.raises(Fenced, match="has another owner: claim 2 is in force, this is claim 1"):
        await site.decide(zombie, FIRST_ZOMBIE)
    await zombie.close()
    # It went on over what the zombie wrote, and believes what it wrote itself.
    await site.decide(successor, FIRST_ZOMBIE)
    await site.decide(successor, COUNT)
    await successor.close()


@pytest.fixture
def site(stack: Any) -> Iterator[Site]:
    found = Site(stack.kafka)
    yield found
    admin = AdminClient({"bootstrap.servers": found.kafka})
    for future in admin.delete_topics([found.prefix + topic.name for topic in TOPICS]).values():
        future.result(60)


def test_every_reader_passes_over_what_a_zombie_wrote(site: Site) -> None:
    async def follow() -> None:
        """Reads from the beginning to the end, with the tail that answers requests beside it."""
        tail = DecisionTail(site.kafka, waiters_max=COUNT, topic=site.decisions)
        tail.start()
        try:
            async with asyncio.timeout(20):
                while tail.away is not None:  # noqa: ASYNC110  set by a thread
                    await asyncio.sleep(0.01)
            waiters = [tail.expect(event.event_id) for event in site.sent]
            for number, waiter in enumerate(waiters):
                waiter.written(WrittenEvent(0, number))
            await haunt(site)
            async with asyncio.timeout(20):
                decided = [await waiter.decision() for waiter in waiters]
            assert [decision.seq for decision in decided] == list(range(COUNT))
            assert tail.stopped == {}
        finally:
            await asyncio.to_thread(tail.close)

    asyncio.run(follow())
    values, chain, count = site.values()
    assert len(values) == COUNT
    assert chain.void == FIRST_ZOMBIE - REPLACED_AT
    assert count == COUNT + chain.void + 2, "two claims"
    assert by_the_document(site) == [json.loads(value) for value in values]
    store, log = MemoryStore(), KafkaDecisions(site.kafka, site.decisions, f"{site.prefix}sink")
    sink = Consumer(log, store, SystemClock(), BatchLimits(rows_max=2))
    try:
        for _ in range(200):
            sink.step()
            if len(store.rows) == COUNT or sink.stopped:
                break
    finally:
        log.close()
    assert (store.rows, dict(sink.stopped)) == (values, {})
    assert [one.differences for one in [replay(site.kafka, prefix=site.prefix)]] == [[]]
    assert examine(site.kafka, 0, site.prefix).closed
    logs, report = Logs(site.kafka), Report()
    last = logs.last_decision(site.decisions, 0)
    assert last is not None and last.decision.seq == COUNT - 1
    read = logs.read(site.decisions, 0, *logs.bounds(site.decisions, 0))
    for _ in PartitionCheck(0, 1, report, Leases(report)).run([], read, [], []):
        pass
    logs.close()
    assert (report["O9"].violations, report["O9"].checked) == (0, COUNT)
    assert report["O9"].notes == [f"partition 0: {chain.void} records of replaced owners are void by rule"]


def test_a_dead_letter_that_is_sent_again_is_told_once(site: Site) -> None:
    async def relay() -> None:
        log = KafkaLog(site.kafka, 0, 1, Names.prefixed(site.prefix))
        await log.open()
        first, second = (DeadLetter(record, "unknown_type", "no such type") for record in site.records[:2])
        await log.relay([first, second], [])
        await log.relay([second], [])  # by the next owner
        await log.close()

    asyncio.run(relay())
    assert [letter.id for letter in dead_letters.read(site.kafka, site.prefix)] == ["0:0", "0:1"]


def test_a_sink_goes_on_between_claims_and_void_records(site: Site) -> None:
    """Stopped and started after each record; a claim alone moves nothing in its store."""
    asyncio.run(haunt(site))
    store = MemoryStore()
    for rows in (1, 3, 1, 1, 1, 2, 50):
        log = KafkaDecisions(site.kafka, site.decisions, f"{site.prefix}sink-{len(store.rows)}-{rows}")
        sink = Consumer(log, store, SystemClock(), BatchLimits(rows_max=rows))
        try:
            before = len(store.rows)
            for _ in range(100):
                sink.step()
                assert sink.stopped == {}
                if len(store.rows) > before:
                    break  # and forgets all but what is stored
        finally:
            log.close()
    assert store.rows == site.values()[0]
