"""A job as its task sees it: whose it is, how far it is, and the one transaction of its effects."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[tuple[Any, ...]]

PROGRESS_EVERY_S: Final = 0.5


class JobRefused(Exception):
    """It cannot be done, however often it is tried. The message says what is wrong and what to do."""


class JobLost(Exception):
    """It is another's by now, or nobody's: this process was silent for too long, and taken for dead."""


#: Its own attempt: whoever takes a job over counts one on. The lock lasts as long as the effects take.
_OWN: LiteralString = """
SELECT 1 FROM procrastinate_jobs WHERE id = %s AND status = 'doing' AND attempts = %s FOR UPDATE
"""
_LOOK_AS: LiteralString = "SELECT set_config('spendlog.organization', %s, true)"
_COMMIT: LiteralString = "UPDATE job_run SET committed_at = now() WHERE job_id = %s"
_PROGRESS: LiteralString = "UPDATE job_run SET done = %s, total = %s WHERE job_id = %s"


@dataclass(slots=True)
class Job:
    """`organization_id` None: of the system. `attempt`: times it was begun before. `due_at`: if periodic."""

    job_id: int
    attempt: int
    organization_id: str | None
    due_at: datetime | None
    _pool: AsyncConnectionPool[Connection]
    _clock: Callable[[], float] = time.monotonic
    _told_s: float = field(default=-PROGRESS_EVERY_S, init=False)

    @asynccontextmanager
    async def once(self) -> AsyncIterator[Connection]:
        """The transaction in which the job takes effect, all of it and once: by the process that has the job,
        or not at all. Once it is committed the job counts as done, whatever becomes of the process. At most
        one a job.

        Behind the wall of its organization; a job of the system sees no tenant's rows.

        Raises:
            JobLost: nothing was written.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await self.require_own(connection)
            await connection.execute(_LOOK_AS, [self.organization_id or ""])
            yield connection
            await connection.execute(_COMMIT, [self.job_id])

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """One moment of the books, behind the wall of its organization. Nothing can be written."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await connection.execute(_LOOK_AS, [self.organization_id or ""])
            yield connection

    async def progress(self, done: int, total: int | None = None) -> None:
        """Tells how far it is; more often than twice a second says nothing, but for the end."""
        now_s = self._clock()
        if now_s - self._told_s < PROGRESS_EVERY_S and done != total:
            return
        self._told_s = now_s
        async with self._pool.connection() as connection:
            await connection.execute(_PROGRESS, (done, total, self.job_id))

    async def require_own(self, connection: Connection) -> None:
        """Raises JobLost."""
        cursor = await connection.execute(_OWN, (self.job_id, self.attempt))
        if await cursor.fetchone() is None:
            raise JobLost(f"job {self.job_id} is not this process's any more")
