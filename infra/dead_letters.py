"""What could not be used: read it, and send on what only came the wrong way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

from confluent_kafka import KafkaException, Message, Producer

from infra.consumed import bytes_of, offset_of, partition_of
from infra.errors import SpendlogError
from infra.verify.sources import Logs
from schemas.headers import REASON
from schemas.kafka import librdkafka
from schemas.partitions import PARTITIONER
from schemas.reasons import ReasonCode
from schemas.settings import masked
from schemas.topics import CARD_EVENTS, DEAD_LETTERS

TIMEOUT_S = 20.0
Headers = list[tuple[str, bytes | None]]
# A record of the dead letters with this header is none: it says which one was sent on.
_REROUTED = "rerouted"
# The reason of a record that no worker wrote.
_FOREIGN = "foreign"
# Letters are as large as the broker takes: a transaction of 100 is done in seconds.
_TRANSACTION_LETTERS = 100


@dataclass(frozen=True)
class Letter:
    """One record that was refused: `partition` and `offset` are its place among the card events."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def id(self) -> str:
        """`partition:offset`."""
        return f"{self.partition}:{self.offset}"


def read(bootstrap: str, prefix: str = "") -> Iterator[Letter]:
    """All dead letters up to now, partition by partition; one that an owner has sent again only once.

    Raises:
        SpendlogError: Kafka does not answer, or the topic is missing.
    """
    seen: set[str] = set()
    for headers, message in _records(bootstrap, prefix):
        if _REROUTED in headers:
            continue
        letter = _letter(headers, message)
        if letter.reason != _FOREIGN:
            if letter.id in seen:
                continue
            seen.add(letter.id)
        yield letter


def find(bootstrap: str, id_: str, prefix: str = "") -> Letter:
    """The letter called `id_`. Raises SpendlogError as `read`, and when there is none."""
    for letter in read(bootstrap, prefix):
        if letter.id == id_:
            return letter
    raise SpendlogError(f"there is no dead letter {id_!r}: `spendlog dead-letters list` shows each one's id")


def rerouted(bootstrap: str, prefix: str = "") -> set[str]:
    """The ids of the letters that were sent on. Raises SpendlogError as `read`."""
    found = (headers.get(_REROUTED) for headers, _ in _records(bootstrap, prefix))
    return {id_ for id_ in found if id_ is not None}


def _records(bootstrap: str, prefix: str) -> Iterator[tuple[dict[str, str], Message]]:
    topic, logs = prefix + DEAD_LETTERS.name, Logs(bootstrap)
    try:
        for partition in logs.partitions(topic):
            low, high = logs.bounds(topic, partition)
            for message in logs.messages(topic, partition, low, high):
                headers = cast(Headers, message.headers() or [])
                yield {name: (value or b"").decode(errors="replace") for name, value in headers}, message
    except KafkaException as error:
        raise SpendlogError(f"Kafka at {masked(bootstrap)} does not answer: {error.args[0].str()}") from None
    finally:
        logs.close()


def _letter(headers: dict[str, str], message: Message) -> Letter:
    """Records that no worker wrote are told, too: by their own place."""
    partition, offset = headers.get("partition", ""), headers.get("offset", "")
    ours = REASON in headers and partition.isdecimal() and offset.isdecimal()
    return Letter(
        headers[REASON] if ours else _FOREIGN,
        headers.get("detail", "") if ours else "not written by a worker: its headers are not a dead letter's",
        headers.get("topic", "") if ours else DEAD_LETTERS.name,
        int(partition) if ours else partition_of(message),
        int(offset) if ours else offset_of(message),
        bytes_of(message.key()),
        bytes_of(message.value()),
    )


def reroute(bootstrap: str, prefix: str = "", again: bool = False) -> int:
    """Send what was on the wrong partition to its own, under its own id. Returns how many were sent.

    Each once, unless `again`: the event and the note that it was sent are one transaction. Sending it twice
    does no harm either: an event that was decided gets its first answer again.

    Raises:
        SpendlogError: as `read`, or Kafka did not take a transaction; those before it were sent.
    """
    done = set() if again else rerouted(bootstrap, prefix)
    letters = (
        letter
        for letter in read(bootstrap, prefix)
        if letter.reason == ReasonCode.WRONG_PARTITION.value and letter.id not in done
    )
    # One id: who runs it at the same time fences the other.
    ids = {"transactional.id": f"{prefix}spendlog-dead-letters", "partitioner": PARTITIONER}
    producer = Producer({**librdkafka(bootstrap), "log_level": 0, **ids})
    sent = 0
    try:
        producer.init_transactions(TIMEOUT_S)
        while some := list(islice(letters, _TRANSACTION_LETTERS)):
            producer.begin_transaction()
            for letter in some:
                note: list[tuple[str, str | bytes | None]] = [(_REROUTED, letter.id.encode())]
                producer.produce(prefix + CARD_EVENTS.name, letter.value, letter.key)
                producer.produce(prefix + DEAD_LETTERS.name, None, partition=letter.partition, headers=note)
            producer.commit_transaction(TIMEOUT_S)
            sent += len(some)
    except KafkaException as error:
        raise SpendlogError(f"Kafka: {error.args[0].str()}; {sent} events were sent: run it again") from None
    return sent
