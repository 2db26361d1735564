"""What is looked up in Kafka now and then: which topics there are, and what lies at an offset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Set
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from streams.cluster import aiokafka_options, start, stop
from streams.log import TopicMissing

# Several round trips of a millisecond each; a broker under load must not count as one that is away.
LOOKUP_S_MAX = 20.0
# One record is wanted. A broker sends at least one batch, however large.
FETCH_BYTES = 64 * 1024


class Lookups:
    """One connection, opened when it is first needed, for one look-up after the other.

    Each raises KafkaError when there is no answer within `LOOKUP_S_MAX`, and connects anew the next time.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._one_by_one = asyncio.Lock()

    async def missing(self, wanted: Set[str]) -> Set[str]:
        """Those of the `wanted` topics that do not exist."""
        async with self._looking("topics") as consumer:
            there: set[str] = await consumer.topics()
            return wanted - there

    async def require(self, wanted: Set[str]) -> None:
        """Raises TopicMissing unless all of the `wanted` topics exist: reading a missing one would wait."""
        missing = await self.missing(wanted)
        if missing:
            raise TopicMissing(min(missing))

    async def at(self, topic: str, partition: int, offset: int) -> tuple[int, int, ConsumerRecord | None]:
        """A partition's first offset, its end, and the committed record at `offset`; None: there is none."""
        tp = TopicPartition(topic, partition)
        async with self._looking(f"{topic}[{partition}]") as consumer:
            consumer.assign([tp])
            first = (await consumer.beginning_offsets([tp]))[tp]
            end = (await consumer.end_offsets([tp]))[tp]
            record = None
            if first <= offset < end:
                consumer.seek(tp, offset)
                record = await _record_at(consumer, tp, offset)
            consumer.unsubscribe()  # else it would go on to fetch what comes
            return first, end, record

    async def close(self) -> None:
        """Disconnect; a look-up after it connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop(consumer)

    @asynccontextmanager
    async def _looking(self, what: str) -> AsyncGenerator[AIOKafkaConsumer, None]:
        async with self._one_by_one:
            try:
                async with asyncio.timeout(LOOKUP_S_MAX):
                    yield await self._connected()
            except TimeoutError:
                await self.close()
                raise KafkaTimeoutError(f"{what}: no answer within {LOOKUP_S_MAX:.0f} s") from None
            except BaseException:
                await self.close()  # what it still waits for must not come in the next one's way
                raise

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **aiokafka_options(self._bootstrap),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=FETCH_BYTES,
                fetch_max_wait_ms=50,
            )
            await start(self._consumer)
        return self._consumer


async def _record_at(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int) -> ConsumerRecord | None:
    """None where a transaction marker or an aborted record lies."""
    while await consumer.position(tp) <= offset:
        for found in (await consumer.getmany(tp, timeout_ms=200, max_records=1)).get(tp, ()):
            if found.offset == offset:
                return found
    return None
