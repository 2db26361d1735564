"""A load's process: it prepares, says when it starts, works for some seconds, and says what it came to.

A process of its own, so that what a client costs can be told from what a server costs, and so that no client
waits for another one's interpreter.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from perf.cpu import TreeMeter
from perf.kafka import BenchFailed
from perf.rounds import Round

SLICES = 4
PREPARE_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0


class ClientRound(NamedTuple):
    """What a client tells: `cpu_s` is its own processor time in the round."""

    decisions: int
    seconds: float
    slices: list[int]
    cpu_s: float


class TimedWindow:
    """Counts what is decided within `for_s` seconds from when it is made."""

    def __init__(self, for_s: float, connection: Connection) -> None:
        self._for_s = for_s
        self._connection = connection
        connection.send("started")
        connection.recv()  # whoever measures has read its meters
        self._cpu_s = time.process_time()
        self._started_s = time.monotonic()
        self._slices = [0] * SLICES
        self._last_s = self._started_s

    def add(self, count: int) -> bool:
        """Counts `count` decisions that have just come; False when time is up, and they came too late."""
        now_s = time.monotonic()
        place = int((now_s - self._started_s) / self._for_s * SLICES)
        if place >= SLICES:
            return False
        if count:
            self._slices[place] += count
            self._last_s = now_s
        return True

    def tell(self) -> None:
        """Tells the count until time was up, or until the last decision where all was decided before.

        Waits until whoever measures has read its meters: connections are closed after that, for a server
        process that ends takes the time it used along.
        """
        now_s = time.monotonic()
        whole = now_s - self._started_s >= self._for_s
        seconds = self._for_s if whole else self._last_s - self._started_s
        slices = self._slices if whole else []
        cpu_s = time.process_time() - self._cpu_s
        self._connection.send(ClientRound(sum(self._slices), seconds, slices, cpu_s))
        self._connection.recv()


#: What runs in the process: it makes one TimedWindow, and lets it tell. Further arguments as given.
Load = Callable[..., None]


def timed(load: Load, for_s: float, roots: Mapping[str, int], *more: Any) -> Round:
    """One round of `load(connection, for_s, *more)` in a process of its own; `roots`: the servers' trees.

    Raises:
        BenchFailed: the load failed, was late, or decided nothing.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(load, theirs, for_s, *more), daemon=True)
    process.start()
    theirs.close()
    try:
        _expect(ours, PREPARE_TIMEOUT_S, "started")
        meter = TreeMeter(roots)
        ours.send("go")
        told = _expect(ours, END_TIMEOUT_S + for_s, None)
        spent = meter.spent({"client": told.cpu_s})
        ours.send("measured")
    finally:
        process.join(5.0)
        if process.is_alive():
            process.kill()
    if not told.decisions or told.seconds <= 0:
        raise BenchFailed("a round in which nothing was decided")
    return Round(
        decisions=told.decisions,
        seconds=told.seconds,
        slices=told.slices,
        cpu_us=spent.each_us(told.decisions),
        others=spent.others,
    )


def _expect(connection: Connection, timeout_s: float, word: str | None) -> Any:
    if not connection.poll(timeout_s):
        raise BenchFailed(f"a client said nothing for {timeout_s:.0f} s")
    try:
        told = connection.recv()
    except EOFError:
        raise BenchFailed("a client died") from None
    if isinstance(told, Exception):
        raise BenchFailed(f"a client failed: {told!r}") from told
    if word is not None and told != word:
        raise BenchFailed(f"a client said {told!r} instead of {word!r}")
    return told


def _run(load: Load, connection: Connection, for_s: float, *more: Any) -> None:
    try:
        load(connection, for_s, *more)
    except Exception as error:  # noqa: BLE001  told to whoever measures
        connection.send(BenchFailed(repr(error)))
