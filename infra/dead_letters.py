"""What could not be used: read it, and send on what only came the wrong way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.errors import SpendlogError
from schemas.reasons import ReasonCode
from schemas.topics import CARD_EVENTS, DEAD_LETTERS

TIMEOUT_S = 20.0
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class DeadLetter:
    """One record that was refused: `partition` and `offset` are its place among the card events."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def read(bootstrap: str, prefix: str = "") -> Iterator[DeadLetter]:
    """All dead letters up to now, partition by partition.

    Raises:
        SpendlogError: Kafka does not answer, or the topic is missing.
    """
    topic = prefix + DEAD_LETTERS.name
    config = {
        "bootstrap.servers": bootstrap,
        "group.id": "spendlog-dead-letters",
        "enable.auto.commit": False,
    }
    consumer = Consumer({**config, "isolation.level": "read_committed", "enable.partition.eof": True})
    try:
        found = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise SpendlogError(f"there is no topic {topic}: run `spendlog topics apply` first")
        for partition in sorted(found.partitions):
            consumer.assign([TopicPartition(topic, partition, 0)])
            yield from _partition(consumer)
    except KafkaException as error:
        raise SpendlogError(f"Kafka at {bootstrap} does not answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _partition(consumer: Consumer) -> Iterator[DeadLetter]:
    # Not `consume`, which waits for its whole number of messages.
    while (message := consumer.poll(TIMEOUT_S)) is not None:
        error = message.error()
        if error is None:
            yield _letter(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise KafkaException(error)
    raise SpendlogError(f"nothing came from Kafka within {TIMEOUT_S:.0f} s")


def _letter(message: Message) -> DeadLetter:
    headers = {name: value.decode(errors="replace") for name, value in cast(Headers, message.headers())}
    return DeadLetter(
        headers["reason"],
        headers["detail"],
        headers["topic"],
        int(headers["partition"]),
        int(headers["offset"]),
        _bytes(message.key()),
        _bytes(message.value()),
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def reroute(bootstrap: str, prefix: str = "") -> int:
    """Send what was on the wrong partition to its own, under its own id. Returns how many were sent.

    Sending them twice does no harm: an event that was decided gets its first answer again.
    """
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all"})
    sent = 0
    for letter in read(bootstrap, prefix):
        if letter.reason == ReasonCode.WRONG_PARTITION.value:
            producer.produce(prefix + CARD_EVENTS.name, letter.value, letter.key)
            producer.poll(0)
            sent += 1
    left = producer.flush(TIMEOUT_S)
    if left:
        raise SpendlogError(
            f"Kafka took {sent - left} of {sent} events within {TIMEOUT_S:.0f} s: run it again"
        )
    return sent
