"""Go on after card events were lost: `spendlog events continue` (docs/decisions/0023).

Positions never go back. A partition whose card events were cut is filled up to where decisions stand, what
was sent since and got an offset that was decided before is sent again, and what lies below is deleted: it is
not what was decided, and verify and replay need only what lies above.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.consumed import bytes_of, offset_of
from infra.errors import SpendlogError
from infra.verify.records import head_of
from infra.verify.sources import Logs
from schemas.decisions import Decision
from schemas.kafka import librdkafka
from schemas.settings import masked
from schemas.topics import CARD_EVENTS, DECISIONS
from streams.core.intake import recorded_at

TIMEOUT_S: Final = 20.0
#: A record that only fills a place has this key and no value, and names the last decision by its hash.
FILLER: Final = b"spendlog:filler:"
_POLL_S: Final = 0.2


class Lost(NamedTuple):
    """A card event that was sent after the loss, and got an offset that was decided before."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Gap:
    """How a partition's card events, `first <= offset < end`, differ from what was decided up to `position`.

    `kept`: records that were decided, in `first..position`; `gone`: decisions whose record is not there.
    `undecided`: to be sent again. `fillers` are missing up to `position`.
    """

    partition: int
    position: int
    last_hash: str
    first: int
    end: int
    kept: int
    gone: int
    undecided: tuple[Lost, ...]

    @property
    def fillers(self) -> int:
        return max(0, self.position - self.end)

    @property
    def closed(self) -> bool:
        """Whether the card events continue what was decided."""
        return self.fillers == 0 and self.gone == 0 and not self.undecided


def examine(kafka: str, partition: int, prefix: str = "") -> Gap:
    """Compares the card events of `partition` with the decisions on them; changes nothing.

    Raises:
        SpendlogError: Kafka does not answer, there is no such partition, nothing was decided there, or card
            events were deleted before they were decided.
    """
    logs = Logs(kafka)
    try:
        return _examine(logs, partition, prefix)
    except KafkaException as error:
        raise SpendlogError(f"Kafka at {masked(kafka)} does not answer: {error.args[0].str()}") from None
    finally:
        logs.close()


def _examine(logs: Logs, partition: int, prefix: str) -> Gap:
    events, log = prefix + CARD_EVENTS.name, prefix + DECISIONS.name
    partitions = logs.partitions(events)
    if partition not in partitions:
        raise SpendlogError(f"{events} has no partition {partition}; it has 0 to {partitions[-1]}")
    tail = logs.last_decision(log, partition)
    if tail is None:
        raise SpendlogError(f"nothing was decided on partition {partition}: there is no gap to close")
    last = tail.decision
    position = last.source_offset + 1
    first, end = logs.bounds(events, partition)
    if first > position:
        raise SpendlogError(
            f"card events of partition {partition} begin at offset {first}, but {position} is the next to "
            "decide: the broker deleted events before they were decided; only their senders have them"
        )
    decided = (decision for decision in logs.decisions(log, partition) if decision.source_offset >= first)
    kept = gone = 0
    undecided = []
    found = logs.messages(events, partition, first, min(end, position))
    for decision, message in _pairs(decided, found):
        same = decision is not None and message is not None and _is_same(decision, message)
        kept += same
        gone += decision is not None and not same
        if message is not None and not same and not _is_filler(message):
            undecided.append(Lost(offset_of(message), bytes_of(message.key()), bytes_of(message.value())))
    return Gap(partition, position, last.hash, first, end, kept, gone, tuple(undecided))


def _pairs(
    decisions: Iterator[Decision], messages: Iterator[Message]
) -> Iterator[tuple[Decision | None, Message | None]]:
    """Both by offset, side by side."""
    decision, message = next(decisions, None), next(messages, None)
    while decision is not None or message is not None:
        at = None if message is None else offset_of(message)
        if decision is None or (at is not None and at < decision.source_offset):
            yield None, message
            message = next(messages, None)
        elif at is None or at > decision.source_offset:
            yield decision, None
            decision = next(decisions, None)
        else:
            yield decision, message
            decision, message = next(decisions, None), next(messages, None)


def _is_same(decision: Decision, message: Message) -> bool:
    if recorded_at(message.timestamp()[1]) != decision.recorded_at:
        return False
    if decision.event_id is None:
        return True
    head = head_of(bytes_of(message.value()))
    return head is not None and head.event_id == decision.event_id


def _is_filler(message: Message) -> bool:
    return message.value() is None and (bytes_of(message.key()) or b"").startswith(FILLER)


@dataclass(frozen=True)
class Closed:
    """What was done: `sent_again` records, of which the last lies at offset `last_sent` (None: none)."""

    fillers: int
    sent_again: int
    last_sent: int | None


def close(kafka: str, gap: Gap, prefix: str = "") -> Closed:
    """Fills, sends again, deletes what lies below the position. Repeating it after a crash is safe.

    A record that is sent twice gets its first answer again. Deleting comes last: until then everything is
    still there, and the partition stays stopped.

    Raises:
        SpendlogError: Kafka did not take all of it; run it again.
    """
    topic = prefix + CARD_EVENTS.name
    config: dict[str, str | int | float | bool] = {**librdkafka(kafka), "log_level": 0}
    producer = Producer({**config, "acks": "all", "enable.idempotence": True})
    fillers = 0
    # Others may send meanwhile: each of their records needs one filler less, and is looked at below.
    while missing := examine(kafka, gap.partition, prefix).fillers:
        name = FILLER + f"{gap.partition}:{gap.position}:{gap.last_hash}".encode()
        _send(producer, topic, gap.partition, [(name, None)] * missing)
        fillers += missing
    undecided = examine(kafka, gap.partition, prefix).undecided
    offsets = _send(producer, topic, gap.partition, [(lost.key, lost.value) for lost in undecided])
    admin = AdminClient(config)
    (deleted,) = admin.delete_records([TopicPartition(topic, gap.partition, gap.position)]).values()
    try:
        deleted.result(TIMEOUT_S)
    except KafkaException as error:
        raise SpendlogError(f"{topic}: {error.args[0].str()}; run it again") from None
    return Closed(fillers, len(undecided), max(offsets, default=None))


def _send(
    producer: Producer, topic: str, partition: int, records: list[tuple[bytes | None, bytes | None]]
) -> list[int]:
    """The offsets they got. In order, each acknowledged by all replicas."""
    offsets: list[int] = []

    def delivered(error: Any, message: Message) -> None:
        if error is None:
            offsets.append(offset_of(message))

    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, partition=partition, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(_POLL_S)
    producer.flush(TIMEOUT_S)
    if len(offsets) < len(records):
        raise SpendlogError(f"Kafka took {len(offsets)} of {len(records)} records; run it again")
    return offsets


def wait_decided(kafka: str, partition: int, offset: int, wait_s: float, prefix: str = "") -> bool:
    """Whether the card event at `offset`, and with it all before, is decided within `wait_s`."""
    logs, deadline_s = Logs(kafka), time.monotonic() + wait_s
    try:
        while True:
            topic = prefix + DECISIONS.name
            tail = logs.last_decision(topic, partition)
            if tail is not None and tail.decision.source_offset >= offset:
                return True
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_POLL_S)
    finally:
        logs.close()
