"""Jobs on a real PostgreSQL, by real processes: killed, frozen, failing, asked for by tenants."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.jobs.runs import LOSSES_MAX, Runs, open_pool
from infra.processes.refs import wait_until
from infra.status import job_queues
from tests.infra.support import spendlog
from tests.jobs.trial import TrialProcess, put, trial
from tests.sinks.conftest import Endpoints, query


def state(database: str, job: int) -> tuple[object, ...]:
    """Its status, failures, losses, and how often it took effect."""
    (row,) = query(
        database,
        "SELECT j.status::text, r.failures, r.losses, (SELECT count(*) FROM effect e WHERE e.job_id = j.id)"
        " FROM procrastinate_jobs j JOIN job_run r ON r.job_id = j.id WHERE j.id = %s",
        job,
    )
    return row


def becomes(database: str, job: int, *expected: object) -> None:
    assert wait_until(lambda: state(database, job) == expected, 180.0), state(database, job)


@pytest.fixture(scope="module")
def at_work(books: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialProcess]:
    with trial(books, tmp_path_factory.mktemp("jobs"), silent_s=30.0) as process:
        process.start()
        process.says("jobs_ready")
        yield process
        assert process.end() == 0
        assert '"jobs_end"' in process.text()


def test_a_job_whose_process_is_killed_takes_effect_once_wherever_it_was(books: str, tmp_path: Path) -> None:
    with trial(books, tmp_path) as process:
        process.hold.touch()
        jobs = [put(books, "effect", at=place) for place in ("before", "inside", "after")]
        process.start()
        process.says('"waits"', 3)
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        assert [state(books, job)[0] for job in jobs] == ["doing"] * 3
        process.hold.unlink()
        process.start()
        for job in jobs:
            becomes(books, job, "succeeded", 0, 1, 1)
        assert process.end() == 0
    # Of the third only its end was left to say.
    assert f'"trial.effect", "job": {jobs[2]}, "event": "job_was_done"' in process.text()


def test_a_process_that_was_taken_for_dead_ends_without_a_word(books: str, tmp_path: Path) -> None:
    with trial(books, tmp_path, "frozen") as frozen, trial(books, tmp_path, "next") as following:
        frozen.hold.touch()
        job = put(books, "effect", at="before")
        frozen.start()
        frozen.says('"waits"')
        frozen.send(signal.SIGSTOP)
        frozen.hold.unlink()
        following.start()
        becomes(books, job, "succeeded", 0, 1, 1)
        frozen.send(signal.SIGCONT)
        assert frozen.ended() == 70
        assert "jobs_taken_over" in frozen.text()
        assert following.end() == 0
    assert state(books, job) == ("succeeded", 0, 1, 1)


def test_what_is_under_way_when_it_is_asked_to_end_is_done_by_the_next(books: str, tmp_path: Path) -> None:
    with trial(books, tmp_path) as process:
        process.hold.touch()
        job = put(books, "effect", at="inside")
        process.start()
        process.says('"waits"')
        assert process.end() == 0
        assert state(books, job) == ("todo", 0, 0, 0)
        process.hold.unlink()
        process.start()
        becomes(books, job, "succeeded", 0, 0, 1)


@pytest.mark.parametrize(
    ("task", "arguments", "expected", "error"),
    [
        ("fail", {"times": 2}, ("succeeded", 2, 0, 1), "OSError: the line is cut"),
        ("fail", {"times": 9}, ("failed", 3, 0, 0), "OSError: the line is cut"),
        ("refuse", {}, ("failed", 1, 0, 0), "page 3 is encrypted: upload it without its password"),
        ("hang", {}, ("failed", 1, 0, 0), "it took longer than 0.2 s"),
    ],
)
def test_failures_are_tried_again_with_waits_up_to_a_bound(
    books: str,
    at_work: TrialProcess,
    task: str,
    arguments: dict[str, Any],
    expected: tuple[object, ...],
    error: str,
) -> None:
    job = put(books, task, **arguments)
    becomes(books, job, *expected)
    assert query(books, "SELECT error FROM job_run WHERE job_id = %s", job) == [(error,)]


def test_a_job_that_was_given_up_is_seen_and_tried_once_more(books: str, at_work: TrialProcess) -> None:
    job = put(books, "fail", times=4)
    becomes(books, job, "failed", 3, 0, 0)
    env = {"SPENDLOG_POSTGRES": books}
    listed = json.loads(spendlog("jobs", "list", "--failed", "--json", env=env).stdout)
    (one,) = [each for each in listed if each["job_id"] == job]
    assert (one["task"], one["failures"], one["error"]) == ("trial.fail", 3, "OSError: the line is cut")
    (queue,) = job_queues(books)
    assert (queue.queue, queue.failed >= 1, queue.is_stuck) == ("trial", True, False)
    assert spendlog("jobs", "retry", str(job), env=env).returncode == 0
    becomes(books, job, "succeeded", 0, 0, 1)
    again = spendlog("jobs", "retry", str(job), env=env)
    assert (again.returncode, again.stderr.startswith(f"error: job {job} was not given up")) == (1, True)


def test_what_is_due_at_a_time_is_done_once_by_however_many(
    books: str, at_work: TrialProcess, tmp_path: Path
) -> None:
    def ticks() -> list[int]:
        found = query(
            books, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'trial.tick' GROUP BY args"
        )
        return [count for (count,) in found]

    with trial(books, tmp_path, silent_s=30.0) as second:
        second.start()
        second.says("jobs_ready")
        assert wait_until(lambda: len(ticks()) >= 1, 60.0)
        assert second.end() == 0
    assert set(ticks()) == {1}


def test_a_job_comes_with_the_transaction_that_asks_for_it_and_once_for_a_key(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SELECT job_put('o', 'trial', 'effect', 'k', '{}')")
        connection.rollback()
    assert query(database, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    first = put(database, "effect", key="k")
    assert put(database, "effect", key="k") == first
    others = {
        put(database, "effect", key="l"),
        put(database, "effect", "other", key="k"),
        put(database, "fail", key="k"),
    }
    assert len(others | {first}) == 4
    assert len({put(database, "effect"), put(database, "effect")}) == 2


def test_a_tenant_asks_for_himself_alone_and_his_job_sees_no_other(books: str, at_work: TrialProcess) -> None:
    for one in ("mine", "yours"):
        query(
            books,
            "INSERT INTO api_key (id, organization_id, name, prefix, key_sha256, scopes, actor)"
            " VALUES (%s, %s, 'n', 'p', sha256(%s::bytea), '{}', 'a') RETURNING 1",
            f"key-{one}",
            one,
            one,
        )
    with psycopg.connect(books, options="-c role=spendlog_api", autocommit=True) as api:
        ask = "SELECT job_ask('trial', 'effect', NULL, '{\"organization_id\": \"yours\"}')"
        with pytest.raises(psycopg.errors.RaiseException, match="nobody is identified"):
            api.execute(ask)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("SELECT job_put('yours', 'trial', 'effect', NULL, '{}')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("SELECT count(*) FROM procrastinate_jobs")
        api.execute("SELECT set_config('spendlog.organization', 'mine', false)")
        (job,) = api.execute(ask).fetchone() or (0,)
        becomes(books, job, "succeeded", 0, 0, 1)
        assert api.execute("SELECT DISTINCT organization_id FROM job_run").fetchall() == [("mine",)]
    assert query(books, "SELECT organization_id, seen FROM effect WHERE job_id = %s", job) == [
        ("mine", ["mine"])
    ]


def test_a_job_that_kills_its_process_again_and_again_is_given_up(database: str) -> None:
    job = put(database, "effect")

    async def lose() -> list[bool]:
        gave_up = []
        async with open_pool(database, "-c role=spendlog_jobs") as pool:
            runs = Runs(pool)
            for attempt in range(LOSSES_MAX):
                async with pool.connection() as connection:
                    await connection.execute(
                        "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job]
                    )
                assert await runs.lose(job, attempt + 1) is None  # another's attempt
                lost = await runs.lose(job, attempt)
                assert lost is not None
                gave_up.append(lost.gives_up)
        return gave_up

    assert asyncio.run(lose()) == [False] * (LOSSES_MAX - 1) + [True]
    found = query(
        database,
        "SELECT j.status::text, r.losses FROM procrastinate_jobs j JOIN job_run r ON r.job_id = j.id",
    )
    assert found == [("failed", LOSSES_MAX)]


def test_a_wrong_setting_is_one_line_and_ends_the_command(stack: Endpoints) -> None:
    done = spendlog("jobs", env={"SPENDLOG_POSTGRES": stack.postgres, "SPENDLOG_JOBS_KEEP_DAYS": "many"})
    assert done.returncode == 1
    assert "setting SPENDLOG_JOBS_KEEP_DAYS is wrong" in done.stderr
