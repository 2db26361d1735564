"""The real core as a thread: `streams.owner` over all partitions, which a test can pause.

Its supervision (Faust, rebalances) is left out: that is tested in tests/streams. Rules, log and transactions
are the worker's own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from confluent_kafka import Consumer, Message, TopicPartition

from api.log.produce import quiet
from infra.consumed import bytes_of
from schemas.topics import CARD_EVENTS
from streams.core.intake import Record
from streams.kafka_log import KafkaLog, Names
from streams.log import Frame
from streams.owner import Owner
from streams.scoring import Scorer

STOP_TIMEOUT_S = 20.0


class Decider(threading.Thread):
    """Decides all partitions from their first undecided record on. `running` cleared: it stops to decide."""

    def __init__(self, kafka: str) -> None:
        super().__init__(name="decider", daemon=True)
        self.kafka = kafka
        self.running = threading.Event()
        self.running.set()
        self.error: BaseException | None = None
        self._stop_asked = threading.Event()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is decided inside; it catches up after."""
        self.running.clear()
        try:
            yield
        finally:
            self.running.set()

    def stop(self) -> None:
        self._stop_asked.set()
        self.running.set()
        self.join(STOP_TIMEOUT_S)

    def run(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.error = error
            raise

    async def _run(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.kafka,
                "group.id": "tests-decider",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            },
            logger=quiet,
        )
        partitions = consumer.list_topics(CARD_EVENTS.name, timeout=60).topics[CARD_EVENTS.name].partitions
        owners = {partition: self._owner(partition, len(partitions)) for partition in partitions}
        starts = {partition: await owner.take_over() for partition, owner in owners.items()}
        consumer.assign([TopicPartition(CARD_EVENTS.name, *start) for start in starts.items()])
        while not self._stop_asked.is_set():
            first = consumer.poll(0.05)
            self.running.wait()
            batch = [] if first is None else [first, *consumer.consume(1000, timeout=0)]
            if not self._stop_asked.is_set():
                await _decide(owners, [message for message in batch if message.error() is None])
        for owner in owners.values():
            await owner.close()
        consumer.close()

    def _owner(self, partition: int, partitions: int) -> Owner:
        log = KafkaLog(self.kafka, partition, partitions, Names())
        return Owner(partition, partitions, log, Scorer, lambda changed: None)


async def _decide(owners: dict[int, Owner], batch: list[Message]) -> None:
    records: defaultdict[int, list[Record]] = defaultdict(list)
    for message in batch:
        partition, offset = message.partition(), message.offset()
        assert partition is not None and offset is not None
        recorded_at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        records[partition].append(
            Record(offset, recorded_at, bytes_of(message.key()), bytes_of(message.value()))
        )
    for partition, found in records.items():
        owner = owners[partition]
        await owner.decide([Frame(owner.position, found[-1].offset + 1, found)])
