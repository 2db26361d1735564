"""Settlement files against the ledger, once all lines of one are there."""

from __future__ import annotations

from typing import Final

from infra.jobs.feature import Feature, Task
from infra.jobs.job import Job, JobRefused
from infra.reconciliation.line_matching import match_file

#: 100,000 lines took 12 s on the developers' machine, beside other work.
_TIMEOUT_S: Final = 600.0


def feature() -> Feature:
    return Feature("reconciliation", (Task("match", match, timeout_s=_TIMEOUT_S),))


async def match(job: Job, *, file_id: str) -> None:
    """Raises JobRefused: the file is not there, or was replaced."""
    if job.organization_id is None:
        raise JobRefused("a settlement file belongs to an organization, and the job names none")
    async with job.once() as connection:
        if not await match_file(connection, job.organization_id, file_id, job.progress):
            raise JobRefused(
                f"there is no settlement file {file_id} to be matched: it may have been replaced"
            )
