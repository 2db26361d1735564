"""Open pages: each is told that something of its organization has moved, and up to where; not what.

A page then asks for itself again. So the pages of an organization are told at most once a second, all of them
the same positions, and one after the other: two hundred that ask at one moment would make others wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

#: Between two tellings of one organization.
PAUSE_S: Final = 1.0
#: Between two pages of a telling; all of them within APART_S_MAX.
APART_S: Final = 0.004
APART_S_MAX: Final = 0.6
RETRY_MS: Final = 2_000


@dataclass(eq=False, slots=True)
class OpenPage:
    """One page of one person. `departments`: only what moves in these is told; None: in all.

    `since`: the feed's time, in milliseconds, as of which it was drawn; None: only what comes is told.
    `principal`, `allowed`: as of a `Listener`.
    """

    organization_id: str
    departments: frozenset[str] | None
    since: int | None
    principal: str
    allowed: Callable[[], Awaitable[bool]]
    ended: bool = False
    _waiting: bytes = b""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, positions: str) -> None:
        """`positions`: the newest of each partition that has moved, `partition:seq` with commas between."""
        self._waiting = format_sse_event(event="moved", data_str=positions)
        self._news.set()

    def beat(self) -> None:
        if not self._waiting:
            self._waiting = KEEPALIVE_COMMENT
            self._news.set()

    def end(self) -> None:
        self.ended = True
        self._news.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Until `end`: `moved` with the positions; a comment now and then."""
        yield format_sse_event(retry=RETRY_MS, comment="spendlog pages")
        while True:
            await self._news.wait()
            if self.ended:
                return
            self._news.clear()
            waiting, self._waiting = self._waiting, b""
            yield waiting


class Moves:
    """What has moved in one organization, and the pages that are told."""

    def __init__(self) -> None:
        self.pages: set[OpenPage] = set()
        self._newest: tuple[int, str] | None = None  # of the feed: its time, and its position
        self._positions: dict[str, str] = {}
        self._departments: set[str | None] = set()
        self._told_at = 0.0
        self._due: asyncio.TimerHandle | None = None

    def add(self, page: OpenPage) -> None:
        """It is told at once where something has moved since it was drawn."""
        self.pages.add(page)
        if self._newest is not None:
            self._catch_up(page, *self._newest)

    def begin(self, at: int, position: str) -> None:
        """The newest that there was before anything is followed."""
        self._newest = (at, position)
        for page in self.pages:
            self._catch_up(page, at, position)

    def _catch_up(self, page: OpenPage, at: int, position: str) -> None:
        if page.since is not None and at >= page.since:
            page.tell(position)

    def note(self, at: int, position: str, department: str | None) -> None:
        """Something has moved. Told now, or when the pause since the last telling is over."""
        self._newest = (at, position)
        self._positions[position.partition(":")[0]] = position
        self._departments.add(department)
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._told_at + PAUSE_S), self._tell)

    def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        self._due, self._told_at = None, loop.time()
        positions, departments = ",".join(self._positions.values()), self._departments
        self._positions, self._departments = {}, set()
        concerned = [
            page
            for page in self.pages
            if page.departments is None or not page.departments.isdisjoint(departments)
        ]
        apart_s = min(APART_S, APART_S_MAX / max(1, len(concerned)))
        for n, page in enumerate(concerned):
            loop.call_later(n * apart_s, page.tell, positions)

    def end(self) -> None:
        if self._due is not None:
            self._due.cancel()
