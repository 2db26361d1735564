"""How often somebody may try: by address and by account, counted in Redis, or here while that is away."""

from __future__ import annotations

import time
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from api.http.problems import Problem
from api.stores.redis import Redis, RedisAway

# Ten wrong passwords in 15 minutes are a thousand a day; a password stands more than 10^9 guesses.
BY_ACCOUNT: Final = RateLimitItemPerMinute(10, 15, "account")


class Attempts:
    """Counts tries to sign in. Without Redis each process counts for itself."""

    def __init__(self, redis: Redis, *, per_address_max: int) -> None:
        """`per_address_max`: in 15 minutes, of all who sit behind it."""
        self._redis = redis
        self._by_address = RateLimitItemPerMinute(per_address_max, 15, "address")
        pool: Any = redis.pool  # what its types do not know of
        storage = RedisStorage(
            "redis://", implementation="redispy", key_prefix="spendlog:attempts", connection_pool=pool
        )
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, address: str, email: str | None = None) -> None:
        """One more. Raises Problem 429 with `Retry-After` where there were too many."""
        await self._count(self._by_address, address)
        if email is not None:
            await self._count(BY_ACCOUNT, _account(email))

    async def forgive(self, email: str) -> None:
        """It was he: his own mistakes do not add up."""
        name = _account(email)
        await self._own.clear(BY_ACCOUNT, name)
        with suppress(RedisAway):
            await self._redis.call(lambda _: self._shared.clear(BY_ACCOUNT, name))

    async def _count(self, item: RateLimitItem, name: str) -> None:
        try:
            good, until = await self._redis.call(lambda _: _hit(self._shared, item, name))
        except RedisAway:
            good, until = await _hit(self._own, item, name)
        if not good:
            wait_s = max(1, round(until - time.time()))
            raise Problem(
                429,
                "too_many_attempts",
                f"There were too many tries to sign in. Try again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )


async def _hit(limiter: FixedWindowRateLimiter, item: RateLimitItem, name: str) -> tuple[bool, float]:
    """Whether one more is allowed, and when counting begins anew."""
    good = await limiter.hit(item, name)
    return good, 0.0 if good else (await limiter.get_window_stats(item, name)).reset_time


def _account(email: str) -> str:
    """Not the address itself: Redis need not know who has an account."""
    return sha256(email.strip().lower().encode(errors="surrogatepass")).hexdigest()[:32]
