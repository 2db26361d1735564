"""`spendlog verify` as it is run: against Kafka, PostgreSQL and Redis, with topics of their real names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from infra.commands.verify import app
from infra.migrate import migrate
from infra.replay import replay
from infra.stack import Endpoints, running_stack
from infra.topics import apply
from infra.verify.run import under_way
from infra.verify.sources import Logs
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.effects import LeaseAdded
from schemas.topics import CARD_EVENTS, DECISIONS
from sinks.ledger.sink import Ledger
from sinks.loop.chain import DecisionRecord, read_run
from sinks.loop.ports import Store, SystemClock
from sinks.postgres import PostgresSession
from sinks.status.redis import StatusKeys
from sinks.status.sink import StatusStore
from tests.verify.logs import PARTITIONS, Company
from tests.verify.told import budget, cap, clear, request


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A stack that nobody else writes to: the topics' names are those of the registry."""
    with running_stack(tmp_path_factory.mktemp("verify")) as endpoints:
        migrate(endpoints.postgres)
        apply(endpoints.kafka, PARTITIONS)
        yield endpoints


@contextmanager
def change_of_a_booked_record(postgres: str, partition: int) -> Iterator[None]:
    """What no role may do: a record of the ledger is another one for a while."""
    change = """ALTER TABLE decision DISABLE TRIGGER append_only;
        UPDATE decision SET record = replace(record, {}) WHERE partition = {} AND seq = 0;
        ALTER TABLE decision ENABLE ALWAYS TRIGGER append_only"""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(change.format("'accepted', 'approved'", partition).encode())
        yield
        connection.execute(change.format("'approved', 'accepted'", partition).encode())


Upto = dict[int, int]  # partition -> so many of its records


def publish(endpoints: Endpoints, company: Company, after: Upto, upto: Upto) -> None:
    """Card events and their decisions to Kafka, and the decisions to the books."""
    producer = Producer({"bootstrap.servers": endpoints.kafka, "log_level": 0})
    for p, world in company.worlds.items():
        for n in range(after[p], upto[p]):
            event = world.events[n]
            producer.produce(CARD_EVENTS.name, event.value, event.key, partition=p)
            producer.produce(DECISIONS.name, world.values[n], partition=p)
    assert producer.flush(20) == 0
    for store in (
        Ledger(PostgresSession(endpoints.postgres)),
        StatusStore(StatusKeys(endpoints.redis), SystemClock()),
    ):
        sink(company, store, upto)


def sink(company: Company, store: Store, upto: Upto) -> None:
    places = store.places(frozenset(company.worlds))
    for p, world in company.worlds.items():
        records = [DecisionRecord(p, n, value) for n, value in enumerate(world.values[: upto[p]])]
        run, broken = read_run(p, places[p], records)
        assert broken is None
        if run.decisions:
            store.commit([run])
    store.close()


def lengths(company: Company) -> Upto:
    return {p: len(world.values) for p, world in company.worlds.items()}


def verify(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, object], str]:
    """Exit status, the report as JSON, and as text."""
    for name, value in (
        ("KAFKA", endpoints.kafka),
        ("POSTGRES", endpoints.postgres),
        ("REDIS", endpoints.redis),
    ):
        monkeypatch.setenv(f"SPENDLOG_{name}", value)
    as_json = CliRunner().invoke(app, ["--json", "--drain", "1"])
    as_text = CliRunner().invoke(app, ["--drain", "1"])
    assert as_json.exit_code == as_text.exit_code, as_json.output
    return as_json.exit_code, json.loads(as_json.stdout), as_text.stdout


def leases_under_way(services: Endpoints, company: Company) -> list[Decision]:
    """What lies in card events from an offset on is under way; what does not is lost."""
    worlds = company.worlds
    leases = [
        found for world in worlds.values() for found in world.decisions if found.event_type == "lease.granted"
    ]
    wanted = {found.event_id or "" for found in leases}
    assert all(isinstance(found.effects[0], LeaseAdded) for found in leases)
    logs = Logs(services.kafka)
    try:
        assert under_way(logs, dict.fromkeys(worlds, 0), wanted | {"lease-9:9-9"}) == wanted
        ends = {p: len(world.events) for p, world in worlds.items()}
        assert under_way(logs, ends, wanted) == set()
    finally:
        logs.close()
    return leases


def retention_is_no_violation(
    services: Endpoints, monkeypatch: pytest.MonkeyPatch, company: Company, told: dict[int, int]
) -> None:
    """Card events that reached their retention are said to be gone."""
    worlds, decided = company.worlds, sum(told.values())
    kept = {p: len(world.events) // 2 for p, world in worlds.items()}
    places = [TopicPartition(CARD_EVENTS.name, p, offset) for p, offset in kept.items()]
    admin = AdminClient({"bootstrap.servers": services.kafka})
    for deleted in admin.delete_records(places).values():
        deleted.result(60)
    status, report, text = verify(services, monkeypatch)
    assert (status, report["ok"], report["decisions"]) == (0, True, decided), text
    assert all(f"card events begin at offset {offset}; the " in text for offset in kept.values() if offset)

    # So are decisions, which the ledger has: their hashes lead to those that the log has.
    p, begins = max(kept.items(), key=lambda one: one[1])
    for until in (begins, told[p]):  # some of them, all of them
        (deleted,) = admin.delete_records([TopicPartition(DECISIONS.name, p, until)]).values()
        deleted.result(60)
        status, report, text = verify(services, monkeypatch)
        assert (status, report["ok"], report["decisions"]) == (0, True, decided), text
        assert f"partition {p}: the log of decisions begins at {p}:{until}" in text
        assert "is not decided and booked" not in text
        if until == begins:
            (found,) = [one for one in replay(services.kafka).partitions if one.partition == p]
            assert (found.gone, found.decided, found.difference) == (begins, 0, None)
            with change_of_a_booked_record(services.postgres, p):
                status, report, text = verify(services, monkeypatch)
            assert status == 1
            assert f"partition {p} in the ledger: expected decision {p}:0, found" in text


@pytest.mark.timeout(180)
def test_a_running_system_is_proved_and_a_lie_in_it_is_found(
    services: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Company(holes=False)
    company.tell(
        budget(90_000),
        budget(90_000, department="ops"),
        cap(4_000, "sales", "ops"),
        *[request(f"a{n}", 500, n / 100) for n in range(6)],
        clear("a1", 500, 1),
        recorded_at=datetime.now(UTC),
    )
    worlds, told = company.worlds, lengths(company)
    publish(services, company, dict.fromkeys(worlds, 0), told)
    decided = sum(told.values())

    status, report, text = verify(services, monkeypatch)
    assert (status, report["ok"], report["decisions"]) == (0, True, decided), text
    assert "O11" in text
    assert "O12" in text
    assert f"{decided:,} decisions in" in text

    leases = leases_under_way(services, company)
    retention_is_no_violation(services, monkeypatch, company, told)

    # A lease that the treasury gives, in a message that never comes.
    (given,) = company.tell(cap(4_000, "sales", "ops", "it"), recorded_at=datetime.now(UTC))
    only = told | {given.partition: given.seq + 1}
    publish(services, company, told, only)
    status, report, text = verify(services, monkeypatch)
    assert (status, report["ok"]) == (1, False)
    assert f"lease-{given.position}-1 was sent as ('acme', 'it', '2026-11', " in text
    assert "and never received" in text

    # An event that nobody decides.
    p = company.at(leases[0]).partition
    producer = Producer({"bootstrap.servers": services.kafka, "log_level": 0})
    producer.produce(CARD_EVENTS.name, encode_event(request("late", 5, 2)), partition=p)
    assert producer.flush(20) == 0
    status, report, text = verify(services, monkeypatch)
    assert status == 1
    assert f"card event {p}@{only[p]} has no decision" in text
    assert f"partition {p} is not decided and booked after 1 s" in text
