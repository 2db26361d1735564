"""Sign-ins that are under way, at an identity provider or before their code: in Redis, each good once and for
ten minutes."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from api.http.problems import Problem
from api.stores.redis import Redis, RedisAway

LIFE_S: Final = 600

T = TypeVar("T", bound=msgspec.Struct)


class SignInTries:
    """`state`, which travels with the browser, names one; whoever takes it compares the browser's cookie."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, under_way: msgspec.Struct) -> str:
        """Its state. Raises Problem 503."""
        state = secrets.token_urlsafe(32)
        name, content = _name(type(under_way), state), msgspec.json.encode(under_way)
        await self._asked(lambda client: client.set(name, content, ex=LIFE_S))
        return state

    async def take(self, state: str, kind: type[T]) -> T | None:
        """The try, used up; None: there is none, or no more. Raises Problem 503."""
        found = await self._asked(lambda client: client.getdel(_name(kind, state)))
        return None if found is None else msgspec.json.decode(found, type=kind)

    async def first(self, name: str, *, keep_s: int) -> bool:
        """Whether `name` did not come before, for so long. Raises Problem 503."""
        key = f"spendlog:came:{sha256(name.encode(errors='surrogatepass')).hexdigest()}"
        return bool(await self._asked(lambda client: client.set(key, b"1", nx=True, ex=keep_s)))

    async def _asked(self, ask: object) -> bytes | None:
        try:
            return await self._redis.call(ask)  # type: ignore[arg-type]
        except RedisAway:
            words = "Signing in in two steps is not possible for a moment. Try again in a few seconds."
            raise Problem(503, "sign_on_unavailable", words, headers={"Retry-After": "2"}) from None


def browser_digest(cookie: str) -> str:
    return sha256(cookie.encode(errors="surrogatepass")).hexdigest()


def same_browser(digest: str, cookie: str | None) -> bool:
    return cookie is not None and hmac.compare_digest(digest, browser_digest(cookie))


def _name(kind: type[msgspec.Struct], state: str) -> str:
    return f"spendlog:under-way:{kind.__name__}:{sha256(state.encode(errors='surrogatepass')).hexdigest()}"
