"""`spendlog replay`: a worker's log decided again comes out the same, and a changed one does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from infra import replay as replaying
from infra.replay import Replay, replay
from infra.verify.sources import Logs
from schemas.claims import claim_in
from schemas.codec import decode_decision, seal_decision
from schemas.decisions import GENESIS_HASH, Decision
from schemas.effects import IncreaseAsked
from schemas.events import IncreaseApproved, IncreaseRequested
from schemas.money import PositiveMoney
from schemas.partitions import PARTITIONER
from schemas.reasons import Outcome
from tests.simulation.histories import KEY, history
from tests.streams.events import DEPARTMENTS, NOW, budget, requests
from tests.streams.line import PARTITIONS, Line

COUNT = 1_500


class Changed:
    """A message with another value."""

    def __init__(self, message: Any, value: bytes) -> None:
        self._message, self._value = message, value

    def value(self) -> bytes:
        return self._value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._message, name)


Lie = Callable[[Decision], Decision]


def lying(lie: Lie) -> type[Logs]:
    """Logs with decisions changed by `lie`, and all hashes made anew: the chain would hold."""

    class Lying(Logs):
        def messages(self, topic: str, partition: int, start: int, end: int) -> Iterator[Any]:
            found = super().messages(topic, partition, start, end)
            return resealed(found) if "decisions" in topic else found

    def resealed(messages: Iterator[Any]) -> Iterator[Any]:
        previous = GENESIS_HASH
        for message in messages:
            if claim_in(message.value()) is not None:
                yield message
                continue
            told = lie(decode_decision(message.value()))
            decision = msgspec.structs.replace(told, previous_hash=previous, hash="")
            value = seal_decision(decision)
            previous = decision.hash
            yield Changed(message, value)

    return Lying


@pytest.fixture
def decided(line: Line) -> Line:
    """A scored log with approvals, declines, rejections and repeats."""
    line.worker("w1")
    line.send(budget(department, limit=COUNT // 4 * 100) for department in DEPARTMENTS)
    line.send(requests(COUNT))
    producer = line.new_producer(partitioner=PARTITIONER)
    for record in history(seed=2, length=300):
        producer.produce(line.names.card_events, record.value, record.key or KEY)
    assert producer.flush(30.0) == 0
    line.decisions(COUNT + 2 + 300, timeout_s=60.0)
    return line


def again(line: Line, *, rescore: bool = False) -> Replay:
    return replay(line.kafka, prefix=line.prefix, rescore=rescore)


def test_a_log_comes_out_the_same_and_lies_do_not(decided: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    found = again(decided)
    assert (found.decided, found.differences) == (COUNT + 302, [])
    assert [one.folded for one in found.partitions] == [0] * PARTITIONS
    assert not again(decided, rescore=True).differences

    def told(lie: Lie, *, rescore: bool = False) -> list[tuple[int, str]]:
        with monkeypatch.context() as patched:
            patched.setattr(replaying, "Logs", lying(lie))
            return [(found.seq, found.why) for found in again(decided, rescore=rescore).differences]

    def at(seq: int, **members: Any) -> Lie:
        def lie(decision: Decision) -> Decision:
            mine = decision.seq == seq and decision.partition == 0
            return msgspec.structs.replace(decision, **members) if mine else decision

        return lie

    ((seq, why),) = told(at(300, outcome=Outcome.DECLINED))
    assert seq == 300
    assert 'outcome: recorded "declined", now "approved"' in why
    assert "hash" not in why
    ((seq, why),) = told(at(5, balances=()))
    assert seq == 5
    assert "balances" in why
    # Another score decides nothing: only who makes the scores anew can tell.
    scored = decode_decision(_value(decided, 300)).score
    assert scored is not None
    other = at(300, score=msgspec.structs.replace(scored, value=scored.value / 2 + 0.25))
    assert told(other) == []
    ((seq, why),) = told(other, rescore=True)
    assert seq == 300
    assert why.startswith("score: recorded")


def test_a_log_from_before_requests_lapsed_comes_out_as_it_was(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said of no increase when it lapses, and would today; from the first that says so on, all must."""
    line.worker("w1")
    department = DEPARTMENTS[0]
    line.send([budget(department)])
    line.send(asked(department, name) for name in ("one", "two", "three"))
    line.send(
        IncreaseApproved(
            event_id=f"approve-{name}",
            organization_id="techcorp",
            department_id=department,
            request_id=name,
            occurred_at=NOW,
            actor="bo",
        )
        for name in ("one", "two")
    )
    line.decisions(6, timeout_s=60.0)
    assert again(line).differences == []

    def told(*names: str) -> list[str]:
        def lie(decision: Decision) -> Decision:
            effects = tuple(
                msgspec.structs.replace(one, lapses_at=None)
                if isinstance(one, IncreaseAsked) and one.request_id in names
                else one
                for one in decision.effects
            )
            return msgspec.structs.replace(decision, effects=effects)

        with monkeypatch.context() as patched:
            patched.setattr(replaying, "Logs", lying(lie))
            return [found.why for found in again(line).differences]

    assert told("one", "two", "three") == told("one") == []
    (why,) = told("two")
    assert "lapses_at" in why
    assert "lapses_at" in told("one", "three")[0]


def asked(department: str, name: str) -> IncreaseRequested:
    return IncreaseRequested(
        event_id=f"ask-{name}",
        organization_id="techcorp",
        department_id=department,
        request_id=name,
        amount=PositiveMoney(100, "USD"),
        ends_at=NOW + timedelta(days=5),
        occurred_at=NOW,
        actor="al",
    )


def _value(line: Line, seq: int) -> bytes:
    logs = Logs(line.kafka)
    try:
        low, high = logs.bounds(line.names.decisions, 0)
        records = logs.read(line.names.decisions, 0, low, high)
        values = [record.value for record in records if claim_in(record.value) is None]
    finally:
        logs.close()
    value = values[seq]
    assert value is not None
    return value


def test_what_retention_took_is_folded(decided: Line) -> None:
    """Card events are kept for a year, decisions for ever: the rest is decided again on what they left."""
    admin = AdminClient({"bootstrap.servers": decided.kafka})
    (gone,) = admin.delete_records([TopicPartition(decided.names.card_events, 0, 200)]).values()
    gone.result(30.0)
    found = again(decided)
    assert found.differences == []
    first = found.partitions[0]
    assert first.folded == 200
    assert found.decided + first.folded == COUNT + 302


def test_the_command_says_what_is_wrong() -> None:
    env = {**os.environ, "SPENDLOG_KAFKA": "127.0.0.1:1"}
    command = [sys.executable, "-m", "infra.cli", "replay"]
    away = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert away.returncode == 1
    assert away.stderr.startswith(
        "error: Kafka at 127.0.0.1:1 does not answer: Connect to ipv4#127.0.0.1:1 failed"
    )
