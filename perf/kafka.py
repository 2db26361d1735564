"""The benches' ends of Kafka: filling the card events, and seeing how far the decision log is committed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from infra.errors import SpendlogError
from schemas.claims import claim_in
from schemas.codec import decode_decision, encode_event
from schemas.events import Event
from schemas.kafka import librdkafka
from schemas.partitions import PARTITIONER, partition_of
from schemas.topics import SNAPSHOTS

TIMEOUT_S = 20.0
# 5 ms of runs of seconds; the broker answers from memory, 20 us of its time.
POLL_S = 0.005

_NOT_YET = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)


class Moment(NamedTuple):
    """The committed ends of all partitions, summed, when seen: offsets, so claims count too."""

    at_s: float
    end: int


class BenchFailed(SpendlogError):
    """What was measured did not do what it must, so there is no figure."""


@lru_cache
def _admin(kafka: str) -> AdminClient:
    """One for the whole run: a client that ends complains of answers it did not wait for."""
    return AdminClient({**librdkafka(kafka), "log_level": 0})


def new_consumer(kafka: str, **more: Any) -> Consumer:
    """A consumer of committed records, assigned by hand."""
    return Consumer(
        {
            **librdkafka(kafka),
            "group.id": "spendlog-bench",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.queue.backoff.ms": 5,
            "log_level": 0,
            **more,
        }
    )


def new_producer(kafka: str, linger_ms: float) -> Producer:
    """Acknowledged by all replicas, never reordered, Kafka's own partitioner."""
    return Producer(
        {
            **librdkafka(kafka),
            "partitioner": PARTITIONER,
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "queue.buffering.max.messages": 500_000,
            "log_level": 0,
        }
    )


def fill(kafka: str, topic: str, events: Iterable[Event], partitions: int) -> dict[int, int]:
    """Sends all events as a processor does. Returns how many each partition got."""
    producer = new_producer(kafka, linger_ms=5)
    sent: Counter[int] = Counter()
    places: dict[str, tuple[bytes, int]] = {}
    for event in events:
        place = places.get(event.key)
        if place is None:
            key = event.key.encode()
            place = places[event.key] = (key, partition_of(key, partitions))
        while True:
            try:
                producer.produce(topic, encode_event(event), place[0], place[1])
                break
            except BufferError:
                producer.poll(0.05)
        sent[place[1]] += 1
    if producer.flush(60.0):
        raise BenchFailed(f"Kafka did not take all events of {topic} within 60 s")
    return dict(sent)


class Ends:
    """How far each partition of a topic is committed, asked from the broker without reading a record."""

    def __init__(self, kafka: str, topic: str, partitions: int) -> None:
        self._admin = _admin(kafka)
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        self._wanted: dict[TopicPartition, OffsetSpec] = {
            TopicPartition(topic, partition): latest for partition in range(partitions)
        }

    def now(self) -> dict[int, int]:
        """Partition -> last stable offset.

        Raises:
            BenchFailed: the broker gave no answer within `TIMEOUT_S`.
        """
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return self._ask()
            except KafkaException as error:
                # A topic that is seconds old may have no leader yet.
                if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline_s:
                    raise BenchFailed(f"the end of a log is not known: {error.args[0].str()}") from None
            time.sleep(0.05)

    def _ask(self) -> dict[int, int]:
        found = self._admin.list_offsets(
            self._wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S
        )
        return {place.partition: int(future.result().offset) for place, future in found.items()}


def wait_decided(
    kafka: str,
    topic: str,
    records: Mapping[int, int],
    partitions: int,
    *,
    timeout_s: float,
    on_moved: Callable[[int], None] = lambda _: None,
    require_alive: Callable[[], None] = lambda: None,
) -> list[Moment]:
    """Waits until the first `records[p]` card events of every partition have their committed decisions.

    Returns each moment at which the committed log was seen to have grown, the last at its full length.

    Raises:
        BenchFailed: not within `timeout_s`.
    """
    ends = Ends(kafka, topic, partitions)
    moments: list[Moment] = []
    deadline_s = time.monotonic() + timeout_s
    last = 0
    while True:
        found = ends.now()
        now_s, end = time.monotonic(), sum(found.values())
        if end != last:
            last = end
            moments.append(Moment(now_s, end))
            on_moved(end)
            # Markers make the ends run ahead of the count, so the last decision itself is looked at.
            if all(found[p] > n for p, n in records.items()) and all(
                _last_decided(kafka, topic, p, found[p]) >= n - 1 for p, n in records.items()
            ):
                return moments
        if now_s > deadline_s:
            raise BenchFailed(f"{topic}: {end} of {sum(records.values())} after {timeout_s:.0f} s")
        require_alive()
        time.sleep(POLL_S)


def _last_decided(kafka: str, topic: str, partition: int, end: int) -> int:
    """Source offset of the last decision before `end`; -1 when there is none among the last records."""
    consumer = new_consumer(kafka, **{"enable.partition.eof": True})
    try:
        # A claim may follow the last decision; a few more in case of void ones.
        consumer.assign([TopicPartition(topic, partition, max(0, end - 8))])
        source, deadline_s = -1, time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            message = consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                value = message.value()
                assert isinstance(value, bytes)
                if claim_in(value) is None:
                    source = decode_decision(value).source_offset
            elif error.code() == KafkaError._PARTITION_EOF:
                break
        return source
    finally:
        consumer.close()


def outcomes(kafka: str, topic: str, partitions: int) -> Counter[str]:
    """Decisions on the topic by outcome, `duplicate` for repeats; one for each card event or it raises."""
    tally: Counter[str] = Counter()
    seen: dict[int, int] = dict.fromkeys(range(partitions), -1)
    left = set(range(partitions))
    consumer = new_consumer(kafka, **{"enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        deadline_s = time.monotonic() + 120.0
        while left and time.monotonic() < deadline_s:
            for message in consumer.consume(10_000, 0.1):
                partition, error = message.partition(), message.error()
                assert partition is not None
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        left.discard(partition)
                    continue
                value = message.value()
                assert isinstance(value, bytes)
                if claim_in(value) is not None:
                    continue
                decision = decode_decision(value)
                if decision.source_offset != seen[partition] + 1:
                    raise BenchFailed(
                        f"{topic}[{partition}]: event {decision.source_offset} after {seen[partition]}"
                    )
                seen[partition] = decision.source_offset
                tally["duplicate" if decision.duplicate_of is not None else decision.outcome.value] += 1
    finally:
        consumer.close()
    return tally


def drop_snapshots(kafka: str, prefix: str, partitions: int) -> None:
    """Delete the snapshots topic and make it anew, so that only the log is left to recover from."""
    admin = _admin(kafka)
    name = prefix + SNAPSHOTS.name
    admin.delete_topics([name], operation_timeout=TIMEOUT_S)[name].result(timeout=TIMEOUT_S)
    deadline_s = time.monotonic() + TIMEOUT_S
    while name in admin.list_topics(timeout=TIMEOUT_S).topics and time.monotonic() < deadline_s:
        time.sleep(0.1)
    topic = NewTopic(name, partitions, 1, config=SNAPSHOTS.config)
    admin.create_topics([topic], operation_timeout=TIMEOUT_S)[name].result(timeout=TIMEOUT_S)


def flush_each_batch(kafka: str, *topics: str, undo: bool = False) -> None:
    """The broker syncs these topics to disk before it acknowledges a batch, as a database does a commit."""
    admin = _admin(kafka)
    operation = AlterConfigOpType.DELETE if undo else AlterConfigOpType.SET
    for topic in topics:
        entry = ConfigEntry("flush.messages", None if undo else "1", incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(timeout=TIMEOUT_S)


def drop_topics(kafka: str, prefix: str) -> None:
    """Deletes all topics of a prefix, Faust's own among them. An empty one would mean every topic."""
    assert prefix
    admin = _admin(kafka)
    names = [name for name in admin.list_topics(timeout=TIMEOUT_S).topics if name.startswith(prefix)]
    for future in admin.delete_topics(names, operation_timeout=TIMEOUT_S).values():
        future.result(timeout=TIMEOUT_S)
