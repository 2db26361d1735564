"""Snapshots on a real Kafka: the decision before one names it, and nothing else is believed."""

from __future__ import annotations

import asyncio
import math
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer

from infra import topics
from schemas.codec import encode_event
from streams.core.intake import Record
from streams.image import decoded, encoded
from streams.kafka_log import KafkaLog, Names
from streams.log import Frame
from streams.owner import Owner
from streams.scoring import Scorer
from streams.snapshots import StoredSnapshot, chunks_of, digest_of
from tests.streams.events import DEPARTMENTS, budget, request

COUNT = 30


def records() -> list[Record]:
    department = DEPARTMENTS[0]
    events = [budget(department), *(request(number, department) for number in range(COUNT - 1))]
    at = datetime.now(UTC)
    return [Record(n, at, event.key.encode(), encode_event(event)) for n, event in enumerate(events)]


class Site:
    def __init__(self, kafka: str) -> None:
        self.kafka, self.prefix = kafka, f"snap-{uuid.uuid4().hex[:8]}-"
        self.names = Names.prefixed(self.prefix)
        topics.apply(kafka, 1, prefix=self.prefix)
        self.events = records()
        self._producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
        for record in self.events:
            self._producer.produce(self.names.card_events, record.value, record.key, 0)
        assert self._producer.flush(20) == 0

    def log(self) -> KafkaLog:
        return KafkaLog(self.kafka, 0, 1, self.names)

    def put(self, snapshot: StoredSnapshot) -> None:
        for key, value, headers in chunks_of(snapshot, 0):
            told: list[tuple[str, str | bytes | None]] = [*headers]
            self._producer.produce(self.names.snapshots, value, key, 0, headers=told)
        assert self._producer.flush(20) == 0


async def lived(site: Site, until: int) -> Owner:
    """Decides up to `until` in transactions of seven, with a snapshot whenever ten are new; then ends."""
    owner = Owner(0, 1, _Timeless(site), lambda: Scorer(warm_up=5, ns_max=math.inf), lambda changed: None, 10)
    start = await owner.take_over()
    while start < until:
        end = min(start + 7, until)
        await owner.decide([Frame(start, end, site.events[start:end])])
        start = end
    await owner.close()
    return owner


class _Timeless(KafkaLog):
    """Its card events have this test's own times, so continuity is not asked."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.kafka, 0, 1, site.names)

    async def kept(self, offset: int) -> Any:
        found = await super().kept(offset)
        return found._replace(first=offset + 1, end=max(found.end, offset + 1), record=None)


def spent_nothing(snapshot: StoredSnapshot) -> StoredSnapshot:
    """Well-formed, and by it the whole budget could be spent once more."""
    state = decoded(snapshot.state)
    for department in state.departments.values():
        for period in department.periods.values():
            period.held = period.posted = 0
    image = encoded(state)
    return snapshot._replace(state=image, digest=digest_of(image, snapshot.model))


@pytest.fixture
def site(stack: Any) -> Site:
    return Site(stack.kafka)


def test_only_what_the_log_names_is_believed(site: Site) -> None:
    async def run() -> None:
        first = await lived(site, COUNT)
        assert first.replayed == 0
        again = await lived(site, COUNT)
        assert 0 < again.replayed < 20
        assert again.state == first.state
        newest = (await site.log().snapshots())[0]
        log = site.log()
        assert await log.vouched(newest.named_at) == newest.digest
        assert await log.vouched(newest.named_at - 1) is None
        await log.close()
        for wrong in (spent_nothing(newest), newest._replace(log_offset=newest.log_offset - 1)):
            site.put(wrong)
            assert (await site.log().snapshots())[0] == wrong
            after = await lived(site, COUNT)
            assert after.state == first.state
            assert after.replayed == again.replayed, "the one before it serves"
            site.put(newest)

    asyncio.run(run())
