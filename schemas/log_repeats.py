"""How often a log says the same: what a client repeats a hundred times a second must not fill a disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

#: A few in a row show that it goes on; the rest are counted. Ten kinds that never end are one line a second.
LINES_MAX: Final = 3
WINDOW_S: Final = 30.0
#: Keys that are remembered; beyond it all are forgotten at once, and may speak again.
KEYS_MAX: Final = 10_000


class Repeats:
    """Lets `LINES_MAX` lines of a kind pass in each `WINDOW_S`. For any thread."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._windows: dict[Hashable, tuple[float, int]] = {}  # its start, and how many lines came

    def passes(self, kind: Hashable) -> int | None:
        """None: one too many. Else how many were left out just before this one."""
        now_s = self._clock_s()
        with self._lock:
            start_s, lines = self._windows.get(kind, (now_s, 0))
            left_out = 0
            if now_s - start_s >= WINDOW_S:
                start_s, left_out, lines = now_s, max(0, lines - LINES_MAX), 0
            if len(self._windows) >= KEYS_MAX:
                self._windows.clear()
            self._windows[kind] = (start_s, lines + 1)
        return left_out if lines < LINES_MAX else None


class RepeatsFilter(logging.Filter):
    """The same for loggers of libraries; a kind is a text before its values are put in.

    Of a text that begins with a value, such as librdkafka's `%s [%s] %s`, that value belongs to the kind.
    """

    def __init__(self, repeats: Repeats | None = None) -> None:
        super().__init__()
        self._repeats = repeats or Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        first = (
            record.args[0]
            if text.startswith("%s") and isinstance(record.args, tuple) and record.args
            else None
        )
        left_out = self._repeats.passes((record.name, record.levelno, text, str(first)))
        if left_out:
            record.msg = f"{record.msg} (and {left_out} more like it before)"
        return left_out is not None


def limit_repeats(*prefixes: str) -> None:
    """Put the filter on every logger there is by now whose name begins with one of `prefixes`."""
    limit = RepeatsFilter()
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in prefixes:
            logging.getLogger(name).addFilter(limit)
