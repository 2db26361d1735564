"""The process that does jobs: a worker of procrastinate for each queue, and who looks after lost ones."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from prometheus_client import start_http_server
from psycopg_pool import PoolTimeout

from infra.jobs.doing import Doing, Retries
from infra.jobs.feature import Feature
from infra.jobs.job_settings import JobSettings
from infra.jobs.runs import Runs, open_pool
from schemas.exits import ExitStatus
from schemas.settings import SettingError, read_settings, shown
from sinks.process import configure_logs

log = structlog.get_logger()

#: Decisions have the machine first.
NICE = 10
SWEEP_EVERY_S = 5.0
POLL_S = 1.0  # what a job waits that became due without anybody saying so, as a retry does
ENDING_S = 5.0  # what is under way may end; then it is the next process's


def run(builders: Sequence[Callable[[], Feature]]) -> int:
    """Until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    try:
        settings = read_settings(JobSettings)
        features = [build() for build in builders]
    except SettingError as error:
        sys.stderr.write(f"spendlog jobs: {error}\n")
        return ExitStatus.WRONG_SETTING
    _quieten(features)
    log.info("jobs_start", queues=[one.queue for one in features], **shown(settings))
    os.nice(NICE)
    if settings.jobs_metrics_port is not None:
        start_http_server(settings.jobs_metrics_port, settings.jobs_metrics_host)
    why = None
    try:
        asyncio.run(_serve(features, settings))
    except* (psycopg.Error, ConnectorException, PoolTimeout) as away:
        why = " ".join(str(away.exceptions[0]).split())
    if why is not None:
        log.error("jobs_stopped", detail=why)
        return ExitStatus.FAILED
    log.info("jobs_end")
    return ExitStatus.DONE


def _quieten(features: Sequence[Feature]) -> None:
    """How jobs end is said here; from procrastinate only why a worker ends."""
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("procrastinate.worker").setLevel(logging.CRITICAL)
    for feature in features:
        logging.getLogger(f"procrastinate.worker.{feature.queue}").setLevel(logging.ERROR)


async def _serve(features: Sequence[Feature], settings: JobSettings) -> None:
    options = "" if settings.jobs_role == "none" else f"-c role={settings.jobs_role}"
    kwargs = {"options": options, "application_name": "spendlog-jobs-queue", "connect_timeout": 5}
    # Of each queue one connection listens, and one at a time asks.
    size = 2 * len(features) + 2
    app = App(
        connector=PsycopgConnector(conninfo=settings.postgres, min_size=1, max_size=size, kwargs=kwargs)
    )
    pool = open_pool(settings.postgres, options)
    runs = Runs(pool)
    register(app, features, Doing(pool, runs))
    async with AsyncExitStack() as opened:
        await pool.open(wait=True, timeout=10.0)
        opened.push_async_callback(pool.close, 1.0)
        await opened.enter_async_context(app.open_async())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_work(app, one, settings)) for one in features]
            tasks.append(group.create_task(_sweep(app, runs, features, settings)))
            _on_signals(tasks)
            log.info("jobs_ready")


def register(app: App, features: Sequence[Feature], doing: Doing) -> None:
    """Each task under its queue's name; what is periodic never runs beside itself."""
    for feature in features:
        for task in feature.tasks:
            name = f"{feature.queue}.{task.name}"
            lock = name if task.cron is not None else None
            made = app.task(name=name, queue=feature.queue, pass_context=True, lock=lock, retry=Retries())(
                doing.calling(name, task)
            )
            if task.cron is not None:
                app.periodic(cron=task.cron)(made)


async def _work(app: App, feature: Feature, settings: JobSettings) -> None:
    await app.run_worker_async(
        queues=[feature.queue],
        name=feature.queue,
        concurrency=feature.at_once,
        fetch_job_polling_interval=POLL_S,
        install_signal_handlers=False,
        shutdown_graceful_timeout=ENDING_S,
        update_heartbeat_interval=settings.jobs_silent_s / 5,
        stalled_worker_timeout=settings.jobs_silent_s,
    )
    # It ends by itself when it lost the database, and has said why in its own log.
    raise ConnectorException("the queue of jobs was lost")


async def _sweep(app: App, runs: Runs, features: Sequence[Feature], settings: JobSettings) -> None:
    """Jobs of processes that are gone."""
    while True:
        for feature in features:
            for stalled in await app.job_manager.get_stalled_jobs(
                queue=feature.queue, seconds_since_heartbeat=settings.jobs_silent_s
            ):
                assert stalled.id is not None
                lost = await runs.lose(stalled.id, stalled.attempts)
                if lost is not None:
                    told = {"task": stalled.task_name, "job": stalled.id, "losses": lost.losses}
                    log.warning("job_given_up" if lost.gives_up else "job_was_lost", **told)
        await asyncio.sleep(min(SWEEP_EVERY_S, settings.jobs_silent_s / 2))


def _on_signals(tasks: Sequence[asyncio.Task[None]]) -> None:
    """What is under way ends; then the process does."""

    def stop() -> None:
        for task in tasks:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
