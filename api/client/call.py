"""A request as data, and its answer: what both clients, the waiting one and the async one, have in common."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")

#: What a write waits for its decision by itself, in seconds: as long as the API lets anyone wait.
WAIT_S: Final = 2
_ACCEPTED: Final[dict[Any, str]] = {str: "text/plain, text/csv, */*", bytes: "*/*"}


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation with its arguments. `answer`: the type of its body, as msgspec decodes it.

    `key`: the Idempotency-Key of a write, the same on every try; None: it has none. `reads`: it changes
    nothing, or a second try nothing more, whatever its method. `wait`: seconds that the API may wait for
    the decision, 0 to 2. `file`, `fields`: name and bytes of a form's file, and what else it says.
    """

    method: str
    path: str
    answer: Any  # type[T]; None where there is no body
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    key: str | None = None
    wait: int | None = None
    position: str | None = None
    if_match: str | None = None
    reads: bool = False
    file: tuple[str, bytes] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False  # 202 is its answer, and not "no decision yet"

    @property
    def repeatable(self) -> bool:
        """Whether a second try changes nothing that a first one has done."""
        whole = self.method == "PUT" and self.if_match is None  # sets the same once more
        return self.reads or self.key is not None or whole

    def headers(self, left_s: float) -> dict[str, str]:
        """`left_s`: until the deadline; the API is not asked to wait for longer."""
        found = {"Accept": _ACCEPTED.get(self.answer, "application/json")}
        if self.key is not None:
            found["Idempotency-Key"] = self.key
        wait = WAIT_S if self.wait is None and self.key is not None else self.wait
        if wait is not None:
            found["Prefer"] = f"wait={min(wait, int(left_s))}"
        if self.position is not None:
            found["Spendlog-Position"] = self.position
        if self.if_match is not None:
            found["If-Match"] = self.if_match if self.if_match == "*" else f'"{self.if_match.strip(chr(34))}"'
        if self.body is not None:
            found["Content-Type"] = "application/json"
        return found

    def params(self) -> list[tuple[str, str]]:
        return [
            (name, _text(one))
            for name, value in self.query.items()
            if value is not None
            for one in (value if isinstance(value, list | tuple) else (value,))
        ]

    def content(self) -> bytes | None:
        return None if self.body is None else msgspec.json.encode(self.body)

    def decoded(self, content: bytes) -> T:
        """Raises msgspec.MsgspecError, UnicodeDecodeError: it is not what the API says it is."""
        if self.answer is None:
            return None  # type: ignore[return-value]
        if self.answer is bytes:
            return content  # type: ignore[return-value]
        if self.answer is str:
            return content.decode()  # type: ignore[return-value]
        found: T = _decoder(self.answer).decode(content)
        return found


@dataclass(frozen=True, slots=True)
class ApiAnswer(Generic[T]):
    """The body of an answer, and what its headers tell. `content`: its bytes."""

    body: T
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def etag(self) -> str | None:
        """For `if_match` of a change that must not overwrite another's."""
        tag = self.headers.get("ETag")
        return None if tag is None else tag.strip('"')

    @property
    def position(self) -> str | None:
        """`partition:seq`, for `position` of a read that must have seen it."""
        return self.headers.get("Spendlog-Position")

    @property
    def replayed(self) -> bool:
        """Whether this is the first answer again: the key was used before."""
        return self.headers.get("Idempotency-Replayed") == "true"

    @property
    def request_id(self) -> str | None:
        return self.headers.get("X-Request-Id")

    def json(self) -> Any:
        """The body as dicts and lists, members that this client does not know included."""
        return msgspec.json.decode(self.content)


def new_key() -> str:
    """An Idempotency-Key for one write and all its tries."""
    return str(uuid.uuid4())


def at(template: str, *parts: str) -> str:
    """A path with each `{}` filled by a part, percent-encoded whatever it holds.

    Raises:
        ValueError: a part is empty, `.` or `..`: it would name another resource.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise ValueError(f"{part!r} cannot name anything in the path {template}")
    return template.format(*(quote(part, safe="") for part in parts))


def given(**members: Any) -> dict[str, Any]:
    """The members of a body that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
