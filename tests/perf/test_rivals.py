"""All rivals decide the same: what is compared are ways, not rules. And each plays a round of a second."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
import redis
from confluent_kafka import TopicPartition

from infra.processes.supervisor import Supervisor
from infra.stack import Endpoints
from perf.compare import compare
from perf.comparison import FAUST, NO_WORK, RIVALS, Compared, headline
from perf.front import framed, split
from perf.harness import QUICK, Session, session
from perf.kafka import BenchFailed, new_consumer
from perf.open_loop import front
from perf.rivals import batches, redis_script, row_locks, stock_faust
from perf.rounds import DURABILITIES, Durability
from schemas.claims import claim_in
from schemas.codec import decode_decision, encode_event
from schemas.events import AuthorizationRequested
from tests.perf.requests import LIMIT, budget, requests

SEEDS = range(4)
COUNT = 150  # of each seed, which has a department of its own


class Answer(NamedTuple):
    """What a requester is told. `held`: before the request, where there is a budget to speak of."""

    outcome: str
    reason: str
    repeated: bool


def named(outcome: str, reason: str | None, repeated: bool) -> Answer:
    """Ours tells an altered amount from other content; that is more than rivals say."""
    reason = reason or ""
    return Answer(outcome, "exists_with_different" if reason.startswith("exists_with") else reason, repeated)


@pytest.fixture(scope="module")
def workload() -> list[AuthorizationRequested]:
    """The departments' requests, mingled; each department's own order is kept."""
    streams = [requests(seed, COUNT, seed) for seed in SEEDS]
    order = [seed for seed in SEEDS for _ in range(COUNT)]
    random.Random(1).shuffle(order)
    return [next(streams[seed]) for seed in order]


@pytest.fixture(scope="module")
def running(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("rivals")
    with Supervisor(folder / "logs") as supervisor:
        yield Session(stack, folder, supervisor, QUICK, lambda _: None)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[row_locks.RowLockServer]:
    with row_locks.server(tmp_path_factory.mktemp("tuned") / "postgres") as server:
        yield server


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_script.RedisServer]:
    with redis_script.server(tmp_path_factory.mktemp("cache") / "valkey") as server:
        yield server


@pytest.fixture(scope="module")
def expected(running: Session, workload: list[AuthorizationRequested]) -> list[Answer]:
    """Ours, by a real worker."""
    topic_set = running.fresh_topics("differ", 1)
    records = topic_set.fill(chain(map(budget, SEEDS), workload))
    worker = topic_set.worker(SPENDLOG_SCORING="false")
    topic_set.wait_decided(records)
    running.end(worker)
    values = read(running, topic_set.names.decisions, len(SEEDS) + len(workload))
    decisions = [decode_decision(value) for value in values][len(SEEDS) :]
    return [
        named(
            decision.outcome.value,
            decision.reasons[0].code.value if decision.reasons else None,
            decision.duplicate_of is not None,
        )
        for decision in decisions
    ]


def read(running: Session, topic: str, count: int) -> list[bytes]:
    consumer = new_consumer(running.endpoints.kafka)
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    running.wait(lambda: len(values) >= count or not take(consumer, values), f"{count} answers on {topic}")
    consumer.close()
    return values


def take(consumer: Any, values: list[bytes]) -> bool:
    for message in consumer.consume(1_000, 0.05):
        assert message.error() is None
        if claim_in(message.value()) is None:
            values.append(message.value())
    return True


def prepared(database: row_locks.RowLockServer) -> psycopg.Connection[Any]:
    """Empty tables but for the budgets, and the variants of the hot path."""
    database.reset()
    connection = psycopg.connect(database.conninfo, autocommit=True)
    connection.execute("TRUNCATE card_authorization, budget_period, department_budget")
    for seed in SEEDS:
        event = budget(seed)
        connection.execute(
            "INSERT INTO department_budget VALUES (%s, %s, %s, 'USD', %s, %s)",
            (event.organization_id, event.department_id, event.name, event.time_zone, LIMIT),
        )
    return connection


def values(event: AuthorizationRequested) -> list[Any]:
    merchant, amount = event.merchant, event.amount
    return [
        event.event_id,
        event.organization_id,
        event.department_id,
        event.authorization_id,
        event.card_id,
        event.cardholder,
        merchant.name,
        merchant.mcc,
        merchant.country,
        amount.minor,
        amount.currency,
        event.occurred_at,
    ]


MARKS = ", ".join(["%s"] * 12)
FUNCTION = f"SELECT outcome, reason, repeated FROM decide_request({MARKS})".encode()
STATEMENT = f"EXECUTE decide_statement({MARKS})".encode()


def by_function(connection: psycopg.Connection[Any], event: AuthorizationRequested) -> Answer:
    row = connection.execute(FUNCTION, values(event)).fetchone()
    assert row is not None
    return named(*row)


def test_the_function_decides_as_ours(
    database: row_locks.RowLockServer, workload: list[AuthorizationRequested], expected: list[Answer]
) -> None:
    with prepared(database) as connection:
        assert [by_function(connection, event) for event in workload] == expected


def test_the_statement_decides_as_ours(
    database: row_locks.RowLockServer, workload: list[AuthorizationRequested], expected: list[Answer]
) -> None:
    found: list[Answer] = []
    by_itself = 0
    with prepared(database) as connection, psycopg.ClientCursor(connection) as cursor:
        row_locks.run(connection, "statement.sql")
        for event in workload:
            row = cursor.execute(STATEMENT, values(event)).fetchone()
            by_itself += row is not None
            found.append(by_function(connection, event) if row is None else named(row[0], row[1], row[6]))
    assert found == expected
    assert by_itself > len(workload) / 2


@pytest.mark.parametrize("largest", [1, 7, 60])
def test_batches_decide_as_ours(
    database: row_locks.RowLockServer,
    workload: list[AuthorizationRequested],
    expected: list[Answer],
    largest: int,
) -> None:
    rng = random.Random(largest)
    found: dict[int, Answer] = {}
    call = batches.CALL.replace(b"outcome", b"outcome, reason, repeated")
    by_department = sorted(enumerate(workload), key=lambda item: item[1].department_id)
    with prepared(database) as connection:
        for _, group in groupby(by_department, key=lambda item: item[1].department_id):
            waiting = list(group)
            while waiting:
                batch = waiting[: rng.randint(1, largest)]
                del waiting[: len(batch)]
                parameters = batches.parameters([event for _, event in batch])
                answer = connection.pgconn.exec_params(call, parameters)
                assert answer.ntuples == len(batch), answer.error_message
                for row, (place, _) in enumerate(batch):
                    cells = [answer.get_value(row, column) for column in range(3)]
                    outcome, reason = ((cell or b"").decode() for cell in cells[:2])
                    found[place] = named(outcome, reason, cells[2] == b"t")
    assert [found[place] for place in range(len(workload))] == expected


def test_the_script_decides_as_ours(
    cache: redis_script.RedisServer, workload: list[AuthorizationRequested], expected: list[Answer]
) -> None:
    digest = cache.reset("memory")
    with redis.Redis.from_url(cache.url, decode_responses=True) as client:
        client.flushdb()
        for seed in SEEDS:
            event = budget(seed)
            client.hset(f"budget:{event.key}", mapping={"currency": "USD", "limit": LIMIT})
        answers: list[Any] = [
            client.execute_command(*redis_script.words(event, digest)) for event in workload
        ]
    assert [named(answer[0], answer[1], answer[4] == 1) for answer in answers] == expected


def test_the_stock_agent_decides_as_ours(
    running: Session, workload: list[AuthorizationRequested], expected: list[Answer]
) -> None:
    topic_set = running.fresh_topics("stock", 1)
    topic_set.fill(chain(map(budget, SEEDS), workload))
    names = topic_set.names
    command = stock_faust.worker(running.endpoints.kafka, names.card_events, names.decisions)
    worker = running.start("stock", command, {})
    answers = read(running, names.decisions, len(SEEDS) + len(workload))
    running.end(worker)
    told = [msgspec.json.decode(answer) for answer in answers[len(SEEDS) :]]
    assert [
        named(answer["outcome"], answer.get("reason"), answer.get("repeated", False)) for answer in told
    ] == expected


def through(port: int, workload: Sequence[AuthorizationRequested]) -> list[tuple[str, str]]:
    """Each request after the answer to the one before; the thin API's answers."""
    told: list[tuple[str, str]] = []
    with socket.create_connection(("127.0.0.1", port), 20.0) as stream:
        for event in workload:
            stream.sendall(framed(encode_event(event)))
            frames: list[bytes] = []
            data = b""
            while not frames:
                frames, data = split(data + stream.recv(1 << 16))
            event_id, _, outcome = frames[0].decode().partition(" ")
            told.append((event_id, outcome))
    return told


def test_the_thin_api_answers_as_ours_on_row_locks(
    database: row_locks.RowLockServer,
    running: Session,
    workload: list[AuthorizationRequested],
    expected: list[Answer],
) -> None:
    prepared(database).close()
    with front(running, "postgres", database.conninfo, "off") as port:
        told = through(port, workload)
    assert told == [(event.event_id, one.outcome) for event, one in zip(workload, expected, strict=True)]


def test_the_thin_api_answers_as_ours_on_the_log(
    running: Session, workload: list[AuthorizationRequested], expected: list[Answer]
) -> None:
    topic_set, few = running.fresh_topics("front", 1), workload[:10]
    worker = topic_set.worker(SPENDLOG_SCORING="false")
    topic_set.wait_decided(topic_set.fill(map(budget, SEEDS)))
    names = topic_set.names
    with front(running, "kafka", running.endpoints.kafka, names.card_events, names.decisions) as port:
        told = through(port, few)
    running.end(worker)
    assert told == [(event.event_id, one.outcome) for event, one in zip(few, expected, strict=False)]


def test_the_requests_reach_every_shared_rule(expected: list[Answer]) -> None:
    """A comparison of requests that are all approved would show nothing."""
    met = Counter((answer.outcome, answer.reason, answer.repeated) for answer in expected)
    assert {key for key, count in met.items() if count >= 3} >= {
        ("approved", "", False),
        ("approved", "", True),
        ("declined", "budget_exceeded", False),
        ("declined", "budget_exceeded", True),
        ("rejected", "exists_with_different", False),
        ("rejected", "authorization_exists", False),
        ("rejected", "wrong_currency", False),
        ("rejected", "unknown_department", False),
    }


def test_the_plans_of_all_variants_use_indexes(database: row_locks.RowLockServer) -> None:
    assert {plan.partition(" by ")[0].rpartition(" ")[2] for plan in database.plans} == set(row_locks.TABLES)
    assert all("Index" in plan for plan in database.plans)


@pytest.mark.parametrize("spoiled", ["card_authorization_pkey", "card_authorization_events"])
def test_a_plan_that_reads_more_than_it_looks_up_is_refused(
    database: row_locks.RowLockServer, spoiled: str
) -> None:
    """Without one of the keys the other one is used, and read from end to end: an index, and no look-up."""
    database.reset()  # of requests that were asked before only the first key is looked up
    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"
        row = connection.execute(query, (spoiled,)).fetchone()
        assert row is not None
        connection.execute(f"ALTER TABLE card_authorization DROP CONSTRAINT {spoiled}".encode())
        try:
            with pytest.raises(BenchFailed, match=r"more than they look up.*card_authorization"):
                row_locks.indexed(database.conninfo)
        finally:
            database.reset()
            constraint = f"ADD CONSTRAINT {spoiled} {row[0]}"
            connection.execute(f"ALTER TABLE card_authorization {constraint}".encode())


def test_row_locks_play_a_round(database: row_locks.RowLockServer, tmp_path: Path) -> None:
    """With several clients at once what is held is what was approved: their own check says so, or raises."""
    for one in row_locks.contestants(database, (4,), tmp_path):
        found = one.play("memory", 1.0)
        assert found.decisions == sum(found.slices) > 0
        assert set(found.cpu_us) == {"client", "PostgreSQL"}
        assert all(spent > 0 for spent in found.cpu_us.values())


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("durability", DURABILITIES)
def test_everybody_plays_in_turn(durability: Durability) -> None:
    """A short comparison of all, on a stack of its own. No figure is judged."""
    scale = replace(QUICK, turns=1, round_s=1.0, clients=(1, 4))
    turns: list[Compared] = []
    with session(scale, lambda _: None) as running:
        found = compare(running, durability, RIVALS, turns.append)
    assert found.contests == turns[-1].contests
    assert found.after is not None
    taking_part = set(RIVALS) - ({FAUST, NO_WORK} if durability == "disk" else set())
    assert {one.rival for one in found.contests} == {None, *taking_part}
    assert all(len(one.rounds) == 1 and one.rounds[0].rate > 0 and one.cpu_us > 0 for one in found.contests)
    assert {row.rival for row in headline(found)} == taking_part
