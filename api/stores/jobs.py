"""How the jobs of the system stand. They are of all organizations: ask only for those who run it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, LiteralString

import msgspec

from api.stores.postgres import CHANGE_TIMEOUT_S, Postgres

JobStatus = Literal["todo", "doing", "succeeded", "failed"]
_QUEUES: LiteralString = "SELECT coalesce(json_agg(q ORDER BY q.queue), '[]') AS rows FROM job_queues() AS q"
_LIST: LiteralString = """
SELECT coalesce(json_agg(j ORDER BY j.job_id DESC), '[]') AS rows
FROM job_list(%(statuses)s::text[], %(queue)s, %(rows_max)s) AS j
"""
_RETRY: LiteralString = "SELECT job_retry(%(job_id)s) AS again"
#: One beyond these, and somebody should look: nobody takes what could run.
STUCK_S: Final = 60.0


class QueueStanding(msgspec.Struct, frozen=True):
    """`due`: could run now, the first for `oldest_s`. `later`: wait for their time. `failed`: given up."""

    queue: str
    due: int
    later: int
    running: int
    failed: int
    oldest_s: float | None

    @property
    def is_stuck(self) -> bool:
        """Nobody does its jobs."""
        return self.running == 0 and (self.oldest_s or 0.0) > STUCK_S


class JobStanding(msgspec.Struct, frozen=True):
    """One job. `at`: due, begun, or failed then. `losses`: attempts that ended with their process."""

    job_id: int
    queue: str
    task: str
    status: str
    organization_id: str | None
    failures: int
    losses: int
    done: int
    total: int | None
    error: str | None
    at: datetime | None


async def job_queues(postgres: Postgres) -> list[QueueStanding]:
    """All that have jobs which wait, run or were given up. Raises PostgresAway."""
    row = await postgres.row(_QUEUES, timeout_s=CHANGE_TIMEOUT_S)
    return msgspec.convert([] if row is None else row["rows"], list[QueueStanding])


async def job_list(
    postgres: Postgres, statuses: Sequence[JobStatus], *, queue: str | None = None, rows_max: int = 100
) -> list[JobStanding]:
    """The newest in these states. Raises PostgresAway."""
    asked = {"statuses": list(statuses), "queue": queue, "rows_max": rows_max}
    row = await postgres.row(_LIST, asked, timeout_s=CHANGE_TIMEOUT_S)
    return msgspec.convert([] if row is None else row["rows"], list[JobStanding])


async def job_retry(postgres: Postgres, job_id: int) -> bool:
    """Once more a job that was given up; False: it is none. Raises PostgresAway."""
    row = await postgres.row(_RETRY, {"job_id": job_id}, timeout_s=CHANGE_TIMEOUT_S)
    return row is not None and bool(row["again"])
