"""The demo's ends of Kafka: a producer that remembers where its records went, and a reader of decisions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.cluster_metadata import metadata
from infra.consumed import bytes_of, offset_of, partition_of
from infra.errors import SpendlogError
from schemas.chain import Chain, NotNext
from schemas.claims import stamp_of
from schemas.decisions import Decision
from schemas.kafka import librdkafka
from schemas.settings import masked
from schemas.topics import CARD_EVENTS, DECISIONS

TIMEOUT_S: Final = 20.0
# A takeover after a crash of the worker takes a few seconds; ten times that.
STALLED_S_MAX: Final = 60.0


def new_reader(kafka: str, **more: Any) -> Consumer:
    """A consumer of committed records that is assigned by hand and belongs to no group that matters."""
    return Consumer(
        {
            **librdkafka(kafka),
            "group.id": "spendlog-demo",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.queue.backoff.ms": 5,
            # A waiting fetch is not always woken by a commit: with the default of 500 ms 3,000 decisions took
            # 0.4-1.0 s to read, with this 0.2 s.
            "fetch.wait.max.ms": 10,
            "log_level": 0,
            **more,
        }
    )


def end_offsets(kafka: str, topic: str) -> dict[int, int]:
    """Partition -> the offset after its last record.

    Raises:
        SpendlogError: Kafka does not answer, or there is no such topic.
    """
    found = metadata(kafka, topic).topics[topic]
    reader = new_reader(kafka)
    try:
        if found.error is not None:
            raise SpendlogError(f"topic {topic}: {found.error.str()}; `spendlog topics apply` makes it")
        return {
            p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=TIMEOUT_S)[1]
            for p in found.partitions
        }
    except KafkaException as error:
        raise SpendlogError(f"Kafka at {masked(kafka)} does not answer: {error.args[0].str()}") from None
    finally:
        reader.close()


class EventSender:
    """Sends card events straight to Kafka and remembers the last offset of each partition."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer(
            {
                **librdkafka(kafka),
                "enable.idempotence": True,  # also: acks=all, and nothing overtakes in a retry
                "linger.ms": 1,
                "queue.buffering.max.messages": 200_000,
                "log_level": 0,
            }
        )
        self.last: dict[int, int] = {}
        self.sent = 0
        #: (partition, offset) -> time.monotonic() just before the record was handed over; only of timed ones.
        self.times_s: dict[tuple[int, int], float] = {}
        self._errors: list[KafkaError] = []

    def connect(self) -> None:
        """Reaches the brokers now, not with the first record."""
        self._producer.list_topics(CARD_EVENTS.name, timeout=TIMEOUT_S)

    def send(self, partition: int, key: bytes | None, value: bytes | None, *, timed: bool = False) -> None:
        started_s = time.monotonic() if timed else 0.0

        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._errors.append(error)
                return
            at = message.offset()
            self.last[partition] = at
            if timed:
                self.times_s[partition, at] = started_s

        while True:
            try:
                self._producer.produce(
                    CARD_EVENTS.name,
                    value,
                    key,
                    partition,
                    on_delivery=delivered if timed else self._delivered,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._errors.append(error)
        else:
            self.last[message.partition()] = message.offset()

    def poll(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)

    def flush(self) -> dict[int, int]:
        """Waits until Kafka has all; returns the last offset of each partition that was sent to.

        Raises:
            SpendlogError: a record could not be delivered.
        """
        left = self._producer.flush(TIMEOUT_S)
        if left or self._errors:
            why = self._errors[0].str() if self._errors else f"{left} records wait since {TIMEOUT_S:.0f} s"
            raise SpendlogError(f"Kafka did not take an event: {why}")
        return dict(self.last)


class DecisionWatch:
    """Reads decisions from now on, in a thread, and hands each to `on_decision(decision, read_s)`.

    `read_s`: time.monotonic() when it was read. A context manager.
    """

    def __init__(self, kafka: str, on_decision: Callable[[Decision, float], None]) -> None:
        self._on_decision = on_decision
        self._ends = end_offsets(kafka, DECISIONS.name)
        self._reader = new_reader(kafka)
        self._reader.assign([TopicPartition(DECISIONS.name, p, end) for p, end in self._ends.items()])
        self._chains: dict[int, Chain] = {}
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
        self._stopping = threading.Event()
        self._failed: BaseException | None = None
        self.count = 0
        #: Partition -> source offset of its last decision.
        self.decided: dict[int, int] = {}
        #: Partition -> seq of its last decision.
        self.seqs: dict[int, int] = {}

    def __enter__(self) -> DecisionWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(TIMEOUT_S)
        self._reader.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                message = self._reader.poll(0.05)
                if message is None:
                    continue
                read_s = time.monotonic()
                if message.error() is not None:
                    continue  # the client goes on by itself; who waits here has a bound
                decision = self._follow(message)
                if decision is None:
                    continue
                self._on_decision(decision, read_s)
                self.count += 1
                self.decided[decision.partition] = decision.source_offset
                self.seqs[decision.partition] = decision.seq
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self._failed = error

    def _follow(self, message: Message) -> Decision | None:
        partition, value = partition_of(message), bytes_of(message.value())
        chain = self._chains.setdefault(partition, Chain.in_the_middle(partition))
        try:
            return chain.follow(offset_of(message), value, stamp_of(message.headers()))
        except NotNext as found:
            raise SpendlogError(
                f"{DECISIONS.name}: partition {partition} offset {message.offset()}: {found}"
            ) from None

    def wait(self, until: Mapping[int, int], on_wait: Callable[[], None], *, poll_s: float = 0.005) -> None:
        """Waits until every source offset in `until` (partition -> offset) is decided.

        Calls `on_wait` about every `poll_s`.

        Raises:
            SpendlogError: nothing was decided for `STALLED_S_MAX`.
        """
        count, moved_s = self.count, time.monotonic()
        while any(self.decided.get(p, -1) < offset for p, offset in until.items()):
            if self._failed is not None:
                raise self._failed
            on_wait()
            if self.count != count:
                count, moved_s = self.count, time.monotonic()
            elif time.monotonic() - moved_s > STALLED_S_MAX:
                raise SpendlogError(
                    f"nothing was decided for {STALLED_S_MAX:.0f} s, but events wait. "
                    "The worker's log says more"
                )
            time.sleep(poll_s)


def read_between(
    kafka: str, topic: str, starts: Mapping[int, int], on_message: Callable[[Any], None]
) -> None:
    """Committed records of `topic` from `starts` (partition -> offset) to its end as it is now."""
    ends = end_offsets(kafka, topic)
    reader = new_reader(kafka, **{"enable.partition.eof": True})
    left = {p for p, end in ends.items() if end > starts.get(p, 0)}
    deadline_s = time.monotonic() + STALLED_S_MAX
    try:
        reader.assign([TopicPartition(topic, p, starts.get(p, 0)) for p in left])
        while left and time.monotonic() < deadline_s:
            message = reader.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                on_message(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
    finally:
        reader.close()
