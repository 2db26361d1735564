"""A Faust transport that hands over poll frames: one message for each partition and poll.

Faust passes records on one by one, with four task switches each; a frame passes thousands at that price.
Its value is a `Frame`: the positions it covers and the records found there. Changelog topics pass through
as they are. Pinned to faust-streaming 0.15.3, whose internals this knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.core.intake import Record, recorded_at
from streams.fetched import make_of, wait_fetched
from streams.log import Frame

# One poll's records over all partitions: 5,000 decide in about 0.1 s, below the latency we promise.
POLL_RECORDS_MAX = 5_000
# What is there is taken at once, whatever this says. While a fetch waits for more, aiokafka asks for no other
# partition of that broker: for one that was sought, say, or has waited 0.1 s for its owner. Each costs about
# 0.4 ms of processor on both sides: at 5 ms a worker with nothing to do took a tenth of a core.
FETCH_WAIT_MS = 50
# While an owner has enough, so often it is looked whether he has come to need more.
FULL_WAIT_S = 0.02
# A broker that takes longer hears the next one; seeks and pauses wait behind it.
HINT_S_MAX = 3.0


class FrameConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches on Faust's consumer thread and says which positions each fetch covered."""

    transport: FrameTransport

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # What a transactional producer aborted was never sent. Faust offers this only with exactly_once.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109  Faust's signature
        max_records: int | None = None,
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError()
        subscriptions = fetcher._subscriptions
        full = set(filter(self.transport.full, active_partitions))
        if full:
            # Their owners have enough for now. What was fetched of them stays with aiokafka.
            active_partitions = active_partitions - full
            timeout = min(timeout or 0.0, FULL_WAIT_S)
        with subscriptions.fetch_context():
            if not await wait_fetched(fetcher, active_partitions, timeout or 0.0):
                return {}
            if subscriptions.reassignment_in_progress or not self.consumer.flow_active:
                return {}
            # From here to the second look at positions nothing is awaited in truth (timeout 0 returns what
            # lies there), so no seek can come between and the frame's bounds are exact.
            before = _positions(subscriptions)
            for tp in filter(self.transport.frames, active_partitions):
                make_of(fetcher, tp, _record)
            fetched = await fetcher.fetched_records(active_partitions, timeout=0, max_records=max_records)
            after = _positions(subscriptions)
        return {**self._unframed(fetched), **self._frames(fetched, before, after)}

    async def hint(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets. Unlike Faust's own commit, which ends the worker, it raises what went wrong."""
        await self.call_thread(self._hint, dict(offsets))

    async def _hint(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        ours = {tp: offsets[tp] for tp in consumer.assignment() if tp in offsets}
        if ours:
            async with asyncio.timeout(HINT_S_MAX):
                await consumer.commit(ours)

    def _unframed(self, fetched: Mapping[TopicPartition, list[Any]]) -> dict[Any, list[Any]]:
        return {tp: records for tp, records in fetched.items() if not self.transport.frames(tp)}

    def _frames(
        self,
        fetched: Mapping[TopicPartition, list[Any]],
        before: Mapping[TopicPartition, int],
        after: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, list[Frame]]:
        """Also a frame without records where only the position moved, past markers or aborted records."""
        frames = {}
        for tp, end in after.items():
            if self.transport.frames(tp) and tp in before and end > before[tp]:
                frames[tp] = [Frame(before[tp], end, fetched.get(tp, ()))]
        return frames


def _positions(subscriptions: Any) -> dict[TopicPartition, int]:
    assignment = subscriptions.subscription.assignment if subscriptions.subscription else None
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in assignment.tps}
    return {
        tp: state._position for tp, state in states.items() if state is not None and state.has_valid_position
    }


# A batch shares few times.
_at = lru_cache(maxsize=1024)(recorded_at)
_new = tuple.__new__  # half the time of calling a named tuple


def _record(tp: TopicPartition, found: Any) -> Record:
    """As a frame has it, with the broker's time as UTC."""
    return _new(Record, (found.offset, _at(found.timestamp), found.key, found.value))


class FrameConsumer(driver.Consumer):
    """Faust's consumer, with frames as the messages of the framed topics.

    After a rebalance Faust resumes partitions, seeks, and then clears its queues as it resumes the flow:
    what was fetched in between would be lost. So framed partitions resume with the flow, not before it.
    """

    transport: FrameTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: set[TP] = set()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        framed = set(filter(self.transport.frames, tps))
        self._held |= framed
        super().resume_partitions(set(tps) - framed)

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        self._held.difference_update(tps)
        super().pause_partitions(tps)

    def resume_flow(self) -> None:
        super().resume_flow()
        held, self._held = self._held, set()
        super().resume_partitions(held)

    async def perform_seek(self) -> None:
        """Framed partitions go on where their owners stand; the group's offsets only copy that, and late."""
        await super().perform_seek()
        assigned = self.assignment()
        positions = {tp: at for tp, at in self.transport.positions().items() if tp in assigned}
        if positions:
            await self.seek_wait(positions)

    async def hint(self, offsets: Mapping[TP, int]) -> None:
        """See `FrameConsumerThread.hint`."""
        thread: Any = self._thread
        await thread.hint(offsets)

    def _new_consumer_thread(self) -> FrameConsumerThread:
        return FrameConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Frame):
            return super()._to_message(tp, record)
        # The last position covered stands for the frame's offset: rising, as Faust's bookkeeping needs.
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.end - 1,
            0.0,
            0,
            [],
            None,
            record,  # type: ignore[arg-type]
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )


class FrameTransport(driver.Transport):
    """`aiokafka` transport on which `topic` arrives as `Frame`s; Faust's own changelogs do not.

    Args:
        positions: the offset each framed partition is to be read from, for those that have an owner here.
        full: whether so much of a framed partition waits that no more is to be fetched; any thread asks.
    """

    Consumer = FrameConsumer

    def __init__(
        self,
        app: Any,
        topic: str,
        positions: Callable[[], Mapping[TP, int]],
        full: Callable[[int], bool],
    ) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.positions = positions
        self._topic = topic
        self._full = full

    def frames(self, tp: TP | TopicPartition) -> bool:
        """Whether the partition comes in frames."""
        return tp.topic == self._topic

    def full(self, tp: TP | TopicPartition) -> bool:
        """Whether nothing of the partition is fetched now."""
        return self.frames(tp) and self._full(tp.partition)


class FrameSchema(Schema[Any, Any]):
    """Passes frames through: decoding is the core's, because what cannot be decoded is decided too."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        return None

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        return message.value
