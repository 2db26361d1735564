"""One POST to a stranger's URL: to a public address and no other, for ten seconds and not longer.

Redirects are answers like any other. No proxy of the environment is asked, for it would resolve the name
itself.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import httpcore

from schemas.outbound import Forbidden, PublicNetwork

ATTEMPT_S_MAX = 10.0
ANSWER_BYTES_MAX = 64 * 1024  # what is read; more is nobody's business
ANSWER_KEPT_MAX = 500  # characters, for the delivery log
CONNECTIONS_MAX = 2_000
IDLE_CONNECTIONS_MAX = 200
IDLE_S_MAX = 30.0
RETRY_AFTER_S_MAX = 12 * 3_600.0

# Of these the endpoint itself, or what stands before it, says that it is away or flooded.
_AWAY = frozenset({429, 502, 503, 504})


class Attempt(NamedTuple):
    """What became of one POST. `error` None: it was taken (2xx).

    `is_away`: there was no answer, or one that says that nobody is there. `is_gone`: 410, send nothing more.
    `retry_after_s`: as the receiver asked.
    """

    took_ms: int
    status_code: int | None
    error: str | None
    answer: str | None
    is_away: bool = False
    is_gone: bool = False
    retry_after_s: float | None = None


class Poster:
    """A pool of connections. Close it with `aclose`."""

    def __init__(self, *, local: bool = False, network: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=IDLE_CONNECTIONS_MAX,
            keepalive_expiry=IDLE_S_MAX,
            http2=False,
            network_backend=network or PublicNetwork(local=local),
        )

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Sends it once. Never raises for what the network or the receiver does."""
        started_s = time.monotonic()
        status: int | None = None
        answer: bytes = b""
        error: str | None = None
        retry_after_s = None
        try:
            async with (
                asyncio.timeout(ATTEMPT_S_MAX),
                self._pool.stream("POST", url, headers=[*headers.items()], content=body) as response,
            ):
                status = response.status
                retry_after_s = _retry_after_s(response.headers)
                answer = await _beginning(response)
        except TimeoutError:
            error = f"no {'whole ' if status else ''}answer within {ATTEMPT_S_MAX:.0f} s"
        except Forbidden as forbidden:
            error = str(forbidden)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failed:
            error = (
                f"{_WORDS.get(type(failed), 'the connection failed')}: {str(failed) or type(failed).__name__}"
            )
        except (httpcore.UnsupportedProtocol, ssl.SSLError, OSError, ValueError) as failed:
            error = f"the connection failed: {failed}"
        if error is None or (status is not None and not 200 <= status < 300):
            error = _fault(status)
        return Attempt(
            round((time.monotonic() - started_s) * 1000),
            status,
            error and error[:300],
            answer.decode(errors="replace").replace("\0", "\ufffd")[:ANSWER_KEPT_MAX] or None,
            is_away=error is not None and (status is None or status in _AWAY),
            is_gone=status == 410,
            retry_after_s=retry_after_s if error is not None else None,
        )


_WORDS: dict[type[Exception], str] = {
    httpcore.ConnectError: "cannot connect",
    httpcore.ReadError: "the connection broke",
    httpcore.WriteError: "the connection broke",
    httpcore.RemoteProtocolError: "the answer is not HTTP",
    httpcore.LocalProtocolError: "cannot be sent",
}


async def _beginning(response: httpcore.Response) -> bytes:
    found = bytearray()
    async for part in response.aiter_stream():
        found += part
        if len(found) >= ANSWER_BYTES_MAX:
            break  # closed in the middle: the connection ends with it
    return bytes(found[:ANSWER_BYTES_MAX])


def _fault(status: int | None) -> str | None:
    if status is None or 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; give the endpoint its final URL"
    if status == 410:
        return "answered 410 Gone: nothing more is sent"
    return f"answered {status}"


def _retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """In seconds only: a date would have to be believed by a clock that is not ours."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.strip().isdigit() and len(value) < 10:
            return min(float(value), RETRY_AFTER_S_MAX)
    return None
