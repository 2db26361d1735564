"""A quick memory of which request an Idempotency-Key was used for. A courtesy, not the guarantee.

The guarantee is the log: one department's events have one order, and a second event with a known id is
answered with the first answer or refused. Only the reuse of a key for ANOTHER department escapes it
(another partition decides), and this memory catches that for a day, while Redis lives.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from enum import StrEnum
from hashlib import sha256

from api.http.problems import Problem
from api.stores.redis import Client, Redis, RedisAway
from schemas.codec import fingerprint
from schemas.events import Event

KEEP_S = 86_400
USED_UP_MAX = 10_000  # what is older was changed long ago, and the books say so
#: Of a key that was used for other content, whoever notices: this memory or the log.
KEY_REUSED = "idempotency_key_reused"


class Use(StrEnum):
    """What is known here of the use of a key."""

    FIRST = "first"
    REPEAT = "repeat"
    UNKNOWN = "unknown"  # Redis is away


class IdempotencyMemory:
    """Key -> what was sent with it, as a fingerprint."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._used_up: OrderedDict[str, str] = OrderedDict()

    async def claim(self, event_id: str, content: str) -> Use:
        """`event_id`: begins with the digest of organization and key; `content`: the same for a repeat.

        Raises:
            Problem: 422, the key was used for another request.
        """
        try:
            before = await self._redis.claim(_name(event_id), content, keep_s=KEEP_S)
        except RedisAway:
            return Use.UNKNOWN
        if before is None:
            return Use.FIRST
        if before.decode() != content:
            raise Problem(
                422,
                KEY_REUSED,
                "This Idempotency-Key was used for another request. A new request needs a new key.",
            )
        return Use.REPEAT

    async def release(self, event_id: str) -> None:
        """Forget a claim that was none: nothing was written, or the log knows another request by this key."""
        await self._delete(_name(event_id))

    async def once(self, what: str, event_id: str) -> bool:
        """Whether the event is the first, or one that was let through before, to use up `what`.

        Without Redis this process alone remembers: who asks has looked elsewhere, too.
        """
        if self._used_up.setdefault(what, event_id) != event_id:
            return False
        if len(self._used_up) > USED_UP_MAX:
            self._used_up.popitem(last=False)
        try:
            before = await self._redis.claim(_once(what), event_id, keep_s=KEEP_S)
        except RedisAway:
            return True
        return before is None or before.decode() == event_id

    async def again(self, what: str) -> None:
        """`what` was not used up after all."""
        self._used_up.pop(what, None)
        await self._delete(_once(what))

    async def kept(self, what: str) -> bytes | None:
        """What `keep` had kept of it; None: nothing, or Redis is away."""

        async def get(client: Client) -> bytes | None:
            found = await client.get(_once(what))
            return found.encode() if isinstance(found, str) else found

        with contextlib.suppress(RedisAway):
            return await self._redis.call(get)
        return None

    async def keep(self, what: str, value: bytes) -> None:
        """For as long as keys are remembered here, while Redis lives."""

        async def put(client: Client) -> None:
            await client.set(_once(what), value, ex=KEEP_S)

        with contextlib.suppress(RedisAway):
            await self._redis.call(put)

    async def _delete(self, name: str) -> None:
        async def delete(client: Client) -> None:
            await client.delete(name)

        with contextlib.suppress(RedisAway):
            await self._redis.call(delete)


_ID = len("api-") + 32


def _once(what: str) -> str:
    return f"spendlog:once:{sha256(what.encode()).hexdigest()[:32]}"


def _name(event_id: str) -> str:
    # The event id begins with the digest of organization and key, so the caller's own text is not stored.
    return f"spendlog:idempotency:{event_id[:_ID]}"


def content_of(event: Event) -> str:
    """What `IdempotencyMemory` compares of a request that is one event."""
    # What follows the digest in an id is a wish of the request that is no member of its event.
    return f"{event.event_id[_ID:]} {event.type} {event.key} {fingerprint(event)}"
