"""The decisions topic as a `Log`: all of this room that knows confluent_kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.claims import stamp_of
from schemas.kafka import librdkafka
from schemas.log_repeats import Repeats, RepeatsFilter
from schemas.standing import REPORT_EVERY_S, Report, encode_report
from schemas.topics import STATUS
from sinks.errors import PartitionBroken, SinkError, Unavailable
from sinks.loop.chain import DecisionRecord

log = structlog.get_logger()
_repeats = Repeats()
# Its own printing knows no bound: 20 lines a second while Kafka is away.
LIBRDKAFKA = logging.getLogger("librdkafka")
LIBRDKAFKA.addFilter(RepeatsFilter())

# 10 s: what a killed sink's partitions wait for the next owner; five missed heartbeats.
SESSION_TIMEOUT_MS = 10_000
CLOSE_TIMEOUT_S = 5.0
# 4 s: whoever waits for what the sender has claimed gives up after 5 s, and must not see it alive by then.
DELIVERY_TIMEOUT_S = 4.0

LOOK_TIMEOUT_S = 5.0  # at one record, or at a partition's bounds: most take some milliseconds
_LOST = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})


class KafkaDecisions:
    """A member of consumer group `group`, assigned eagerly: all partitions are let go, then given anew.

    An assignment starts to deliver only when `read_from` says from where: the group's own offsets are not
    trusted. `instance`: a name that stays with this member over restarts, so that they need no rebalance.
    `status_topic`: where reports go.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        group: str,
        instance: str | None = None,
        status_topic: str = STATUS.name,
    ) -> None:
        self._topic = topic
        self._status_topic = status_topic
        self._servers = servers
        self._group = group
        self._looker: Consumer | None = None
        self._owned: frozenset[int] = frozenset()
        self._generation = 0
        self._started: frozenset[int] = frozenset()
        self._closed = False
        config: dict[str, Any] = {
            **librdkafka(servers),
            "group.id": group,
            "client.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # An offset that is gone is an error to report, never a reason to start somewhere else.
            "auto.offset.reset": "error",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": 2_000,
            # Not at each batch: an answer for every one of 400 a second kept the broker busy.
            "fetch.min.bytes": 16_384,
            "fetch.wait.max.ms": 20,
            # The default of 1 s would stop a sink that catches up whenever its queue was full.
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 32_768,
            "fetch.error.backoff.ms": 100,
            "reconnect.backoff.max.ms": 2_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "log_level": 4,
        }
        if instance:
            config["group.instance.id"] = instance
        # A report that is late is worth nothing: the next one is newer.
        self._producer = Producer(
            {
                **librdkafka(servers),
                "client.id": f"{group}-status",
                "message.timeout.ms": round(REPORT_EVERY_S * 1000),
                "reconnect.backoff.max.ms": 2_000,
                "log_level": 0,
            }
        )
        self._consumer = Consumer(config, error_cb=self._on_error, logger=LIBRDKAFKA)
        self._consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke)

    @property
    def owned(self) -> frozenset[int]:
        return self._owned

    @property
    def generation(self) -> int:
        return self._generation

    def read_from(self, offsets: Mapping[int, int]) -> None:
        wanted = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        self._consumer.assign(wanted)
        self._started = frozenset(offsets)

    def poll(self, rows_max: int, wait_s: float, linger_s: float) -> list[DecisionRecord]:
        try:
            messages = self._consumer.consume(1, wait_s)
            if messages and rows_max > 1:
                messages += self._consumer.consume(rows_max - 1, linger_s)
        except KafkaException as error:
            raise SinkError(f"Kafka: {error.args[0].str()}") from error
        return [record for message in messages if (record := self._record(message)) is not None]

    def bounds(self, partition: int) -> tuple[int, int]:
        try:
            low, high = self._beside().get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=LOOK_TIMEOUT_S
            )
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error.args[0].str()}") from error
        return int(low), int(high)

    def first_from(self, partition: int, offset: int) -> DecisionRecord | None:
        reader, until_s = self._beside(), time.monotonic() + LOOK_TIMEOUT_S
        reader.assign([TopicPartition(self._topic, partition, offset)])
        try:
            while time.monotonic() < until_s:
                message = reader.poll(0.1)
                error = message.error() if message is not None else None
                if message is not None and error is None:
                    return self._record(message)
                if error is not None and error.code() in {KafkaError._PARTITION_EOF, *_LOST}:
                    return None
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error.args[0].str()}") from error
        finally:
            reader.assign([])
        raise Unavailable(
            f"Kafka: {self._topic}[{partition}] was not read at {offset} in {LOOK_TIMEOUT_S:.0f} s"
        )

    def _beside(self) -> Consumer:
        """A reader of single records, which joins no group; made when it is needed first."""
        if self._looker is None:
            self._looker = Consumer(
                {
                    **librdkafka(self._servers),
                    "group.id": f"{self._group}-look",  # required by the client; `assign` joins no group
                    "isolation.level": "read_committed",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "error",
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": 20,
                    "log_level": 0,
                }
            )
        return self._looker

    def hint(self, offsets: Mapping[int, int]) -> None:
        wanted = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        if not wanted:
            return
        try:
            self._consumer.commit(offsets=wanted, asynchronous=True)
        except KafkaException as error:
            log.info("hint_refused", detail=error.args[0].str())

    def report(self, reports: Sequence[Report]) -> None:
        for report in reports:
            try:
                self._producer.produce(
                    self._status_topic, encode_report(report), report.key, partition=report.partition
                )
            except (KafkaException, BufferError) as error:
                log.info("report_refused", detail=str(error))
        self._producer.poll(0)

    def lag(self) -> dict[int, int]:
        behind = {}
        for place in self._consumer.position([TopicPartition(self._topic, p) for p in self._started]):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0 and end >= 0:
                behind[place.partition] = max(0, end - place.offset)
        return behind

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._consumer.close()
            if self._looker is not None:
                self._looker.close()

    def _record(self, message: Message) -> DecisionRecord | None:
        error = message.error()
        if error is not None:
            self._examine(message, error)
            return None
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        return tuple.__new__(
            DecisionRecord, (partition, offset, message.value(), stamp_of(message.headers()))
        )  # half the time of DecisionRecord()

    def _examine(self, message: Message, error: KafkaError) -> None:
        if error.code() in _LOST:
            raise PartitionBroken(
                f"partition {message.partition()}: the log of {self._topic} does not hold offset "
                f"{message.offset()}, where this sink must go on: {error.str()}",
                message.partition(),
            )
        if error.fatal():
            raise SinkError(f"Kafka: {error.str()}")
        log.warning("kafka_error", topic=self._topic, detail=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign([])  # nothing until read_from
        self._owned = frozenset(place.partition for place in partitions)
        self._started = frozenset()
        self._generation += 1

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.unassign()
        self._owned = self._started = frozenset()
        self._generation += 1

    def _on_error(self, error: KafkaError) -> None:
        # librdkafka tries again by itself, 40 times a second; these are for whoever reads the log.
        warn_away(error)


def warn_away(error: KafkaError) -> None:
    """A few lines, however often librdkafka says it."""
    left_out = _repeats.passes(error.code())
    if left_out is not None:
        log.warning("kafka_away", detail=error.str(), left_out=left_out)
