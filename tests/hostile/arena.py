"""Two real workers on a real broker: one partition is attacked, the others have their steady traffic."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from infra.consumed import bytes_of
from schemas.claims import claim_in
from schemas.codec import encode_event
from schemas.events import AuthorizationRequested, BudgetSet, ClockTicked, Merchant
from schemas.money import Money, PositiveMoney
from schemas.partitions import partition_of
from tests.hostile.load import Load
from tests.hostile.records import CODECS
from tests.hostile.world import ORGANIZATION, Sent, treasury_key
from tests.streams.line import Line

PARTITIONS = 4
#: The company's cap lies there, so that its storms come back to where they began.
ATTACKED = partition_of(treasury_key().encode(), PARTITIONS)
NEIGHBOURS = tuple(partition for partition in range(PARTITIONS) if partition != ATTACKED)
#: Undecided hostile records: each waits for those before it, which is not its own doing.
WAITING_MAX = 50
STEADY_PER_S = 50
#: 8 MB pass the broker when they are compressed.
PRODUCER = {"message.max.bytes": 20_000_000, "linger.ms": 2}


def department_in(partition: int, number: int = 0) -> str:
    """The n-th name whose department lies there."""
    names = (f"d{n}" for n in range(10**6))
    found = (
        name for name in names if partition_of(f"{ORGANIZATION}/{name}".encode(), PARTITIONS) == partition
    )
    return next(name for n, name in enumerate(found) if n == number)


class Tail(msgspec.Struct):
    """As much of a decision as is watched."""

    source_offset: int
    recorded_at: datetime
    event_id: str | None = None


@dataclass
class Watch:
    """Reads decisions as they come, and notes how long after its append each record's was written.

    By the time stamps of broker and worker, so that it does not matter how busy this process is.
    """

    line: Line
    #: Seconds by partition and phase.
    waits_s: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    reached: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), -1))
    phase: str = "start"

    def __enter__(self) -> Watch:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        config = {"bootstrap.servers": self.line.kafka, "group.id": "watch", "enable.auto.commit": False}
        consumer = Consumer({**config, "isolation.level": "read_committed", "fetch.wait.max.ms": 20})
        topic = self.line.names.decisions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        while not self._stop.is_set():
            for message in consumer.consume(1_000, 0.05):
                if message.error() is None:
                    self._note(message)
        consumer.close()

    def _note(self, message: Message) -> None:
        if claim_in(bytes_of(message.value())) is not None:
            return
        tail = msgspec.json.decode(message.value() or b"", type=Tail)
        partition = message.partition()
        assert partition is not None
        _, written_ms = message.timestamp()
        wait_s = written_ms / 1_000 - tail.recorded_at.timestamp()
        # What owners send each other comes by the hundred for one event, and waits for itself.
        if not (tail.event_id or "").startswith("lease-"):
            self.waits_s[self.phase, partition].append(wait_s)
        self.reached[partition] = tail.source_offset

    def percentile_ms(self, phase: str, partitions: tuple[int, ...], share: float) -> float:
        """Of the waits in these partitions, milliseconds."""
        waits = sorted(wait for partition in partitions for wait in self.waits_s[phase, partition])
        return 1_000 * waits[min(len(waits) - 1, int(share * len(waits)))] if waits else 0.0


class Steady:
    """A request every 20 ms in each partition that is not attacked, until the block ends."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._names = {partition: department_in(partition) for partition in NEIGHBOURS}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def __enter__(self) -> Steady:
        self._line.send(
            BudgetSet(**self._common(name), name=name, limit=Money(10**15, "USD"))
            for name in self._names.values()
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _common(self, name: str) -> dict[str, Any]:
        self.sent += 1
        common = {"event_id": f"s{self.sent}", "organization_id": ORGANIZATION, "department_id": name}
        return {**common, "occurred_at": datetime.now(UTC)}

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.is_set():
            for name in self._names.values():
                common = self._common(name)
                event = AuthorizationRequested(
                    **common,
                    authorization_id=f"a{self.sent}",
                    card_id=f"card-{self.sent % 50}",
                    amount=PositiveMoney(self.sent % 500 + 1, "USD"),
                    merchant=Merchant("Edeka", "5411", "DE"),
                )
                self._line.post(encode_event(event), event.key.encode())
            due_s += 1 / STEADY_PER_S
            time.sleep(max(0.0, due_s - time.monotonic()))


class Attack:
    """Sends the hostile load into the attacked partition, never far ahead of its decisions."""

    def __init__(self, line: Line, watch: Watch, seed: int) -> None:
        self._line, self._watch = line, watch
        names = [department_in(ATTACKED, number) for number in range(200)]
        self.load = Load(seed, names, datetime.now(UTC))
        self._producers = {
            codec: line.new_producer(**PRODUCER, **{"compression.type": codec}) for codec in CODECS
        }
        self._upstream = line.new_producer(**PRODUCER, **{"transactional.id": f"{line.prefix}upstream"})
        self._upstream.init_transactions(30.0)
        self._appended = -1
        self.sent = self.refused = 0

    def run(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        for burst in self.load.bursts():
            self.load.world.now = datetime.now(UTC)
            for sent in burst:
                self._send(sent)
                self._wait(until_s)
            if time.monotonic() > until_s:
                break
        for producer in self._producers.values():
            assert producer.flush(60.0) == 0

    def _send(self, sent: Sent) -> None:
        self.sent += 1
        if sent.kind == "aborted":
            self._upstream.begin_transaction()
            self._produce(self._upstream, sent)
            self._upstream.flush(30.0)
            (self._upstream.abort_transaction if sent.aborted else self._upstream.commit_transaction)(30.0)
        else:
            self._produce(self._producers[sent.codec], sent)

    def _produce(self, producer: Producer, sent: Sent) -> None:
        producer.produce(
            self._line.names.card_events, sent.value, sent.key, ATTACKED, headers=list(sent.headers),
            on_delivery=self._delivered,
        )  # fmt: skip
        producer.poll(0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is not None:  # larger than the broker takes, even compressed
            self.refused += 1
        elif offset is not None:
            self._appended = max(self._appended, offset)

    def _wait(self, until_s: float) -> None:
        """For decisions, while too many records have none."""
        while self._appended - self._watch.reached[ATTACKED] > WAITING_MAX and time.monotonic() < until_s:
            for producer in self._producers.values():
                producer.poll(0)
            time.sleep(0.002)


def last_words(line: Line) -> Iterator[ClockTicked]:
    """An event for each partition, whose decision tells that all before it are decided."""
    for partition in range(PARTITIONS):
        yield ClockTicked(
            event_id=f"last-{partition}",
            organization_id=ORGANIZATION,
            department_id=department_in(partition),
            occurred_at=datetime.now(UTC) - timedelta(seconds=1),
        )
