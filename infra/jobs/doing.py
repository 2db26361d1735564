"""A task as procrastinate calls it: begun, bounded, its failure kept, tried again or given up."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import psycopg
import structlog
from procrastinate import JobContext, RetryDecision
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import BaseRetryStrategy
from prometheus_client import Counter, Histogram
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from infra.jobs.feature import Task
from infra.jobs.job import Connection, Job, JobLost, JobRefused
from infra.jobs.runs import Runs
from schemas.exits import ExitStatus

log = structlog.get_logger()

_ended = Counter("spendlog_jobs_ended", "attempts at jobs, by how they ended", ["task", "outcome"])
_took = Histogram(
    "spendlog_jobs_seconds",
    "how long attempts took",
    ["task"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 30, 120, 600),
)
#: Arguments that are not the task's own.
_ORGANIZATION: Final = "organization_id"
_TIMESTAMP: Final = "timestamp"


class TriedAgain(Exception):
    """An attempt failed, and there is another one in `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"tried again in {wait_s:.0f} s")
        self.wait_s = wait_s


class GivenUp(Exception):
    """An attempt failed, and it was the last."""


class Retries(BaseRetryStrategy):
    """What was decided when it failed; what an ending process had under way the next does at once."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if isinstance(exception, GivenUp):
            return None
        wait_s = exception.wait_s if isinstance(exception, TriedAgain) else 0.0
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=wait_s))


class Doing:
    """Calls tasks. `pool`: for the jobs' own transactions; `runs`: where is kept how they went."""

    def __init__(self, pool: AsyncConnectionPool[Connection], runs: Runs) -> None:
        self._pool = pool
        self._runs = runs

    def calling(self, name: str, task: Task) -> Callable[..., Awaitable[None]]:
        """What is registered as `name`."""

        async def call(context: JobContext, **arguments: Any) -> None:
            await self._do(name, task, job_of(context, arguments, self._pool), arguments)

        return call

    async def _do(self, name: str, task: Task, job: Job, arguments: dict[str, Any]) -> None:
        started_s = time.monotonic()
        try:
            if await self._runs.begin(job):
                log.info("job_was_done", task=name, job=job.job_id)
                return
            async with asyncio.timeout(task.timeout_s):
                await task.run(job, **arguments)
            await self._runs.confirm(job)
        except JobLost as lost:
            _leave(name, lost)
        except Exception as error:  # noqa: BLE001 - whatever a task raises, it is kept and tried again
            _ended.labels(name, "failed").inc()
            await self._failed(name, task, job, error)
        else:
            _ended.labels(name, "done").inc()
            log.info("job_done", task=name, job=job.job_id, took_s=round(time.monotonic() - started_s, 3))
        finally:
            _took.labels(name).observe(time.monotonic() - started_s)

    async def _failed(self, name: str, task: Task, job: Job, error: Exception) -> NoReturn:
        """Raises TriedAgain or GivenUp."""
        words = words_of(error, task)
        defect = not isinstance(error, JobRefused | TimeoutError | psycopg.Error | PoolTimeout | OSError)
        try:
            failures = await self._runs.fail(job, words)
        except JobLost as lost:
            _leave(name, lost)
        refused = isinstance(error, JobRefused)
        told = {"task": name, "job": job.job_id, "failures": failures, "error": words}
        if refused or failures >= task.failures_max:
            log.error("job_given_up", **told, exc_info=error if defect else None)
            raise GivenUp(words) from None
        wait_s = task.wait.wait_s(failures)
        log.warning("job_failed", **told, again_in_s=wait_s, exc_info=error if defect else None)
        raise TriedAgain(wait_s) from None


def job_of(context: JobContext, arguments: dict[str, Any], pool: AsyncConnectionPool[Connection]) -> Job:
    """Takes out of `arguments` what is not the task's."""
    queued = context.job
    assert queued.id is not None
    at = arguments.pop(_TIMESTAMP, None)
    due_at = None if at is None else datetime.fromtimestamp(at, UTC)
    return Job(queued.id, queued.attempts, arguments.pop(_ORGANIZATION, None), due_at, pool)


def words_of(error: Exception, task: Task) -> str:
    """One line for people, without a traceback: that is in the log."""
    if isinstance(error, JobRefused):
        return str(error)
    if isinstance(error, TimeoutError) and not str(error):
        return f"it took longer than {task.timeout_s:g} s"
    return f"{type(error).__name__}: {_without_rows(error)}".rstrip(": ")


def _without_rows(error: Exception) -> str:
    """What it says, without what a database quotes of somebody's rows: those who run the system read it."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary is not None:
        # Data exceptions (class 22) quote a value in their first line already.
        told = "" if (error.sqlstate or "").startswith("22") else error.diag.message_primary
        return f"{told} ({error.sqlstate})".strip()
    return " ".join(str(error).split())


def _leave(name: str, lost: JobLost) -> NoReturn:
    """This process was taken for dead, and must not say how jobs ended that are others' by now: it ends as
    the dead do, and a new one begins."""
    log.error("jobs_taken_over", task=name, detail=str(lost))
    os._exit(ExitStatus.CRASHED)
