"""Around every request: its id, its time, and an answer even where our code fails."""

from __future__ import annotations

import secrets
import time
from itertools import count
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.busy import Door, Share
from api.http.guide import Guide
from api.http.paths import normalized
from api.http.problems import Problem, ProblemPage, nothing_here, problem_response, unexpected
from api.http.uploads import body_bytes_max, too_large_words
from api.metrics import Metrics

log = structlog.get_logger(__name__)

# Beyond it a request is told "too late" rather than given no time at all.
LATE_S_MAX = 0.75

# What the project's own pages may load, and who may show them: nobody in a frame, nothing from another host,
# no script and no style inside a page. Answers for programs load nothing: to them it is a header.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)

#: Two years, as the lists of browsers want it.
_STAY_WITH_TLS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestFrame:
    """Pure ASGI, outermost of ours. Counts by route template, so that ids in paths make no time series."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        door: Door,
        guide: Guide,
        body_bytes_max: int,
        page: ProblemPage,
        origins: frozenset[str] = frozenset(),
        tls: bool = False,
    ) -> None:
        """`tls`: browsers reach it by TLS, and are told to stay with that."""
        self._app = app
        self._clock = door.clock
        self._guide = guide
        self._metrics = metrics
        self._body_bytes_max = body_bytes_max
        self._page = page
        self._origins = origins
        self._safe = (*_SAFE, _STAY_WITH_TLS) if tls else _SAFE
        self._process = secrets.token_hex(4)
        self._numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{self._process}{next(self._numbers):08x}"
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        _normalize(scope)
        # Another server than ours does not say when the first byte came.
        arrived: float = state.setdefault("arrived", self._clock.arrived())
        # What is late on the way in may be late on the way out: all waits end earlier by it.
        state["since"] = arrived - min(self._clock.recent_late_s, LATE_S_MAX)
        status = 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.raw.extend(state.get("rate_limit", ()))
                headers.raw.extend(self._safe)
                headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
                self._metrics.answered(_route(scope), _method(scope), status, time.monotonic() - arrived)
            await send(message)

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await framed(message)

        try:
            bytes_max = body_bytes_max(scope["path"], self._body_bytes_max)
            if _announced(scope) > bytes_max:
                await self._problem(scope, _too_large(bytes_max))(scope, receive, framed)
                return
            counted = _counted(receive, bytes_max)
            if scope["method"] == "OPTIONS" and not self._preflight(scope):
                await self._options(scope)(scope, receive, framed)
            elif scope["method"] == "HEAD":
                state["is_head"] = True
                scope = {**scope, "method": "GET"}
                await self._app(scope, counted, without_body)
            else:
                await self._app(scope, counted, framed)
        except ClientDisconnect:
            pass  # while its body came: nobody is there to be answered, and nothing is wrong here
        except Exception:
            log.exception(
                "unexpected_error", request_id=request_id, method=scope["method"], route=_route(scope)
            )
            if status:
                raise  # the answer has begun; only closing the connection is left
            await self._problem(scope, unexpected())(scope, receive, framed)
        finally:
            share: Share | None = state.get("share")
            if share is not None:
                share.left(time.monotonic() - arrived, served=0 < status < 400)

    def _problem(self, scope: Scope, problem: Problem) -> Response:
        """As a page for a person, if it can be drawn: what failed may be just that."""
        try:
            shown = self._page(Request(scope), problem)
        except Exception:
            log.exception("problem_page_failed", request_id=scope["state"]["request_id"])
            shown = None
        return shown or problem_response(scope, problem)

    def _preflight(self, scope: Scope) -> bool:
        """Whether a browser asks for a page that may call the API. Others are told what the path knows."""
        if not self._origins:
            return False
        headers = Headers(scope=scope)
        asked = headers.get("access-control-request-method")
        return asked in _METHODS and bool(self._origins & {"*", headers.get("origin", "")})

    def _options(self, scope: Scope) -> Response:
        """What a path knows; without a key, for the description says it to everybody."""
        allowed = self._guide.allowed(scope["path"])
        if not allowed:
            return problem_response(scope, nothing_here(self._guide, scope["path"]))
        return Response(status_code=204, headers={"Allow": allowed})


def _normalize(scope: Scope) -> None:
    raw_path: bytes | None = scope.get("raw_path")
    if raw_path is not None and b"%" in raw_path:
        scope["path"] = normalized(raw_path)


def _counted(receive: Receive, bytes_max: int) -> Receive:
    """`receive` that ends a body without a (true) Content-Length at the bound."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise _too_large(bytes_max)
        return message

    return counted


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)  # the server has refused what is no number
    return 0


def _too_large(bytes_max: int) -> Problem:
    return Problem(413, "body_too_large", too_large_words(bytes_max))


def _route(scope: dict[str, Any] | Scope) -> str:
    return getattr(scope.get("route"), "path", "unknown")


def _method(scope: dict[str, Any] | Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"
