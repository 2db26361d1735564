"""Jobs for who runs the system: how each queue stands, what failed and when it is tried again.

Whose job it is and what it is about is nobody's here: queue, task, times and the error alone.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, PageRoute, back
from api.stores.jobs import job_list, job_queues, job_retry

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: The newest; `spendlog jobs list` has all.
ROWS: Final = 100


@router.get("/jobs", openapi_extra=needs(Scope.SYSTEM_READ))
async def show_jobs(asking: Asked) -> Response:
    """Jobs that were given up, and those that failed and are tried again."""
    postgres = asking.services.postgres
    queues, failed, going = await asyncio.gather(
        job_queues(postgres),
        job_list(postgres, ["failed"], rows_max=ROWS),
        job_list(postgres, ["todo", "doing"], rows_max=ROWS),
    )
    return page(
        asking.request,
        "jobs",
        queues=queues,
        failed=failed,
        again=[job for job in going if job.failures + job.losses],
        rows_max=ROWS,
    )


@router.post("/jobs/{job_id}", openapi_extra=needs(Scope.SYSTEM_WRITE))
async def retry_job(asking: Asked, job_id: int) -> Response:
    """Once more a job that was given up, with all its attempts."""
    if not await job_retry(asking.services.postgres, job_id):
        words = "It was not given up, or one for the same waits already. Look at the list again."
        raise Problem(409, "job_not_failed", words)
    return back("/jobs", done=f"Job {job_id} waits to be done.")
