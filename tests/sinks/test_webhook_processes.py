"""Real processes: the sink reads Kafka, the sender is killed again and again, a stranger misses nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, while_it_moves
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import Endpoints, query
from tests.sinks.receiver import Event, Receiver, receiver
from tests.sinks.test_processes import eventually, sink
from tests.sinks.topics import publish
from tests.sinks.webhook_books import add_endpoint, lives, new_secret, statuses


class SenderProcess:
    """`python -m sinks.webhooks`, which may be started again."""

    def __init__(self, database: str, log: Path, **settings: str) -> None:
        self._env = {
            **os.environ,
            "SPENDLOG_POSTGRES": database,
            "SPENDLOG_WEBHOOKS_ALLOW_LOCAL": "true",
            "SPENDLOG_WEBHOOKS_SILENT_S": "1",  # what a killed one's work waits for the next
        } | {f"SPENDLOG_{name.upper()}": value for name, value in settings.items()}
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "sinks.webhooks"]
            self._process = subprocess.Popen(command, env=self._env, stderr=log)

    def end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)

    def ready(self, times: int = 1) -> bool:
        return self.log.read_text().count('"sender_ready"') >= times


@contextmanager
def sender(database: str, folder: Path, **settings: str) -> Iterator[SenderProcess]:
    process = SenderProcess(database, folder / "sender.log", **settings)
    try:
        yield process
    finally:
        if process._process is not None and process._process.poll() is None:
            process._process.kill()
            process._process.wait(10)


def in_order(stranger: Receiver) -> bool:
    """Whether each payment's events came in the order of its life; repeats are left out."""
    life = ["authorization.approved", "authorization.incremented", "clearing.posted", "refund.posted"]
    seen: dict[str, list[str]] = {}
    known: set[str] = set()
    for event in stranger.events:
        if event["id"] not in known and "payment" in event_lane(event):
            known.add(event["id"])
            seen.setdefault(event_lane(event), []).append(event["type"])
    return all(types == life for types in seen.values())


def event_lane(event: Event) -> str:
    payment = event["data"].get("authorization_id")
    return f"payment {payment}" if payment else "budget"


@pytest.mark.timeout(0)  # bounded by what moves, and not by time
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.faults)])
def test_a_sender_that_is_killed_again_and_again_loses_nothing(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path, kills: int
) -> None:
    payments = 15 * kills
    logs = [DecisionLog(partition) for partition in (0, 1)]
    for log in logs:
        lives(log, payments)
    topic, chance = new_topic(2), random.Random(kills)
    open_to = 0  # so many events are answered: each kill comes in the middle, however late

    def answers(event: Event) -> int:
        time.sleep(0.02)
        while len(stranger.ids()) > open_to:
            time.sleep(0.05)
        return 204

    with (
        receiver(new_secret(), answers) as stranger,
        sink("webhooks", tmp_path, stack, topic, postgres=database) as queuing,
        sender(database, tmp_path) as sending,
    ):
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        publish(stack.kafka, topic, logs, batch=100)
        queuing.start()
        expected = 2 * (1 + 4 * payments)

        def queued() -> int:
            return sum(statuses(database, "one").values())

        def told() -> tuple[int, int]:
            return len(stranger.events), sending.log.stat().st_size

        def jobs() -> int:
            return int(query(database, "SELECT count(*) FROM procrastinate_jobs")[0][0])

        while_it_moves(lambda: queued() == expected, queued)
        for kill in range(kills):
            goal = (kill + 1) * expected // (kills + 2)
            open_to = goal + 50
            sending.start()
            while_it_moves(lambda goal=goal: len(stranger.ids()) >= goal, told)  # type: ignore[misc]
            time.sleep(chance.random() * 0.1)
            assert sending.end(signal.SIGKILL) == -signal.SIGKILL
        assert len(stranger.ids()) < expected
        open_to = expected
        sending.start()
        while_it_moves(
            lambda: statuses(database, "one") == {"delivered": expected},
            lambda: (told(), statuses(database, "one")),
        )
        # A job whose sender died between its last delivery and its own end is taken once more.
        while_it_moves(lambda: jobs() == 0, lambda: (told(), jobs()))
        assert sending.end(signal.SIGTERM) == 0
        assert queuing.end(signal.SIGTERM) == 0
    assert stranger.forged == []
    queued_ids = (event for (event,) in query(database, "SELECT event_id FROM webhook_delivery"))
    assert sorted(stranger.ids()) == sorted(queued_ids)
    assert in_order(stranger)
    # What was under way at a kill came twice, and nothing else did.
    assert len(stranger.events) - expected <= 32 * kills


def test_a_lone_event_is_told_at_once_by_processes_that_wait(
    stack: Endpoints, database: str, new_topic: Callable[[int], str], tmp_path: Path
) -> None:
    topic, log = new_topic(1), DecisionLog()
    with (
        receiver(new_secret()) as stranger,
        sink("webhooks", tmp_path, stack, topic, postgres=database) as queuing,
        sender(database, tmp_path) as sending,
    ):
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        queuing.start()
        sending.start()
        eventually(sending.ready)
        log.budget()
        publish(stack.kafka, topic, [log])
        eventually(lambda: len(stranger.events) == 1)
        assert stranger.events[0]["type"] == "budget.changed"
        assert sending.end(signal.SIGTERM) == 0
    assert '"sender_ends"' in sending.log.read_text()


def test_a_wrong_setting_is_one_line_and_status_78(database: str, tmp_path: Path) -> None:
    with sender(database, tmp_path, webhooks_keep_days="many") as sending:
        sending.start()
        assert sending._process is not None
        assert sending._process.wait(PATIENCE_S) == 78
    assert "setting SPENDLOG_WEBHOOKS_KEEP_DAYS is wrong" in sending.log.read_text()
