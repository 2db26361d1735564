"""One connection of a client: uvicorn's, with a clock from the first byte, bounds, and a door.

What a client may take: HEAD_BYTES_MAX for request line and headers, and what `Limits` says. Whoever takes
more is told so and closed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.http.busy import Door
from api.http.refusals import OVERLOADED, TOO_MANY_CONNECTIONS, Refusal, refusal
from api.http.uploads import body_bytes_max, too_large_words
from api.metrics import Metrics

HEAD_BYTES_MAX = 32 * 1024
WRITE_S = 10.0  # for taking what of an answer does not fit into the socket
LINGER_S = 1.0  # a client that still sends reads the refusal only if its own bytes are taken, too

_HEAD_TOO_LARGE: Final = refusal(
    431,
    "headers_too_large",
    f"Request line and headers have more than {HEAD_BYTES_MAX // 1024} KiB together. Send fewer or shorter.",
)


_NO_HOST: Final = refusal(
    400, "malformed_http", "HTTP/1.1 has one header Host in each request (RFC 9112, 3.2)."
)
_NO_SUCH_VERSION: Final = refusal(505, "http_version_not_supported", "Spoken here are HTTP/1.1 and HTTP/1.0.")
_NO_SUCH_CODING: Final = refusal(
    501, "unsupported_transfer_coding", "The only Transfer-Encoding that is understood here is chunked."
)


class _Phase(Enum):
    IDLE = "between requests"
    HEAD = "in a head"
    BODY = "in a body"


@dataclass(slots=True)
class Limits:
    """What all connections of one server share.

    `head_s`: from the first byte (or from connecting) to the last of the headers; `body_s`: from there to the
    end of the body.
    """

    door: Door
    metrics: Metrics
    body_bytes_max: int
    connections_max: int
    per_address_max: int
    head_s: float
    body_s: float
    addresses: Counter[str] = field(default_factory=Counter)
    head_too_slow: Refusal = field(init=False)
    body_too_slow: Refusal = field(init=False)

    def __post_init__(self) -> None:
        self.head_too_slow = _too_slow("request line and headers", self.head_s)
        self.body_too_slow = _too_slow("body", self.body_s)


def _too_large(bytes_max: int) -> Refusal:
    return refusal(413, "body_too_large", too_large_words(bytes_max))


def _too_slow(what: str, seconds: float) -> Refusal:
    return refusal(408, "request_too_slow", f"The {what} did not come within {seconds:g} s.")


class Connection(HttpToolsProtocol):
    """Give it to uvicorn as `http=`, with `limits` bound."""

    def __init__(self, *, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._phase = _Phase.IDLE
        self._timed: _Phase | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._arrived = 0.0
        self._received = 0  # since the head began, as it came
        self._bytes = 0  # of this head or body, as it was parsed
        self._body_bytes_max = limits.body_bytes_max  # of this request
        self._refused = False
        self._address = ""

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limits = self._limits
        self._address = self.client[0] if self.client else ""
        limits.addresses[self._address] += 1
        if (
            len(self.connections) > limits.connections_max
            or limits.addresses[self._address] > limits.per_address_max
        ):
            self._refuse(TOO_MANY_CONNECTIONS)
        else:
            self._watch(_Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        addresses = self._limits.addresses
        addresses[self._address] -= 1
        if not addresses[self._address]:
            del addresses[self._address]
        self._watch(None)
        self._watch_writing(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # until it closes; what it sends is of no interest any more
        self._unset_keepalive_if_required()
        if self._phase is _Phase.IDLE:
            self._begin()
        self._received += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken here; the request is answered as it stands
        except httptools.HttpParserError as error:
            if not self._refused:  # else it is our own stop, from a callback
                self._refuse(refusal(400, "malformed_http", _told(error)))
            return
        if self._phase is _Phase.HEAD and self._received > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)
        elif not self._refused:
            self._watch(None if self._phase is _Phase.IDLE else self._phase)

    def shutdown(self) -> None:
        self._limits.door.stop()
        super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch_writing(False)

    # The parser's side

    def on_message_begin(self) -> None:
        if self._phase is _Phase.IDLE:  # it came in one packet with the one before
            self._begin()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._bytes += len(name) + len(value) + 4
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        self._phase = _Phase.BODY
        if self._bytes > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE, ours=False)
            return
        self._bytes = 0
        if refused := self._refused_by_head():
            self._refuse(refused, ours=False)
            return
        cast("dict[str, Any]", self.scope)["state"]["arrived"] = self._arrived
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        self._bytes += len(body)
        if self._bytes > self._body_bytes_max:
            self._refuse(_too_large(self._body_bytes_max))
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        self._phase = _Phase.IDLE
        super().on_message_complete()

    # Ours

    def _begin(self) -> None:
        self._phase = _Phase.HEAD
        self._received = self._bytes = 0
        self._arrived = self._limits.door.clock.arrived()

    def _refused_by_head(self) -> Refusal | None:
        """What the headers say that is not done here."""
        version, hosts, announced, coding = self.parser.get_http_version(), 0, 0, b"chunked"
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                announced = int(value)  # the parser has refused what is no number
            elif name == b"transfer-encoding":
                coding = value.lower()
        if version not in ("1.1", "1.0"):
            return _NO_SUCH_VERSION
        if hosts != 1 and (hosts or version == "1.1"):
            return _NO_HOST
        if coding != b"chunked":
            return _NO_SUCH_CODING
        path = self.url.partition(b"?")[0].decode("latin-1")
        self._body_bytes_max = body_bytes_max(path, self._limits.body_bytes_max)
        return _too_large(self._body_bytes_max) if announced > self._body_bytes_max else None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope = cast("dict[str, Any]", cycle.scope)
        share = self._limits.door.share(scope["method"], scope["path"])
        if share is None:
            super()._start_asgi_task(cycle, app)
        elif share.admits():
            share.entered()
            scope["state"]["share"] = share  # who answers says that it has left
            super()._start_asgi_task(cycle, app)
        else:
            share.shed += 1
            self._limits.metrics.refused(OVERLOADED.code)
            self._answered(cycle)
            answer = OVERLOADED.answer(
                scope["raw_path"], close=not cycle.keep_alive, body=scope["method"] != "HEAD"
            )
            self.transport.write(answer)
            if not cycle.keep_alive:
                self._linger()
            self.loop.call_soon(cycle.on_response)  # not at once: it may start the next of a long pipeline

    def _answered(self, cycle: RequestResponseCycle) -> None:
        """The cycle has its answer: what the application still says to it goes nowhere."""
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()

    def _refuse(self, refusal: Refusal, *, ours: bool = True) -> None:
        """Answers and closes. `ours`: the newest cycle is that of the request that is refused."""
        self._refused = True
        self._limits.metrics.refused(refusal.code)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not ours or self._phase is not _Phase.BODY or self.pipeline or cycle.response_started:
                # The answer to an earlier request is under way: it is the last.
                self.pipeline.clear()
                cycle.keep_alive = False
                self._watch(None)
                return
            self._answered(cycle)
            cycle.disconnected = True
        path = self.url.partition(b"?")[0] if self._phase is _Phase.BODY else b""
        self.transport.write(refusal.answer(path))
        self._linger()

    def _linger(self) -> None:
        """No more is written; what still comes is thrown away for a second, or until the client has ended."""
        self._refused = True
        self._watch(None)
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def _watch(self, phase: _Phase | None) -> None:
        """Has the time of `phase` run, unless it runs already. None: it takes the time it takes."""
        if phase is self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed = phase
        if phase is not None:
            seconds = self._limits.head_s if phase is _Phase.HEAD else self._limits.body_s
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._phase is _Phase.IDLE:
            self.transport.close()  # not one byte came
        else:
            limits = self._limits
            self._refuse(limits.head_too_slow if self._phase is _Phase.HEAD else limits.body_too_slow)

    def _watch_writing(self, paused: bool) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        if paused:
            self._write_timer = self.loop.call_later(WRITE_S, self.transport.abort)


def _told(error: httptools.HttpParserError) -> str:
    """What the parser found, in words of ours where its own say little."""
    known = {
        httptools.HttpParserInvalidMethodError: "the method is none of HTTP's",
        httptools.HttpParserInvalidURLError: "the target is no path and no URL",
    }
    found = known.get(type(error)) or str(error).strip(" .") or "it cannot be parsed"
    return f"This is not HTTP/1.1: {found}. It reads `METHOD /path HTTP/1.1`, then `Name: value` lines."
