"""Real sink processes on real Kafka: killed, cut off, stopped, given broken records."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from infra.migrate import migrate
from infra.stack import Stack
from infra.stack_settings import StackSettings
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import Endpoints, query
from tests.sinks.proxy import proxy
from tests.sinks.test_ledger import folded
from tests.sinks.topics import open_producer, publish

CATCH_UP_S = 40.0


class SinkProcess:
    """`python -m sinks NAME` with its standard error in a file."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self._name = name
        self._environment = {**os.environ, **environment}
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "sinks", self._name]
            self._process = subprocess.Popen(command, env=self._environment, stderr=log)

    def end(self, number: int, timeout_s: float = 20.0) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout_s)

    def wait(self, timeout_s: float = 30.0) -> int:
        assert self._process is not None
        return self._process.wait(timeout_s)

    def ensure_ended(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def said(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def sink(name: str, folder: Path, stack: Endpoints, topic: str, **addresses: str) -> Iterator[SinkProcess]:
    environment = {
        "SPENDLOG_KAFKA": stack.kafka,
        "SPENDLOG_DECISIONS_TOPIC": topic,
        "SPENDLOG_SINK_GROUP": f"{topic}.{name}",
        # A name that stays: the next process of a killed one need not wait for its session to end.
        "SPENDLOG_SINK_INSTANCE": "test",
    } | {f"SPENDLOG_{key.upper()}": value for key, value in addresses.items()}
    process = SinkProcess(name, folder, environment)
    try:
        yield process
    finally:
        process.ensure_ended()


def eventually(claim: Callable[[], bool], timeout_s: float = CATCH_UP_S) -> None:
    until_s = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < until_s, "not within the time"
        time.sleep(0.05)


def booked(database: str) -> int:
    return int(query(database, "SELECT coalesce(sum(next_seq), 0) FROM sink_position")[0][0])


def assert_exactly_once(database: str, logs: list[DecisionLog]) -> None:
    for log in logs:
        rows = query(
            database, "SELECT seq, record FROM decision WHERE partition = %s ORDER BY seq", log.partition
        )
        assert [(seq, record.encode()) for seq, record in rows] == list(enumerate(log.values))
        effects = sum(len(d.effects) for d in log.decisions if d.event_type != "budget.set")
        count = query(database, "SELECT count(*) FROM transfer WHERE partition = %s", log.partition)
        assert count == [(effects,)]
    assert {total for (total,) in query(database, "SELECT total FROM trial_balance")} == {0}
    payments = sum(len(folded(log)) for log in logs)
    assert query(database, "SELECT count(*) FROM card_authorization") == [(payments,)]


@contextmanager
def background(task: Callable[[], None]) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(task)
        yield
        running.result(60)


def listening(process: SinkProcess, starts: int) -> bool:
    """Whether the process of that start has come further than telling that it starts."""
    events = [line["event"] for line in process.said()]
    return events.count("sink_starts") == starts and events[-1] != "sink_starts"


def test_a_ledger_that_is_killed_again_and_again_books_everything_once(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(2)
    logs = [DecisionLog(partition).mixed(6000) for partition in (0, 1)]
    total = sum(len(log.values) for log in logs)
    chance = random.Random(7)
    with (
        sink("ledger", tmp_path, stack, topic, postgres=database, sink_batch_rows_max="300") as ledger,
        background(lambda: publish(stack.kafka, topic, logs, batch=250)),
    ):
        seen = []
        for _ in range(6):
            ledger.start()
            goal = booked(database) + 300
            eventually(lambda goal=goal: booked(database) >= min(goal, total))  # type: ignore[misc]
            time.sleep(chance.random() * 0.1)
            assert ledger.end(signal.SIGKILL) == -signal.SIGKILL
            seen.append(booked(database))
        assert seen[2] < total  # the kills came in the middle
        ledger.start()
        eventually(lambda: booked(database) == total)
        # It may all have been booked before: a signal that comes before it listens ends it otherwise.
        eventually(lambda: listening(ledger, starts=7))
        assert ledger.end(signal.SIGTERM) == 0
    assert_exactly_once(database, logs)


def test_two_ledgers_share_the_partitions_and_one_takes_over_from_the_other(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(4)
    logs = [DecisionLog(partition).mixed(1500) for partition in range(4)]
    total = sum(len(log.values) for log in logs)
    common = {"postgres": database, "sink_batch_rows_max": "100"}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        sink("ledger", tmp_path / "a", stack, topic, **common, sink_instance="a") as first,
        sink("ledger", tmp_path / "b", stack, topic, **common, sink_instance="b") as second,
        background(lambda: publish(stack.kafka, topic, logs, batch=50)),
    ):
        first.start()
        eventually(lambda: booked(database) > 200)
        second.start()
        eventually(lambda: any(line.get("next_seq") for line in second.said()))
        assert first.end(signal.SIGTERM) == 0
        eventually(lambda: booked(database) == total)
        assert second.end(signal.SIGINT) == 0
    assert_exactly_once(database, logs)


def test_a_database_that_goes_away_under_load_loses_and_repeats_nothing(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(1)
    log = DecisionLog().mixed(5000)
    parts = urlsplit(database)
    with proxy(parts.hostname, parts.port) as way:
        login = parts.netloc.rpartition("@")[0]
        cut_off = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{way.port}"))
        with (
            sink("ledger", tmp_path, stack, topic, postgres=cut_off, sink_batch_rows_max="200") as ledger,
            background(lambda: publish(stack.kafka, topic, [log], batch=100)),
        ):
            way.cut()
            ledger.start()  # it is away from the first moment
            eventually(lambda: any(line["event"] == "store_away" for line in ledger.said()))
            way.mend()
            for goal in (300, 1200, 2500):
                eventually(lambda goal=goal: booked(database) >= goal)  # type: ignore[misc]
                way.cut()
                time.sleep(0.3)
                way.mend()
            eventually(lambda: booked(database) >= 3500)
            with psycopg.connect(database, autocommit=True) as admin:  # what an administrator's restart does
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'spendlog-sink-ledger' AND datname = current_database()"
                )
            eventually(lambda: booked(database) == len(log.values))
            assert ledger.end(signal.SIGTERM) == 0
    assert sum(line["event"] == "store_back" for line in ledger.said()) >= 3
    assert_exactly_once(database, [log])


def test_a_database_that_is_restarted_and_killed_under_load_loses_and_repeats_nothing(
    stack: Endpoints, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(1)
    log = DecisionLog().mixed(6000)
    settings = StackSettings(kafka=stack.kafka, redis=stack.redis, postgres=None)
    with Stack(tmp_path / "stack", settings=settings) as own:
        database = own.endpoints.postgres
        migrate(database)
        with (
            sink("ledger", tmp_path, stack, topic, postgres=database, sink_batch_rows_max="200") as ledger,
            background(lambda: publish(stack.kafka, topic, [log], batch=100)),
        ):
            ledger.start()
            for goal, end in ((500, own.stop), (2000, own.kill), (3500, own.kill)):
                eventually(lambda goal=goal: booked(database) >= goal)  # type: ignore[misc]
                end("postgres")
                own.start("postgres")
            eventually(lambda: booked(database) == len(log.values))
            assert ledger.end(signal.SIGTERM) == 0
        assert any(line["event"] == "store_back" for line in ledger.said())
        assert_exactly_once(database, [log])


def test_a_lone_decision_is_booked_at_once(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(1)
    log = DecisionLog()
    log.budget()
    with sink("ledger", tmp_path, stack, topic, postgres=database) as ledger:
        publish(stack.kafka, topic, [log])
        ledger.start()
        eventually(lambda: booked(database) == 1)
        waits_s = []
        with (
            open_producer(stack.kafka, topic, 0) as send,
            psycopg.connect(database, autocommit=True) as reader,
        ):
            for number in range(40):
                log.approve(f"a{number}")
                send(log.values[-1])
                sent_s = time.monotonic()
                while reader.execute("SELECT next_seq FROM sink_position").fetchone() != (len(log.values),):
                    assert time.monotonic() - sent_s < 5.0
                    time.sleep(0.001)
                waits_s.append(time.monotonic() - sent_s)
        # 50 ms: an idle log must not wait for a batch to fill. About 5 ms on a quiet machine.
        assert statistics.median(waits_s) < 0.05
        assert ledger.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("fault", ["gap", "hash"])
def test_a_broken_log_stops_its_partition_with_a_message(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path, fault: str
) -> None:
    topic = new_topic(2)
    log, whole = DecisionLog().mixed(30), DecisionLog(1).mixed(25)
    if fault == "gap":
        del log.values[20]
    else:
        log.values[20] = log.values[20].replace(b"techcorp", b"otherorg")
    publish(stack.kafka, topic, [log, whole])
    with sink("ledger", tmp_path, stack, topic, postgres=database) as ledger:

        def stood_still(times: int) -> bool:
            return len(stops(ledger)) >= times and booked(database) == 20 + len(whole.values)

        for restart in (1, 2):
            ledger.start()
            eventually(partial(stood_still, restart))
            assert "expected decision 0:20" in str(stops(ledger)[-1]["detail"])
            assert stops(ledger)[-1]["partition"] == 0
            assert ledger.end(signal.SIGTERM) == 0


def stops(process: SinkProcess) -> list[dict[str, object]]:
    return [said for said in process.said() if said["event"] == "partition_stopped"]


def test_a_log_without_what_is_stored_stops_its_partition(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(2)
    publish(stack.kafka, topic, [DecisionLog().mixed(30), whole := DecisionLog(1).mixed(25)])
    query(
        database,
        "INSERT INTO sink_position VALUES ('ledger', 0, 100000, 50, %s) RETURNING 1",
        "0" * 64,
    )
    with sink("ledger", tmp_path, stack, topic, postgres=database) as ledger:
        ledger.start()
        eventually(lambda: bool(stops(ledger)) and booked(database) == 50 + len(whole.values))
        assert "the log, 0 to 33, does not have it" in str(stops(ledger)[-1]["detail"])


def test_a_status_sink_that_is_flushed_and_killed_ends_up_with_everything(
    stack: Endpoints, redis_url: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic = new_topic(2)
    logs = [DecisionLog(partition).mixed(2000) for partition in (0, 1)]
    payments = sum(len(folded(log)) for log in logs)
    client = redis.Redis.from_url(redis_url, decode_responses=True)

    def shown() -> int:
        return sum(int(client.hget(f"spendlog:position:{p}", "next_seq") or 0) for p in (0, 1))

    with (
        sink("status", tmp_path, stack, topic, redis=redis_url, sink_batch_rows_max="200") as status,
        background(lambda: publish(stack.kafka, topic, logs, batch=100)),
    ):
        status.start()
        eventually(lambda: shown() > 300)
        client.flushdb()
        eventually(lambda: shown() > 600)
        status.end(signal.SIGKILL)
        status.start()
        eventually(lambda: shown() == sum(len(log.values) for log in logs))
        client.flushdb()  # while the log is idle
        eventually(lambda: shown() == sum(len(log.values) for log in logs))
        assert status.end(signal.SIGTERM) == 0
    assert len(list(client.scan_iter("spendlog:authorization:*"))) == payments
    client.close()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SPENDLOG_KAFKA", "nonsense", "setting SPENDLOG_KAFKA is wrong: must be host:port"),
        ("SPENDLOG_KAFKA", "", "setting SPENDLOG_KAFKA is missing"),
        ("SPENDLOG_POSTGRES", "http://x", "SPENDLOG_POSTGRES is wrong: must be a postgresql:// URL"),
        ("SPENDLOG_POSTGRES", "", "SPENDLOG_POSTGRES is missing"),
        (
            "SPENDLOG_SINK_BATCH_ROWS_MAX",
            "0",
            "SPENDLOG_SINK_BATCH_ROWS_MAX is wrong: Input should be greater",
        ),
        (
            "SPENDLOG_SINK_METRICS_PORT",
            "abc",
            "SPENDLOG_SINK_METRICS_PORT is wrong: Input should be a valid integer",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(setting: str, value: str, says: str) -> None:
    good = {"SPENDLOG_KAFKA": "127.0.0.1:9", "SPENDLOG_POSTGRES": "postgresql://127.0.0.1:9/x"}
    environment = {**os.environ, **good, setting: value}
    done = subprocess.run(
        [sys.executable, "-m", "sinks", "ledger"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
