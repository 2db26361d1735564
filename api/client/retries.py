"""When a call is tried again, without I/O: it is told what came, and says what to do.

Three kinds of answers are worth another try, each with the same Idempotency-Key, so that nothing is done
twice: nobody answered (only of calls whose second try is harmless), `429` and `503` (nothing was written),
and "not decided yet" (`202`, `409 request_in_flight`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Generic, TypeVar

import httpx
import msgspec

from api.client.call import ApiAnswer, Call
from api.client.errors import ClientError, NotReached, Undecided, UnexpectedAnswer, problem_of

T = TypeVar("T")

# The first wait is a decision's usual time, the longest half of what an outage of a broker takes.
FIRST_S: Final = 0.1
WAIT_S_MAX: Final = 5.0
ACCEPTED: Final = 202
IN_FLIGHT: Final = "request_in_flight"
#: Refused at the door or by a service that is away: nothing was written, whatever the method.
UNWRITTEN: Final = (429, 503)
#: Before a byte of the request was sent.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Tries(Generic[T]):
    """The tries of one call, within `deadline_s` seconds in all; each of them may take `try_s`, with a
    file all of it."""

    def __init__(
        self,
        call: Call[T],
        *,
        deadline_s: float,
        try_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.call = call
        self.tries = 0
        self._deadline_s = deadline_s
        # A file is read while its sender waits: sent anew meanwhile it would only wait behind itself.
        self._try_s = try_s if call.file is None else deadline_s
        self._clock = clock
        self._until = clock() + deadline_s

    @property
    def timeout_s(self) -> float:
        """Of the next try; a moment is left to it also where the deadline has come."""
        return max(0.01, min(self._try_s, self._until - self._clock()))

    def headers(self) -> dict[str, str]:
        """Of the next try."""
        return self.call.headers(max(0.0, self._until - self._clock()))

    def answered(self, status: int, headers: Mapping[str, str], content: bytes) -> ApiAnswer[T] | float:
        """The answer, or seconds to wait before the next try. Raises ClientError: neither."""
        self.tries += 1
        if status < 200 or 300 <= status < 400:
            raise UnexpectedAnswer(f"{self._what} was answered {status}: is the address that of the API?")
        if status == ACCEPTED and not self.call.accepted:
            return self._undecided(headers, content)
        if status < 300:
            return self._decoded(status, headers, content)
        after_s = retry_after_s(headers)
        problem = problem_of(status, content, after_s)
        if problem.code == IN_FLIGHT:
            return self._undecided(headers, content)
        if status in UNWRITTEN or (status >= 500 and self.call.repeatable):
            return self._again(problem, after_s)
        raise problem

    def failed(self, error: httpx.TransportError) -> float:
        """Seconds to wait before the next try, after no answer came. Raises NotReached."""
        self.tries += 1
        words = "does not answer in time" if isinstance(error, httpx.TimeoutException) else str(error)
        told = f"{self._what}: the API cannot be reached: {words or type(error).__name__}"
        sent = not isinstance(error, _UNSENT)
        if sent and self.call.key is not None:
            told += f". It may have taken effect; the same call with the key {self.call.key} tells"
        elif sent and not self.call.repeatable:
            told += ". It may have taken effect; look before you call again"
        unreached = NotReached(told, key=self.call.key, tries=self.tries)
        if sent and not self.call.repeatable:
            raise unreached from error
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            raise unreached from error  # the next try is no better
        try:
            return self._again(unreached, None)
        except NotReached:
            raise unreached from error

    @property
    def _what(self) -> str:
        return f"{self.call.method} {self.call.path}"

    def _decoded(self, status: int, headers: Mapping[str, str], content: bytes) -> ApiAnswer[T]:
        try:
            return ApiAnswer(self.call.decoded(content), status, headers, content)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            words = f"{self._what} was answered {status} with something else than this client knows: {error}"
            raise UnexpectedAnswer(words) from error

    def _undecided(self, headers: Mapping[str, str], content: bytes) -> float:
        try:
            body: Any = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = None
        words = (
            f"{self._what} is not decided yet: neither approved nor declined. "
            f"The same call with the key {self.call.key} tells when it is"
        )
        undecided = Undecided(words, key=self.call.key, body=body, location=headers.get("Location"))
        if self.call.wait == 0 or self.call.key is None:
            raise undecided  # whoever does not want to wait is told so at once
        return self._again(undecided, retry_after_s(headers))

    def _again(self, error: ClientError, after_s: float | None) -> float:
        """Raises `error` where the next try would come after the deadline."""
        backoff_s = min(WAIT_S_MAX, FIRST_S * 2.0 ** min(self.tries - 1, 30)) * random.uniform(0.5, 1.0)
        wait_s = max(backoff_s, after_s or 0.0)
        if self._clock() + wait_s > self._until:
            error.add_note(f"tried {self.tries} times within {self._deadline_s:g} s")
            raise error
        return wait_s


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or as a date (RFC 9110, 10.2.3); None: it does not."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
