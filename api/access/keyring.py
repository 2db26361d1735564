"""Keys and sessions that were verified lately, so that not each request asks PostgreSQL."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from api.access.keys import ApiKey, Principal, digest, from_row
from api.stores.postgres import Postgres, PostgresAway
from api.stores.sql import statement
from api.stores.tenant import TENANT

KNOWN_MAX = 10_000
_ASK_AGAIN_S = 1.0

P = TypeVar("P", bound=Principal)


@dataclass(slots=True)
class _Known(Generic[P]):
    principal: P
    verified_at: float
    ask_at: float


class Verified(Generic[P]):
    """Secrets and whose they are.

    What that means: what is revoked in another process works here for up to `fresh_s` more, and the second of
    the look-up; while PostgreSQL is away, for up to `stale_s`. Secrets not seen before need PostgreSQL.
    """

    def __init__(
        self,
        find: Callable[[bytes], Awaitable[P | None]],
        *,
        fresh_s: float,
        stale_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._known: OrderedDict[bytes, _Known[P]] = OrderedDict()

    async def identify(self, secret: str) -> P | None:
        """Whose secret it is; None: not valid. Raises PostgresAway where that is not known.

        From here on PostgreSQL shows this request the rows of his organization."""
        principal = await self._identified(digest(secret))
        if principal is None or _over(principal):
            return None
        TENANT.set(principal.organization_id)
        return principal

    def forget(self, match: Callable[[P], bool]) -> None:
        """At once, in this process: who was just changed or ended here."""
        for hashed in [hashed for hashed, known in self._known.items() if match(known.principal)]:
            del self._known[hashed]

    async def _identified(self, hashed: bytes) -> P | None:
        known = self._known.get(hashed)
        now = self._clock()
        if known is not None and now < known.ask_at:
            return known.principal
        if known is not None:
            # One request asks; those that come meanwhile go on with what is known.
            known.ask_at = now + _ASK_AGAIN_S
        try:
            principal = await self._find(hashed)
        except PostgresAway:
            if known is not None and now - known.verified_at < self._stale_s:
                return known.principal
            self._known.pop(hashed, None)
            raise
        if principal is None:
            self._known.pop(hashed, None)
            return None
        self._known[hashed] = _Known(principal, now, now + self._fresh_s)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return principal


def _over(principal: Principal) -> bool:
    return principal.expires_at is not None and principal.expires_at <= datetime.now(UTC)


class Keyring(Verified[ApiKey]):
    """Of keys. An outage of their table must not stop authorizations: they stay valid for `stale_s`."""

    def __init__(
        self,
        postgres: Postgres,
        *,
        fresh_s: float,
        stale_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        async def find(hashed: bytes) -> ApiKey | None:
            row = await postgres.row(statement("find_key"), {"sha256": hashed})
            return None if row is None else from_row(row)

        super().__init__(find, fresh_s=fresh_s, stale_s=stale_s, clock=clock)
