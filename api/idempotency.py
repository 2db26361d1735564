"""A quick memory of which request an Idempotency-Key was used for. A courtesy, not the guarantee.

The guarantee is the log: one department's events have one order, and a second event with a known id is
answered with the first answer or refused. Only the reuse of a key for ANOTHER department escapes it
(another partition decides), and this memory catches that for a day, while Redis lives.
"""

from __future__ import annotations

import contextlib

from redis.asyncio import Redis as Client

from api.problems import Problem
from api.redis import Redis, RedisAway
from schemas.codec import fingerprint
from schemas.events import Event

KEEP_S = 86_400


class IdempotencyMemory:
    """Key -> fingerprint of what was sent with it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, event: Event) -> bool:
        """True when this is the first use of the key as far as is known here.

        Raises:
            Problem: 422, the key was used for another request.
        """
        mine = _content(event)
        try:
            before = await self._redis.claim(_name(event), mine, keep_s=KEEP_S)
        except RedisAway:
            return False
        if before is None:
            return True
        if before.decode() != mine:
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. A new request needs a new key.",
            )
        return False

    async def release(self, event: Event) -> None:
        """Forget a claim whose event was never written, so that a corrected request may use the key."""

        async def delete(client: Client) -> None:
            await client.delete(_name(event))

        with contextlib.suppress(RedisAway):
            await self._redis.call(delete)


_ID = len("api-") + 32


def _name(event: Event) -> str:
    # The event id begins with the digest of organization and key, so the caller's own text is not stored.
    return f"spendlog:idempotency:{event.event_id[:_ID]}"


def _content(event: Event) -> str:
    # What follows the digest in an id is a wish of the request that is no member of its event.
    return f"{event.event_id[_ID:]} {event.type} {event.key} {fingerprint(event)}"
