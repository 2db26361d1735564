"""`python -m tests.jobs.trial`: the process that does jobs, with tasks that can be watched and killed.

What they do is a row in `effect`. Where they are told to wait they say so in the log, and wait until the file
HOLD is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import structlog

from infra.jobs.feature import Feature, Task
from infra.jobs.job import Job, JobRefused
from infra.jobs.process import run
from infra.processes.refs import wait_until
from schemas.backoff import Backoff

EFFECTS = """
CREATE TABLE effect (job_id bigint, task text, organization_id text, seen text[]);
GRANT SELECT, INSERT ON effect TO spendlog_jobs;
"""
_EFFECT = """
INSERT INTO effect SELECT %s, %s, current_setting('spendlog.organization'),
    ARRAY(SELECT DISTINCT organization_id FROM api_key)
"""
log = structlog.get_logger()


async def wait_at(place: str, at: str | None) -> None:
    if place == at:
        log.info("waits", at=at)
        while Path(os.environ["HOLD"]).exists():  # noqa: ASYNC110, ASYNC240 - another process takes it away
            await asyncio.sleep(0.02)


async def take_effect(job: Job, at: str | None = None) -> None:
    await job.progress(1, 3)
    await wait_at("before", at)
    async with job.once() as connection:
        await connection.execute(_EFFECT, (job.job_id, "take_effect"))
        await wait_at("inside", at)
    await wait_at("after", at)
    await job.progress(3, 3)


async def fail(job: Job, times: int) -> None:
    if job.attempt < times:
        raise OSError("the line is cut")
    await take_effect(job)


async def refuse(job: Job) -> None:
    raise JobRefused("page 3 is encrypted: upload it without its password")


async def hang(job: Job) -> None:
    await asyncio.sleep(60)


async def tick(job: Job) -> None:
    assert job.due_at is not None
    await take_effect(job)


def feature() -> Feature:
    soon = Backoff(0.05, 0.1)
    return Feature(
        "trial",
        (
            Task("effect", take_effect),
            Task("fail", fail, failures_max=3, wait=soon),
            Task("refuse", refuse, wait=soon),
            Task("hang", hang, failures_max=1, timeout_s=0.2),
            Task("tick", tick, cron="* * * * *"),
        ),
        at_once=5,
    )


class TrialProcess:
    """That process, which may be started again."""

    def __init__(self, database: str, folder: Path, name: str = "jobs", silent_s: float = 1.0) -> None:
        self.hold = folder / "hold"
        self._env = {
            **os.environ,
            "SPENDLOG_POSTGRES": database,
            "SPENDLOG_JOBS_SILENT_S": str(silent_s),
            "HOLD": str(self.hold),
        }
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.jobs.trial"], env=self._env, stderr=out
            )

    def says(self, what: str, times: int = 1) -> None:
        """Waits until it has said so."""
        assert wait_until(lambda: self.text().count(what) >= times, 60.0), self.text()

    def text(self) -> str:
        return self._log.read_text()

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        assert self._process is not None
        return self._process.wait(60)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.ended()

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


@contextmanager
def trial(database: str, folder: Path, name: str = "jobs", silent_s: float = 1.0) -> Iterator[TrialProcess]:
    process = TrialProcess(database, folder, name, silent_s)
    try:
        yield process
    finally:
        process.kill()


def put(
    database: str, task: str, organization: str = "techcorp", key: str | None = None, **arguments: Any
) -> int:
    with psycopg.connect(database, autocommit=True) as connection:
        asked = (organization, task, key, psycopg.types.json.Jsonb(arguments))
        row = connection.execute("SELECT job_put(%s, 'trial', %s, %s, %s)", asked).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(run((feature,)))
