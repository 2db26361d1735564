"""How soon an event's decision can be read, at a steady rate that waits for nobody."""

from __future__ import annotations

import gc
import threading
import time
from typing import NamedTuple, cast

from confluent_kafka import TopicPartition

from infra.topics import PARTITIONS
from perf.harness import Session, TopicSet
from perf.kafka import BenchFailed, Ends, new_consumer, new_producer
from perf.percentiles import median, percentile
from perf.results import Latency, LatencyAt
from perf.workload import Mix, events, opening
from schemas.codec import decode_decision, encode_event
from schemas.headers import EVENT_ID
from schemas.partitions import partition_of

# The first seconds of a rate are not counted: caches and connections of this run, not of a service.
WARM_UP_S = 3.0
DRAIN_TIMEOUT_S = 30.0
# What a processor's client would use: the next request leaves 1 ms later at most.
LINGER_MS = 1

Headers = list[tuple[str, bytes]]


class Read(NamedTuple):
    """A decision as it was read: when, the worker's time of it, and its value."""

    read_s: float
    decided_ms: int
    value: bytes


class PlannedSend(NamedTuple):
    """A record to send; `n` is its place in the schedule."""

    n: int
    event_id: str
    partition: int
    key: bytes
    value: bytes


def run(session: Session) -> Latency:
    """Percentiles at each rate, with worker, both sinks and the API running."""
    topic_set = session.own_names()
    children = [*session.sinks(), session.api(), topic_set.worker()]
    results = [_at(session, topic_set, rate) for rate in session.scale.rates]
    session.end(*reversed(children))
    return Latency(results)


def _at(session: Session, topic_set: TopicSet, rate: int) -> LatencyAt:
    mix = Mix(departments=20, hot=0.2, clearings=0.2, seed=rate, prefix=f"l{rate}-{time.time_ns():x}")
    count = int(rate * (WARM_UP_S + session.scale.latency_s))
    plan = planned(mix, count, topic_set.partitions)
    reader = DecisionReader(topic_set, session.endpoints.kafka)
    before = reader.seen
    first = opening(mix)
    for event in first:
        topic_set.fill([event])
    session.wait(lambda: reader.seen >= before + len(first), "the worker")
    session.say(f"{rate:,} events/s for {WARM_UP_S + session.scale.latency_s:.0f} s")
    intended_s = send_at_rate(session.endpoints.kafka, topic_set.names.card_events, plan, rate)
    ids = {item.event_id for item in plan}
    session.wait(lambda: reader.has_all(ids), "the last decision", DRAIN_TIMEOUT_S)
    read = reader.stop()
    counted = [(intended_s[item.n], read[item.event_id]) for item in plan if item.n >= rate * WARM_UP_S]
    waits_ms = sorted((arrival.read_s - due_s) * 1000 for due_s, arrival in counted)
    return LatencyAt(
        rate=rate,
        events=len(waits_ms),
        p50_ms=percentile(waits_ms, 0.50),
        p90_ms=percentile(waits_ms, 0.90),
        p99_ms=percentile(waits_ms, 0.99),
        max_ms=waits_ms[-1],
        stages_ms=_stages(counted),
    )


def _stages(counted: list[tuple[float, Read]]) -> dict[str, float]:
    """The median of each part of the way."""
    wall_s = time.time() - time.monotonic()
    parts: dict[str, list[float]] = {"sent": [], "decided": [], "readable": []}
    for due_s, read in counted:
        recorded_s = decode_decision(read.value).recorded_at.timestamp() - wall_s
        decided_s = read.decided_ms / 1000 - wall_s
        parts["sent"].append((recorded_s - due_s) * 1000)
        parts["decided"].append((decided_s - recorded_s) * 1000)
        parts["readable"].append((read.read_s - decided_s) * 1000)
    return {name: round(median(values), 1) for name, values in parts.items()}


def planned(mix: Mix, count: int, partitions: int) -> list[PlannedSend]:
    """Encoded beforehand, so that sending is all the sender does. No repeats: one id, one decision."""
    plan: list[PlannedSend] = []
    seen: set[str] = set()
    for event in events(count, mix):
        if event.event_id not in seen:
            seen.add(event.event_id)
            key = event.key.encode()
            plan.append(
                PlannedSend(
                    len(plan), event.event_id, partition_of(key, partitions), key, encode_event(event)
                )
            )
    return plan


def send_at_rate(kafka: str, topic: str, plan: list[PlannedSend], rate: int) -> list[float]:
    """Hands record `n` over at start + n / rate, or at once when that is past. Returns the intended times."""
    producer = new_producer(kafka, LINGER_MS)
    producer.list_topics(topic, timeout=10.0)  # connect first
    gc.collect()
    start_s = time.monotonic() + 0.1
    intended_s = [start_s + item.n / rate for item in plan]
    for item, due_s in zip(plan, intended_s, strict=True):
        left_s = due_s - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)
        producer.produce(topic, item.value, item.key, item.partition)
        producer.poll(0)
    if producer.flush(DRAIN_TIMEOUT_S):
        raise BenchFailed("Kafka did not take all events")
    return intended_s


class DecisionReader:
    """Reads decisions from now on in a thread; notes when each event's was read, by the header `event_id`."""

    def __init__(self, topic_set: TopicSet, kafka: str, ends: dict[int, int] | None = None) -> None:
        """`ends`: where each partition ends now; asked for, if absent."""
        self._read: dict[str, Read] = {}
        self.seen = 0
        topic = topic_set.names.decisions
        ends = ends or Ends(kafka, topic, PARTITIONS).now()
        self._consumer = new_consumer(kafka, **{"fetch.wait.max.ms": 500, "fetch.min.bytes": 1})
        self._consumer.assign([TopicPartition(topic, p, end) for p, end in ends.items()])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            message = self._consumer.poll(0.05)
            if message is None or message.error() is not None:
                continue
            now_s = time.monotonic()
            event_id = dict(cast(Headers, message.headers() or ())).get(EVENT_ID)
            if event_id is not None:
                value = message.value()
                assert isinstance(value, bytes)
                self._read.setdefault(event_id.decode(), Read(now_s, message.timestamp()[1], value))
                self.seen += 1

    def has_all(self, event_ids: set[str]) -> bool:
        # The length first: the reader writes to the dictionary while this looks at it.
        return len(self._read) >= len(event_ids) and all(name in self._read for name in event_ids)

    def stop(self) -> dict[str, Read]:
        """Event id -> its decision."""
        self._stopping.set()
        self._thread.join()
        self._consumer.close()
        return self._read
