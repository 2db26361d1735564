"""The same requests decided the usual way: `SELECT ... FOR UPDATE` in a PL/pgSQL function, two entries each.

LockClients are as light as Python allows: libpq's prepared statements, processes of their own, and once with
many requests in flight on one connection. Every request is a transaction of its own.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from perf.harness import Session
from perf.kafka import BenchFailed
from perf.results import RowLocks
from perf.workload import HOT, Mix, budgets, events
from schemas.events import AuthorizationRequested

DATABASE = "row_locks"
DEFINITIONS = Path(__file__).with_name("sql") / "row_locks.sql"
CALL = (
    b"SELECT (decide_request($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, $11, $12::timestamptz)).outcome"
)
# More processes than this only fight for two cores; further clients are threads, which wait outside the lock.
PROCESSES_MAX = 16
WARM_UP_S = 1.0
# Requests of one connection that may be under way: enough that PostgreSQL never waits for the client.
IN_FLIGHT = 32
# Made beforehand, shared among the clients: 28,000/s over the longest run, with room for unequal luck.
EVENTS = 200_000
EVENTS_CLIENT_MIN = 15_000
JOIN_TIMEOUT_S = 60.0


class LockClients(NamedTuple):
    """A kind of load: so many connections, each with `in_flight` requests under way."""

    connections: int
    in_flight: int = 1
    synced: bool = True

    @property
    def name(self) -> str:
        clients = f"{self.connections} client" + ("s" if self.connections > 1 else "")
        return f"{clients}, {self.in_flight} in flight" if self.in_flight > 1 else clients


class LockShare(NamedTuple):
    """What one process of a load does: `threads` connections, numbered from `first`."""

    conninfo: str
    first: int
    threads: int
    in_flight: int
    synced: bool
    for_s: float
    events: int


def run(session: Session) -> RowLocks:
    """Requests a second at each number of clients, and at the best one without waiting for the disk."""
    conninfo = _database(session.endpoints.postgres)
    loads = [LockClients(count) for count in session.scale.clients]
    loads.insert(1, LockClients(1, IN_FLIGHT))
    rates: dict[str, float] = {}
    tally: Counter[str] = Counter()
    best = loads[0]
    for load in loads:
        session.say(f"{load.name} on one row")
        rates[load.name], found = _measure(conninfo, load, session.scale.row_lock_s)
        tally += found
        if rates[load.name] > rates[best.name]:
            best = load
    session.say(f"{best.name}, synchronous_commit off")
    not_synced, _ = _measure(conninfo, best._replace(synced=False), session.scale.row_lock_s)
    _check(conninfo)
    return RowLocks(
        rates=rates,
        best=rates[best.name],
        best_client=best.name,
        not_synced=not_synced,
        outcomes=dict(tally),
        settings=_settings(conninfo),
    )


def _database(postgres: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(DATABASE)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    conninfo = make_conninfo(postgres, dbname=DATABASE)
    with psycopg.connect(conninfo) as connection:
        connection.execute(DEFINITIONS.read_bytes())
    return conninfo


def _settings(conninfo: str) -> dict[str, str]:
    names = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")
    with psycopg.connect(conninfo) as connection:
        rows = [(name, connection.execute(f"SHOW {name}".encode()).fetchone()) for name in names]
    return {name: str(row[0]) for name, row in rows if row}


def _empty(conninfo: str) -> None:
    """Every load begins with the same empty tables and one budget, after a checkpoint."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("TRUNCATE card_authorization, entry, budget_period, department_budget")
        for event in budgets(HOT):
            connection.execute(
                "INSERT INTO department_budget VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    event.organization_id,
                    event.department_id,
                    event.name,
                    event.limit.currency,
                    event.time_zone,
                    event.limit.minor,
                ),
            )
        connection.execute("CHECKPOINT")


def _check(conninfo: str) -> None:
    """Two entries for each approval, their sum zero, and held is what was approved; or no figure."""
    query = """
        SELECT (SELECT coalesce(sum(amount), 0) FROM entry) = 0,
               (SELECT count(*) FROM entry) = 2 * (SELECT count(*) FROM card_authorization
                                                   WHERE outcome = 'approved'),
               (SELECT sum(held) FROM budget_period) = (SELECT sum(amount) FROM card_authorization
                                                        WHERE outcome = 'approved')
    """
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    if row != (True, True, True):
        raise BenchFailed(f"row locks: entries balance, are two each, match what is held: {row}")


def _measure(conninfo: str, load: LockClients, for_s: float) -> tuple[float, Counter[str]]:
    """Requests a second of all clients together, over the span in which all of them run."""
    _empty(conninfo)
    context = multiprocessing.get_context("spawn")
    processes = min(load.connections, PROCESSES_MAX)
    barrier = context.Barrier(processes)
    answers: multiprocessing.Queue[tuple[int, dict[str, int]] | str] = context.Queue()
    share = max(EVENTS_CLIENT_MIN, EVENTS // load.connections)
    per_process = -(-load.connections // processes)
    children = [
        context.Process(
            target=_process,
            args=(
                LockShare(conninfo, n * per_process, per_process, load.in_flight, load.synced, for_s, share),
                barrier,
                answers,
            ),
            daemon=True,
        )
        for n in range(processes)
    ]
    for child in children:
        child.start()
    try:
        found = [answers.get(timeout=JOIN_TIMEOUT_S + for_s) for _ in children]
    except queue.Empty:
        raise BenchFailed(f"row locks, {load.name}: a client did not end") from None
    finally:
        for child in children:
            child.join(5.0)
            if child.is_alive():
                child.kill()
    tally: Counter[str] = Counter()
    decided = 0
    for item in found:
        if isinstance(item, str):
            raise BenchFailed(f"row locks, {load.name}: {item}")
        decided += item[0]
        tally.update(item[1])
    return decided / for_s, tally


def _process(share: LockShare, barrier: Barrier, answers: Any) -> None:
    """A process of clients: counts what was answered within `for_s` seconds after the warm-up."""
    try:
        clients = [_Client(share, share.first + n) for n in range(share.threads)]
        barrier.wait(JOIN_TIMEOUT_S)
        begin_s = time.monotonic() + WARM_UP_S
        threads = [
            threading.Thread(target=client.run, args=(begin_s, begin_s + share.for_s)) for client in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failed = next((client.failed for client in clients if client.failed), None)
        tally: Counter[str] = Counter()
        for client in clients:
            tally.update(client.tally)
        answers.put(failed or (sum(client.counted for client in clients), dict(tally)))
    except Exception as error:  # noqa: BLE001  told to whoever measures
        answers.put(repr(error))


class _Client:
    """One connection, decided on in a closed loop."""

    def __init__(self, share: LockShare, number: int) -> None:
        self.counted = 0
        self.tally: Counter[str] = Counter()
        self.failed: str | None = None
        self._in_flight = share.in_flight
        self._connection = psycopg.connect(share.conninfo, autocommit=True)
        if not share.synced:
            self._connection.execute("SET synchronous_commit = off")
        self._pg = self._connection.pgconn
        self._pg.prepare(b"decide", CALL)
        mix = Mix(prefix=f"c{number}", seed=number)
        self._requests = _requests(mix, share.events)

    def run(self, begin_s: float, end_s: float) -> None:
        try:
            loop: Callable[[float, float], None] = self._pipelined if self._in_flight > 1 else self._closed
            loop(begin_s, end_s)
        except Exception as error:  # noqa: BLE001  told to whoever measures
            self.failed = repr(error)
        finally:
            self._connection.close()

    def _closed(self, begin_s: float, end_s: float) -> None:
        for parameters in self._requests:
            answer = self._pg.exec_prepared(b"decide", parameters)
            now_s = time.monotonic()
            if now_s >= end_s:
                return
            self._count(answer, now_s >= begin_s)
        raise BenchFailed("more requests were decided than were made")

    def _pipelined(self, begin_s: float, end_s: float) -> None:
        """A sync after each request: each is a transaction of its own, though many are under way."""
        self._pg.enter_pipeline_mode()
        half = self._in_flight // 2
        self._send(2 * half)
        while True:
            for _ in range(half):
                answer = self._receive()
                now_s = time.monotonic()
                if begin_s <= now_s < end_s:
                    self._count(answer, True)
            if now_s >= end_s:
                return
            self._send(half)

    def _send(self, count: int) -> None:
        for _ in range(count):
            self._pg.send_query_prepared(b"decide", next(self._requests))
            self._pg.pipeline_sync()
        self._pg.flush()

    def _receive(self) -> Any:
        answer = self._pg.get_result()
        while (result := self._pg.get_result()) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
            pass
        return answer

    def _count(self, answer: Any, counted: bool) -> None:
        if answer is None or answer.status != pq.ExecStatus.TUPLES_OK:
            raise BenchFailed(answer.error_message.decode() if answer else "no answer")
        if counted:
            self.counted += 1
            self.tally[answer.get_value(0, 0).decode()] += 1


def _requests(mix: Mix, count: int) -> Iterator[list[bytes]]:
    """The parameters of `decide_request`, text format, made beforehand."""
    return iter(
        [_parameters(event) for event in events(count, mix) if isinstance(event, AuthorizationRequested)]
    )


def _parameters(event: AuthorizationRequested) -> list[bytes]:
    merchant, amount = event.merchant, event.amount
    return [
        value.encode()
        for value in (
            event.event_id,
            event.organization_id,
            event.department_id,
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
    ]
