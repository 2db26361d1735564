"""Endpoints and deliveries as the tests of webhooks write and read them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from schemas.decisions import Decision
from sinks.loop.chain import read_run
from sinks.postgres import PostgresSession
from sinks.webhooks.sink import WebhookStore
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query

ORGANIZATION = "techcorp"


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def add_endpoint(
    database: str,
    endpoint: str,
    url: str,
    *,
    secret: str | None = None,
    types: Sequence[str] = (),
    departments: Sequence[str] = (),
    organization: str = ORGANIZATION,
    age: str = "1 day",
) -> str:
    """Returns its secret. `age`: since when it is there."""
    secret = secret or new_secret()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO webhook_endpoint (organization_id, endpoint_id, url, description, event_types,"
            " department_ids, created_at) VALUES (%s, %s, %s, '', %s, %s, now() - %s::interval)",
            (organization, endpoint, url, list(types), list(departments), age),
        )
        connection.execute(
            "INSERT INTO webhook_secret (organization_id, endpoint_id, secret) VALUES (%s, %s, %s)",
            (organization, endpoint, secret),
        )
    return secret


@contextmanager
def webhook_store(database: str, **bounds: Any) -> Iterator[WebhookStore]:
    store = WebhookStore(PostgresSession(database, "spendlog_sink", "webhooks-test"), **bounds)
    try:
        yield store
    finally:
        store.close()


def queue(store: WebhookStore, log: DecisionLog, rows: int = 100) -> None:
    """What the log has from where the store stands."""
    place = store.places(frozenset({log.partition}))[log.partition]
    while left := [one for one in log.records() if one.offset >= place.next_offset]:
        run, broken = read_run(log.partition, place, left[:rows])
        assert broken is None
        store.commit([run])
        place = run.after


def lives(log: DecisionLog, payments: int) -> list[Decision]:
    """So many payments that are asked for, incremented, cleared and refunded, all mixed up."""
    names = [f"pay-{log.partition}-{number}" for number in range(payments)]
    return [
        log.budget(),
        *(log.approve(name, 100) for name in names),
        *(log.increment(name, 10) for name in names),
        *(log.clear(name, 110) for name in names),
        *(log.refund(name, 5) for name in names),
    ]


def deliveries(database: str, endpoint: str) -> list[tuple[str, str, int]]:
    """Event type, status and attempts of each, in order."""
    rows = query(
        database,
        "SELECT event_type, status, attempts FROM webhook_delivery WHERE endpoint_id = %s ORDER BY ordinal",
        endpoint,
    )
    return [(event_type, status, attempts) for event_type, status, attempts in rows]


def statuses(database: str, endpoint: str) -> dict[str, int]:
    rows = query(
        database,
        "SELECT status, count(*) FROM webhook_delivery WHERE endpoint_id = %s GROUP BY status",
        endpoint,
    )
    return {str(status): int(count) for status, count in rows}
