"""`PartitionLog` on Kafka: an idempotent producer, whose records are never reordered or doubled, and
replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.claims import LogRecord, stamp_of
from schemas.headers import REASON
from schemas.partitions import partition_of
from schemas.topics import CARD_EVENTS, DEAD_LETTERS, DECISIONS, SNAPSHOTS, STATUS
from streams.cluster import aiokafka_options, start, stop
from streams.core.intake import Record, recorded_at
from streams.fetched import Make, make_of, wait_fetched
from streams.log import DeadLetter, Entry, Fenced, Headers, Kept, ReplayIncomplete, Written
from streams.lookups import Lookups
from streams.snapshots import SNAPSHOT_HEADER, Collector, StoredSnapshot

# Just below the topics' max.message.bytes (1,048,588), which bounds a batch; a decision takes up to 900,000.
BATCH_BYTES = 1_000_000
# Dead letters keep records as large as a broker takes; what a compressed batch blew up beyond is cut.
DEAD_LETTER_BYTES_MAX = 1_900_000
DEAD_LETTER_KEY_BYTES_MAX = 64 * 1024
REPLAY_IDLE_TIMEOUT_S = 30.0
READ_WAIT_S = 0.2
_new = tuple.__new__  # half the time of calling a named tuple


@dataclass(frozen=True)
class Names:
    """Topic names, so that tests can share a broker."""

    card_events: str = CARD_EVENTS.name
    decisions: str = DECISIONS.name
    snapshots: str = SNAPSHOTS.name
    dead_letters: str = DEAD_LETTERS.name
    status: str = STATUS.name

    @property
    def needed(self) -> frozenset[str]:
        """Without which nothing can be decided."""
        return frozenset((self.card_events, self.decisions, self.snapshots, self.dead_letters))

    @classmethod
    def prefixed(cls, prefix: str) -> Names:
        """The registry's names with `prefix` before each."""
        topics = (CARD_EVENTS, DECISIONS, SNAPSHOTS, DEAD_LETTERS, STATUS)
        return cls(*(prefix + topic.name for topic in topics))


class KafkaLog:
    """The decision log of one partition of `partitions`.

    `bootstrap`: host:port[,host:port]. `lookups`: shared by the logs of a process, which closes
    them; None: its own.
    """

    def __init__(
        self,
        bootstrap: str,
        partition: int,
        partitions: int,
        names: Names,
        lookups: Lookups | None = None,
        compression: str | None = None,
    ) -> None:
        self._partitions = partitions
        self._bootstrap = bootstrap
        self._partition = partition
        self._names = names
        self._own_lookups = Lookups(bootstrap)
        self._lookups = lookups or self._own_lookups
        self._compression = compression
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        await self._lookups.require(self._names.needed)
        self._producer = AIOKafkaProducer(
            **aiokafka_options(self._bootstrap),
            enable_idempotence=True,  # and with it acks=all
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * 1024 * 1024,
            compression_type=self._compression,
        )
        await start(self._producer)

    # -- reading

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        collector = Collector(self._partition)
        async with aclosing(self._read(self._names.snapshots, 0)) as read:
            async for records in read:
                for record in records:
                    collector.add(record.headers, record.value)
        return collector.newest_first()

    async def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        async with aclosing(self._read(self._names.decisions, offset, _log_record)) as read:
            async for records in read:
                yield records

    async def _read(
        self, topic: str, offset: int, make: Make | None = None
    ) -> AsyncGenerator[Sequence[Any], None]:
        """Records from `offset` to where the end is now; what `make` makes of them, if it is given."""
        tp = TopicPartition(topic, self._partition)
        # The hash chain vouches for decisions, and better.
        consumer = self._reader(check_crcs=topic != self._names.decisions)
        try:
            await start(consumer)
            consumer.assign([tp])
            first = (await consumer.beginning_offsets([tp]))[tp]
            end = (await consumer.end_offsets([tp]))[tp]
            if offset > end or (topic == self._names.decisions and first > offset):
                raise ReplayIncomplete(
                    f"{topic}[{self._partition}] holds {first}..{end}, but must be read from {offset}"
                )
            # Never seek_to_beginning: on a fresh consumer it has ended at the end of the log.
            consumer.seek(tp, max(first, offset))
            deadline = time.monotonic() + REPLAY_IDLE_TIMEOUT_S
            # The position, not the last record: transaction markers are never delivered.
            while await consumer.position(tp) < end:
                if make is not None and await wait_fetched(consumer._fetcher, {tp}, READ_WAIT_S):
                    make_of(consumer._fetcher, tp, make)
                fetched = await consumer.getmany(tp, timeout_ms=0 if make is not None else READ_WAIT_S * 1000)
                if fetched.get(tp):
                    deadline = time.monotonic() + REPLAY_IDLE_TIMEOUT_S
                    yield fetched[tp]
                elif time.monotonic() > deadline:
                    raise ReplayIncomplete(
                        f"{topic}[{self._partition}]: nothing read for {REPLAY_IDLE_TIMEOUT_S} s"
                    )
        finally:
            await stop(consumer)

    async def vouched(self, offset: int) -> str | None:
        _, _, found = await self._lookups.at(self._names.decisions, self._partition, offset)
        digest = dict(found.headers).get(SNAPSHOT_HEADER) if found is not None else None
        return None if digest is None else digest.decode("ascii", "replace")

    async def kept(self, offset: int) -> Kept:
        await self._lookups.require(self._names.needed)
        first, end, found = await self._lookups.at(self._names.card_events, self._partition, offset)
        if found is None:
            return Kept(first, end, None)
        return Kept(first, end, Record(offset, recorded_at(found.timestamp), found.key, found.value))

    def _reader(self, check_crcs: bool = True) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **aiokafka_options(self._bootstrap),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=8 * 1024 * 1024,
            fetch_max_wait_ms=50,
            check_crcs=check_crcs,
        )

    # -- writing

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        sent = await self._send(self._names.decisions, entries, int(time.time() * 1000))
        return await self._wait(sent)

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None:
        now_ms = int(time.time() * 1000)
        letters = [self._letter(letter) for letter in dead_letters]
        sent = await self._send(self._names.dead_letters, letters, now_ms)
        await self._wait([*sent, *await self._post(outbox, now_ms)])

    async def _post(self, outbox: Sequence[Entry], now_ms: int) -> list[tuple[asyncio.Future[Any], int]]:
        """Card events for other departments, in the order in which each of their partitions gets them."""
        by_partition: dict[int, list[Entry]] = {}
        for entry in outbox:
            assert entry.key is not None
            by_partition.setdefault(partition_of(entry.key, self._partitions), []).append(entry)
        sent = []
        for partition, entries in by_partition.items():
            sent += await self._send(self._names.card_events, entries, now_ms, partition)
        return sent

    async def store_snapshot(self, chunks: Sequence[Entry]) -> None:
        await self._wait(await self._send(self._names.snapshots, chunks, int(time.time() * 1000)))

    async def close(self) -> None:
        try:
            await self._own_lookups.close()
        finally:
            await self._stop_producer()

    async def _stop_producer(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            _give_up(producer)
            try:
                await stop(producer)
            finally:
                await producer.client.close()

    def _ours(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise Fenced(f"partition {self._partition} is closed")
        return self._producer

    def _letter(self, letter: DeadLetter) -> Entry:
        record = letter.record
        headers = [
            (REASON, letter.reason.encode()),
            ("detail", letter.detail[:500].encode("utf-8", "replace")),
            ("topic", self._names.card_events.encode()),
            ("partition", str(self._partition).encode()),
            ("offset", str(record.offset).encode()),
        ]
        key = _cut(record.key, DEAD_LETTER_KEY_BYTES_MAX, "key_cut_from_bytes", headers)
        value = _cut(
            record.value, DEAD_LETTER_BYTES_MAX - DEAD_LETTER_KEY_BYTES_MAX, "cut_from_bytes", headers
        )
        return Entry(key, value, headers)

    async def _send(
        self, topic: str, entries: Sequence[Entry], now_ms: int, partition: int | None = None
    ) -> list[tuple[asyncio.Future[Any], int]]:
        """Hand the records over in as few batches as they fit. Returns each batch's future and length.

        `partition`: the log's own, if absent.
        """
        partition = self._partition if partition is None else partition
        producer = self._ours()
        futures = []
        batch, count = producer.create_batch(), 0
        for key, value, headers in entries:
            if batch.append(key=key, value=value, timestamp=now_ms, headers=headers) is None:
                futures.append((await self._submit(batch, topic, partition), count))
                batch, count = producer.create_batch(), 0
                if batch.append(key=key, value=value, timestamp=now_ms, headers=headers) is None:
                    raise ValueError(f"a record of {len(value or b'')} bytes does not fit a batch of {topic}")
            count += 1
        if count:
            futures.append((await self._submit(batch, topic, partition), count))
        return futures

    async def _submit(self, batch: Any, topic: str, partition: int) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._ours().send_batch(batch, topic, partition=partition)
        return future

    async def _wait(self, sent: Sequence[tuple[asyncio.Future[Any], int]]) -> list[Written]:
        return [Written(int((await future).offset), records) for future, records in sent]


def _log_record(tp: TopicPartition, found: Any) -> LogRecord:
    return _new(LogRecord, (found.offset, found.value, stamp_of(found.headers)))


def _give_up(producer: AIOKafkaProducer) -> None:
    """Have it not wait for what it still sends when it is closed.

    If it is written all the same, it counts or is void by the rule, and the next owner reads it. Waiting
    would take as long as the broker is away; and for ever where the topic is gone.
    """
    sending = producer._message_accumulator
    for batches in (*sending._batches.values(), sending._pending_batches):
        for batch in batches:
            batch.future.cancel()


def _cut(text: bytes | None, length_max: int, header: str, headers: Headers) -> bytes | None:
    """At most `length_max` bytes; a header then tells how many there were."""
    if text is None or len(text) <= length_max:
        return text
    headers.append((header, str(len(text)).encode()))
    return text[:length_max]
