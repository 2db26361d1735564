"""Open pages: each is told that something of its organization has moved, and up to where; not what.

A page then asks for itself again. So the pages of an organization are told at most once a second, all of them
the same positions, and one after the other: two hundred that ask at one moment would make others wait. Pages
that many look at do not ask at all: what has moved is read once for all who reach as far, drawn once for all
who see the same, and sent to each (`Picture`); nothing is sent where nothing of it differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

log = structlog.get_logger(__name__)

#: Between two tellings of one organization.
PAUSE_S: Final = 1.0
#: Between two pages of a telling; all of them within APART_S_MAX.
APART_S: Final = 0.004
APART_S_MAX: Final = 0.6
RETRY_MS: Final = 2_000
#: Pages that are sent a drawing without a pause: each is some 50 µs, in which nobody else is answered.
SENT_AT_ONCE: Final = 8


class Picture(Protocol):
    """What a page shows, so that it can be drawn again for all who see the same."""

    @property
    def key(self) -> Hashable:
        """Of the same key: what is read is the same."""

    async def read(self, positions: str) -> Callable[[Picture], bytes]:
        """What has moved, at `positions` or later, once for all of the key; it draws the part for each."""


@dataclass(eq=False, slots=True)
class OpenPage:
    """One page of one person. `departments`: only what moves in these is told; None: in all.

    `since`: the feed's time, in milliseconds, as of which it was drawn; None: only what comes is told.
    `principal`, `allowed`: as of a `Listener`. `picture`: None, it asks for itself again.
    """

    organization_id: str
    departments: frozenset[str] | None
    since: int | None
    principal: str
    allowed: Callable[[], Awaitable[bool]]
    picture: Picture | None = None
    ended: bool = False
    _waiting: bytes = b""
    _shown: bytes = b""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, positions: str) -> None:
        """`positions`: the newest of each partition that has moved, `partition:seq` with commas between."""
        self._waiting = format_sse_event(event="moved", data_str=positions)
        self._shown = b""
        self._news.set()

    def show(self, drawn: bytes) -> None:
        """An event with the part of the page as it is now. The same again is not sent."""
        if drawn != self._shown:
            self._waiting = self._shown = drawn
            self._news.set()

    def beat(self) -> None:
        if not self._waiting:
            self._waiting = KEEPALIVE_COMMENT
            self._news.set()

    def end(self) -> None:
        self.ended = True
        self._news.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Until `end`: `moved` with the positions, or `part` with the page's; a comment now and then."""
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
        self._late: set[OpenPage] = set()  # drawn before the newest, and not told of it yet
        self._told_at = 0.0
        self._due: asyncio.TimerHandle | None = None
        self._drawing: dict[Hashable, asyncio.Task[None]] = {}

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
        if page.since is None or at < page.since:
            return
        if page.picture is None:
            page.tell(position)
        else:
            self._late.add(page)
            self._positions.setdefault(position.partition(":")[0], position)
            self._soon()

    def note(self, at: int, position: str, department: str | None) -> None:
        """Something has moved. Told now, or when the pause since the last telling is over."""
        self._newest = (at, position)
        self._positions[position.partition(":")[0]] = position
        self._departments.add(department)
        self._soon()

    def _soon(self) -> None:
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._told_at + PAUSE_S), self._tell)

    def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        self._due, self._told_at = None, loop.time()
        positions, departments, late = ",".join(self._positions.values()), self._departments, self._late
        self._positions, self._departments, self._late = {}, set(), set()
        concerned = [
            page
            for page in self.pages
            if page in late or page.departments is None or not page.departments.isdisjoint(departments)
        ]
        asking = [page for page in concerned if page.picture is None]
        apart_s = min(APART_S, APART_S_MAX / max(1, len(asking)))
        for n, page in enumerate(asking):
            loop.call_later(n * apart_s, page.tell, positions)
        shared: dict[Hashable, list[OpenPage]] = {}
        for page in concerned:
            if page.picture is not None:
                shared.setdefault(page.picture.key, []).append(page)
        for key, pages in shared.items():
            before = self._drawing.get(key)
            self._drawing[key] = loop.create_task(self._draw(key, pages, positions, before))

    async def _draw(
        self, key: Hashable, pages: Sequence[OpenPage], positions: str, before: asyncio.Task[None] | None
    ) -> None:
        """Read once, drawn once for all who see the same, sent to each. Where that fails each asks itself."""
        if before is not None:
            await asyncio.wait([before])
        first = pages[0].picture
        assert first is not None
        try:
            draw = await first.read(positions)
            for n, page in enumerate(pages):
                assert page.picture is not None
                page.show(draw(page.picture))
                if n % SENT_AT_ONCE == SENT_AT_ONCE - 1:
                    await asyncio.sleep(0.001)
        except Exception as error:  # noqa: BLE001 - an open page must not stay behind whatever has failed
            log.warning("page_not_drawn", error=f"{type(error).__name__}: {error}"[:300])
            for page in pages:
                page.tell(positions)
        finally:
            if self._drawing.get(key) is asyncio.current_task():
                del self._drawing[key]

    def end(self) -> None:
        if self._due is not None:
            self._due.cancel()
        for task in self._drawing.values():
            task.cancel()
