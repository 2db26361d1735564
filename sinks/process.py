"""What every process of this room does first: its logs, and how it is asked to end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType

import structlog

from schemas.exits import ExitStatus

# 15 s: a batch takes milliseconds, but its transaction may be waiting for a server that went away.
STOP_TIMEOUT_S = 15.0


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
            timer = threading.Timer(STOP_TIMEOUT_S, os._exit, (ExitStatus.FAILED,))
            timer.daemon = True
            timer.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping
