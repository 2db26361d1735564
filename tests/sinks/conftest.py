"""A database, a Redis database and a topic of its own for each test, so that all may share one stack."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from infra.migrate import migrate
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.sinks.topics import create_topic


class Endpoints(Protocol):
    kafka: str
    postgres: str
    redis: str


@pytest.fixture(scope="session")
def schema(stack: Endpoints) -> Iterator[str]:
    """Name of a database with the schema and nothing else, of which the others are copies."""
    with new_database(stack, "TEMPLATE template0") as url:
        migrate(url)
        yield urlsplit(url).path[1:]


@pytest.fixture
def database(stack: Endpoints, schema: str) -> Iterator[str]:
    """URL of an empty database with the schema, for a user that owns it."""
    with new_database(stack, f"TEMPLATE {schema}") as url:
        yield url


@contextmanager
def new_database(stack: Endpoints, options: str) -> Iterator[str]:
    name = f"sinks_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} {options}".encode())
    yield urlunsplit(urlsplit(stack.postgres)._replace(path=f"/{name}"))
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


# By single decisions, by small batches, all at once: what a batch gathers must be what rows add up to.
@pytest.fixture(params=[1, 3, 100])
def rows(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    ledger = Ledger(PostgresSession(database))
    yield ledger
    ledger.close()


@pytest.fixture
def redis_url(stack: Endpoints) -> Iterator[str]:
    """URL of an empty Redis database that no other test uses at the same time."""
    for number in range(4, 16):
        url = urlunsplit(urlsplit(stack.redis)._replace(path=f"/{number}"))
        client = redis.Redis.from_url(url)
        lock = redis.Redis.from_url(stack.redis)
        if lock.set(f"test-database-{number}", 1, nx=True, ex=120):
            client.flushdb()
            yield url
            client.flushdb()
            lock.delete(f"test-database-{number}")
            client.close()
            lock.close()
            return
        client.close()
        lock.close()
    raise AssertionError("every Redis database is in use")


@pytest.fixture
def new_topic(stack: Endpoints) -> Callable[[int], str]:
    def create(partitions: int) -> str:
        topic = f"test.decisions.{uuid.uuid4().hex[:12]}"
        create_topic(stack.kafka, topic, partitions)
        return topic

    return create


Rows = Sequence[tuple[Any, ...]]


def query(url: str, statement: str, *parameters: Any) -> Rows:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement, parameters).fetchall()


# Everything but when it was written.
TABLES: Mapping[str, str] = {
    "sink_position": "sink, partition, next_seq, last_hash",
    "decision": "*",
    "transfer": "*",
    "account": "name, layer, organization_id, department_id",
    "card_authorization": """organization_id, authorization_id, department_id, status, currency, partition,
        seq, card_id, occurred_at, updated_at, expires_at, requested, authorized, held, posted, refunded,
        disputed, created_at, cardholder, merchant_key, mcc, flagged, review, amount, body::text""",
    "merchant": "organization_id, merchant_key, name, 0",
    "budget": "*",
    "budget_increase": "*",
    "approval_request": """organization_id, department_id, request_id, kind, budget_id, currency, amount,
        starts_at, ends_at, budget::text, card::text, asked_by, asked_at, levels::text, lapses_at,
        approved_by, on_behalf_of, refused_by, refused_on_behalf_of, status, closed_at, partition, seq""",
    "delegation": "*",
    "budget_period": "*",
    "limit_change": "*",
    "refund": "*",
    "dispute": "*",
    "policy_version": "organization_id, department_id, version, policy::text, active, activated_seq",
    "card": "organization_id, department_id, card_id, status, body::text, seq",
    "lease": "*",
}


def snapshot(url: str) -> dict[str, Rows]:
    """The rows of every table."""
    return {
        table: query(url, f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4")
        for table, columns in TABLES.items()
    }


def empty(url: str) -> None:
    """What nobody may do in production: the triggers are taken away for a moment."""
    guarded = ["decision", "transfer", "account", "limit_change"]
    off = "; ".join(f"ALTER TABLE {table} DISABLE TRIGGER append_only" for table in guarded)
    on = "; ".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only" for table in guarded)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{off}; TRUNCATE {', '.join(TABLES)}; {on}".encode())
