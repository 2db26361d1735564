"""A ledger with bookings, and settlement files against it, as the tests of matching write and read them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.stores.sql import statement
from infra.reconciliation.line_matching import match_file
from schemas.names import merchant_key
from sinks.ledger.sink import Ledger
from sinks.loop.chain import read_run
from sinks.postgres import PostgresSession
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query

ORGANIZATION = "techcorp"


def book(database: str, log: DecisionLog) -> None:
    """Writes what the log has into the ledger."""
    ledger = Ledger(PostgresSession(database))
    try:
        place = ledger.places(frozenset({log.partition}))[log.partition]
        left = [one for one in log.records() if one.offset >= place.next_offset]
        run, broken = read_run(log.partition, place, left)
        assert broken is None
        ledger.commit([run])
    finally:
        ledger.close()


def new_log() -> DecisionLog:
    return DecisionLog(started=datetime(2026, 11, 21, 12, tzinfo=UTC))


def three_movements() -> DecisionLog:
    """Budget (0); p1 and p2 asked for (1, 2) and cleared for 10.00 (3) and 20.00, 0.50 of it by the rate (4);
    5.00 of p1 came back (5)."""
    log = new_log()
    log.budget()
    log.approve("p1", 1000)
    log.approve("p2", 2000)
    log.clear("p1", 1000)
    log.clear("p2", 2000, fx=50)
    log.refund("p1", 500, refund_id="ref-1")
    return log


def line(n: int, minor: int, **more: Any) -> dict[str, Any]:
    """A line as the API keeps it; `day` is the day of the test log unless told."""
    found = {
        "n": n,
        "number": n,
        "refund": False,
        "minor": minor,
        "currency": "USD",
        "day": "2026-11-21",
    } | more
    if found.get("merchant"):
        found["merchant_key"] = merchant_key(found["merchant"])
    return found


def upload(
    database: str,
    lines: Iterable[Mapping[str, Any]],
    *,
    name: str = "file.csv",
    match: bool = True,
    **more: Any,
) -> str:
    """A file with these lines, matched; its id."""
    rows = [dict(one) for one in lines]
    digest = hashlib.sha256(json.dumps([rows, name], default=str).encode()).hexdigest()
    days = [one["day"] for one in rows if one.get("day")] or ["2026-11-21"]
    file = {
        "organization_id": ORGANIZATION, "file_id": f"rec_{digest[:20]}", "name": name, "format": "csv",
        "digest": digest, "lines": len(rows), "account": "{}", "since": min(days), "until": max(days),
        "time_zone": "UTC", "days_max": 3, "replaces": None, "uploaded_by": "ada",
    } | more  # fmt: skip
    with psycopg.connect(database, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(statement("reconciliation_declare"), file)
        given = {"organization_id": ORGANIZATION, "file_id": file["file_id"], "lines": json.dumps(rows)}
        connection.execute(statement("reconciliation_lines"), given)
        connection.execute("SELECT set_config('spendlog.organization', %s, false)", [ORGANIZATION])
        row = connection.execute(statement("reconciliation_match"), given).fetchone()
        assert row is not None
        assert row["job_id"] is not None, row
    if match:
        assert run_match(database, str(file["file_id"]))
    return str(file["file_id"])


def run_match(database: str, file_id: str, organization_id: str = ORGANIZATION) -> bool:
    """Once, as the job does it: in the role of jobs, behind the wall."""

    async def once() -> bool:
        connection = await psycopg.AsyncConnection.connect(database, options="-c role=spendlog_jobs")
        async with connection, connection.transaction():
            await connection.execute(
                "SELECT set_config('spendlog.organization', %s, true)", [organization_id]
            )
            return await match_file(connection, organization_id, file_id)

    return asyncio.run(once())


def results(database: str, file_id: str) -> list[tuple[Any, ...]]:
    """n, result, differences joined, seq of each active item, in order."""
    return [
        (n, result, ",".join(differences), seq)
        for n, result, differences, seq in query(
            database,
            "SELECT n, coalesce(resolution, result), differences, seq FROM settlement_item"
            " WHERE file_id = %s AND active ORDER BY n",
            file_id,
        )
    ]
