"""One sink as a process: settings in, exit status out."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from typing import Literal

import structlog
from prometheus_client import start_http_server

from schemas.exits import ExitStatus
from schemas.settings import SettingError, shown
from sinks.errors import PartitionBroken, SinkError
from sinks.ledger.sink import Ledger
from sinks.loop.consumer import BatchLimits, Consumer
from sinks.loop.kafka import KafkaDecisions
from sinks.loop.metrics import SinkMetrics
from sinks.loop.ports import Store, SystemClock
from sinks.postgres import PostgresSession
from sinks.process import configure_logs, stop_on_signals
from sinks.sink_settings import SinkSettings, load_settings
from sinks.status.redis import StatusKeys
from sinks.status.sink import StatusStore
from sinks.webhooks.sink import WebhookStore

SinkName = Literal["ledger", "status", "webhooks"]
_NEEDS: dict[SinkName, str] = {"ledger": "postgres", "status": "redis", "webhooks": "postgres"}

log = structlog.get_logger()


def run(sink: SinkName) -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    try:
        settings = load_settings(_NEEDS[sink])
    except SettingError as error:
        sys.stderr.write(f"spendlog sink {sink}: {error}\n")
        return ExitStatus.WRONG_SETTING
    log.info("sink_starts", sink=sink, **shown(settings))
    stopping = stop_on_signals()
    if settings.sink_metrics_port is not None:
        start_http_server(settings.sink_metrics_port, settings.sink_metrics_host)
    _calm_collector()
    try:
        _serve(sink, settings, stopping)
    except PartitionBroken as broken:
        log.error("partition_stopped", sink=sink, detail=str(broken))
        return ExitStatus.FAILED
    except SinkError as error:
        log.error("sink_stopped", sink=sink, detail=str(error))
        return ExitStatus.FAILED
    log.info("sink_ends", sink=sink)
    return ExitStatus.DONE


def _serve(sink: SinkName, settings: SinkSettings, stopping: threading.Event) -> None:
    store = _store(sink, settings)
    source = KafkaDecisions(
        settings.kafka,
        settings.decisions_topic,
        settings.group(sink),
        settings.sink_instance,
        settings.status_topic,
    )
    process = settings.sink_instance or f"{socket.gethostname()}:{os.getpid()}"
    limits = BatchLimits(settings.sink_batch_rows_max, settings.sink_batch_linger_ms_max / 1000)
    try:
        Consumer(source, store, SystemClock(), limits, SinkMetrics(sink), process).run(stopping.is_set)
    finally:
        store.close()
        source.close()


def _store(sink: SinkName, settings: SinkSettings) -> Store:
    if sink == "status":
        assert settings.redis is not None
        return StatusStore(StatusKeys(settings.redis), SystemClock())
    assert settings.postgres is not None
    role = None if settings.postgres_role == "none" else settings.postgres_role
    session = PostgresSession(settings.postgres, role, f"spendlog-sink-{sink}")
    return WebhookStore(session) if sink == "webhooks" else Ledger(session)


def _calm_collector() -> None:
    """A batch makes tens of thousands of objects and no cycles: looking for some cost 30 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
