"""The two clients: the same operations, waiting or in an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from api.client.call import ApiAnswer, Call
from api.client.errors import ProblemError, UnexpectedAnswer, problem_of
from api.client.feed import FeedEvent, FeedReader
from api.client.generated.api import Api
from api.client.operations import AsyncCallSender, CallSender
from api.client.retries import Tries

T = TypeVar("T")

DEADLINE_S: Final = 30.0  # of a call with all its tries
TRY_S: Final = 10.0  # of one: the API answers within 2 s, or is not there
STREAM_S: Final = 40.0  # the feed says something every 15 s


class Client(CallSender, Api[CallSender]):
    """The API, for a program that waits. To be used by several threads, and closed at the end.

    `url`: of the API, without /v1. `key`: `sl_...`. `deadline_s`: of each call with all its tries; `try_s`:
    the most that one of them may be silent. `http`: an own `httpx.Client`, for proxies or certificates.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        deadline_s: float = DEADLINE_S,
        try_s: float = TRY_S,
        http: httpx.Client | None = None,
    ) -> None:
        super().__init__(self)
        self.url, self._headers = _endpoint(url, key)
        self._deadline_s, self._try_s = deadline_s, try_s
        self._http = http or httpx.Client()

    def within(self, deadline_s: float, *, try_s: float | None = None) -> Client:
        """This client with another deadline, on the same connections."""
        other = Client(self.url, "", deadline_s=deadline_s, try_s=try_s or self._try_s, http=self._http)
        other._headers = self._headers
        return other

    def answer(self, call: Call[T]) -> ApiAnswer[T]:
        attempts = Tries(call, deadline_s=self._deadline_s, try_s=self._try_s)
        while True:
            try:
                came = self._http.request(
                    call.method,
                    self.url + call.path,
                    timeout=attempts.timeout_s,
                    **_asked(attempts, self._headers),
                )
            except httpx.TransportError as error:
                found: ApiAnswer[T] | float = attempts.failed(error)
            else:
                found = attempts.answered(came.status_code, came.headers, came.content)
            if isinstance(found, ApiAnswer):
                return found
            time.sleep(found)

    def download(self, call: Call[Any], out: Path) -> int:
        """Writes what `call` answers into a file, which is there whole or as it was; its length in bytes.

        Never all of it in memory: `client.download(client.audit.export.call(format="csv"), path)`.
        Raises ClientError, or OSError: it cannot be written.
        """
        tries = Tries(call, deadline_s=self._deadline_s, try_s=self._try_s)
        part = out.with_name(f"{out.name}.part")
        try:
            while True:
                asked = _asked(tries, {**self._headers, "Accept": "*/*"})
                try:
                    with self._http.stream(
                        call.method, self.url + call.path, timeout=tries.timeout_s, **asked
                    ) as came:
                        if came.status_code == httpx.codes.OK:
                            with part.open("wb") as file:
                                for piece in came.iter_bytes():
                                    file.write(piece)
                            part.replace(out)
                            return out.stat().st_size
                        found = tries.answered(came.status_code, came.headers, came.read())
                except httpx.TransportError as error:
                    found = tries.failed(error)
                if isinstance(found, ApiAnswer):
                    raise UnexpectedAnswer(f"{call.path} was answered {found.status}, which is no file")
                time.sleep(found)
        finally:
            part.unlink(missing_ok=True)

    def listen(
        self,
        *,
        department_id: str | None = None,
        outcome: str | None = None,
        last_event_id: str | None = None,
    ) -> Iterator[FeedEvent]:
        """Decisions as they are made, for ever: after a break it goes on where it was.

        `last_event_id`: go on after this one. Raises ClientError: refused, or nobody there at the first try.
        """
        reader = FeedReader(last_event_id, department_id=department_id, outcome=outcome)
        while True:
            try:
                with self._http.stream(
                    "GET", self.url + reader.path, timeout=STREAM_S, **reader.asked(self._headers)
                ) as stream:
                    if stream.status_code != httpx.codes.OK:
                        raise problem_of(stream.status_code, stream.read(), None)
                    for line in stream.iter_lines():
                        yield from reader.line(line)
                wait_s = reader.broken(None)
            except (httpx.TransportError, ProblemError) as error:
                wait_s = reader.broken(error)
            time.sleep(wait_s)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"


class AsyncClient(AsyncCallSender, Api[AsyncCallSender]):
    """The same in an event loop: `await client.cards.create()`, `async for card in client.cards.list()`."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        deadline_s: float = DEADLINE_S,
        try_s: float = TRY_S,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(self)
        self.url, self._headers = _endpoint(url, key)
        self._deadline_s, self._try_s = deadline_s, try_s
        self._http = http or httpx.AsyncClient()

    def within(self, deadline_s: float, *, try_s: float | None = None) -> AsyncClient:
        """This client with another deadline, on the same connections."""
        other = AsyncClient(self.url, "", deadline_s=deadline_s, try_s=try_s or self._try_s, http=self._http)
        other._headers = self._headers
        return other

    async def answer(self, call: Call[T]) -> ApiAnswer[T]:
        attempts = Tries(call, deadline_s=self._deadline_s, try_s=self._try_s)
        while True:
            try:
                came = await self._http.request(
                    call.method,
                    self.url + call.path,
                    timeout=attempts.timeout_s,
                    **_asked(attempts, self._headers),
                )
            except httpx.TransportError as error:
                found: ApiAnswer[T] | float = attempts.failed(error)
            else:
                found = attempts.answered(came.status_code, came.headers, came.content)
            if isinstance(found, ApiAnswer):
                return found
            await asyncio.sleep(found)

    async def listen(
        self,
        *,
        department_id: str | None = None,
        outcome: str | None = None,
        last_event_id: str | None = None,
    ) -> AsyncIterator[FeedEvent]:
        """Decisions as they are made, for ever: after a break it goes on where it was.

        `last_event_id`: go on after this one. Raises ClientError: refused, or nobody there at the first try.
        """
        reader = FeedReader(last_event_id, department_id=department_id, outcome=outcome)
        while True:
            try:
                async with self._http.stream(
                    "GET", self.url + reader.path, timeout=STREAM_S, **reader.asked(self._headers)
                ) as stream:
                    if stream.status_code != httpx.codes.OK:
                        raise problem_of(stream.status_code, await stream.aread(), None)
                    async for line in stream.aiter_lines():
                        for event in reader.line(line):
                            yield event
                wait_s = reader.broken(None)
            except (httpx.TransportError, ProblemError) as error:
                wait_s = reader.broken(error)
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"


def _endpoint(url: str, key: str) -> tuple[str, dict[str, str]]:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address of an API: it begins with https:// or http://")
    try:
        release = version("spendlog")
    except PackageNotFoundError:
        release = "0"
    return url.rstrip("/"), {"Authorization": f"Bearer {key}", "User-Agent": f"spendlog-python/{release}"}


def _asked(attempts: Tries[Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """What httpx is given of a call for its next try."""
    call = attempts.call
    told = {**attempts.headers(), **headers}
    asked: dict[str, Any] = {"params": call.params(), "headers": told}
    if call.file is not None:
        return asked | {"files": {"file": call.file}, "data": dict(call.fields)}
    return asked | {"content": call.content()}
