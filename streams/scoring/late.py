"""Whether a step took too long: by this thread's processor time, less what garbage collections took of it.

That others have the machine is not the step's fault, and a collection may come in the middle of anything.
To read processor time is a system call, 3 us of a score's 40; the time of day costs next to nothing. So
processor time is read every 10 ms, and again only where a step seems late: at most these 10 are laid to it.
"""

from __future__ import annotations

import gc
import time
from typing import Any, Final

_READ_EVERY_NS: Final = 10_000_000


class _CollectorTime:
    """`ns`: CPU nanoseconds that collections have taken in this process, in whichever thread they came."""

    def __init__(self) -> None:
        self.ns = self._began_ns = 0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        """As `gc.callbacks` calls it. Collections do not overlap."""
        now_ns = time.thread_time_ns()
        if phase == "start":
            self._began_ns = now_ns
        else:
            self.ns += now_ns - self._began_ns


_COLLECTOR: Final = _CollectorTime()
gc.callbacks.append(_COLLECTOR)


class Lateness:
    """Of the steps of one thread, each of which may take `ns_max` nanoseconds."""

    def __init__(self, ns_max: float) -> None:
        self._ns_max = ns_max
        self._read_ns = self._spent_ns = 0

    def begin(self) -> int:
        """Before a step. Returns the moment, for `late`."""
        now_ns = time.monotonic_ns()
        if now_ns - self._read_ns > _READ_EVERY_NS:
            self._read_ns, self._spent_ns = now_ns, time.thread_time_ns() - _COLLECTOR.ns
        return now_ns

    def late(self, began_ns: int) -> bool:
        """Whether the step that began then took too long."""
        if time.monotonic_ns() - began_ns <= self._ns_max:
            return False
        return time.thread_time_ns() - _COLLECTOR.ns - self._spent_ns > self._ns_max
