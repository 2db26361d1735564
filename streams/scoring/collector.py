"""What the garbage collector takes: it may come in the middle of anything, which is not what it is in."""

from __future__ import annotations

import gc
import time
from typing import Any, Final


class CollectorTime:
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


COLLECTOR: Final = CollectorTime()
gc.callbacks.append(COLLECTOR)
