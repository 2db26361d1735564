"""The room's only door to Redis. Nothing in it is needed: whoever calls goes on without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.metrics import Metrics
from api.stores.breaker import Breaker, bounded

__all__ = ["Client", "Redis", "RedisAway"]

CALL_TIMEOUT_S = 0.1  # far above a healthy answer; a hung server must not eat the 2 s of a request
AGAIN_S = 1.0  # while it is away, it is pinged once a second

CLAIMS_MAX = 500

T = TypeVar("T")
_Claim = tuple[str, str, int, "asyncio.Future[bytes | RedisAway | None]"]


class RedisAway(Exception):
    """No answer from Redis within the bound."""


class Redis:
    """A client whose every call is bounded, and which is left alone while Redis is away.

    A slow answer costs its own caller what it asked for; only a ping finds that the server is away.
    """

    def __init__(self, url: str, metrics: Metrics, *, connections_max: int, patience: float = 1.0) -> None:
        """`patience`: its bounds are so many times as long."""
        self._call_s = call_s = CALL_TIMEOUT_S * patience
        self._client = Client(
            connection_pool=ConnectionPool.from_url(
                url,
                max_connections=connections_max,
                socket_timeout=call_s,
                socket_connect_timeout=call_s,
                # Once more at once: after a restart every pooled connection is broken the first time.
                retry=Retry(NoBackoff(), 1),
                client_name="spendlog-api",
            )
        )
        self._metrics = metrics
        self._free = asyncio.Semaphore(connections_max)
        self._breaker = Breaker("redis", self._ping, ping_s=2 * call_s, again_s=AGAIN_S)
        self._claims: list[_Claim] = []
        self._claiming: asyncio.Task[None] | None = None

    @property
    def pool(self) -> ConnectionPool:
        """For a library that brings its own client; it is called inside `call`."""
        return self._client.connection_pool

    async def close(self) -> None:
        await self._breaker.close()
        # The pool was handed in, so the client would leave its connections open.
        await self._client.aclose(close_connection_pool=True)

    async def call(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        """What `ask` gets from the server. Raises RedisAway."""
        away = self._breaker.opened
        if away.done():
            self._metrics.redis_failures.inc()
            raise RedisAway(away.result())
        try:
            # Too many of our own calls say nothing of Redis: they give up alone.
            async with asyncio.timeout(self._call_s):
                await self._free.acquire()
        except TimeoutError:
            raise RedisAway("all connections are in use") from None
        try:
            return await bounded(_asked(ask, self._client), 2 * self._call_s, away)
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.doubt()
            self._metrics.redis_failures.inc()
            raise RedisAway(str(error) or f"no answer within {2 * self._call_s} s") from None
        finally:
            self._free.release()

    async def claim(self, name: str, value: str, *, keep_s: int) -> bytes | None:
        """What is kept under `name`; None when nothing was and now `value` is. Raises RedisAway.

        Claims that come while one round trip is under way share the next: with a call of its own for each,
        Redis was a quarter of a request's time in the profile (1.1 of 4.4 s for 3,146 requests).
        """
        future: asyncio.Future[bytes | RedisAway | None] = asyncio.get_running_loop().create_future()
        self._claims.append((name, value, keep_s, future))
        if self._claiming is None:
            self._claiming = asyncio.create_task(self._send_claims())
        found = await future
        if isinstance(found, RedisAway):
            raise found
        return found

    async def _send_claims(self) -> None:
        try:
            while self._claims:
                batch, self._claims = self._claims[:CLAIMS_MAX], self._claims[CLAIMS_MAX:]
                for claim, answer in zip(batch, await self._answers(batch), strict=True):
                    if not claim[-1].done():
                        claim[-1].set_result(answer)
        finally:
            self._claiming = None

    async def _answers(self, batch: list[_Claim]) -> list[bytes | RedisAway | None]:
        async def ask(client: Client) -> list[bytes | None]:
            pipe = client.pipeline(transaction=False)
            for name, value, keep_s, _ in batch:
                pipe.set(name, value, nx=True, get=True, ex=keep_s)
            found: list[bytes | None] = await pipe.execute()
            return found

        try:
            return [*await self.call(ask)]
        except RedisAway as error:
            return [error] * len(batch)

    async def _ping(self) -> None:
        await self._client.ping()


async def _asked(ask: Callable[[Client], Awaitable[T]], client: Client) -> T:
    return await ask(client)
