"""Answers that the server gives instead of the application, as bytes: problems like all others, and as cheap
as they can be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

import msgspec

from api.http.problem_types import title_of, type_of
from api.http.problems import MEDIA_TYPE

_PROCESS = secrets.token_hex(4)
_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Refusal:
    """`close`: nothing more is read from this connection."""

    status: int
    code: str
    head: bytes
    close: bool

    def answer(self, instance: bytes = b"", *, close: bool = False, body: bool = True) -> bytes:
        """The whole answer. `instance`: the path that was asked for, as it came; `body`: False for HEAD."""
        request_id = b"req_%b%08x" % (_PROCESS.encode(), next(_NUMBERS))
        path = msgspec.json.encode(instance.decode("ascii", "replace")[:200])
        content = self.head + b',"instance":%b,"request_id":"%b"}' % (path, request_id)
        phrase = HTTPStatus(self.status).phrase.encode()
        return b"".join(
            (
                b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n" % (self.status, phrase, MEDIA_TYPE.encode()),
                b"content-length: %d\r\nx-request-id: %b\r\n" % (len(content), request_id),
                b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n",
                b"retry-after: 1\r\n" if self.status == 503 else b"",
                b"connection: close\r\n" if close or self.close else b"",
                b"\r\n",
                content if body else b"",
            )
        )


def refusal(status: int, code: str, detail: str, *, close: bool = True) -> Refusal:
    members = {
        "type": type_of(code),
        "code": code,
        "title": title_of(code, status),
        "status": status,
        "detail": detail,
    }
    return Refusal(status, code, msgspec.json.encode(members)[:-1], close)


OVERLOADED = refusal(
    503,
    "overloaded",
    "More requests come than can be answered in time. Nothing was written; try again after Retry-After, with "
    "the same Idempotency-Key.",
    close=False,
)
TOO_MANY_CONNECTIONS = refusal(
    503, "too_many_connections", "Too many connections are open. Nothing was written; use fewer, for longer."
)
