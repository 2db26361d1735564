"""The live feed: one reader of Redis for each process, everybody who listens, and every open page.

Redis keeps the last some thousand decisions of each organization. One call reads those of all organizations
that somebody listens to; each decision is made into bytes once, and every listener gets the same bytes.
Nobody is waited for: who does not take what comes is dropped, and comes back with the id that he had last.
Pages are told only that something has moved (`api.stores.moves`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from api.stores.moves import RETRY_MS, Moves, OpenPage
from api.stores.redis import RedisAway
from schemas.cache import FEED

log = structlog.get_logger(__name__)

HEARTBEAT_S: Final = 15.0  # below the 60 s after which most proxies end a silent connection
ALLOWED_EVERY_S: Final = 4.0  # a key that was revoked must be out within 5
BLOCK_MS: Final = 200  # what a first listener of an organization may wait for the reader
READ_ROWS: Final = 500
PAGE_ROWS: Final = 100  # 40 kB: all may come back at one time
TIMEOUT_S: Final = 2.0
AGAIN_S: Final = 1.0
#: Events that wait for one listener: a second at 1,000 decisions/s. More, and he is dropped.
QUEUE_MAX: Final = 1_000
CHUNK_BYTES_MAX: Final = 32 * 1024

_ID = re.compile(r"\d{1,20}-\d{1,20}")
BEGINNING: Final = "0-0"

_Row = tuple[bytes, dict[bytes, bytes]]


def is_feed_id(text: str) -> bool:
    """Whether `text` may be the id of an event of the feed."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Interest:
    """What a listener wants, and may see. None: of all."""

    organization_id: str
    departments: frozenset[str] | None = None
    outcome: str | None = None


class _Told(msgspec.Struct):
    """What filters ask of a decision in the feed."""

    outcome: str
    department: str | None = None


_told = msgspec.json.Decoder(_Told).decode


@dataclass(eq=False, slots=True)
class Listener:
    """`allowed`: whether his key still holds; `principal`: whose that is, asked once for all of the same."""

    interest: Interest
    principal: str
    allowed: Callable[[], Awaitable[bool]]
    queue: deque[bytes] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def offer(self, event: bytes) -> None:
        if len(self.queue) >= QUEUE_MAX:
            self.end()
        elif not self.ended:
            self.queue.append(event)
            self.news.set()

    def beat(self) -> None:
        """A heartbeat, unless something waits anyway."""
        if not self.queue:
            self.offer(KEEPALIVE_COMMENT)

    def end(self) -> None:
        self.ended = True
        self.queue.clear()
        self.news.set()

    def chunk(self) -> bytes:
        """Of what waits as much as is sent together."""
        parts, size = [], 0
        while self.queue and size < CHUNK_BYTES_MAX:
            part = self.queue.popleft()
            parts.append(part)
            size += len(part)
        return b"".join(parts)


class Feed:
    """Made once for each process; `start` in a running event loop."""

    def __init__(self, url: str) -> None:
        self._client = Client.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, client_name="spendlog-api-feed"
        )
        self._listeners: dict[str, set[Listener]] = {}
        self._moves: dict[str, Moves] = {}
        #: By organization: the id that was read last; None: not known, Redis was not asked yet.
        self._at: dict[str, str | None] = {}
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ends = False
        self.dropped = 0

    @property
    def listeners(self) -> int:
        return sum(map(len, self._listeners.values()))

    @property
    def pages(self) -> int:
        """How many are open."""
        return sum(len(moves.pages) for moves in self._moves.values())

    def start(self) -> None:
        self._tasks = [asyncio.create_task(one) for one in (self._read(), self._beat(), self._ask())]

    def end(self) -> None:
        """Ends every stream: the process stops."""
        self._ends = True
        for each in self._all():
            each.end()

    async def close(self) -> None:
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def listen(self, listener: Listener, last: str | None) -> AsyncIterator[bytes]:
        """A stream of events as bytes: what came after `last`, then what comes.

        Whoever calls it calls `leave`, too. Raises RedisAway.
        """
        organization = listener.interest.organization_id
        try:
            newest, first = await self._newest(organization), await self._first(organization)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAway(str(error) or type(error).__name__) from None
        # From here to the end nothing waits: what the reader tells next, this listener gets.
        until = self._begun(organization, newest)
        self._listeners.setdefault(organization, set()).add(listener)
        self._wanted.set()
        missed = last is not None and (first is None or _key(last) < _key(first))
        return self._stream(listener, last, until, missed=missed)

    async def _stream(
        self, listener: Listener, last: str | None, until: str, *, missed: bool
    ) -> AsyncIterator[bytes]:
        yield format_sse_event(retry=RETRY_MS, comment="spendlog feed")
        if missed:
            yield _GAP
        if last is not None:
            async for page in self._past(listener, last, until):
                yield page
        while not listener.ended and not self._ends:
            chunk = listener.chunk()
            if chunk:
                yield chunk
                continue
            listener.news.clear()
            await listener.news.wait()

    async def _past(self, listener: Listener, last: str, until: str) -> AsyncIterator[bytes]:
        """What lies between, page by page."""
        name = FEED + listener.interest.organization_id
        while _key(last) < _key(until) and not listener.ended:
            try:
                found: Any = await self._client.xrange(name, f"({last}", until, PAGE_ROWS)
            except (RedisError, OSError):
                yield _GAP
                return
            rows: list[_Row] = found
            if not rows:
                return
            events = (_event(row, listener.interest) for row in rows)
            yield b"".join(event for event in events if event is not None)
            last = rows[-1][0].decode()

    def leave(self, listener: Listener) -> None:
        """He gets nothing more."""
        organization = listener.interest.organization_id
        here = self._listeners.get(organization, set())
        here.discard(listener)
        if listener.ended and not self._ends:
            self.dropped += 1
        if not here:
            self._listeners.pop(organization, None)
        self._forget(organization)

    def open(self, page: OpenPage) -> AsyncIterator[bytes]:
        """What a page is told while it is open; without Redis nothing, until that is back.

        Whoever calls it calls `shut`, too.
        """
        organization = page.organization_id
        self._moves.setdefault(organization, Moves()).add(page)
        self._at.setdefault(organization, None)
        self._wanted.set()
        if self._ends:
            page.end()
        return page.events()

    def shut(self, page: OpenPage) -> None:
        """It is told nothing more."""
        moves = self._moves.get(page.organization_id)
        if moves is not None:
            moves.pages.discard(page)
            if not moves.pages:
                moves.end()
                del self._moves[page.organization_id]
        self._forget(page.organization_id)

    def _forget(self, organization: str) -> None:
        """What nobody follows any more is not read."""
        if organization not in self._listeners and organization not in self._moves:
            self._at.pop(organization, None)
        if not self._at:
            self._wanted.clear()

    async def _read(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                await self._read_once()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("feed_away", error=str(error) or type(error).__name__)
                await asyncio.sleep(AGAIN_S)

    async def _read_once(self) -> None:
        for name in [name for name, at in self._at.items() if at is None]:
            newest = await self._newest(name)
            if name in self._at:
                self._begun(name, newest)
        streams: dict[Any, Any] = {FEED + name: at for name, at in self._at.items() if at is not None}
        if not streams:
            return
        found: Any = await self._client.xread(streams, count=READ_ROWS, block=BLOCK_MS)
        # A list of [name, rows]; by RESP3 a dict of lists of rows.
        for name, rows in found.items() if isinstance(found, dict) else found:
            organization = name.decode().removeprefix(FEED)
            for row in (row for part in rows for row in (part if isinstance(part, list) else [part])):
                if organization in self._at:
                    self._tell(organization, row)

    def _begun(self, organization: str, newest: _Row | None) -> str:
        """The id after which the reader goes on. `newest`: what there was of late, where it begins now."""
        at = self._at.get(organization)
        if at is None:
            at = self._at[organization] = BEGINNING if newest is None else newest[0].decode()
            moves = self._moves.get(organization)
            if moves is not None and newest is not None:
                moves.begin(_key(at)[0], newest[1][b"position"].decode())
        return at

    def _tell(self, organization: str, row: _Row) -> None:
        self._at[organization] = row[0].decode()
        told, event = _told(row[1][b"decision"]), None
        moves = self._moves.get(organization)
        if moves is not None:
            moves.note(_key(row[0].decode())[0], row[1][b"position"].decode(), told.department)
        for listener in self._listeners.get(organization, ()):
            if _is_for(told, listener.interest):
                event = event or _bytes_of(row)
                listener.offer(event)

    async def _beat(self) -> None:
        """To whoever has nothing else waiting."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for each in self._all():
                each.beat()

    async def _ask(self) -> None:
        """Ends the streams of keys and sessions that hold no more."""
        while True:
            await asyncio.sleep(ALLOWED_EVERY_S)
            by_principal: dict[str, list[Listener | OpenPage]] = {}
            for each in self._all():
                by_principal.setdefault(each.principal, []).append(each)
            for group in by_principal.values():
                if not await group[0].allowed():
                    for each in group:
                        each.end()

    def _all(self) -> list[Listener | OpenPage]:
        listeners = [listener for here in self._listeners.values() for listener in here]
        return [*listeners, *(page for moves in self._moves.values() for page in moves.pages)]

    async def _newest(self, organization: str) -> _Row | None:
        rows: Any = await self._client.xrevrange(FEED + organization, count=1)
        return rows[0] if rows else None

    async def _first(self, organization: str) -> str | None:
        rows: Any = await self._client.xrange(FEED + organization, count=1)
        return rows[0][0].decode() if rows else None


_GAP: Final = format_sse_event(
    event="gap", data_str='{"detail":"Events before this one are not kept any more, or could not be read."}'
)


def _is_for(told: _Told, interest: Interest) -> bool:
    departments, outcome = interest.departments, interest.outcome
    return (departments is None or told.department in departments) and outcome in (None, told.outcome)


def _event(row: _Row, interest: Interest) -> bytes | None:
    return _bytes_of(row) if _is_for(_told(row[1][b"decision"]), interest) else None


def _bytes_of(row: _Row) -> bytes:
    position, decision = row[1][b"position"].decode(), row[1][b"decision"].decode()
    data = f'{{"position":"{position}",{decision[1:]}'
    return format_sse_event(data_str=data, id=row[0].decode())


def _key(feed_id: str) -> tuple[int, int]:
    """Redis' order of ids: milliseconds, then a number."""
    with contextlib.suppress(ValueError):
        milliseconds, _, number = feed_id.partition("-")
        return int(milliseconds), int(number)
    return 0, 0
