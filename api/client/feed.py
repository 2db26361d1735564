"""Server-sent events of the feed, without I/O: lines in, events out, and where to go on after a break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from api.client.errors import NotReached, ProblemError
from api.client.retries import FIRST_S, WAIT_S_MAX

PATH: Final = "/v1/feed"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A decision in short. `kind`: `message`, or `gap` where some were missed and are no longer there."""

    id: str
    kind: str
    data: Any


class FeedReader:
    """One listener over all its connections."""

    path = PATH

    def __init__(self, last_event_id: str | None, **query: str | None) -> None:
        self.last_event_id = last_event_id
        self._query = {name: value for name, value in query.items() if value is not None}
        self._failures = 0
        self._heard = False
        self._id, self._kind, self._data = "", "message", list[str]()

    def asked(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Query and headers of the next connection, which begins with an empty line buffer."""
        self._clear()
        told = {**headers, "Accept": "text/event-stream"}
        if self.last_event_id is not None:
            told["Last-Event-ID"] = self.last_event_id
        return {"params": self._query, "headers": told}

    def line(self, line: str) -> Iterator[FeedEvent]:
        """The event that `line` ends, if it does (HTML standard, 9.2.6). Comments are left out."""
        self._heard, self._failures = True, 0
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if self._data:
                self.last_event_id = self._id or self.last_event_id
                yield FeedEvent(self._id, self._kind, msgspec.json.decode("\n".join(self._data)))
            self._clear()
        elif name == "id":
            self._id = value
        elif name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)

    def broken(self, error: httpx.TransportError | ProblemError | None) -> float:
        """Seconds until the next try. Raises ClientError: refused, or nothing was ever heard."""
        passing = isinstance(error, ProblemError) and (error.status == 429 or error.status >= 500)
        if isinstance(error, ProblemError) and not (passing and self._known):
            raise error
        if isinstance(error, httpx.TransportError) and not self._known:
            words = f"GET {PATH}: the API cannot be reached: {str(error) or type(error).__name__}"
            raise NotReached(words, key=None, tries=1) from error
        self._failures += 1
        return min(WAIT_S_MAX, FIRST_S * 2.0 ** min(self._failures, 30))

    @property
    def _known(self) -> bool:
        return self._heard or self.last_event_id is not None

    def _clear(self) -> None:
        self._id, self._kind, self._data = "", "message", []
