"""Who looks at a page: whoever holds the key that the browser keeps.

A session is the key itself, in a cookie that scripts cannot read and other sites cannot send. So there is no
second list of who is signed in: a key that is revoked or expired ends its sessions with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from api.access.keys import ApiKey, Scope, looks_like_key
from api.http.problems import Problem
from api.services import services_of
from api.stores.postgres import PostgresAway

#: `__Host-`: only this host has set it, for all of its paths, over TLS or on the machine itself.
COOKIE: Final = "__Host-spendlog"
SESSION_S: Final = 12 * 3600


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person in a session; `caller` is who the functions of the API are asked for."""

    name: str
    role: str
    caller: ApiKey

    @property
    def organization_id(self) -> str:
        return self.caller.organization_id

    def may(self, *permissions: Scope) -> bool:
        return not self.caller.scopes.isdisjoint(permissions)


async def viewer_of(request: Request) -> Viewer | None:
    """None: nobody has signed in, or the key is no longer valid. Raises Problem 503."""
    return await holder_of(request, request.cookies.get(COOKIE, ""))


async def holder_of(request: Request, secret: str) -> Viewer | None:
    """None where it is no valid key. Raises Problem 503: keys cannot be looked up."""
    if not looks_like_key(secret):
        return None
    try:
        key = await services_of(request).keyring.identify(secret)
    except PostgresAway:
        words = "Who you are cannot be looked up now. Nothing was written."
        raise Problem(503, "key_store_unavailable", words, headers={"Retry-After": "2"}) from None
    return None if key is None else Viewer(key.actor, key.name, key)


def begin(answer: Response, secret: str) -> None:
    """Keeps the key in the browser, for `SESSION_S` at most."""
    answer.set_cookie(
        COOKIE, secret, max_age=SESSION_S, path="/", secure=True, httponly=True, samesite="strict"
    )


def end(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
