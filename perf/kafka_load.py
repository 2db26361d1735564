"""A client of a topic: sends requests, reads their decisions, and keeps so many under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from confluent_kafka import Consumer, Producer, TopicPartition

from perf.client import TimedWindow
from perf.kafka import BenchFailed, new_consumer, new_producer
from schemas.claims import claim_in

# The next request leaves at most 1 ms later; a batch is as large as what came meanwhile.
LINGER_MS = 1
WARM_UP_TIMEOUT_S = 60.0
BURST = 500
IDLE_S = 0.05


def load(
    connection: Connection,
    for_s: float,
    kafka: str,
    topics: tuple[str, str],
    key: bytes,
    values: list[bytes],
    in_flight: int,
    warm_up: int,
) -> None:
    """Sends `values` to `topics[0]` and counts their answers on `topics[1]`, both of one partition.

    The first `warm_up` values are sent and answered before the round begins.
    """
    client = _Client(kafka, topics, key, iter(values), in_flight)
    try:
        client.answer(warm_up)
        window = TimedWindow(for_s, connection)
        client.run(window)
        window.tell()
    finally:
        client.close()


class _Client:
    def __init__(
        self, kafka: str, topics: tuple[str, str], key: bytes, values: Iterator[bytes], in_flight: int
    ) -> None:
        self._topic = topics[0]
        self._key = key
        self._values = values
        self._in_flight = in_flight
        self._sent = self._answered = 0
        self._producer: Producer = new_producer(kafka, LINGER_MS)
        self._consumer: Consumer = new_consumer(kafka, **{"fetch.wait.max.ms": 100, "fetch.min.bytes": 1})
        self._consumer.assign([TopicPartition(topics[1], 0, 0)])

    def answer(self, count: int) -> None:
        """Sends `count` values and waits for as many answers."""
        deadline_s = time.monotonic() + WARM_UP_TIMEOUT_S
        while self._answered < count:
            self._send(count - self._sent)
            self._read()
            if time.monotonic() > deadline_s:
                raise BenchFailed(f"{self._answered} of {count} requests were answered before the round")

    def run(self, window: TimedWindow) -> None:
        while self._send(self._in_flight) or self._answered < self._sent:
            if not window.add(self._read()):
                return

    def _send(self, most: int) -> int:
        """As many as may be under way, at most `most` and a burst."""
        room = min(most, self._in_flight - (self._sent - self._answered), BURST)
        count = 0
        for value, _ in zip(self._values, range(room), strict=False):
            self._producer.produce(self._topic, value, self._key, 0)
            count += 1
        self._sent += count
        self._producer.poll(0)
        return count

    def _read(self) -> int:
        """Waits for one message while all that may be is under way, and takes what else has come."""
        full = self._sent - self._answered >= self._in_flight
        found = self._consumer.consume(1, IDLE_S if full else 0.001)
        found += self._consumer.consume(10_000, 0)
        for message in found:
            if message.error() is not None:
                raise BenchFailed(f"reading decisions: {message.error()}")
        answers = sum(claim_in(message.value()) is None for message in found)
        self._answered += answers
        return answers

    def close(self) -> None:
        self._producer.flush(10.0)
        self._consumer.close()
