"""Where the streams come from: two topics; and the status cache in Redis."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.cluster_metadata import metadata
from infra.consumed import offset_of
from infra.errors import SpendlogError
from infra.verify.records import Record
from schemas.cache import NEXT_SEQ, authorization_key, position_key
from schemas.chain import Chain, NotNext
from schemas.claims import stamp_of
from schemas.decisions import Decision
from schemas.kafka import librdkafka

TIMEOUT_S: Final = 20.0
_NO_LEADER: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
# A fetch from a living broker takes milliseconds; longer than this the log is not readable.
IDLE_S_MAX: Final = 30.0


class Counted(NamedTuple):
    """A decision that counts, and where it lies."""

    offset: int
    decision: Decision


def _backwards(low: int, high: int) -> Iterator[int]:
    """Where to begin to look for the last one: nearly always just before the end."""
    start, step = high, 4
    while start > low:
        start = max(low, start - step)
        yield start
        step *= 8


class Logs:
    """Topics as iterators. `kafka`: host:port[,host:port]."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._admin = self._reader()

    def close(self) -> None:
        self._admin.close()

    def _reader(self) -> Consumer:
        return Consumer(
            {
                **librdkafka(self._kafka),
                "group.id": "spendlog-verify",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 32_768,
                # The end is told with a fetch's answer: by default half a second for each partition.
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )

    def partitions(self, topic: str) -> list[int]:
        """Raises SpendlogError: Kafka does not answer, or there is no such topic."""
        found = metadata(self._kafka, topic).topics[topic]
        if found.error is not None:
            if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise SpendlogError(f"there is no topic {topic}: run `spendlog topics apply` first")
            raise SpendlogError(f"topic {topic}: {found.error.str()}")
        return sorted(found.partitions)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset and the offset after the last. Asks again while a new leader is being found."""
        until_s = time.monotonic() + TIMEOUT_S
        while True:
            at = TopicPartition(topic, partition)
            try:
                low, high = self._admin.get_watermark_offsets(at, timeout=TIMEOUT_S)
                return int(low), int(high)
            except KafkaException as error:
                if error.args[0].code() not in _NO_LEADER or time.monotonic() > until_s:
                    raise
            time.sleep(0.1)

    def last(self, topic: str, partition: int, before: int | None = None) -> Record | None:
        """The last committed record (below offset `before`); None when there is none."""
        low, high = self.bounds(topic, partition)
        if before is not None:
            high = min(high, before)
        for start in _backwards(low, high):
            found = deque(self.read(topic, partition, start, high), maxlen=1)
            if found:
                return found[0]
        return None

    def last_decision(self, topic: str, partition: int, before: int | None = None) -> Counted | None:
        """The last decision (below offset `before`) that counts, and its offset; None when there is none.

        What is foreign is passed over: whoever reads the whole log will say so.
        """
        low, high = self.bounds(topic, partition)
        if before is not None:
            high = min(high, before)
        for start in _backwards(low, high):
            chain = Chain.in_the_middle(partition) if start else Chain(partition)
            last = None
            for record in self.read(topic, partition, start, high):
                try:
                    decision = chain.follow(record.offset, record.value, record.stamp)
                except NotNext:
                    chain = Chain.in_the_middle(partition)
                    continue
                if decision is not None:
                    last = Counted(record.offset, decision)
            if last is not None:
                return last
        return None

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end. Raises as `messages`."""
        for message in self.messages(topic, partition, start, end):
            stamp = stamp_of(message.headers())
            yield Record(offset_of(message), message.value(), message.key(), stamp)

    def decisions(self, topic: str, partition: int) -> Iterator[Decision]:
        """All that the log holds, each the next one. Those that retention took are not missed.

        Raises:
            SpendlogError: there is something else; by the rule nothing after it counts. Or as `messages`.
        """
        low, high = self.bounds(topic, partition)
        chain = Chain.in_the_middle(partition) if low else Chain(partition)
        for record in self.read(topic, partition, low, high):
            try:
                decision = chain.follow(record.offset, record.value, record.stamp)
            except NotNext as found:
                raise SpendlogError(
                    f"{topic}: partition {partition} offset {record.offset}: {found}"
                ) from None
            if decision is not None:
                yield decision

    def messages(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        """The same with key and time.

        Raises:
            SpendlogError: nothing came for `IDLE_S_MAX`.
        """
        if start >= end:
            return
        reader = self._reader()
        try:
            reader.assign([TopicPartition(topic, partition, start)])
            heard_s = time.monotonic()
            while True:
                messages = reader.consume(2_000, 0.05)
                if not messages and time.monotonic() - heard_s > IDLE_S_MAX:
                    raise SpendlogError(f"{topic}[{partition}]: nothing was read for {IDLE_S_MAX:.0f} s")
                if messages:
                    heard_s = time.monotonic()
                for message in messages:
                    error = message.error()
                    at = offset_of(message)
                    if error is None:
                        if at < end:
                            yield message
                        if at >= end - 1:
                            return
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if at >= end:
                            return
                    elif not error.retriable():
                        raise SpendlogError(f"{topic}[{partition}]: {error.str()}")
        finally:
            reader.close()


class Cached(msgspec.Struct):
    """As much of a status in Redis as is compared."""

    status: str
    seq: int
    requested: int = 0
    authorized: int = 0
    held: int = 0
    posted: int = 0
    refunded: int = 0
    disputed: int = 0


class Statuses:
    """The status cache."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=5)

    def next_seq(self, partition: int) -> int | None:
        """None: the sink has written nothing yet, or Redis was flushed."""
        found = self._redis.hget(position_key(partition), NEXT_SEQ)
        return None if found is None else int(found)

    def get(self, names: list[tuple[str, str, str]]) -> list[Cached | None]:
        keys = [authorization_key(*name) for name in names]
        found = self._redis.mget(keys) if keys else []
        return [None if body is None else msgspec.json.decode(body, type=Cached) for body in found]

    def close(self) -> None:
        self._redis.close()
