"""The cookie of a session: only this host sets it, no script reads it, no other site sends it."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE: Final = "__Host-spendlog"


def token_of(request: HTTPConnection) -> str | None:
    return request.cookies.get(COOKIE)


def begin(answer: Response, token: str, *, max_age_s: int) -> None:
    """Keeps the session in the browser until its absolute end."""
    answer.set_cookie(
        COOKIE, token, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="strict"
    )


def end(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
