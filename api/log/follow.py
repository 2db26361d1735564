"""How a request gets its decision: each API process reads the end of the decision log itself.

No store stands between the decision and its answer, so an authorization needs neither Redis nor
PostgreSQL, and a decision is answered as soon as it is committed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from api.log.chains import ANCHOR_OFFSETS, TRY_AGAIN_S, Chains
from api.log.produce import WrittenEvent, call_on_loop, quiet
from schemas.codec import decode_decision
from schemas.decisions import Decision
from schemas.headers import EVENT_ID
from schemas.ids import Position
from schemas.kafka import librdkafka
from schemas.partitions import partition_of
from schemas.topics import DECISIONS

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX = 2_000  # 4 ms of work at the 1.8 us a record that were measured
POLL_TIMEOUT_S = 0.2
START_AGAIN_S = 0.5
ASK_S = 2.0  # for metadata and ends; twice as long after each failure
ASK_S_MAX = 16.0
ENDS_EVERY_S = 0.1


class TooManyWaiters(Exception):
    """As many requests wait as this process may hold."""


class Waiter:
    """One request that waits for the decision about the record that it wrote.

    The event id finds candidates; partition and offset of the record tell which is its own. Two requests
    with one idempotency key write two records with one id, and only the second answer says "replayed" or
    "used for another request".
    """

    __slots__ = ("_candidates", "_future", "_written", "event_id")

    def __init__(self, event_id: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.event_id = event_id
        self._future: asyncio.Future[Decision] = loop.create_future()
        self._written: WrittenEvent | None = None
        self._candidates: list[Decision] = []

    def offer(self, decision: Decision) -> None:
        """A decision with the waiter's event id came. May come before its own `written`."""
        self._candidates.append(decision)
        self._match()

    def written(self, record: WrittenEvent) -> None:
        """Kafka said where the event is."""
        self._written = record
        self._match()

    def _match(self) -> None:
        if self._written is None or self._future.done():
            return
        for decision in self._candidates:
            at = (decision.partition, decision.source_offset)
            if at == (self._written.partition, self._written.offset):
                self._future.set_result(decision)
                return

    async def decision(self) -> Decision:
        """Waits without bound; the caller brings the bound."""
        return await self._future


class DecisionSource(Protocol):
    """Where decisions come from."""

    @property
    def away(self) -> str | None:
        """Why no decision can arrive now; None when they do."""
        ...

    def stopped_for(self, key: str) -> str | None:
        """Why no decision on events of this key can be told, though others can; None when they can."""
        ...

    def expect(self, event_id: str) -> Waiter:
        """Call it before the event is written. Raises TooManyWaiters."""
        ...

    def forget(self, waiter: Waiter) -> None: ...


class DecisionTail:
    """Reads all partitions of the decision log from their ends on, in one thread.

    At 50,000 decisions/s almost none is this process's business: the thread looks whether each continues
    its partition's chain and compares the `event_id` header with those that are waited for, and only the
    event loop decodes what matched.
    """

    def __init__(
        self, servers: str, *, waiters_max: int, topic: str = DECISIONS.name, try_again_s: float = TRY_AGAIN_S
    ) -> None:
        self._config: dict[str, Any] = {
            **librdkafka(servers),
            "client.id": "spendlog-api-tail",
            "group.id": "spendlog-api-tail",  # required by the client; `assign` joins no group
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",  # never go on somewhere else in silence
            "fetch.min.bytes": 1,
            # Data ends a fetch at once; this is only how often an idle broker is asked again. At 20 ms each
            # process with nothing to do cost it 2 % of a core.
            "fetch.wait.max.ms": 200,
            # The default, 1 s, would be a second without decisions whenever the queue was full.
            "fetch.queue.backoff.ms": 5,
            "fetch.error.backoff.ms": 20,
            "queued.max.messages.kbytes": 32_768,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "socket.nagle.disable": True,
            "check.crcs": False,
        }
        self._topic = topic
        self._chains = Chains(topic, self._config, try_again_s)
        self._partitions = 0
        self._waiters_max = waiters_max
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[bytes, list[Waiter]] = {}
        self._waiting = 0
        self._away: str | None = "not started"
        self._lag_records = 0
        self._ends: dict[int, int] = {}
        self._handed_over: dict[int, int] = {}  # next seq by partition: newer than the ends now and then
        self._patience_s = ASK_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decision-tail", daemon=True)

    @property
    def away(self) -> str | None:
        return self._away

    @property
    def stopped(self) -> Mapping[int, str]:
        """Partitions of which nothing can be told, and why; the others go on."""
        return self._chains.stopped

    def stopped_for(self, key: str) -> str | None:
        stopped = self._chains.stopped
        return stopped.get(partition_of(key.encode(), self._partitions)) if stopped else None

    @property
    def waiting(self) -> int:
        """Requests that wait now."""
        return self._waiting

    @property
    def written(self) -> int:
        """Records that the log had, over all partitions, when last measured; 0: not known yet."""
        return sum(self._ends.values())

    @property
    def lag_records(self) -> int:
        """Records of the log, over all partitions, that were not looked at yet when last measured."""
        return self._lag_records

    def beyond(self, position: Position) -> bool:
        """Whether the log ended before `position` a moment ago: nothing that anybody was told has it.

        By offsets, which no seq exceeds, and what was handed over since. False while the ends are not known.
        """
        ends = (known.get(position.partition, 0) for known in (self._ends, self._handed_over))
        return bool(self._ends) and position.seq >= max(ends)

    def start(self) -> None:
        self._thread.start()

    def expect(self, event_id: str) -> Waiter:
        if self._waiting >= self._waiters_max:
            raise TooManyWaiters(f"{self._waiting} requests wait for their decisions")
        waiter = Waiter(event_id.encode(), self._loop)
        self._awaited.setdefault(waiter.event_id, []).append(waiter)
        self._waiting += 1
        return waiter

    def forget(self, waiter: Waiter) -> None:
        waiters = self._awaited[waiter.event_id]
        waiters.remove(waiter)
        if not waiters:
            del self._awaited[waiter.event_id]
        self._waiting -= 1

    def close(self, timeout_s: float = 2.0) -> None:
        """Ends the thread. Blocks."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            consumer = Consumer(self._config, logger=quiet)
            try:
                self._assign_ends(consumer)
                self._patience_s = ASK_S
                self._say(None)
                self._follow(consumer)
            except Exception as error:  # noqa: BLE001  whatever it was, it starts again
                # Decisions until the next start are not seen: their requests get 202, which is true.
                self._say(_reason(error))
                self._patience_s = min(2 * self._patience_s, ASK_S_MAX)  # a slow broker is not away
                self._stop.wait(START_AGAIN_S)
            finally:
                consumer.close()

    def _assign_ends(self, consumer: Consumer) -> None:
        """From explicit offsets, so that nothing written after this returns can be missed.

        From a little before the ends on: the last decision vouches for the next one.
        """
        topic = consumer.list_topics(self._topic, timeout=self._patience_s).topics[self._topic]
        if topic.error is not None:
            raise KafkaException(topic.error)
        starts = []
        for partition in topic.partitions:
            at = TopicPartition(self._topic, partition)
            low, high = consumer.get_watermark_offsets(at, timeout=self._patience_s)
            starts.append(TopicPartition(self._topic, partition, max(low, high - ANCHOR_OFFSETS)))
        self._partitions = len(starts)
        self._chains.begin()
        consumer.assign(starts)

    def _follow(self, consumer: Consumer) -> None:
        measured = time.monotonic()
        while not self._stop.is_set():
            # `consume` alone waits until its batch is full or its time is up: one record, then the rest.
            first = consumer.poll(POLL_TIMEOUT_S)
            if first is not None:
                self._look_at([first, *consumer.consume(BATCH_RECORDS_MAX, timeout=0)])
            self._chains.try_again(consumer)
            if time.monotonic() - measured > ENDS_EVERY_S:
                measured = time.monotonic()
                self._lag_records, self._ends = _lag_and_ends(consumer)

    def _look_at(self, batch: list[Message]) -> None:
        # Whoever starts to wait during this batch has not written its event yet: its decision is not in it.
        awaited, follows = self._awaited, self._chains.follows
        matched = []
        for message in batch:
            if not follows(message):
                continue
            headers = message.headers() if awaited else None
            if not headers:
                continue
            event_id = _event_id(headers)
            if event_id in awaited and (value := message.value()) is not None:
                matched.append((event_id, value))
        if matched:
            call_on_loop(self._loop, partial(self._hand_over, matched))

    def _hand_over(self, matched: list[tuple[bytes, bytes]]) -> None:
        for event_id, value in matched:
            waiters = self._awaited.get(event_id)
            if not waiters:
                continue
            try:
                decision = decode_decision(value)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                log.error("decision_unreadable", event_id=event_id.decode(), error=str(error))
                continue
            self._handed_over[decision.partition] = decision.seq + 1
            for waiter in waiters:
                waiter.offer(decision)

    def _say(self, away: str | None) -> None:
        if away != self._away:
            log.info("decision_tail", away=away)
            self._away = away


def _event_id(headers: Any) -> bytes:
    """The header's bytes; empty, which is nobody's id, where there is none."""
    for name, value in headers:
        if name == EVENT_ID and value is not None:
            return bytes(value)
    return b""


def _reason(error: Exception) -> str:
    if isinstance(error, KafkaException):
        return str(error.args[0].str())
    return f"{type(error).__name__}: {error}"


def _lag_and_ends(consumer: Consumer) -> tuple[int, dict[int, int]]:
    """Records not looked at yet, and each partition's end as the last fetch told it."""
    lag, ends = 0, {}
    for at in consumer.position(consumer.assignment()):
        _, high = consumer.get_watermark_offsets(at, cached=True)
        ends[at.partition] = max(high, at.offset, 0)
        if at.offset >= 0 and high > at.offset:
            lag += high - at.offset
    return lag, ends
