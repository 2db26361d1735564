"""Turns at the processor, for the owners of one worker: they share a thread, and one may have much to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: A collection stops all: it looks at what is new every so many objects (10 ms), and rarely at the whole
#: state, which has no cycles.
GC_THRESHOLDS = (20_000, 50, 100)
# A frame takes some steps through Faust until it is with its owner, which only then has something under way.
STEPS = 3


class Turns:
    """Which owners have something under way. Whoever decides for long gives the others as much time again.

    To give way for one step is not enough: a batch of another owner has ten, most of them an answer of
    the broker away, and each of them would wait for a slice of ours.
    """

    def __init__(self) -> None:
        self._busy = 0
        self._alone = asyncio.Event()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is under way until the block ends."""
        self._busy += 1
        if self._busy > 1:
            self._alone.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if self._busy <= 1:
                self._alone.set()

    async def give_way(self, took_s: float) -> None:
        """Let others run; for at most `took_s` while they have something under way."""
        for _ in range(STEPS):
            await asyncio.sleep(0)
        if self._busy > 1:
            with suppress(TimeoutError):
                async with asyncio.timeout(took_s):
                    await self._alone.wait()
