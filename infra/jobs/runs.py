"""The statements of the runs of jobs: begun, failed, lost, long ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, LiteralString, NamedTuple

from psycopg_pool import AsyncConnectionPool

from infra.jobs.job import Connection, Job
from schemas.backoff import Backoff

POOL_MAX: Final = 10
#: A job that was under way so often when its process died is what kills it, or has had bad company too often.
LOSSES_MAX: Final = 5
LOST_WAIT: Final = Backoff(1.0, 60.0)
ERROR_LENGTH_MAX: Final = 500

_BEGIN: LiteralString = """
INSERT INTO job_run (job_id, organization_id) VALUES (%s, %s)
ON CONFLICT (job_id) DO UPDATE SET started_at = now(), done = 0, total = NULL
RETURNING committed_at IS NOT NULL
"""
# From now on another may wait for the same: this one, tried again, would stand in its place.
_ALONE: LiteralString = "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %s"
_FAIL: LiteralString = """
UPDATE job_run SET failures = failures + 1, error = %s, failed_at = now() WHERE job_id = %s RETURNING failures
"""
# Without waiting: who holds it just now is writing its effects, and will have done it.
_SEIZE: LiteralString = """
SELECT 1 FROM procrastinate_jobs WHERE id = %s AND status = 'doing' AND attempts = %s FOR UPDATE SKIP LOCKED
"""
_LOSE: LiteralString = """
INSERT INTO job_run (job_id, losses, failed_at, error) VALUES (%(job)s, 1, now(), %(error)s)
ON CONFLICT (job_id) DO UPDATE SET losses = job_run.losses + 1, failed_at = now(), error = %(error)s
RETURNING losses
"""
_AGAIN: LiteralString = "SELECT procrastinate_retry_job_v2(%s, now() + %s, NULL, NULL, NULL)"
_GIVE_UP: LiteralString = "SELECT procrastinate_finish_job_v1(%s, 'failed', false)"


class LostJob(NamedTuple):
    """A job whose process was silent for too long. `gives_up`: that was once too often."""

    losses: int
    gives_up: bool


class Runs:
    """The table job_run, and the jobs that it is about, over a pool of its own."""

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    async def begin(self, job: Job) -> bool:
        """Whether its effects are there already: then only that it ended is left to say. Raises JobLost."""
        async with self._pool.connection() as connection, connection.transaction():
            await job.require_own(connection)
            await connection.execute(_ALONE, [job.job_id])
            cursor = await connection.execute(_BEGIN, (job.job_id, job.organization_id))
            row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def fail(self, job: Job, error: str) -> int:
        """Returns how often it has failed. Raises JobLost."""
        async with self._pool.connection() as connection, connection.transaction():
            await job.require_own(connection)
            cursor = await connection.execute(_FAIL, (error[:ERROR_LENGTH_MAX], job.job_id))
            row = await cursor.fetchone()
        return 1 if row is None else int(row[0])

    async def confirm(self, job: Job) -> None:
        """Raises JobLost: what was done is not to be said of the job that another has."""
        async with self._pool.connection() as connection, connection.transaction():
            await job.require_own(connection)

    async def lose(self, job_id: int, attempt: int) -> LostJob | None:
        """Gives a lost job back to its queue, or up. None: it is not lost, or somebody else saw it first."""
        error = "the process that did it ended, or was silent for too long"
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(_SEIZE, (job_id, attempt))
            if await cursor.fetchone() is None:
                return None
            cursor = await connection.execute(_LOSE, {"job": job_id, "error": error})
            losses = int((await cursor.fetchone() or (1,))[0])
            if losses >= LOSSES_MAX:
                await connection.execute(_GIVE_UP, [job_id])
            else:
                wait = timedelta(seconds=LOST_WAIT.wait_s(losses))
                await connection.execute(_ALONE, [job_id])
                await connection.execute(_AGAIN, (job_id, wait))
        return LostJob(losses, losses >= LOSSES_MAX)


def open_pool(url: str, options: str) -> AsyncConnectionPool[Connection]:
    """Not connected yet. `options`: libpq's, for each connection."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=POOL_MAX,
        open=False,
        name="spendlog-jobs",
        kwargs={
            "autocommit": True,
            "application_name": "spendlog-jobs",
            "connect_timeout": 5,
            "options": options,
        },
    )
