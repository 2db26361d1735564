"""Decisions become queued deliveries in a real PostgreSQL: each once, with the position or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import procrastinate
import psycopg
import pytest

from infra.migrate import MIGRATIONS
from sinks.errors import PositionMoved
from sinks.loop.chain import read_run
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.webhook_books import add_endpoint, deliveries, lives, queue, webhook_store

JOBS = "SELECT lock, status::text FROM procrastinate_jobs ORDER BY lock"


def test_an_endpoint_gets_what_it_asked_for(database: str) -> None:
    add_endpoint(database, "all", "https://a.example.com/")
    add_endpoint(database, "cards", "https://b.example.com/", types=["card.*", "clearing.posted"])
    add_endpoint(database, "sales", "https://c.example.com/", departments=["sales"])
    add_endpoint(database, "late", "https://d.example.com/", age="0 s")
    add_endpoint(database, "strange", "https://e.example.com/", organization="other")
    log = DecisionLog()
    log.budget()
    log.approve("a"), log.approve("b", department="sales"), log.clear("a"), log.decline("c")
    with webhook_store(database) as store:
        queue(store, log)
    told = ["budget.changed", "authorization.approved", "authorization.approved", "clearing.posted"]
    assert deliveries(database, "all") == [(name, "pending", 0) for name in [*told, "authorization.declined"]]
    assert [name for name, *_ in deliveries(database, "cards")] == ["clearing.posted"]
    assert [name for name, *_ in deliveries(database, "sales")] == ["authorization.approved"]
    assert deliveries(database, "late") == deliveries(database, "strange") == []
    assert query(database, JOBS) == [
        (f"webhook:techcorp/{name}", "todo") for name in ("all", "cards", "sales")
    ]


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_deliveries_are_the_same_however_the_log_is_cut(database: str, rows: int) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    log = DecisionLog(partition=3)
    lives(log, 5)
    with webhook_store(database) as store:
        queue(store, log, rows)
        queue(store, log, rows)  # nothing is left
        place = store.places(frozenset({3}))[3]
    ids = query(database, "SELECT event_id FROM webhook_delivery ORDER BY ordinal")
    assert ids == [(f"evt_3_{seq}_0",) for seq in range(21)]
    assert place.next_seq == len(log.values)
    assert query(database, JOBS) == [("webhook:techcorp/one", "todo")]


def test_nothing_is_queued_where_another_owner_has_moved_the_position(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    log = DecisionLog()
    lives(log, 2)
    with webhook_store(database) as first, webhook_store(database) as second:
        place = first.places(frozenset({0}))[0]
        run, _ = read_run(0, place, log.records())
        first.commit([run])
        with pytest.raises(PositionMoved):
            second.commit([run])
    assert len(deliveries(database, "one")) == 9


def test_beyond_the_bound_deliveries_are_kept_but_not_sent(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    add_endpoint(database, "two", "https://b.example.com/", types=["budget.*"])
    log = DecisionLog()
    lives(log, 2)
    with webhook_store(database, waiting_max=4) as store:
        queue(store, log, rows=3)
    found = [status for _, status, _ in deliveries(database, "one")]
    assert found == ["pending"] * 4 + ["dropped"] * 5
    assert deliveries(database, "two") == [("budget.changed", "pending", 0)]


def test_a_text_that_postgresql_cannot_hold_is_told_without_it(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    log = DecisionLog()
    log.approve("a\0b", actor="nul \0 here")
    with webhook_store(database) as store:
        queue(store, log)
    ((body, lane),) = query(database, "SELECT body, lane FROM webhook_delivery")
    assert json.loads(body)["data"]["authorization_id"] == "a\N{REPLACEMENT CHARACTER}b"
    assert lane == "eng/payment:a\N{REPLACEMENT CHARACTER}b"


def test_a_log_read_anew_queues_nothing_twice(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    log = DecisionLog()
    lives(log, 3)
    with webhook_store(database) as store:
        queue(store, log)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DELETE FROM sink_position WHERE sink = 'webhooks'")
        queue(store, log, rows=4)
    assert len(deliveries(database, "one")) == 13


def test_a_removed_endpoint_takes_its_deliveries_and_secrets_along(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    log = DecisionLog()
    log.budget()
    with webhook_store(database) as store:
        queue(store, log)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DELETE FROM webhook_endpoint")
        log.approve("a")
        queue(store, log)
    assert query(
        database, "SELECT (SELECT count(*) FROM webhook_delivery), count(*) FROM webhook_secret"
    ) == [(0, 0)]


def test_only_the_sender_reads_secrets(database: str) -> None:
    add_endpoint(database, "one", "https://a.example.com/")
    for role, may in (("spendlog_webhooks", True), ("spendlog_api", False), ("spendlog_sink", False)):
        with psycopg.connect(database, options=f"-c role={role}") as connection:
            if may:
                assert connection.execute("SELECT secret FROM webhook_secret").fetchone()
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT secret FROM webhook_secret")


def test_the_queue_is_that_of_the_installed_package() -> None:
    ours = (MIGRATIONS / "20261128170000_jobs.sql").read_text()
    theirs = (Path(procrastinate.__file__).parent / "sql" / "schema.sql").read_text()
    assert theirs in ours, "procrastinate has another schema: write a migration from its sql/migrations"
