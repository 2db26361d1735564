"""Signals that ask this process to end: so that its children are ended first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Terminated(BaseException):
    """SIGTERM or SIGHUP asked this process to end. Like KeyboardInterrupt: every ``finally`` is run."""


@contextlib.contextmanager
def termination_raises() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise Terminated in the main thread, so that child processes are ended."""

    def handler(number: int, frame: object) -> None:
        raise Terminated(signal.Signals(number).name)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it Ctrl-C, SIGTERM and SIGHUP wait: stopping children is bounded and must not be cut short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    numbers: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _: asked.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    if asked:
        signal.raise_signal(asked[0])
