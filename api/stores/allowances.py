"""How many requests a key or a person may send in a span of time.

No request waits for Redis. Each process counts what it lets in, and now and then exchanges that for what is
left in all processes; without Redis it counts for itself. So one process alone is exact, and several together
let in above the limit at most what comes between two exchanges. Only who has used up his share waits for one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from limits import RateLimitItem, WindowStats
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from api.api_settings import limit_of
from api.http.problems import Problem
from api.stores.redis import Redis, RedisAway

KNOWN_MAX: Final = 10_000
EXCHANGE_S: Final = 0.25  # between two looks at who has something to exchange
QUIET_S: Final = 2.0  # who takes little of what is left exchanges so often
SHARE: Final = 8  # who took an eighth of what is left does at the next look
ASK_AGAIN_S: Final = 0.05  # for who has nothing left: his flood is not to be one for Redis


RawHeaders = tuple[tuple[bytes, bytes], ...]


class _Account:
    """What one caller has left, as far as this process knows."""

    __slots__ = ("exchanged_at", "item", "left", "name", "policy", "resets_at", "taken", "untold")

    def __init__(self, name: str, item: RateLimitItem) -> None:
        self.name = name
        self.item = item
        self.policy = b'"default";q=%d;w=%d' % (item.amount, item.get_expiry())
        self.left = item.amount
        self.taken = 0  # and not exchanged yet
        self.untold = 0  # exchanged while Redis was away
        self.resets_at = 0.0  # of the machine's clock, as Redis has it
        self.exchanged_at = 0.0  # of the monotonic one

    def headers(self) -> RawHeaders:
        """As the IETF's draft has them (draft-ietf-httpapi-ratelimit-headers-10)."""
        resets_s = max(0, math.ceil(self.resets_at - time.time()))
        left = b'"default";r=%d;t=%d' % (max(0, self.left), resets_s)
        return ((b"ratelimit", left), (b"ratelimit-policy", self.policy))


class Allowances:
    """Of all callers of this process.

    `keys`, `people`: what each key and each person may send, for example `600/minute`, or `none`; `others`:
    the same by the id of a key, or by that of an organization, whose keys then share it.
    """

    def __init__(self, redis: Redis, *, keys: str, people: str, others: Mapping[str, str]) -> None:
        self._redis = redis
        pool: Any = redis.pool  # what its types do not know of
        storage = RedisStorage(
            "redis://", implementation="redispy", key_prefix="spendlog:allowance", connection_pool=pool
        )
        self._shared = SlidingWindowCounterRateLimiter(storage)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._keys, self._people = limit_of(keys), limit_of(people)
        self._others = {name: limit_of(text) for name, text in others.items()}
        self._known: OrderedDict[str, _Account | None] = OrderedDict()
        self._taken: set[_Account] = set()
        self._exchanging: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._exchanging = asyncio.create_task(self._exchange_for_ever())

    async def close(self) -> None:
        """What was not exchanged is lost: as much more may be sent."""
        if self._exchanging is not None:
            self._exchanging.cancel()
            with suppress(asyncio.CancelledError):
                await self._exchanging

    async def take(self, caller: str, organization: str, *, person: bool) -> RawHeaders:
        """One request of `caller`'s. The headers that tell how many are left.

        Raises:
            Problem: 429 with `Retry-After`: none is.
        """
        account = self._account(caller, organization, person=person)
        if account is None:
            return ()
        if account.left <= 0:
            await self._replenish(account)
        account.left -= 1
        account.taken += 1
        self._taken.add(account)
        return account.headers()

    def _account(self, caller: str, organization: str, *, person: bool) -> _Account | None:
        try:
            account = self._known[caller]
        except KeyError:
            account = self._opened(caller, organization, person=person)
            while len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(caller)
        return account

    def _opened(self, caller: str, organization: str, *, person: bool) -> _Account | None:
        name, item = caller, self._people if person else self._keys
        if caller in self._others:
            item = self._others[caller]
        elif organization in self._others and not person:
            name, item = f"organization {organization}", self._others[organization]
        account = None if item is None else _Account(name, item)
        if name != caller:  # shared by all who have no limit of their own
            account = self._known.setdefault(name, account)
        self._known[caller] = account
        return account

    async def _replenish(self, account: _Account) -> None:
        if time.monotonic() - account.exchanged_at >= ASK_AGAIN_S:
            await self._exchange(account)
        if account.left <= 0:
            wait_s = max(1, math.ceil(account.resets_at - time.time()))
            span = f"{account.item.amount:,} in {account.item.get_expiry():,} s"
            raise Problem(
                429,
                "rate_limited",
                f"There were more requests than {span}. Nothing was written; try again in {wait_s} s.",
                headers={name.decode(): value.decode() for name, value in account.headers()}
                | {"Retry-After": str(wait_s)},
            )

    async def _exchange_for_ever(self) -> None:
        while True:
            await asyncio.sleep(EXCHANGE_S)
            now = time.monotonic()
            for account in [*self._taken]:
                if account.taken * SHARE >= account.left or now - account.exchanged_at >= QUIET_S:
                    await self._exchange(account)

    async def _exchange(self, account: _Account) -> None:
        """Tells what was taken here, and learns what is left in all processes."""
        taken, account.taken = account.taken, 0
        account.exchanged_at = time.monotonic()
        try:
            told = taken + account.untold
            stats = await self._redis.call(lambda _: _settled(self._shared, account, told))
            account.untold = 0
        except RedisAway:
            stats = await _settled(self._own, account, taken)
            account.untold = taken or account.untold  # of the last try alone: older ones count no more
        account.left = stats.remaining - account.taken
        account.resets_at = stats.reset_time
        if not account.taken and not account.untold:
            self._taken.discard(account)


async def _settled(limiter: SlidingWindowCounterRateLimiter, account: _Account, taken: int) -> WindowStats:
    item, name = account.item, account.name
    if taken and not await limiter.hit(item, name, cost=taken):
        # Others took the rest meanwhile: the span is used up.
        rest = (await limiter.get_window_stats(item, name)).remaining
        if rest:
            await limiter.hit(item, name, cost=rest)
    return await limiter.get_window_stats(item, name)
