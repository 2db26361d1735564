"""Processor time of whole trees of processes, which other load does not move much.

PostgreSQL's backends come and go with their connections, so a tree is its root, whatever lives below it, and
what its members have reaped.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import NamedTuple

import psutil


class Spent(NamedTuple):
    """Since the meter's start: seconds on the clock, processor seconds by process or tree, and of others."""

    seconds: float
    ours_s: dict[str, float]
    others_s: float

    def each_us(self, count: int) -> dict[str, float]:
        """Microseconds for each of `count` things."""
        return {name: spent / count * 1e6 for name, spent in self.ours_s.items()}

    @property
    def others(self) -> float:
        """The share of the machine that processes of nobody here used, 0..1."""
        return min(1.0, max(0.0, self.others_s / (self.seconds * (psutil.cpu_count() or 1))))


class TreeMeter:
    """Measures from when it is made. `roots`: a name for each tree's root; trees must not overlap."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}
        self._started_s = time.monotonic()
        self._trees, self._self_s, self._machine_s = self._now(), _self_s(), _machine_s()

    def spent(self, clients: Mapping[str, float]) -> Spent:
        """`clients`: seconds of processes that have told theirs themselves."""
        trees = {name: now - self._trees[name] for name, now in self._now().items()}
        ours = {**clients, **trees}
        others_s = _machine_s() - self._machine_s - sum(ours.values()) - (_self_s() - self._self_s)
        return Spent(time.monotonic() - self._started_s, ours, others_s)

    def _now(self) -> dict[str, float]:
        return {name: tree_s(root) for name, root in self._roots.items()}


def tree_s(root: psutil.Process) -> float:
    """Processor seconds of a process, its living descendants, and those they have reaped."""
    total = _own_s(root)
    for child in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += _own_s(child)
    return total


def wait_gone(root: int, marks: str, timeout_s: float = 5.0) -> None:
    """Waits until no child of `root` has `marks` in its command line: what it used is its parent's then."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and any(
        _marked(child, marks) for child in psutil.Process(root).children()
    ):
        time.sleep(0.005)


def _marked(process: psutil.Process, marks: str) -> bool:
    """Of a process that has ended and was not reaped, the command line is empty: it counts as marked."""
    try:
        words = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    return not words or marks in " ".join(words)


def reaped_s() -> float:
    """Processor seconds of all children of this process that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _own_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _self_s() -> float:
    return time.process_time()


def _machine_s() -> float:
    """Seconds that all processors were busy, with any process."""
    times = psutil.cpu_times()
    # `user` counts what guests used already.
    away = ("idle", "iowait", "steal", "guest", "guest_nice")
    return float(sum(times) - sum(getattr(times, name, 0.0) for name in away))
