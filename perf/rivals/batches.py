"""The batching rival: one connection, and a function that decides many requests in one transaction.

It answers nobody before a whole batch is decided, keeps no history that could be decided again, and needs
somebody who gathers the batches in an order; that is not measured here.
"""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from typing import Any

import psycopg
from psycopg import pq

from perf.client import TimedWindow, timed
from perf.comparison import BATCHES
from perf.contestant import Contestant
from perf.kafka import BenchFailed
from perf.rivals.row_locks import RowLockServer
from perf.rounds import Durability, Round
from perf.workload import HOT, events
from schemas.events import AuthorizationRequested

SIZES = (100, 1_000)
# One is decided while the next one is on its way: the server never waits for its client.
UNDER_WAY = 2
RATE_MAX = 60_000
CALL = b"SELECT outcome FROM unnest(decide_requests($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12))"


def contestants(server: RowLockServer) -> list[Contestant]:
    return [
        Contestant(
            f"batches of {size:,}",
            BATCHES,
            partial(_play, server, size),
            f"one connection, {UNDER_WAY} batches under way; no answer before the whole batch is decided; "
            "nobody gathers the batches here; no history to decide again",
        )
        for size in SIZES
    ]


def _play(server: RowLockServer, size: int, durability: Durability, for_s: float) -> Round:
    server.reset()
    synced = durability == "disk"
    roots = {"PostgreSQL": server.server.pid}
    played = timed(load, for_s, roots, server.conninfo, synced, made(int(RATE_MAX * for_s), size))
    server.check()
    return played


def load(connection: Connection, for_s: float, conninfo: str, synced: bool, made: list[list[bytes]]) -> None:
    """Sends the batches until time is up, or none is left."""
    batches = iter(made)
    with closing(psycopg.connect(conninfo, autocommit=True)) as database:
        database.execute(f"SET synchronous_commit = {'on' if synced else 'off'}".encode())
        database.execute("SET plan_cache_mode = force_generic_plan")
        pg = database.pgconn
        pg.prepare(b"decide", CALL)
        pg.exec_prepared(b"decide", next(batches))
        window = TimedWindow(for_s, connection)
        pg.enter_pipeline_mode()
        under_way = 0
        while True:
            while under_way < UNDER_WAY and (batch := next(batches, None)) is not None:
                pg.send_query_prepared(b"decide", batch)
                pg.pipeline_sync()
                under_way += 1
            pg.flush()
            if not under_way or not window.add(_received(pg)):
                return window.tell()
            under_way -= 1


def _received(pg: Any) -> int:
    """Waits for one batch; how many requests it decided."""
    answer = pg.get_result()
    if answer is None or answer.status != pq.ExecStatus.TUPLES_OK:
        raise BenchFailed(answer.error_message.decode() if answer else "no answer")
    while (result := pg.get_result()) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
        pass
    return int(answer.ntuples)


@lru_cache
def made(count: int, size: int) -> list[list[bytes]]:
    """The same requests as ours gets, in batches, as parameters of `decide_requests` in text format."""
    requests = [event for event in events(count, HOT) if isinstance(event, AuthorizationRequested)]
    return [parameters(requests[at : at + size]) for at in range(0, len(requests), size)]


def parameters(batch: list[AuthorizationRequested]) -> list[bytes]:
    """Requests of one department as arrays."""
    columns = zip(*map(row, batch), strict=True)
    where = [batch[0].organization_id.encode(), batch[0].department_id.encode()]
    return [*where, *(("{" + ",".join(map(_quoted, column)) + "}").encode() for column in columns)]


def row(event: AuthorizationRequested) -> tuple[str, ...]:
    """Its columns as text, in the order of the parameters, without organization and department."""
    merchant, amount = event.merchant, event.amount
    return (
        event.event_id,
        event.authorization_id,
        event.card_id,
        event.cardholder or "",
        merchant.name,
        merchant.mcc or "",
        merchant.country or "",
        str(amount.minor),
        amount.currency,
        event.occurred_at.isoformat(),
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
