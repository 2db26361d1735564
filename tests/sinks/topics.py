"""Decisions on a real Kafka topic, as the owner of a partition writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.sinks.builder import DecisionLog


def create_topic(kafka: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        future.result(timeout=20)


def publish(kafka: str, topic: str, logs: Iterable[DecisionLog], batch: int = 100, start: int = 0) -> None:
    """Writes the decisions from `start` on, as the owner does: in transactions, some aborted first."""
    for log in logs:
        producer = Producer(
            {"bootstrap.servers": kafka, "transactional.id": f"{topic}-{log.partition}", "linger.ms": 1}
        )
        producer.init_transactions(20)
        for number, first in enumerate(range(start, len(log.values), batch)):
            values = log.values[first : first + batch]
            if number % 3 == 1:
                _transaction(producer, topic, log.partition, values[: batch // 2], commit=False)
            _transaction(producer, topic, log.partition, values, commit=True)


@contextmanager
def open_producer(kafka: str, topic: str, partition: int) -> Iterator[Callable[[bytes], None]]:
    """A function that commits one value at a time."""
    producer = Producer(
        {"bootstrap.servers": kafka, "transactional.id": f"{topic}-{partition}", "linger.ms": 0}
    )
    producer.init_transactions(20)
    yield lambda value: _transaction(producer, topic, partition, [value], commit=True)


def _transaction(
    producer: Producer, topic: str, partition: int, values: Sequence[bytes], *, commit: bool
) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=partition)
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)
