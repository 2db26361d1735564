"""The books made anew from the log, in another database: `spendlog books rebuild` (docs/decisions/0031).

What is booked is never taken away. Where the log has lost decisions that are in the books, these are kept for
auditors as they are, and others are filled beside them that have what the log has.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg
from confluent_kafka.admin import AdminClient
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.carried import carry_over
from infra.errors import SpendlogError
from infra.migrate import migrate
from infra.verify.sources import Logs
from schemas.kafka import librdkafka
from schemas.topics import DECISIONS
from sinks.errors import SinkError
from sinks.ledger.sink import Ledger
from sinks.loop.consumer import Consumer
from sinks.loop.kafka import KafkaDecisions
from sinks.loop.ports import SystemClock
from sinks.postgres import PostgresSession

_CONNECT_TIMEOUT_S: Final = 10
LOST_SHOWN_MAX: Final = 20


class LostDecision(NamedTuple):
    """A decision of the old books that the log does not have. `amount`: minor units of `currency`."""

    position: str
    event_type: str | None
    outcome: str
    department: str
    authorization_id: str | None
    amount: int | None
    currency: str | None


@dataclass(frozen=True)
class Rebuilt:
    """A partition of the new books. `lost`: decisions of the old books that the log does not have."""

    partition: int
    booked: int
    lost: int
    first_lost: tuple[LostDecision, ...]


class NewBooks(NamedTuple):
    """`carried`: rows by table that no log tells; None: they were carried before."""

    partitions: list[Rebuilt]
    carried: dict[str, int] | None


def rebuild(kafka: str, old: str, new: str, prefix: str = "") -> NewBooks:
    """Fills the database `new`, made if it is missing, with all that the log has, and compares it with `old`.

    What no log tells is carried over from `old`, once. May be repeated: it goes on where it stopped. Nothing
    in `old` changes.

    Raises:
        SpendlogError: both are one database, a server does not answer, or the log itself is broken.
    """
    try:
        if _identity(old) == _identity(_made(new)):
            raise SpendlogError("the new books need a database of their own; these are the old ones")
        migrate(new)
        _fill(kafka, new, prefix + DECISIONS.name)
        with psycopg.connect(old) as before, psycopg.connect(new) as after:
            carried = carry_over(before, after)
            return NewBooks(_compare(before, after), carried)
    except psycopg.Error as error:
        raise SpendlogError(f"PostgreSQL: {' '.join(str(error).split())}") from None


def _made(url: str) -> str:
    """The database of `url`, created if the server has none of this name."""
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError as error:
        name = conninfo_to_dict(url).get("dbname")
        if name is None or f'database "{name}" does not exist' not in str(error):
            raise
        create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name)))
        admin_url = make_conninfo(url, dbname="postgres")
        with psycopg.connect(admin_url, autocommit=True) as admin, suppress(errors.DuplicateDatabase):
            admin.execute(create)
    return url


def _identity(url: str) -> tuple[Any, ...]:
    with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
        row = connection.execute(
            "SELECT system_identifier, current_database() FROM pg_control_system()"
        ).fetchone()
    assert row is not None
    return row


def _fill(kafka: str, url: str, topic: str) -> None:
    """The ledger sink itself, in a group of its own, up to where the log ends now."""
    logs, group = Logs(kafka), f"spendlog-rebuild-{uuid.uuid4().hex[:12]}"
    ends = {}
    for partition in logs.partitions(topic):
        last = logs.last_decision(topic, partition)
        ends[partition] = 0 if last is None else last.offset + 1
    logs.close()
    log, ledger = KafkaDecisions(kafka, topic, group), Ledger(PostgresSession(url, name="spendlog-rebuild"))
    consumer = Consumer(log, ledger, SystemClock())
    try:
        while set(consumer.places) != set(ends) or any(
            place.next_offset < ends[partition] for partition, place in consumer.places.items()
        ):
            consumer.step()
            for stopped in consumer.stopped.values():
                raise SpendlogError(f"the log cannot be booked: {stopped.why}")
    except SinkError as error:
        raise SpendlogError(str(error)) from None
    finally:
        ledger.close()
        log.close()
        _forget_group(kafka, group)


def _forget_group(kafka: str, group: str) -> None:
    admin = AdminClient({**librdkafka(kafka)})
    (done,) = admin.delete_consumer_groups([group]).values()
    done.exception(_CONNECT_TIMEOUT_S)  # one that never committed is not there


def _compare(before: psycopg.Connection[Any], after: psycopg.Connection[Any]) -> list[Rebuilt]:
    old, new = _counts(before), _counts(after)
    found = []
    for partition in sorted(old.keys() | new.keys()):
        booked = new.get(partition, 0)
        common = _common(before, after, partition, min(booked, old.get(partition, 0)))
        lost = old.get(partition, 0) - common
        found.append(Rebuilt(partition, booked, lost, _lost(before, partition, common)))
    return found


def _counts(books: psycopg.Connection[Any]) -> dict[int, int]:
    return dict(books.execute("SELECT partition, max(seq) + 1 FROM decision GROUP BY partition").fetchall())


def _common(
    before: psycopg.Connection[Any], after: psycopg.Connection[Any], partition: int, count: int
) -> int:
    """How many decisions both begin with. Each hash vouches for all before it."""
    low = 0
    while low < count:
        middle = (low + count) // 2
        if _hash(before, partition, middle) == _hash(after, partition, middle):
            low = middle + 1
        else:
            count = middle
    return low


def _hash(books: psycopg.Connection[Any], partition: int, seq: int) -> str | None:
    row = books.execute(
        "SELECT hash FROM decision WHERE partition = %s AND seq = %s", (partition, seq)
    ).fetchone()
    return None if row is None else str(row[0])


def _lost(before: psycopg.Connection[Any], partition: int, common: int) -> tuple[LostDecision, ...]:
    rows = before.execute(
        """SELECT partition || ':' || seq, event_type, outcome,
            concat_ws('/', organization_id, department_id), authorization_id, amount, currency
        FROM decision WHERE partition = %s AND seq >= %s ORDER BY seq LIMIT %s""",
        (partition, common, LOST_SHOWN_MAX),
    )
    return tuple(LostDecision(*row) for row in rows)
