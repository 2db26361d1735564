"""One sink as a process: settings in, exit status out."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Literal

import structlog
from prometheus_client import start_http_server

from schemas.settings import WRONG_SETTING_STATUS
from sinks.errors import InvariantBroken, SinkError
from sinks.ledger.postgres import Postgres
from sinks.ledger.sink import Ledger
from sinks.loop.consumer import Consumer, Limits
from sinks.loop.kafka import KafkaLog
from sinks.loop.metrics import Metrics
from sinks.loop.ports import Store, SystemClock
from sinks.settings import Settings, load_settings
from sinks.status.redis import StatusKeys
from sinks.status.sink import Status

SinkName = Literal["ledger", "status"]
_NEEDS: dict[SinkName, str] = {"ledger": "postgres", "status": "redis"}

# 15 s: a batch takes milliseconds, but its transaction may be waiting for a server that went away.
STOP_TIMEOUT_S = 15.0

log = structlog.get_logger()


def run(sink: SinkName) -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    try:
        settings = load_settings(_NEEDS[sink])
    except SinkError as error:
        sys.stderr.write(f"spendlog sink {sink}: {error}\n")
        return WRONG_SETTING_STATUS
    log.info("sink_starts", sink=sink, **settings.masked())
    stopping = stop_on_signals()
    if settings.sink_metrics_port is not None:
        start_http_server(settings.sink_metrics_port, settings.sink_metrics_host)
    _calm_collector()
    try:
        _serve(sink, settings, stopping)
    except InvariantBroken as broken:
        log.error("partition_stopped", sink=sink, detail=str(broken))
        return 1
    except SinkError as error:
        log.error("sink_stopped", sink=sink, detail=str(error))
        return 1
    log.info("sink_ends", sink=sink)
    return 0


def _serve(sink: SinkName, settings: Settings, stopping: threading.Event) -> None:
    store = _store(sink, settings)
    source = KafkaLog(
        settings.kafka,
        settings.decisions_topic,
        settings.group(sink),
        settings.sink_instance,
        settings.status_topic,
    )
    process = settings.sink_instance or f"{socket.gethostname()}:{os.getpid()}"
    limits = Limits(settings.sink_batch_rows_max, settings.sink_batch_linger_ms_max / 1000)
    try:
        Consumer(source, store, SystemClock(), limits, Metrics(sink), process).run(stopping.is_set)
    finally:
        store.close()
        source.close()


def _store(sink: SinkName, settings: Settings) -> Store:
    if sink == "status":
        assert settings.redis is not None
        return Status(StatusKeys(settings.redis), SystemClock())
    assert settings.postgres is not None
    role = None if settings.postgres_role == "none" else settings.postgres_role
    return Ledger(Postgres(settings.postgres, role, "spendlog-sink-ledger"))


def configure_logs() -> None:
    """One line for each event on standard error: JSON, or readable on a terminal."""
    terminal = sys.stderr.isatty()
    # It warns of what it could not say to a connection that is lost; that it is lost is told below.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def stop_on_signals() -> threading.Event:
    """Set by SIGTERM or SIGINT; the process ends by itself if it has not within `STOP_TIMEOUT_S`."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not stopping.is_set():
            stopping.set()
            # Leaving without goodbye is safe at any point: the position moves with the rows or not at all.
            timer = threading.Timer(STOP_TIMEOUT_S, os._exit, (1,))
            timer.daemon = True
            timer.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def _calm_collector() -> None:
    """A batch makes tens of thousands of objects and no cycles: looking for some cost 30 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
