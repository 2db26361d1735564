"""Records of the audit log that are written after the answer: nobody waits for them, no purchase the least.

A flood of refusals must not fill the log: the same one (who, what, why) is written at once when it comes for
the first time, and what came in the minute after it as one record with its number.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from api.access.trail import AuditEntry
from api.stores.postgres import PostgresAway

log = structlog.get_logger(__name__)

WAITING_MAX: Final = 10_000  # a minute of PostgreSQL's absence at 160 a second; then the oldest go
REFUSALS_MAX: Final = 10_000
SAME_S: Final = 60.0
_BATCH: Final = 100
_LOOK_S: Final = 0.5
_CLOSE_S: Final = 2.0

Append = Callable[[str, list[AuditEntry]], Awaitable[None]]
Whose = Callable[[AuditEntry, bytes], Awaitable[AuditEntry | None]]


@dataclass(slots=True)
class _Repeated:
    """A refusal that was written; `times` more have come since."""

    entry: AuditEntry
    key_sha256: bytes | None
    until: float
    times: int = 0


class Backlog:
    """Takes entries in no time, writes them in order for each organization. `dropped`: for want of room."""

    def __init__(self, append: Append, whose: Whose, clock: Callable[[], float] = time.monotonic) -> None:
        self._append = append
        self._whose = whose
        self._clock = clock
        self._waiting: deque[tuple[AuditEntry, bytes | None]] = deque()
        self._repeated: dict[tuple[object, ...], _Repeated] = {}
        self._come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Writes what waits, within a bound."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._sweep(all_of_it=True)
        with suppress(TimeoutError, PostgresAway):
            async with asyncio.timeout(_CLOSE_S):
                while self._waiting:
                    await self._write()
        if self._waiting:
            log.error("audit_records_lost", records=len(self._waiting))

    def add(self, entry: AuditEntry) -> None:
        self._put(entry, None)

    def refused(self, entry: AuditEntry, *, key_sha256: bytes | None = None) -> None:
        """`key_sha256`: of a key that is not valid; whose it was is looked up."""
        trail = entry.trail
        who = (trail.organization_id, trail.actor_id, trail.actor, key_sha256)
        same = (*who, trail.action, entry.reason)
        known = self._repeated.get(same)
        if known is not None:
            known.times += 1
            return
        if len(self._repeated) >= REFUSALS_MAX:
            self._sweep()
        if len(self._repeated) >= REFUSALS_MAX:
            self.dropped += 1
            return
        self._repeated[same] = _Repeated(entry, key_sha256, self._clock() + SAME_S)
        self._put(entry, key_sha256)

    def _put(self, entry: AuditEntry, key_sha256: bytes | None) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((entry, key_sha256))
        self._come.set()

    def _sweep(self, *, all_of_it: bool = False) -> None:
        """What came again and again, and is a minute old, becomes a record."""
        now = self._clock()
        for same, known in list(self._repeated.items()):
            if all_of_it or known.until <= now:
                del self._repeated[same]
                if known.times:
                    self._put(replace(known.entry, times=known.times), known.key_sha256)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._come.wait(), _LOOK_S)
            self._come.clear()
            self._sweep()
            try:
                while self._waiting:
                    await self._write()
            except PostgresAway:
                await asyncio.sleep(_LOOK_S)
                self._come.set()

    async def _write(self) -> None:
        """The next of one organization. Raises PostgresAway; then they wait on."""
        taken: list[tuple[AuditEntry, bytes | None]] = []
        while self._waiting and len(taken) < _BATCH:
            if taken and _place(taken[0]) != _place(self._waiting[0]):
                break
            taken.append(self._waiting.popleft())
        try:
            entries = [
                known
                for entry, hashed in taken
                if (known := entry if hashed is None else await self._whose(entry, hashed)) is not None
            ]
            if entries:
                await self._append(entries[0].trail.organization_id, entries)
        except PostgresAway:
            self._waiting.extendleft(reversed(taken))
            raise
        except Exception:
            log.exception("audit_records_lost", records=len(taken))
            self.dropped += len(taken)


def _place(waiting: tuple[AuditEntry, bytes | None]) -> tuple[str, bytes | None]:
    """What is written together: one organization's; by a key that has ended, that key's."""
    entry, hashed = waiting
    return entry.trail.organization_id, hashed
