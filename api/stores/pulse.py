"""The newest position of each organization that somebody looks at, from the feed that the status sink keeps.

One reader for each organization and process, however many pages are open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

from api.stores.redis import Client, Redis, RedisAway
from schemas.cache import FEED

#: A quarter of the second within which a page has to move.
_LOOK_S: Final = 0.25
_BEAT_S: Final = 15.0  # proxies close what is silent


@dataclass(slots=True)
class _Watched:
    """One organization that somebody looks at. `listeners`: each is set when there is something newer."""

    newest: str | None = None
    listeners: set[asyncio.Event] = field(default_factory=set)
    reader: asyncio.Task[None] | None = None


class Pulse:
    """Tells listeners that their organization has moved."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._watched: dict[str, _Watched] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        return sum(len(watched.listeners) for watched in self._watched.values())

    async def follow(self, organization_id: str) -> AsyncGenerator[str | None, None]:
        """The newest position whenever there is a newer one; None: nothing for a while."""
        watched = self._watched.setdefault(organization_id, _Watched())
        moved = asyncio.Event()
        watched.listeners.add(moved)
        if watched.reader is None or watched.reader.done():
            watched.reader = asyncio.create_task(self._read(organization_id, watched))
        try:
            while not self._closed:
                try:
                    async with asyncio.timeout(_BEAT_S):
                        await moved.wait()
                except TimeoutError:
                    yield None
                else:
                    moved.clear()
                    yield watched.newest
        finally:
            watched.listeners.discard(moved)

    def end(self) -> None:
        """Ends all that follow."""
        self._closed = True
        for watched in self._watched.values():
            for moved in watched.listeners:
                moved.set()

    async def close(self) -> None:
        """Returns when nothing asks Redis any more."""
        self.end()
        readers = [watched.reader for watched in self._watched.values() if watched.reader is not None]
        await asyncio.gather(*readers, return_exceptions=True)

    async def _read(self, organization_id: str, watched: _Watched) -> None:
        async def ask(client: Client) -> object:
            return await client.xrevrange(FEED + organization_id, count=1)

        # It ends by itself, never by being cancelled: a call that is cut off leaves its connection open.
        first = True
        while watched.listeners and not self._closed:
            try:
                newest = _position(await self._redis.call(ask))
            except RedisAway:
                newest = None  # pages stand still, and go on when it is back
            if newest is not None and newest != watched.newest:
                watched.newest = newest
                if not first:
                    for moved in watched.listeners:
                        moved.set()
            first = False
            await asyncio.sleep(_LOOK_S)
        if not watched.listeners and self._watched.get(organization_id) is watched:
            del self._watched[organization_id]


def _position(found: object) -> str | None:
    """Of XREVRANGE's answer: the member `position` of the newest entry."""
    if not isinstance(found, list) or not found:
        return None
    text = found[0][1].get(b"position")
    return None if text is None else bytes(text).decode()
