"""Labels become a model in the stream: learned by a process, in force at a place, scored again the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from infra.learning.backtest import effect_of, least_for, scored_requests
from infra.processes.child import Child
from infra.replay import replay
from infra.verify.sources import Logs
from schemas.decisions import PROBABILITIES, Decision
from schemas.events import AuthorizationLabelled, AuthorizationRequested, Event, Merchant
from schemas.money import PositiveMoney
from streams.scoring.learning.trees import can_fit
from tests.streams.events import DEPARTMENTS, NOW, budget
from tests.streams.line import Line

pytestmark = pytest.mark.skipif(not can_fit(), reason="LightGBM or libgomp is not there")
START = NOW - timedelta(days=80)
ODD = 12  # one in so many is misuse


def asked(number: int) -> AuthorizationRequested:
    """Ten an hour and department; misuse is large and at a jeweller's."""
    odd = number % ODD == 0
    department = DEPARTMENTS[number // ODD % 2]
    return AuthorizationRequested(
        event_id=f"e{number}",
        organization_id="techcorp",
        department_id=department,
        occurred_at=START + timedelta(hours=number),
        authorization_id=f"a{number}",
        card_id=f"card-{number % 7}",
        amount=PositiveMoney(90_000 + number if odd else 1_000 + number % 50, "USD"),
        merchant=Merchant("Jeweller" if odd else f"shop-{number % 9}", "5944" if odd else "5411"),
    )


def traffic(first: int, last: int) -> Iterator[Event]:
    """Requests, and what turned out to be fraud two days later."""
    for number in range(first, last):
        yield (event := asked(number))
        late = number - 48
        if late >= 0 and late % ODD == 0:
            known = asked(late)
            yield AuthorizationLabelled(
                event_id=f"l{late}",
                organization_id="techcorp",
                department_id=known.department_id,
                occurred_at=event.occurred_at,
                authorization_id=known.authorization_id,
                label="fraud",
                source="chargeback",
            )


def learner(line: Line, name: str) -> Child:
    env = {
        "SPENDLOG_KAFKA": line.kafka,
        "SPENDLOG_TOPIC_PREFIX": line.prefix,
        "SPENDLOG_LABELS_LATE_DAYS": "3",
        "SPENDLOG_LEARNER_EVERY_S": "0.2",
        "PYTHONUNBUFFERED": "1",
    }
    return line._supervisor.start(name, [sys.executable, "-m", "infra.learning"], env=env)


def scored(decisions: list[Decision], first: int) -> list[Decision]:
    return [
        one
        for one in decisions
        if one.event_type == "authorization.requested" and int(str(one.event_id)[1:]) >= first
    ]


def test_labels_become_a_model_that_scores_and_scores_the_same_again(line: Line) -> None:
    worker = line.worker("w1", SPENDLOG_SNAPSHOT_DECISIONS="150")
    line.send(budget(department) for department in DEPARTMENTS)
    first = [*traffic(0, 500)]
    line.send(first)
    sent = len(DEPARTMENTS) + len(first)
    line.decisions(sent)

    learning = learner(line, "learner-1")
    line.until(lambda: "model_published" in learning.output() or not learning.alive(), 60.0)
    assert learning.alive(), learning.output()
    sent += 2  # one for each partition
    line.decisions(sent)
    learning.kill()

    # Killed and started again it goes on from what it published; the worker is killed in mid-stream.
    second = [*traffic(500, 800)]
    line.send(second[:150])
    worker.kill()
    line.send(second[150:])
    line.worker("w2", SPENDLOG_SNAPSHOT_DECISIONS="150")
    sent += len(second)
    line.decisions(sent, timeout_s=90.0)
    again = learner(line, "learner-2")
    line.until(lambda: "model_published" in again.output() or not again.alive(), 60.0)
    sent += 2
    decisions = line.decisions(sent)
    # A fit is not broken off, and at nice 10 a third of a second may be half a minute.
    assert again.terminate(60.0) == 0
    taken = [one for one in decisions if one.event_type == "model.published"]
    assert [one.outcome.value for one in taken] == ["accepted"] * 4

    last = [*traffic(800, 900)]
    line.send(last)
    decisions = line.decisions(sent + len(last))
    later = scored(decisions, 500)
    assert {one.score.model for one in later if one.score} == {PROBABILITIES}
    assert len({one.score.version for one in later if one.score}) == 2
    values = sorted(((one.score.value, one.amount) for one in later if one.score), reverse=True)
    frauds = sum(int(str(one.event_id)[1:]) % ODD == 0 for one in later)
    assert sum((amount or 0) > 50_000 for _, amount in values[:frauds]) >= 0.9 * frauds

    logs = Logs(line.kafka)
    read = [one for partition in range(2) for one in logs.decisions(line.names.decisions, partition)]
    logs.close()
    requests = scored_requests(read, "techcorp")
    effect = effect_of(requests, least_for(requests, 2.0))
    assert effect.frauds > 10
    assert effect.recall and effect.recall > 0.8

    found = replay(line.kafka, prefix=line.prefix, rescore=True)
    assert found.differences == []
    assert found.decided == len(decisions)
