"""Who asks, and whether he may. Every route under /v1 names its permission; one without cannot be made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi import params as places
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from api.access.cookie import token_of
from api.access.keys import ApiKey, Principal, Scope, digest, looks_like_key
from api.access.notes import note_done, note_ended_key, note_refused
from api.access.origin import SAFE_METHODS, require_own_origin
from api.access.people import Person
from api.access.reach import require_reach
from api.access.sessions import require_recent
from api.http.bodies import require_json, require_text
from api.http.paths import decoded
from api.http.problems import Problem
from api.http.request_names import require_known, require_once
from api.stores.pace import within
from api.stores.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S, PostgresAway

SCOPE_MEMBER = "x-required-scope"
OWN_MEMBER = "x-own"
OPEN_MEMBER = "x-open"
RECENT_MEMBER = "x-recent-authentication"
SECURITY_SCHEME = "apiKey"
# What card networks send by a key is not in the audit log one by one: the log of decisions is its record.
_OF_NETWORKS = frozenset({Scope.AUTHORIZATIONS_WRITE, Scope.SIMULATIONS_WRITE})
SESSION_SCHEME = "session"


def needs(
    scope: Scope, *others: Scope, own: str | None = None, recent: bool = False, **extra: Any
) -> dict[str, Any]:
    """What a route under /v1 says of itself: `openapi_extra=needs(Scope...)`.

    With several scopes a caller with any of them is let in, and the route asks `require` for the one that it
    finds out to need. `own`: how the route keeps to what is the caller's own (`api.access.reach`); without it
    nobody comes in whose permission reaches no further. `recent`: a person must have said his password lately
    (`require_recent`). `extra`: further members of the description.
    """
    ways: list[dict[str, list[str]]] = [{SESSION_SCHEME: []}]
    if scope is not Scope.ACCOUNT:
        ways.insert(0, {SECURITY_SCHEME: []})
    marks = ({} if own is None else {OWN_MEMBER: own}) | ({RECENT_MEMBER: True} if recent else {})
    return {SCOPE_MEMBER: required_scope(scope, *others), "security": ways, **marks, **extra}


def open_to_all(why: str, **extra: Any) -> dict[str, Any]:
    """What the few routes under /v1 by which people come in say instead of `needs(...)`."""
    return {OPEN_MEMBER: why, "security": [], **extra}


def required_scope(scope: Scope, *others: Scope) -> str | list[str]:
    """As OpenAPI's description tells it: the scope, or all those of which one is enough."""
    return [scope.value, *(other.value for other in others)] if others else scope.value


class KeyedRoute(APIRoute):
    """A route that answers only to a key or a session with its permission, before it looks at anything else;
    then only where the permission reaches to.

    `read_s_max`: of a read, in seconds from `since_of` the request on.
    """

    read_s_max = 1.95

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        extra = self.openapi_extra or {}
        named = extra.get(SCOPE_MEMBER)
        if named is None and OPEN_MEMBER not in extra:
            raise TypeError(f"{self.path} names no scope; give it openapi_extra=needs(...)")
        names = [] if named is None else [named] if isinstance(named, str) else named
        required = [Scope(name) for name in names]
        own = extra.get(OWN_MEMBER)
        told_of_keys = _OF_NETWORKS.isdisjoint(required)
        sent_as = extra.get("requestBody", {}).get("content", {})
        body_expected = self.body_field is not None or "application/json" in sent_as
        query = frozenset(
            param.alias
            for param in get_flat_params(self.dependant)
            if isinstance(param.field_info, places.Query)
        )

        async def checked(request: Request) -> Response:
            if "%" in request.scope["path"]:
                request.scope["path_params"] = decoded(request.path_params)
            require_once(request.scope["headers"])
            caller = await _authorized(request, required) if required else None
            if caller is not None and "organization_id" in request.path_params:
                own_organization(caller, request.path_params["organization_id"])
            if request.scope["query_string"]:
                require_known(request.query_params.multi_items(), query)
            if body_expected:
                require_json(request.headers)
                require_text(await request.body())
            if caller is not None:
                await require_reach(request, caller, required, own=own, query=query)
                if RECENT_MEMBER in extra and isinstance(caller, Person):
                    require_recent(caller)
            try:
                return await self._bounded(answer, request)
            except PostgresAway:
                raise store_away() from None

        async def handle(request: Request) -> Response:
            try:
                answered = await checked(request)
            except Problem as problem:
                await note_refused(request, problem)
                raise
            if request.method not in SAFE_METHODS:
                note_done(request, answered, keys=told_of_keys)
            return answered

        return handle

    async def _bounded(
        self, answer: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
    ) -> Response:
        # A write has bounds of its own: it must not end between what it wrote and what it says of that.
        if request.method not in ("GET", "HEAD"):
            return await answer(request)
        read_s_max = self.read_s_max * request.app.state.services.settings.api_patience
        return await within(request.state.since + read_s_max, answer(request))


class ReportRoute(KeyedRoute):
    """A read that may add up all bookings there are."""

    read_s_max = REPORT_TIMEOUT_S + 2 * QUERY_TIMEOUT_S


async def _authorized(request: Request, scopes: Sequence[Scope]) -> Principal:
    caller = request.state.caller = await caller_of(request)
    allowances = request.app.state.services.allowances
    request.state.rate_limit = await allowances.take(
        caller.id, caller.organization_id, person=isinstance(caller, Person)
    )
    if caller.scopes.isdisjoint(scopes):
        raise _insufficient(caller, scopes)
    return caller


async def caller_of(request: Request) -> Principal:
    """Whose key or session came along; the key, where both did. Raises Problem 401, 403 or 503."""
    token = None if "authorization" in request.headers else token_of(request)
    ring = request.app.state.services.keyring if token is None else request.app.state.services.sessions
    secret = _secret(request) if token is None else token
    try:
        caller: Principal | None = await ring.identify(secret)
    except PostgresAway:
        raise Problem(
            503,
            "key_store_unavailable",
            "This key or session was not used lately, and it cannot be looked up now. Nothing was written.",
            headers={"Retry-After": "2"},
        ) from None
    if caller is None and token is None:
        note_ended_key(request, digest(secret))
        raise _unauthorized("invalid_api_key", "The API key is not known, has expired, or was revoked.")
    if caller is None:
        raise _unauthorized("session_ended", "The session has ended. Sign in again.", error=None)
    if token is not None:
        request.state.caller = caller
        require_own_origin(request)
    return caller


def store_away() -> Problem:
    words = "People and keys cannot be looked up now. Nothing was written."
    return Problem(503, "access_store_unavailable", words, headers={"Retry-After": "2"})


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
    """Whether the key or session that `request` came with holds, asked again and again by a long answer."""

    async def check() -> bool:
        try:
            await caller_of(request)
        except Problem:
            return False  # ended; or not known for longer than a known key is trusted
        return True

    return check


def require(caller: Principal, *scopes: Scope) -> None:
    """Raises the Problem 403 unless `caller` has one of `scopes`."""
    if caller.scopes.isdisjoint(scopes):
        raise _insufficient(caller, scopes)


def _insufficient(caller: Principal, scopes: Sequence[Scope]) -> Problem:
    if isinstance(caller, Person) and caller.factor_due:
        how = (
            "sign in anew with a code of your authenticator"
            if caller.second_factor
            else "set one up by POST /v1/account/second-factor"
        )
        words = f"{caller.organization_id} asks its people for a second factor: {how}."
        return Problem(403, "second_factor_due", words)
    # RFC 6750: the scopes of the header are separated by spaces.
    who = f"the key {caller.prefix}" if isinstance(caller, ApiKey) else f"{caller.actor}'s role"
    return Problem(
        403,
        "insufficient_scope",
        f"This operation needs the scope {' or '.join(scopes)}; {who} does not have it.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'},
    )


def _unauthorized(code: str, detail: str, error: str | None = "invalid_token") -> Problem:
    challenge = 'Bearer realm="spendlog"' + (f', error="{error}"' if error else "")
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})


async def _caller(request: Request) -> Principal:
    caller: Principal = request.state.caller
    return caller


Caller = Annotated[Principal, Depends(_caller)]


def own_organization(caller: Principal, organization_id: str) -> None:
    """404 for another organization's path: whether it exists is not the caller's business."""
    if caller.organization_id != organization_id:
        raise Problem(404, "no_such_resource", "There is nothing at this path.")
