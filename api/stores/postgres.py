"""The room's only door to PostgreSQL: short reads with a bound, and the key table's few statements."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from api.stores.breaker import Breaker, bounded
from api.stores.tenant import TENANT

log = structlog.get_logger(__name__)

QUERY_TIMEOUT_S = 0.5  # primary key look-ups; one that takes longer is of no use to a caller with 2 s
CHANGE_TIMEOUT_S = 3.0  # of a transaction of several statements, which may wait for another
REPORT_TIMEOUT_S = 10.0  # what adds up bookings reads all of a department's, or an organization's
WARN_EVERY_S = 10.0
DOUBT_S = 0.25  # whoever waits for longer has somebody look whether the server is there
AGAIN_S = 0.5  # between two of these looks

Row = dict[str, Any]
T = TypeVar("T")


class PostgresAway(Exception):
    """No answer from PostgreSQL within the bound."""


class Unstorable(Exception):
    """What a constraint of the database refuses; nothing was written. `constraint`: its name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Transaction:
    """Statements that happen together or not at all."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def row(self, sql: LiteralString, parameters: Row | None = None) -> Row | None:
        """The first row, or None."""
        return await _first(self._connection, sql, parameters, None)


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
    """A small pool. Every call ends within its bound, also when the server hangs.

    A server that is away opens the breaker; a statement that is slow costs its own caller an answer.
    """

    def __init__(
        self, url: str, *, connections_max: int, role: str | None = None, patience: float = 1.0
    ) -> None:
        """`role`: what its sessions act as, so that even an owner's login has only the API's rights.
        `patience`: bounds are so many times as long as callers say."""
        self._patience = patience
        query_s = QUERY_TIMEOUT_S * patience
        options = f"-c statement_timeout={round(query_s * 1000)}" + (f" -c role={role}" if role else "")
        self._pool = AsyncConnectionPool(
            url,
            connection_class=_Connection,
            min_size=1,
            max_size=connections_max,
            max_waiting=1000,
            timeout=query_s,
            reconnect_timeout=5.0,
            open=False,
            name="spendlog-api",
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": round(2 * patience),
                "application_name": "spendlog-api",
                "options": options,
            },
        )
        self._breaker = Breaker("postgres", self._ping, ping_s=query_s, again_s=AGAIN_S)
        self._reports = asyncio.Semaphore(max(1, connections_max // 2))  # the rest is for quick looks
        self._warn_at = 0.0

    async def open(self) -> None:
        """Begins to connect and returns: the API takes authorizations without PostgreSQL."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._breaker.close()
        await self._pool.close(timeout=1.0)

    async def row(
        self,
        sql: LiteralString,
        parameters: Row | None = None,
        *,
        timeout_s: float = QUERY_TIMEOUT_S,
        prepare: bool | None = None,
        reader: str | None = None,
    ) -> Row | None:
        """The first row, or None. `timeout_s`: QUERY_TIMEOUT_S or more. `prepare` False: planned for these
        parameters, each time; None: once for all, after some. `reader`: a role as which it is asked, in a
        transaction that can only read. Raises PostgresAway."""
        return await self._answered(self._row(sql, parameters, timeout_s, prepare, reader), timeout_s)

    async def transact(
        self, work: Callable[[Transaction], Awaitable[T]], *, timeout_s: float = CHANGE_TIMEOUT_S
    ) -> T:
        """What `work` gives, in one transaction, which an exception of `work` undoes. Raises PostgresAway,
        and Unstorable for what a constraint refuses."""

        async def all_of_it() -> T:
            async with self._pool.connection() as connection:
                await connection.look_as(TENANT.get())
                async with connection.transaction():
                    return await work(Transaction(connection))

        try:
            return await self._answered(all_of_it(), timeout_s)
        except psycopg.IntegrityError as error:
            raise Unstorable(error.diag.constraint_name or "unknown") from None

    async def _answered(self, asking: Coroutine[Any, Any, T], timeout_s: float) -> T:
        timeout_s *= self._patience
        away = self._breaker.opened
        if away.done():
            asking.close()
            raise PostgresAway(away.result())
        doubt = asyncio.get_running_loop().call_later(DOUBT_S * self._patience, self._breaker.doubt)
        try:
            return await bounded(asking, timeout_s, away)
        except TimeoutError:
            raise self._slow(away.result() if away.done() else f"no answer within {timeout_s} s") from None
        except psycopg.errors.QueryCanceled:  # a server that says so is there
            raise self._slow(f"the answer takes longer than {timeout_s} s") from None
        except (PoolClosed, TooManyRequests) as ours:
            raise PostgresAway(str(ours)) from None
        except (psycopg.OperationalError, PoolTimeout) as error:
            self._breaker.doubt()
            raise self._slow(str(error).partition("\n")[0] or type(error).__name__) from None
        finally:
            doubt.cancel()

    def _slow(self, error: str) -> PostgresAway:
        """One call without an answer, which says nothing of others."""
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + WARN_EVERY_S
            log.warning("postgres_no_answer", error=error, next_warning_s=WARN_EVERY_S)
        return PostgresAway(error)

    async def _ping(self) -> None:
        """As the pool hands a connection out it asks the server whether that still holds."""
        async with self._pool.connection():
            pass

    async def _row(
        self,
        sql: LiteralString,
        parameters: Row | None,
        timeout_s: float,
        prepare: bool | None,
        reader: str | None,
    ) -> Row | None:
        if timeout_s == QUERY_TIMEOUT_S and reader is None:
            async with self._pool.connection() as connection:
                await connection.look_as(TENANT.get())
                return await _first(connection, sql, parameters, prepare)
        async with self._reports, self._pool.connection() as connection:
            await connection.look_as(TENANT.get())
            async with connection.transaction():
                # Earlier than the caller gives up, so that a server that lives says so itself.
                bound_s = max(timeout_s - QUERY_TIMEOUT_S, QUERY_TIMEOUT_S) * self._patience
                bound = f"{round(bound_s * 1000)}ms"
                await connection.execute("SELECT set_config('statement_timeout', %s, true)", [bound])
                if reader is not None:
                    await connection.execute(_READING, [reader])
                return await _first(connection, sql, parameters, prepare)


#: Until the transaction's end; the order matters not, for a reader may do both.
_READING: LiteralString = (
    "SELECT set_config('transaction_read_only', 'on', true), set_config('role', %s, true),"
    # Groups of a million purchases are gathered in memory; of these transactions there are a few at a time.
    " set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"
)


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
    """One connection and one transaction, for commands. Raises PostgresAway when there is no server, and
    Unstorable."""
    try:
        connection = psycopg.connect(url, row_factory=dict_row, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise PostgresAway(str(error).partition("\n")[0]) from None
    try:
        with connection:
            yield connection
    except psycopg.IntegrityError as error:
        raise Unstorable(error.diag.constraint_name or "unknown") from None
