"""Time passes where nothing happens: on a real Kafka and a real PostgreSQL, with several tickers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from psycopg import errors

from infra.ticker.producer import EventProducer
from infra.ticker.ticker import Events, Ticker
from schemas.codec import decode_event, fingerprint
from schemas.controls import Calendar
from schemas.effects import LeaseAdded
from schemas.events import ClockTicked, Event
from schemas.partitions import partition_of
from sinks.errors import Unavailable
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import Endpoints, query
from tests.sinks.memory import MemoryClock
from tests.sinks.test_ledger import book
from tests.sinks.test_processes import eventually
from tests.sinks.topics import create_topic

PARTITIONS = 4
NOW = datetime(2026, 11, 21, 12, 30, 17, tzinfo=UTC)
MINUTE = NOW.replace(second=0)
PAST, FUTURE = NOW - timedelta(hours=1), NOW + timedelta(seconds=1)


class Standing(MemoryClock):
    """Stands at `at`."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        return self.at


class Recorded:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Event] = []

    def send(self, events: Iterable[Event]) -> None:
        self.sent += events


@contextmanager
def ticker(database: str, events: Events, at: datetime = NOW) -> Iterator[Ticker]:
    postgres = PostgresSession(database, "spendlog_ticker", "ticker-test")
    yield Ticker(postgres, events, Standing(at))
    postgres.close()


def store(database: str, log: DecisionLog) -> None:
    ledger = Ledger(PostgresSession(database))
    book(ledger, [log])
    ledger.close()


@pytest.fixture
def topic(stack: Endpoints) -> str:
    name = f"test.events.{uuid.uuid4().hex[:12]}"
    create_topic(stack.kafka, name, PARTITIONS)
    return name


def everything(kafka: str, topic: str) -> list[Message]:
    """All records of the topic."""
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": topic, "enable.auto.commit": False, "log_level": 0}
    )
    found: list[Message] = []
    ends = {}
    for partition in range(PARTITIONS):
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
        if end:
            ends[partition] = end
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    until_s = time.monotonic() + 20
    while len(found) < sum(ends.values()):
        assert time.monotonic() < until_s
        found += [message for message in consumer.consume(100, 0.1) if message.error() is None]
    consumer.close()
    return found


def test_a_hold_that_is_due_gives_one_event_though_several_tickers_look_at_once(
    stack: Endpoints, database: str, topic: str
) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    log.approve("b", expires_at=PAST)
    log.approve("c", department="sales", expires_at=FUTURE)
    store(database, log)
    together = threading.Barrier(4)

    def look(number: int) -> int:
        producer = EventProducer(stack.kafka, topic, f"ticker-{number}")
        with ticker(database, producer) as one:
            together.wait(20)
            ticked = sum(one.look() for _ in range(3))
        producer.close()
        return ticked

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 1
    (message,) = everything(stack.kafka, topic)
    key, value = message.key(), message.value()
    assert key == b"techcorp/eng"
    assert message.partition() == partition_of(b"techcorp/eng", PARTITIONS)
    assert value is not None
    event = decode_event(value)
    assert isinstance(event, ClockTicked)
    assert (event.key, event.occurred_at) == ("techcorp/eng", MINUTE)
    assert event.event_id == "tick-20261121T1230Z"


def test_real_tickers_write_one_event_for_each_department_and_minute(
    stack: Endpoints, database: str, topic: str, tmp_path: Path
) -> None:
    log = DecisionLog()
    for number in range(6):
        log.approve(f"a{number}", department=f"dept-{number}", expires_at=PAST)
    store(database, log)
    environment = {
        **os.environ,
        "SPENDLOG_KAFKA": stack.kafka,
        "SPENDLOG_POSTGRES": database,
        "SPENDLOG_CARD_EVENTS_TOPIC": topic,
        "SPENDLOG_TICKER_EVERY_S": "0.1",
    }
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(2):
            with (tmp_path / f"{number}.log").open("wb") as said:
                command = [sys.executable, "-m", "infra.ticker"]
                processes.append(subprocess.Popen(command, env=environment, stderr=said))
        eventually(lambda: len(query(database, "SELECT 1 FROM department_tick")) == 6)
        time.sleep(2)  # twenty more looks of each
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in processes] == [0, 0]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)
    found = Counter((message.key(), message.value()) for message in everything(stack.kafka, topic))
    assert {key for key, _ in found} == {f"techcorp/dept-{number}".encode() for number in range(6)}
    assert set(found.values()) == {1}
    minutes = {decode_event(value).occurred_at for _, value in found if value is not None}
    assert len(minutes) <= 2  # the test takes seconds; it may begin at the end of a minute
    assert all((tmp_path / f"{number}.log").read_text().count("ticker_ends") == 1 for number in range(2))


def departments(events: Sequence[Event]) -> list[str]:
    return [event.department_id for event in events]


def test_nothing_is_written_again_before_the_next_minute(database: str) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    store(database, log)
    events = Recorded()
    for seconds, expected in ((0, 1), (20, 1), (43, 2), (60, 2), (103, 3)):
        with ticker(database, events, NOW + timedelta(seconds=seconds)) as one:
            one.look()
        assert len(events.sent) == expected, seconds
    assert len({event.event_id for event in events.sent}) == 3


def test_a_hold_that_lapsed_or_was_resolved_is_not_due(database: str) -> None:
    log = DecisionLog()
    for name in "abc":
        log.approve(name, expires_at=PAST)
    log.tick("a")
    log.clear("b")
    log.reverse("c")
    store(database, log)
    events = Recorded()
    with ticker(database, events) as one:
        assert one.look() == 0
    assert events.sent == []


def test_a_tick_is_never_before_what_it_is_to_let_lapse(database: str) -> None:
    """A hold that ends within the running minute waits for the next one."""
    log = DecisionLog()
    log.approve("a", expires_at=MINUTE)
    log.approve("b", department="sales", expires_at=MINUTE + timedelta(seconds=1))
    store(database, log)
    events = Recorded()
    with ticker(database, events) as one:
        one.look()
    assert departments(events.sent) == ["eng"]
    with ticker(database, events, NOW + timedelta(minutes=1)) as one:
        one.look()
    assert sorted(departments(events.sent)) == ["eng", "eng", "sales"]
    assert all(event.occurred_at >= MINUTE for event in events.sent)


def test_who_has_a_share_in_a_company_s_cap_is_ticked_once_an_hour(database: str) -> None:
    log = DecisionLog()
    log.set("lease.granted", LeaseAdded(period="2026-11", amount=0, calendar=Calendar()), department="eng")
    log.approve("a", department="sales")
    store(database, log)
    events = Recorded()
    for minutes, expected in ((0, 1), (10, 1), (29, 1), (30, 2), (31, 2)):
        with ticker(database, events, NOW + timedelta(minutes=minutes)) as one:
            one.look()
        assert departments(events.sent) == ["eng"] * expected, minutes
    assert [event.occurred_at.minute for event in events.sent] == [0, 0]


def test_a_request_that_nobody_answers_is_ticked_while_its_owner_knows_it(database: str) -> None:
    log = DecisionLog()
    (asked,) = log.ask_increase("r1", lapses_at=PAST).effects
    for department, lapses_at in (("sales", FUTURE), ("ops", NOW - timedelta(days=26))):
        effect = msgspec.structs.replace(asked, lapses_at=lapses_at)
        log.set("increase.requested", effect, department=department)
    store(database, log)
    events = Recorded()
    with ticker(database, events) as one:
        one.look()
    assert departments(events.sent) == ["eng"]


class Away:
    """Kafka does not answer; the event may have been written, or not."""

    def send(self, events: Iterable[Event]) -> None:
        raise Unavailable("away")


def test_what_could_not_be_written_is_written_by_the_next_look(database: str) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    store(database, log)
    with ticker(database, Away()) as one, pytest.raises(Unavailable):
        one.look()
    events = Recorded()
    with ticker(database, events) as one:
        assert one.look() == 1


class Killed(BaseException):
    """The process is gone."""


class KilledAfterwards(Recorded):
    def send(self, events: Iterable[Event]) -> None:
        super().send(events)
        raise Killed


def test_a_ticker_that_dies_after_writing_is_repeated_by_the_same_event(database: str) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    store(database, log)
    first, second = KilledAfterwards(), Recorded()
    with ticker(database, first) as one, pytest.raises(Killed):
        one.look()
    with ticker(database, second, NOW + timedelta(seconds=30)) as one:
        one.look()
    assert first.sent == second.sent
    assert fingerprint(first.sent[0]) == fingerprint(second.sent[0])


def test_a_kafka_that_is_away_is_told_and_nothing_is_claimed(database: str) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    store(database, log)
    producer = EventProducer("127.0.0.1:9", "nowhere", "test")
    with ticker(database, producer) as one, pytest.raises(Unavailable, match="Kafka: 1 events not written"):
        one.look()
    producer.close()
    assert query(database, "SELECT * FROM department_tick") == []


def test_the_loop_goes_on_after_an_outage(database: str) -> None:
    log = DecisionLog()
    log.approve("a", expires_at=PAST)
    store(database, log)
    stopping = threading.Event()
    tries: list[int] = []

    class AwayTwice(Recorded):
        def send(self, events: Iterable[Event]) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise Unavailable("away")
            super().send(events)
            stopping.set()

    events = AwayTwice()
    with ticker(database, events) as one:
        one.run(stopping, every_s=30)
    assert departments(events.sent) == ["eng"]


def test_the_ticker_s_role_may_only_look_and_claim(database: str) -> None:
    with psycopg.connect(database, autocommit=True, options="-c role=spendlog_ticker") as connection:
        for statement in (
            "SELECT body FROM card_authorization",
            "SELECT 1 FROM transfer",
            "UPDATE card_authorization SET expires_at = NULL",
            "DELETE FROM department_tick",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize("missing", ["SPENDLOG_KAFKA", "SPENDLOG_POSTGRES"])
def test_a_missing_setting_is_one_line_that_names_it(missing: str) -> None:
    good = {"SPENDLOG_KAFKA": "127.0.0.1:9", "SPENDLOG_POSTGRES": "postgresql://127.0.0.1:9/x"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.ticker"],
        env={**os.environ, **good, missing: ""},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr == f"spendlog ticker: setting {missing} is missing\n"
