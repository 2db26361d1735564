"""What is kept as it was read: the names of a large organization take a second to read and to put in order.

What has fewer than `SMALL` entries is read each time. Others are good for `FRESH_S`; then they are still used
for `KEPT_S`, and read anew beside that. So a name that has just come may be unknown, or shown as its key: who
does not find one looks again in what is read now (`fresh`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sized
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

SMALL: Final = 2_000
FRESH_S: Final = 60.0
KEPT_S: Final = 900.0
#: What is looked for again at once was read this long ago, at least.
AGAIN_S: Final = 2.0
#: Entries of all that are kept together: of names some 100 MB.
ENTRIES_MAX: Final = 200_000

T = TypeVar("T", bound=Sized)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    read_s: float


class KeptReadings(Generic[T]):
    """Those of all organizations, by who asks; the ones that were not asked for longest go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: OrderedDict[Hashable, _Kept[T]] = OrderedDict()
        self._reading: dict[Hashable, asyncio.Task[T]] = {}
        self._clock = clock

    async def of(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """The kept one, or what `read` gives. Raises what it raises."""
        kept = self._kept.get(key)
        age_s = KEPT_S if kept is None else self._clock() - kept.read_s
        if kept is None or age_s >= KEPT_S:
            return await self._read(key, read)
        self._kept.move_to_end(key)
        if age_s >= FRESH_S and key not in self._reading:
            self._begin(key, read)
        return kept.value

    async def fresh(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T | None:
        """What it is now; None: the kept one is of this moment."""
        kept = self._kept.get(key)
        if kept is not None and self._clock() - kept.read_s < AGAIN_S:
            return None
        return await self._read(key, read)

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Once for all who ask at the same time."""
        task = self._reading.get(key) or self._begin(key, read)
        return await asyncio.shield(task)

    def _begin(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        async def keep() -> T:
            try:
                began_s = self._clock()
                value = await read()
                self._keep(key, _Kept(value, began_s))
                return value
            finally:
                del self._reading[key]

        task = self._reading[key] = asyncio.create_task(keep())
        task.add_done_callback(_heard)
        return task

    def _keep(self, key: Hashable, kept: _Kept[T]) -> None:
        if len(kept.value) < SMALL:
            self._kept.pop(key, None)
            return
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(len(one.value) for one in self._kept.values()) > ENTRIES_MAX:
            self._kept.popitem(last=False)


def _heard(task: asyncio.Task[T]) -> None:
    """What failed beside the answer is tried again by the next."""
    if not task.cancelled():
        task.exception()
