"""Time passes without traffic, too: events that tell departments so, when something of theirs is due.

A hold lapses with the next event of its department after it expires (docs/rules.md). Where none comes, a
`clock.ticked` does. It is an event like any other, so nothing here decides anything.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Protocol

import structlog
from prometheus_client import start_http_server

from infra.ticker.claimed import DueDepartment, claimed
from infra.ticker.metrics import TickerMetrics
from infra.ticker.producer import EventProducer
from infra.ticker.ticker_settings import TickerSettings
from schemas.events import ClockTicked, Event
from schemas.exits import ExitStatus
from schemas.settings import SettingError, read_settings, shown
from sinks.errors import SinkError, Unavailable
from sinks.loop.consumer import BACKOFF
from sinks.loop.ports import Clock, SystemClock
from sinks.postgres import PostgresSession
from sinks.process import configure_logs, stop_on_signals

log = structlog.get_logger()


class Events(Protocol):
    """Where card events go."""

    def send(self, events: Iterable[Event]) -> None:
        """Raises Unavailable."""
        ...


class Ticker:
    """Several may run: a department's minute is claimed in PostgreSQL by one of them.

    One that dies after Kafka has the event and before the claim is kept leaves the minute to another, which
    writes the same event once more: same id, same content, so it is a repeat and moves nothing.
    """

    def __init__(self, postgres: PostgresSession, events: Events, clock: Clock) -> None:
        self._postgres = postgres
        self._events = events
        self._clock = clock
        self._metrics = TickerMetrics()
        self._tries = 0

    def look(self) -> int:
        """Writes what is due now. Returns how many departments were ticked. Raises Unavailable."""
        with claimed(self._postgres, self._clock.now()) as claims:
            if claims:
                self._events.send([tick(claim) for claim in claims])
        self._metrics.looked(len(claims))
        if claims:
            log.info("clocks_ticked", departments=len(claims))
        return len(claims)

    def run(self, stopping: threading.Event, every_s: float) -> None:
        """Looks every `every_s` seconds until `stopping` is set."""
        delay_s = 0.0
        while not stopping.wait(delay_s):
            try:
                self.look()
            except Unavailable as away:
                self._tries += 1
                delay_s = BACKOFF.wait_s(self._tries)
                self._metrics.retries.inc()
                log.warning("ticker_waits", detail=str(away), retry_in_s=delay_s)
            else:
                delay_s, self._tries = every_s, 0


def tick(claim: DueDepartment) -> ClockTicked:
    """The same event from whichever ticker, at whatever second of the minute."""
    return ClockTicked(
        event_id=f"tick-{claim.at:%Y%m%dT%H%MZ}",
        organization_id=claim.organization_id,
        department_id=claim.department_id,
        occurred_at=claim.at,
    )


def run() -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    try:
        settings = read_settings(TickerSettings)
    except SettingError as error:
        sys.stderr.write(f"spendlog ticker: {error}\n")
        return ExitStatus.WRONG_SETTING
    log.info("ticker_starts", **shown(settings))
    stopping = stop_on_signals()
    if settings.ticker_metrics_port is not None:
        start_http_server(settings.ticker_metrics_port, settings.ticker_metrics_host)
    try:
        _serve(settings, stopping)
    except SinkError as error:
        log.error("ticker_stopped", detail=str(error))
        return ExitStatus.FAILED
    log.info("ticker_ends")
    return ExitStatus.DONE


def _serve(settings: TickerSettings, stopping: threading.Event) -> None:
    role = None if settings.ticker_role == "none" else settings.ticker_role
    postgres = PostgresSession(settings.postgres, role, "spendlog-ticker")
    events = EventProducer(settings.kafka, settings.card_events_topic, "spendlog-ticker")
    try:
        Ticker(postgres, events, SystemClock()).run(stopping, settings.ticker_every_s)
    finally:
        postgres.close()
        events.close()
