"""A line of its own on the shared broker: fresh topics, real workers, a producer and readers."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from infra import topics
from infra.consumed import offset_of, partition_of
from infra.processes.child import Child
from infra.processes.supervisor import Supervisor
from schemas.chain import Chain
from schemas.claims import stamp_of
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.events import Event
from schemas.partitions import PARTITIONER
from streams.kafka_log import Names

PARTITIONS = 2
Headers = list[tuple[str, bytes]]
READY = "Worker ready"


class Line:
    """One set of topics, and the workers on it."""

    def __init__(
        self, kafka: str, prefix: str, folder: Path, supervisor: Supervisor, partitions: int = PARTITIONS
    ) -> None:
        self.kafka = kafka
        self.partitions = partitions
        self.prefix = prefix
        self.names = Names.prefixed(prefix)
        self._folder = folder
        self._supervisor = supervisor
        topics.apply(kafka, partitions, prefix=prefix)
        self._producer = self.new_producer()

    def worker(
        self, name: str, *, session_timeout_s: float = 6.0, patch: str | None = None, **settings: str
    ) -> Child:
        """A real worker process, ready to decide."""
        child = self.start_worker(name, session_timeout_s=session_timeout_s, patch=patch, **settings)
        self.until(lambda: READY in child.output() or not child.alive(), 30.0)
        assert child.alive(), child.output()
        return child

    def start_worker(
        self, name: str, *, session_timeout_s: float = 6.0, patch: str | None = None, **settings: str
    ) -> Child:
        """A worker process. `patch`: code that runs in it before the worker does."""
        env = {
            "SPENDLOG_KAFKA": self.kafka,
            "SPENDLOG_TOPIC_PREFIX": self.prefix,
            "SPENDLOG_WORKER_GROUP": f"{self.prefix}group",
            "SPENDLOG_WORKER_INSTANCE": name,
            "SPENDLOG_WORKER_DATA": str(self._folder / name),
            "SPENDLOG_SESSION_TIMEOUT_S": str(session_timeout_s),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        return self._supervisor.start(name, worker_command(patch), env=env)

    def new_producer(self, **config: Any) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.kafka,
                "partitioner": PARTITIONER,
                "linger.ms": 2,
                "message.max.bytes": 1_048_500,
                **config,
            }
        )

    def send(self, events: Iterable[Event]) -> None:
        """Produce events as processors do, and wait until the broker has them."""
        for event in events:
            self._producer.produce(self.names.card_events, encode_event(event), event.key)
            self._producer.poll(0)
        assert self._producer.flush(30.0) == 0

    def post(self, value: bytes, key: bytes) -> None:
        """Produce a record without waiting for it."""
        self._producer.produce(self.names.card_events, value, key)
        self._producer.poll(0)

    def send_raw(self, value: bytes | None, key: bytes | None, partition: int, **config: Any) -> None:
        producer = self.new_producer(**config) if config else self._producer
        producer.produce(self.names.card_events, value, key, partition=partition)
        assert producer.flush(30.0) == 0

    def produce(
        self, topic: str, value: bytes | None, key: str, partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """What a stranger writes into one of our topics."""
        self._producer.produce(topic, value, key, partition=partition, headers=list(headers))
        assert self._producer.flush(30.0) == 0

    # -- what came of it

    def decisions(self, count: int, timeout_s: float = 60.0) -> list[Decision]:
        """All decisions, once there are `count`. Checks order, seq and hash chain of each partition."""
        return [decision for _, decision in self.decided(count, timeout_s)]

    def decided(self, count: int, timeout_s: float = 60.0) -> list[tuple[Message, Decision]]:
        """The same with their records, partition by partition."""
        chains = {partition: Chain(partition) for partition in range(self.partitions)}
        counted: dict[int, list[tuple[Message, Decision]]] = {partition: [] for partition in chains}

        def count_in(message: Message) -> bool:
            partition = partition_of(message)
            stamp = stamp_of(message.headers())
            decision = chains[partition].follow(offset_of(message), value_of(message), stamp)
            if decision is not None:
                counted[partition].append((message, decision))
            return decision is not None

        self.read(self.names.decisions, count, timeout_s, count_in)
        for found in counted.values():
            offsets = [decision.source_offset for _, decision in found]
            assert offsets == sorted(set(offsets)), "a card event was decided twice or out of order"
        return [one for found in counted.values() for one in found]

    def dead_letters(self, count: int) -> list[tuple[Mapping[str, str], str | bytes | None]]:
        return [
            ({name: value.decode() for name, value in cast(Headers, message.headers())}, message.value())
            for message in self.read(self.names.dead_letters, count, 30.0)
        ]

    def read(
        self,
        topic: str,
        count: int,
        timeout_s: float,
        counts: Callable[[Message], bool] = lambda message: True,
    ) -> list[Message]:
        """Committed records of a topic that count, all of them once there are at least `count`.

        Fails when none came for `timeout_s` seconds: however slow the machine, what goes on is waited for.
        """
        config = {"bootstrap.servers": self.kafka, "group.id": "reader", "isolation.level": "read_committed"}
        consumer = Consumer({**config, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(self.partitions)])
        found: list[Message] = []
        deadline = time.monotonic() + timeout_s
        settle = None
        try:
            # A moment longer than needed: one decision too many must be seen as well.
            while time.monotonic() < (settle or deadline):
                new = [message for message in consumer.consume(10_000, 0.1) if not message.error()]
                new = [message for message in new if counts(message)]
                found += new
                deadline = time.monotonic() + timeout_s if new else deadline
                if len(found) >= count and (settle is None or new):
                    settle = time.monotonic() + 0.5
        finally:
            consumer.close()
        assert len(found) == count, f"{topic}: {len(found)} records, expected {count}"
        return found

    @staticmethod
    def until(condition: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not so within {timeout_s} s"
            time.sleep(0.05)


def worker_command(patch: str | None = None) -> list[str]:
    code = f"{patch or ''}\nfrom streams.__main__ import main\nmain()"
    return [sys.executable, "-c", code, "worker", "--loglevel", "info"]


def value_of(message: Message) -> bytes:
    value = message.value()
    assert isinstance(value, bytes)
    return value


def outcomes(decisions: Iterable[Decision]) -> Counter[str]:
    return Counter(decision.outcome.value for decision in decisions)
