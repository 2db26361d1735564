"""Records of the audit log that no transaction of their own writes.

What was done is written after the answer: nobody waits for it, no purchase the least. A refusal is what an
attacker makes, and whoever can end the process must not take it along: it is written before it is answered,
within a bound. A flood of refusals must not fill the log: what is the same (who, what, why) and comes again
is counted, and told with its number after 1 s, then 2 s, 4 s and so on up to a minute.
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
SAME_S_MIN: Final = 1.0
SAME_S_MAX: Final = 60.0
#: Who is refused waits so long at most, when PostgreSQL is slow or away.
TOLD_S_MAX: Final = 0.25
_BATCH: Final = 100
_LOOK_S: Final = 0.5
_CLOSE_S: Final = 2.0

Append = Callable[[str, list[AuditEntry]], Awaitable[None]]
Whose = Callable[[AuditEntry, bytes], Awaitable[AuditEntry | None]]


@dataclass(slots=True)
class _Repeated:
    """A refusal that was written; `times` more have come since, in the `same_s` before `until`."""

    entry: AuditEntry
    key_sha256: bytes | None
    until: float
    same_s: float = SAME_S_MIN
    times: int = 0


@dataclass(slots=True)
class _Waiting:
    """A record that is not written yet. `over`: set when it is, or is lost."""

    entry: AuditEntry
    key_sha256: bytes | None
    over: asyncio.Event | None = None

    @property
    def place(self) -> tuple[str, bytes | None]:
        """What is written together: one organization's; by a key that has ended, that key's."""
        return self.entry.trail.organization_id, self.key_sha256


class Backlog:
    """Takes entries in no time, writes them in order for each organization. `dropped`: for want of room."""

    def __init__(
        self,
        append: Append,
        whose: Whose,
        clock: Callable[[], float] = time.monotonic,
        *,
        patience: float = 1.0,
    ) -> None:
        """`patience`: who is refused waits so many times as long for its record."""
        self._told_s_max = TOLD_S_MAX * patience
        self._append = append
        self._whose = whose
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._repeated: dict[tuple[object, ...], _Repeated] = {}
        self._come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self._open = True
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Writes what waits, within a bound."""
        if self._task is None:
            return
        self._open = False
        self._come.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._task
        if self._waiting:
            log.error("audit_records_lost", records=len(self._waiting))

    def add(self, entry: AuditEntry) -> None:
        self._put(_Waiting(entry, None))

    async def tell_refused(self, entry: AuditEntry) -> None:
        """Returns when it is written, or after `TOLD_S_MAX`; then it is written as soon as that can be."""
        over = asyncio.Event()
        if self._refused(entry, None, over) and not self._away:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._told_s_max):
                    await over.wait()

    def refused_key(self, entry: AuditEntry, key_sha256: bytes) -> None:
        """By a key that is not valid: whose it was is looked up. Nobody waits: a guessed key is nobody's."""
        self._refused(entry, key_sha256, None)

    def _refused(self, entry: AuditEntry, key_sha256: bytes | None, over: asyncio.Event | None) -> bool:
        """Whether it is to be written now."""
        trail = entry.trail
        who = (trail.organization_id, trail.actor_id, trail.actor, key_sha256)
        same = (*who, trail.action, entry.reason)
        known = self._repeated.get(same)
        if known is not None:
            known.times += 1
            return False
        if len(self._repeated) >= REFUSALS_MAX:
            self._sweep()
        if len(self._repeated) >= REFUSALS_MAX:
            self.dropped += 1
            return False
        self._repeated[same] = _Repeated(entry, key_sha256, self._clock() + SAME_S_MIN)
        self._put(_Waiting(entry, key_sha256, over))
        return True

    def _put(self, waiting: _Waiting) -> None:
        if len(self._waiting) >= WAITING_MAX:
            _end(self._waiting.popleft())
            self.dropped += 1
        self._waiting.append(waiting)
        self._come.set()

    def _sweep(self, *, all_of_it: bool = False) -> None:
        """What came again and again becomes a record; it is waited for longer the longer it goes on."""
        now = self._clock()
        for same, known in list(self._repeated.items()):
            if not all_of_it and known.until > now:
                continue
            if known.times:
                self._put(_Waiting(replace(known.entry, times=known.times), known.key_sha256))
                known.times, known.same_s = 0, min(2 * known.same_s, SAME_S_MAX)
                known.until = now + known.same_s
            else:
                del self._repeated[same]

    async def _run(self) -> None:
        while self._open:
            # Not `wait_for`: that of Python 3.11 may swallow being cancelled, and nobody could stop this.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._come.wait()
            self._come.clear()
            self._sweep(all_of_it=not self._open)
            try:
                while self._waiting:
                    await self._write()
                self._away = False
            except PostgresAway:
                self._away = True
                await asyncio.sleep(_LOOK_S)
                self._come.set()

    async def _write(self) -> None:
        """The next of one organization. Raises PostgresAway; then they wait on."""
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < _BATCH:
            if taken and taken[0].place != self._waiting[0].place:
                break
            taken.append(self._waiting.popleft())
        try:
            entries = [known for one in taken if (known := await self._named(one)) is not None]
            if entries:
                await self._append(entries[0].trail.organization_id, entries)
        except PostgresAway:
            self._waiting.extendleft(reversed(taken))
            raise
        except Exception:
            log.exception("audit_records_lost", records=len(taken))
            self.dropped += len(taken)
        for one in taken:
            _end(one)

    async def _named(self, waiting: _Waiting) -> AuditEntry | None:
        hashed = waiting.key_sha256
        return waiting.entry if hashed is None else await self._whose(waiting.entry, hashed)


def _end(waiting: _Waiting) -> None:
    if waiting.over is not None:
        waiting.over.set()
