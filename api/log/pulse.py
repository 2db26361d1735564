"""How fast the log grows and how soon answers come, of late: for people who run the system."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 2.0
KEPT: Final = 60
WAITS_KEPT: Final = 1_000


class Pulse:
    """`written`: how many records the log has, as last known; `start` it in a running event loop."""

    def __init__(self, written: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._written = written
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque(maxlen=KEPT + 1)
        self._waits: deque[tuple[float, float]] = deque(maxlen=WAITS_KEPT)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._sample())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def waited(self, seconds: float) -> None:
        """From a request to its decision."""
        self._waits.append((self._clock(), seconds))

    def look(self) -> None:
        """One sample; before the ends of the log are known there is none."""
        if written := self._written():
            self._seen.append((self._clock(), written))

    @property
    def rates(self) -> list[float]:
        """Records a second between two samples, the oldest first."""
        pairs = zip(self._seen, [*self._seen][1:], strict=False)
        return [
            max(0.0, (after - before) / (until - since))
            for (since, before), (until, after) in pairs
            if until > since
        ]

    def waits_ms(self) -> list[float]:
        """Of the last two minutes, sorted, in milliseconds; at most `WAITS_KEPT`."""
        since_s = self._clock() - KEPT * EVERY_S
        return sorted(1e3 * seconds for at, seconds in self._waits if at >= since_s)

    async def _sample(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)
