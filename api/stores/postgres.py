"""The room's only door to PostgreSQL: short reads with a bound, and the key table's few statements."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from api.stores.tenant import TENANT

log = structlog.get_logger(__name__)

QUERY_TIMEOUT_S = 0.5  # primary key look-ups; one that takes longer is of no use to a caller with 2 s
REPORT_TIMEOUT_S = 10.0  # what adds up bookings reads all of a department's, or an organization's
WARN_EVERY_S = 10.0
AGAIN_S = 0.5  # after a failure the next try waits this long: a caller does not pay for each

Row = dict[str, Any]


class PostgresAway(Exception):
    """No answer from PostgreSQL within the bound."""


class _Connection(psycopg.AsyncConnection[Any]):
    """One that knows whose rows it shows (`api.stores.tenant`)."""

    _shows: str | None = None  # None: not known

    async def look_as(self, tenant: str) -> None:
        """A round trip where the last one was another; in most uses of a connection it was not."""
        if self._shows != tenant:
            self._shows = None
            await self.execute("SELECT set_config('spendlog.organization', %s, false)", [tenant])
            self._shows = tenant


class Postgres:
    """A small pool. Every call ends within its bound, also when the server hangs."""

    def __init__(self, url: str, *, connections_max: int, role: str | None = None) -> None:
        """`role`: what its sessions act as, so that even an owner's login has only the API's rights."""
        options = f"-c statement_timeout={round(QUERY_TIMEOUT_S * 1000)}" + (
            f" -c role={role}" if role else ""
        )
        self._pool = AsyncConnectionPool(
            url,
            connection_class=_Connection,
            min_size=1,
            max_size=connections_max,
            max_waiting=1000,
            timeout=QUERY_TIMEOUT_S,
            reconnect_timeout=5.0,
            open=False,
            name="spendlog-api",
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": 2,
                "application_name": "spendlog-api",
                "options": options,
            },
        )
        self._again_at = 0.0
        self._warn_at = 0.0

    async def open(self) -> None:
        """Begins to connect and returns: the API takes authorizations without PostgreSQL."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=1.0)

    async def row(
        self,
        sql: LiteralString,
        parameters: Row | None = None,
        *,
        timeout_s: float = QUERY_TIMEOUT_S,
        prepare: bool | None = None,
    ) -> Row | None:
        """The first row, or None. `timeout_s`: QUERY_TIMEOUT_S or more. `prepare` False: planned for these
        parameters, each time; None: once for all, after some. Raises PostgresAway."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._again_at:
            raise PostgresAway("it did not answer a moment ago")
        # A task of its own: cancelling a query asks the server to stop it and waits for that, and a hung
        # server does not answer that either. The caller goes on; the task ends when the server does.
        task = asyncio.create_task(self._row(sql, parameters, timeout_s, prepare))
        try:
            done, _ = await asyncio.wait({task}, timeout=timeout_s)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise self._away(f"no answer within {timeout_s} s")
        try:
            return task.result()
        except psycopg.errors.QueryCanceled as error:
            if timeout_s > QUERY_TIMEOUT_S:  # a report that takes too long says nothing of the server
                raise PostgresAway(f"the answer takes longer than {timeout_s} s") from None
            raise self._away(str(error)) from None
        except (psycopg.OperationalError, PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise self._away(str(error).partition("\n")[0] or type(error).__name__) from None

    def _away(self, error: str) -> PostgresAway:
        now = asyncio.get_running_loop().time()
        self._again_at = now + AGAIN_S
        if now >= self._warn_at:
            self._warn_at = now + WARN_EVERY_S
            log.warning("postgres_away", error=error, next_warning_s=WARN_EVERY_S)
        return PostgresAway(error)

    async def _row(
        self, sql: LiteralString, parameters: Row | None, timeout_s: float, prepare: bool | None
    ) -> Row | None:
        async with self._pool.connection() as connection:
            await connection.look_as(TENANT.get())
            if timeout_s == QUERY_TIMEOUT_S:
                return await _first(connection, sql, parameters, prepare)
            async with connection.transaction():
                # Earlier than the caller gives up, so that a server that lives says so itself.
                bound = f"{round((timeout_s - QUERY_TIMEOUT_S) * 1000)}ms"
                await connection.execute("SELECT set_config('statement_timeout', %s, true)", [bound])
                return await _first(connection, sql, parameters, prepare)


async def _first(
    connection: psycopg.AsyncConnection[Any],
    sql: LiteralString,
    parameters: Row | None,
    prepare: bool | None,
) -> Row | None:
    cursor = await connection.execute(sql, parameters, prepare=prepare)
    found: Row | None = await cursor.fetchone()  # dict_row, said in the pool's arguments
    return found


@contextmanager
def direct(url: str) -> Iterator[psycopg.Connection[Row]]:
    """One connection and one transaction, for commands. Raises PostgresAway when there is no server."""
    try:
        connection = psycopg.connect(url, row_factory=dict_row, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise PostgresAway(str(error).partition("\n")[0]) from None
    with connection:
        yield connection
