"""Our side of a comparison: a real worker on one hot department, its client sending and reading meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from confluent_kafka import KafkaException

from infra.processes.child import Child
from perf.client import timed
from perf.contestant import Contestant
from perf.controls import PLENTY, RULES, ZONE
from perf.harness import Session, TopicSet
from perf.kafka import BenchFailed, flush_each_batch, outcomes
from perf.kafka_load import load
from perf.rounds import Durability, Round
from perf.workload import CARDS, CURRENCY, HOT, MONTH, ORGANIZATION, budgets, department, events, opening
from schemas.codec import encode_event
from schemas.controls import Card, Policy
from schemas.events import BudgetSet, CardSet, Event, PolicyDrafted
from schemas.money import Money

# Also synced where decisions are: without it a commit could be forgotten that the decisions survive.
TRANSACTIONS = "__transaction_state"
IN_FLIGHT = 5_000
# Decided before a round begins: connections, caches and the broker's compiler are warm then.
WARM_UP = 5_000
# What a round can use up at most; one that has decided all of them before its time ends early.
RATE_MAX = 60_000


@dataclass(frozen=True)
class WorkerKind:
    """`in_flight`: requests under way; `controlled`: under 20 controls, and scored."""

    name: str
    in_flight: int = IN_FLIGHT
    controlled: bool = False


KINDS = (
    WorkerKind("spendlog"),
    WorkerKind("spendlog, 64 in flight", in_flight=64),
    WorkerKind("spendlog, 20 controls and scoring", controlled=True),
)


def contestants(session: Session, kinds: tuple[WorkerKind, ...] = KINDS) -> list[Contestant]:
    return [
        Contestant(
            kind.name,
            None,
            partial(_play, session, kind),
            f"{kind.in_flight:,} requests under way; "
            + ("20 controls and scoring" if kind.controlled else "budget and repeats, no scoring"),
        )
        for kind in kinds
    ]


@contextmanager
def durable(session: Session, durability: Durability, topic_set: TopicSet) -> Iterator[None]:
    """In the class `disk` the broker syncs before it acknowledges: requests, decisions, and their commits.

    Requests too: positions of decisions mean something only as long as the requests are there.
    """
    if durability == "memory":
        yield
        return
    kafka, names = session.endpoints.kafka, topic_set.names
    flush_each_batch(kafka, names.card_events, names.decisions)
    # Not there where nothing writes in transactions.
    with suppress(KafkaException):
        flush_each_batch(kafka, TRANSACTIONS)
    try:
        yield
    finally:
        with suppress(KafkaException):
            flush_each_batch(kafka, TRANSACTIONS, undo=True)


@lru_cache(maxsize=2)
def requests(count: int) -> list[bytes]:
    """Encoded beforehand, the same for all who read Kafka: a client only sends and reads."""
    return [encode_event(event) for event in events(count, HOT)]


def controlled() -> list[Event]:
    """20 controls on the hot department: five budgets and the policy of the bench `controls`; its cards."""
    teams = ("core", "edge")
    more: list[dict[str, Any]] = [
        {"budget_id": "department-year", "period": "year"},
        *({"level": "team", "subject": team, "period": "quarter"} for team in teams),
        {"level": "card", "subject": "card-00-07"},
    ]
    made: list[Event] = [*budgets(HOT)]
    made += [
        BudgetSet(
            **_common(f"budget-{n}"),
            name=f"Budget {n}",
            limit=Money(PLENTY, CURRENCY),
            time_zone=ZONE,
            **budget,
        )
        for n, budget in enumerate(more)
    ]
    policy = Policy(rules=RULES, hold_days=60, hold_days_by_group={})
    made.append(PolicyDrafted(**_common("policy"), policy=policy, activate=True))
    for n in range(CARDS):
        card = Card(card_id=f"card-00-{n:02d}", employee=f"employee-{n:02d}", team=teams[n % 2])
        made.append(CardSet(**_common(f"card-{n}"), card=card))
    return made


def _common(event_id: str) -> dict[str, Any]:
    return {
        "event_id": f"controlled-{event_id}",
        "organization_id": ORGANIZATION,
        "department_id": department(0),
        "occurred_at": MONTH,
    }


def _play(session: Session, kind: WorkerKind, durability: Durability, for_s: float) -> Round:
    topic_set = session.fresh_topics("hot", 1)
    first = controlled() if kind.controlled else opening(HOT)
    with durable(session, durability, topic_set):
        worker = topic_set.worker(SPENDLOG_SCORING=str(kind.controlled).lower())
        played = _timed(topic_set, worker, first, kind.in_flight, for_s)
    _check(session, topic_set, played.decisions)
    topic_set.drop()
    return played


def behind_kafka(
    session: Session,
    name: str,
    durability: Durability,
    for_s: float,
    command: Callable[[str, str, str], tuple[str, ...]],
) -> Round:
    """A round of another worker, `command(kafka, requests, answers)`, with the same client and requests."""
    topic_set = session.fresh_topics(name, 1)
    kafka, names = session.endpoints.kafka, topic_set.names
    with durable(session, durability, topic_set):
        worker = session.start(
            f"{topic_set.prefix}{name}", command(kafka, names.card_events, names.decisions), {}
        )
        played = _timed(topic_set, worker, opening(HOT), IN_FLIGHT, for_s)
    topic_set.drop()
    return played


def _timed(topic_set: TopicSet, worker: Child, first: list[Event], in_flight: int, for_s: float) -> Round:
    """`first` and the warm-up are decided before the round begins; the worker is ended after it."""
    session = topic_set.session
    settings = [encode_event(event) for event in first]
    try:
        return timed(
            load,
            for_s,
            {"worker": worker.pid, "broker": session.broker_pid()},
            session.endpoints.kafka,
            (topic_set.names.card_events, topic_set.names.decisions),
            first[0].key.encode(),
            [*settings, *requests(WARM_UP + int(RATE_MAX * for_s))],
            in_flight,
            len(settings) + WARM_UP,
        )
    finally:
        session.end(worker)


def _check(session: Session, topic_set: TopicSet, decisions: int) -> None:
    """2 % are repeats and 5 % ask for too much: a worker that decided something else has no figure."""
    tally = outcomes(session.endpoints.kafka, topic_set.names.decisions, 1)
    total = tally.total()
    if tally["rejected"] or not 0.02 * total <= tally["declined"] <= 0.1 * total or total < decisions:
        raise BenchFailed(f"{total} events came to {dict(tally)}")
