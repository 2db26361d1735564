"""Commands that have nothing to wait for do not wait: an empty log is read at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer

from infra import dead_letters, topics
from infra.errors import SpendlogError
from infra.processes.refs import wait_until
from infra.replay import replay
from infra.verify.sources import Logs
from schemas.topics import DEAD_LETTERS

PARTITIONS = 24


@pytest.fixture(scope="module")
def empty(stack: Any) -> tuple[str, str]:
    """Kafka with empty topics of many partitions: its address, and the prefix of their names."""
    prefix = f"prompt-{uuid.uuid4().hex[:8]}-"
    topics.apply(stack.kafka, PARTITIONS, prefix=prefix)
    return stack.kafka, prefix


READS: dict[str, Callable[[str, str], Any]] = {
    "dead-letters list": lambda kafka, prefix: list(dead_letters.read(kafka, prefix)),
    "dead-letters reroute": lambda kafka, prefix: dead_letters.rerouted(kafka, prefix),
    "replay": lambda kafka, prefix: replay(kafka, prefix=prefix),
}


@pytest.mark.parametrize("command", READS)
def test_an_empty_log_is_read_without_waiting_for_more(empty: tuple[str, str], command: str) -> None:
    """Half a second a partition, the client's own wait, would be twelve; best of three."""
    READS[command](*empty)
    took = []
    for _ in range(3):
        started_s = time.monotonic()
        READS[command](*empty)
        took.append(time.monotonic() - started_s)
    assert min(took) < PARTITIONS * 0.5 / 2


def test_a_record_behind_which_only_a_marker_lies_ends_a_read_at_once(empty: tuple[str, str]) -> None:
    kafka, prefix = empty
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": f"{prefix}one", "log_level": 0})
    producer.init_transactions(20)
    producer.begin_transaction()
    for partition in range(PARTITIONS):
        producer.produce(prefix + DEAD_LETTERS.name, b"x", partition=partition)
    producer.commit_transaction(20)
    # Kafka answers a commit before its markers lie in every partition, so the first reads may still miss some
    assert wait_until(lambda: len(list(dead_letters.read(kafka, prefix))) == PARTITIONS, 60.0)
    letters = list(dead_letters.read(kafka, prefix))
    started_s = time.monotonic()
    assert list(dead_letters.read(kafka, prefix)) == letters
    took_s = time.monotonic() - started_s
    assert [letter.reason for letter in letters] == ["foreign"] * PARTITIONS
    assert letters[3].id == "3:0"
    assert took_s < PARTITIONS * 0.5


def test_a_topic_that_is_missing_is_said_with_what_to_do(stack: Any) -> None:
    with pytest.raises(SpendlogError, match=r"there is no topic nobody-spend.*run `spendlog topics apply`"):
        list(dead_letters.read(stack.kafka, "nobody-"))
    with pytest.raises(SpendlogError, match="there is no topic"):
        Logs(stack.kafka).partitions("nobody")
