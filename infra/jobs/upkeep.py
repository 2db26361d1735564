"""What keeps the database small: jobs that ended long ago are taken away."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final, LiteralString

from infra.jobs.feature import Feature, Task
from infra.jobs.job import Job
from infra.jobs.job_settings import JobSettings
from schemas.settings import read_settings

_ROWS: Final = 5_000
#: None of the sender of webhooks, which keeps none.
_FORGET: LiteralString = """
DELETE FROM procrastinate_jobs WHERE id IN (
    SELECT j.id FROM procrastinate_jobs j JOIN job_run r ON r.job_id = j.id
    WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
        AND greatest(r.started_at, r.failed_at) < now() - %s
    LIMIT %s)
"""


def feature() -> Feature:
    """Raises SettingError."""
    keep = timedelta(days=read_settings(JobSettings).jobs_keep_days)
    return Feature("upkeep", (Task("forget", partial(forget, keep=keep), cron="17 * * * *"),))


async def forget(job: Job, *, keep: timedelta) -> None:
    """Takes jobs away that ended longer ago, some thousand an hour: more do not end."""
    async with job.once() as connection:
        await connection.execute(_FORGET, (keep, _ROWS))
