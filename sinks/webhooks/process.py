"""The sender as a process: a worker of procrastinate, and somebody who looks after what was left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from prometheus_client import start_http_server
from psycopg_pool import PoolTimeout

from schemas.exits import ExitStatus
from schemas.settings import SettingError, read_settings, shown
from sinks.process import configure_logs
from sinks.webhooks.deliveries import Deliveries, open_pool
from sinks.webhooks.post import ATTEMPT_S_MAX, Poster
from sinks.webhooks.sender import Sender
from sinks.webhooks.webhook_settings import WebhookSettings

log = structlog.get_logger()

QUEUE = "webhooks"
TASK = "webhooks.send"  # as the function webhook_wake asks for it
SWEEP_EVERY_S = 5.0
FORGET_EVERY_S = 3_600.0
POLL_S = 0.5  # what a job waits that was locked when it came


def run() -> int:
    """Until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    try:
        settings = read_settings(WebhookSettings)
    except SettingError as error:
        sys.stderr.write(f"spendlog webhooks run: {error}\n")
        return ExitStatus.WRONG_SETTING
    log.info("sender_starts", **shown(settings))
    if settings.webhooks_metrics_port is not None:
        start_http_server(settings.webhooks_metrics_port, settings.webhooks_metrics_host)
    why = None
    try:
        asyncio.run(_serve(settings))
    except* (psycopg.Error, ConnectorException, PoolTimeout) as away:
        why = " ".join(str(away.exceptions[0]).split())
    if why is not None:
        log.error("sender_stopped", detail=why)
        return ExitStatus.FAILED
    log.info("sender_ends")
    return ExitStatus.DONE


async def _serve(settings: WebhookSettings) -> None:
    options = "" if settings.webhooks_role == "none" else f"-c role={settings.webhooks_role}"
    kwargs = {"options": options, "application_name": "spendlog-webhooks-queue", "connect_timeout": 5}
    app = App(connector=PsycopgConnector(conninfo=settings.postgres, min_size=1, max_size=4, kwargs=kwargs))
    pool = open_pool(settings.postgres, options)
    poster = Poster(local=settings.webhooks_allow_local)
    deliveries = Deliveries(pool)
    sender = Sender(deliveries, poster, pause_after_s=settings.webhooks_pause_after_h * 3_600)
    app.task(name=TASK, queue=QUEUE)(sender.send)
    try:
        await pool.open(wait=True, timeout=10.0)
        async with app.open_async(), asyncio.TaskGroup() as group:
            worker = group.create_task(_work(app, settings))
            sweeper = group.create_task(_sweep(app, deliveries, settings))
            log.info("sender_ready")
            _on_signals(sender, worker, sweeper)
    finally:
        await poster.aclose()
        await pool.close(timeout=1.0)


async def _work(app: App, settings: WebhookSettings) -> None:
    await app.run_worker_async(
        queues=[QUEUE],
        concurrency=settings.webhooks_endpoints_at_once,
        fetch_job_polling_interval=POLL_S,
        install_signal_handlers=False,
        shutdown_graceful_timeout=ATTEMPT_S_MAX + 2.0,
        delete_jobs=DeleteJobCondition.ALWAYS,
        update_heartbeat_interval=settings.webhooks_silent_s / 5,
        stalled_worker_timeout=settings.webhooks_silent_s,
    )
    # It ends by itself when it lost the database, and has said why in its own log.
    raise ConnectorException("the queue of jobs was lost")


async def _sweep(app: App, deliveries: Deliveries, settings: WebhookSettings) -> None:
    """Retries whose time has come, jobs of senders that are gone, and deliveries of long ago."""
    forgets_at_s = time.monotonic()
    while True:
        stalled = await app.job_manager.get_stalled_jobs(
            queue=QUEUE, seconds_since_heartbeat=settings.webhooks_silent_s
        )
        for job in stalled:
            # It holds nothing that the deliveries do not say: another is asked for below.
            assert job.id is not None
            log.warning("sender_was_lost", **job.task_kwargs)
            with contextlib.suppress(ConnectorException):  # another sender was first
                await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
        await deliveries.sweep()
        if time.monotonic() >= forgets_at_s:
            forgets_at_s = time.monotonic() + FORGET_EVERY_S
            await deliveries.forget(settings.webhooks_keep_days)
        await asyncio.sleep(SWEEP_EVERY_S)


def _on_signals(sender: Sender, *tasks: asyncio.Task[None]) -> None:
    """What is under way ends; then the process does."""

    def stop() -> None:
        sender.stopping = True
        for task in tasks:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
