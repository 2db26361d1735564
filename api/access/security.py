"""Who asks, and whether he may. Every route under /v1 names its scope; a route without one cannot be made."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi import params as places
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from api.access.keys import ApiKey, Scope, digest, from_row, looks_like_key
from api.http.bodies import require_json, require_text
from api.http.names import require_known, require_once
from api.http.paths import decoded
from api.http.problems import Problem
from api.stores.pace import within
from api.stores.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S, Postgres, PostgresAway
from api.stores.sql import statement

SCOPE_MEMBER = "x-required-scope"
SECURITY_SCHEME = "apiKey"
KNOWN_KEYS_MAX = 10_000
_ASK_AGAIN_S = 1.0


@dataclass(slots=True)
class _Known:
    key: ApiKey
    verified_at: float
    ask_at: float


class Keyring:
    """Keys that were verified lately.

    What that means: a revoked key works for up to `fresh_s` (30 s) more in each process; while PostgreSQL
    is away, for up to `stale_s` (15 min), because an outage of the key table must not stop authorizations.
    Keys not seen before need PostgreSQL. Whoever needs a revocation at once restarts the API.
    """

    def __init__(
        self,
        postgres: Postgres,
        *,
        fresh_s: float,
        stale_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._postgres = postgres
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def identify(self, secret: str) -> ApiKey | None:
        """The key of a secret; None: not valid. Raises PostgresAway where that is not known."""
        hashed = digest(secret)
        known = self._known.get(hashed)
        now = self._clock()
        if known is not None and now < known.ask_at:
            return known.key
        if known is not None:
            # One request asks; those that come meanwhile go on with what is known.
            known.ask_at = now + _ASK_AGAIN_S
        try:
            row = await self._postgres.row(statement("find_key"), {"key_sha256": hashed})
        except PostgresAway:
            if known is not None and now - known.verified_at < self._stale_s:
                return known.key
            self._known.pop(hashed, None)
            raise
        if row is None:
            self._known.pop(hashed, None)
            return None
        key = from_row(row)
        self._known[hashed] = _Known(key, now, now + self._fresh_s)
        while len(self._known) > KNOWN_KEYS_MAX:
            self._known.popitem(last=False)
        return key


def needs(scope: Scope, *others: Scope, **extra: Any) -> dict[str, Any]:
    """What a route under /v1 says of itself: `openapi_extra=needs(Scope...)`.

    With several scopes a key with any of them is let in, and the route asks `require` for the one that it
    finds out to need. `extra`: further members of the operation's description.
    """
    return {SCOPE_MEMBER: required_scope(scope, *others), "security": [{SECURITY_SCHEME: []}], **extra}


def required_scope(scope: Scope, *others: Scope) -> str | list[str]:
    """As OpenAPI's description tells it: the scope, or all those of which one is enough."""
    return [scope.value, *(other.value for other in others)] if others else scope.value


class KeyedRoute(APIRoute):
    """A route that answers only to a key with its scope, before it looks at anything else of the request.

    `read_s_max`: of a read, in seconds from `since_of` the request on.
    """

    read_s_max = 1.95

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        extra = self.openapi_extra or {}
        named = extra.get(SCOPE_MEMBER)
        if named is None:
            raise TypeError(f"{self.path} names no scope; give it openapi_extra=needs(...)")
        required = [Scope(named)] if isinstance(named, str) else [Scope(scope) for scope in named]
        body_expected = self.body_field is not None or "requestBody" in extra
        query = frozenset(
            param.alias
            for param in get_flat_params(self.dependant)
            if isinstance(param.field_info, places.Query)
        )

        async def handle(request: Request) -> Response:
            if "%" in request.scope["path"]:
                request.scope["path_params"] = decoded(request.path_params)
            require_once(request.scope["headers"])
            request.state.caller = await _authorized(request, required)
            if request.scope["query_string"]:
                require_known(request.query_params.multi_items(), query)
            if body_expected:
                require_json(request.headers)
                require_text(await request.body())
            return await self._bounded(answer, request)

        return handle

    async def _bounded(
        self, answer: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
    ) -> Response:
        # A write has bounds of its own: it must not end between what it wrote and what it says of that.
        if request.method not in ("GET", "HEAD"):
            return await answer(request)
        return await within(request.state.since + self.read_s_max, answer(request))


class ReportRoute(KeyedRoute):
    """A read that may add up all bookings there are."""

    read_s_max = REPORT_TIMEOUT_S + 2 * QUERY_TIMEOUT_S


async def _authorized(request: Request, scopes: Sequence[Scope]) -> ApiKey:
    secret = _secret(request)
    keyring: Keyring = request.app.state.services.keyring
    try:
        key = await keyring.identify(secret)
    except PostgresAway:
        raise Problem(
            503,
            "key_store_unavailable",
            "This key was not used lately, and keys cannot be looked up now. Nothing was written.",
            headers={"Retry-After": "2"},
        ) from None
    if key is None:
        raise _unauthorized("invalid_api_key", "The API key is not known, or was revoked.")
    if key.scopes.isdisjoint(scopes):
        raise _insufficient(key, scopes)
    return key


_HOW = "Send your API key as `Authorization: Bearer sl_...`."


def _secret(request: Request) -> str:
    """The API key that came along. Raises Problem 401, which never repeats what was sent."""
    given = request.headers.get("authorization", "").strip()
    scheme, _, secret = given.partition(" ")
    secret = secret.strip()
    if looks_like_key(given):
        raise _unauthorized("missing_api_key", f"`Bearer ` is missing before the key. {_HOW}", error=None)
    if not secret:
        words = f"There is no API key. {_HOW}"
        if any(looks_like_key(value) for value in request.query_params.values()):
            words = (
                "The key is in the query, where logs and histories keep it: revoke it, and use another. "
                + _HOW
            )
        raise _unauthorized("missing_api_key", words, error=None)
    if scheme.lower() != "bearer":
        shown = f" {scheme[:20]}" if scheme.isalpha() else ""  # else it may be a part of a key
        words = f"The scheme{shown} is not known here. {_HOW}"
        raise _unauthorized("invalid_api_key", words)
    if not looks_like_key(secret):
        words = "This is no API key: one reads `sl_`, 10 letters and digits, `_`, and 43 characters more."
        raise _unauthorized("invalid_api_key", words)
    return secret


def still_valid(request: Request) -> Callable[[], Awaitable[bool]]:
    """Whether the key that `request` came with holds, asked again and again by a long answer."""
    secret = _secret(request)
    keyring: Keyring = request.app.state.services.keyring

    async def check() -> bool:
        try:
            return await keyring.identify(secret) is not None
        except PostgresAway:
            return False  # not known for longer than a known key is trusted

    return check


def require(key: ApiKey, *scopes: Scope) -> None:
    """Raises the Problem 403 unless `key` has one of `scopes`."""
    if key.scopes.isdisjoint(scopes):
        raise _insufficient(key, scopes)


def _insufficient(key: ApiKey, scopes: Sequence[Scope]) -> Problem:
    # RFC 6750: the scopes of the header are separated by spaces.
    return Problem(
        403,
        "insufficient_scope",
        f"This operation needs the scope {' or '.join(scopes)}; the key {key.prefix} does not have it.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'},
    )


def _unauthorized(code: str, detail: str, error: str | None = "invalid_token") -> Problem:
    challenge = 'Bearer realm="spendlog"' + (f', error="{error}"' if error else "")
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})


async def _caller(request: Request) -> ApiKey:
    key: ApiKey = request.state.caller
    return key


Caller = Annotated[ApiKey, Depends(_caller)]


def own_organization(caller: ApiKey, organization_id: str) -> None:
    """404 for another organization's path: whether it exists is not the caller's business."""
    if caller.organization_id != organization_id:
        raise Problem(404, "no_such_resource", "There is nothing at this path.")
