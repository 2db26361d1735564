"""The latest events that could not be used: why, from where, whether they were sent on; nothing of them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.headers import REASON
from schemas.kafka import librdkafka
from schemas.topics import DEAD_LETTERS

ASK_S_MAX: Final = 1.5
#: Looked at of each partition; `spendlog dead-letters list` has all.
EACH: Final = 100
#: The header of a note that says which letter was sent on.
REROUTED: Final = "rerouted"


class RefusedEvent(NamedTuple):
    """`id`: partition and offset among the card events, as commands name it; `at`: when it was written."""

    id: str
    reason: str
    at: datetime
    rerouted: bool = False


class LatestLetters(NamedTuple):
    """The latest, newest first. `records`: of the topic, notes of what was sent on too; `away`: why none."""

    latest: list[RefusedEvent]
    records: int = 0
    away: str | None = None


class DeadLetterReader:
    """Reads them when somebody looks, in another thread than the event loop's."""

    def __init__(self, servers: str, topic: str = DEAD_LETTERS.name, *, patience: float = 1.0) -> None:
        """`patience`: brokers are waited for so many times as long."""
        self._ask_s_max = ASK_S_MAX * patience
        self._topic = topic
        self._config: dict[str, Any] = {
            **librdkafka(servers),
            "client.id": "spendlog-api-dead-letters",
            "group.id": "spendlog-api-dead-letters",  # required by the client; `assign` joins no group
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "latest",
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        }

    async def latest(self) -> LatestLetters:
        return await asyncio.to_thread(self._read)

    def _read(self) -> LatestLetters:
        consumer = Consumer(self._config)
        try:
            return _letters(consumer, self._topic, self._ask_s_max)
        except KafkaException as error:
            return LatestLetters([], away=error.args[0].str())
        finally:
            consumer.close()


def _letters(consumer: Consumer, topic: str, ask_s_max: float) -> LatestLetters:
    """Raises KafkaException."""
    until_s = time.monotonic() + ask_s_max
    told = consumer.list_topics(topic, timeout=ask_s_max).topics[topic]
    if told.error is not None:
        raise KafkaException(told.error)
    starts, records = [], 0
    for partition in told.partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ask_s_max)
        records += high - low
        if high > low:
            starts.append(TopicPartition(topic, partition, max(low, high - EACH)))
    consumer.assign(starts)
    unread = {start.partition for start in starts}
    found: dict[str, RefusedEvent] = {}
    sent_on: set[str] = set()
    while unread and time.monotonic() < until_s:
        for message in consumer.consume(1_000, 0.05):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                continue
            headers = _texts(message)
            if REROUTED in headers:
                sent_on.add(headers[REROUTED])
            elif REASON in headers:
                _, written_ms = message.timestamp()
                at = datetime.fromtimestamp(written_ms / 1_000, UTC)
                id_ = f"{headers.get('partition', '?')}:{headers.get('offset', '?')}"
                found[id_] = RefusedEvent(id_, headers[REASON], at)
    letters = [each._replace(rerouted=each.id in sent_on) for each in found.values()]
    return LatestLetters(sorted(letters, key=lambda each: each.at, reverse=True), records)


def _texts(message: Message) -> dict[str, str]:
    told = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return {name: (value or b"").decode(errors="replace") for name, value in told}
