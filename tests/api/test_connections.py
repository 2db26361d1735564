"""What a client may take of the server: raw bytes in, raw bytes out."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import httpx
import msgspec
import pytest

from api.access.keys import create_key
from api.api_settings import ApiSettings
from api.app import BODY_BYTES_MAX
from api.http.connections import HEAD_BYTES_MAX
from tests.api.support import serving, wait_until
from tests.patience import HUNG_S

SLOW_S = 0.5
PER_ADDRESS = 40


@pytest.fixture(scope="module")
def strict(settings: ApiSettings) -> Iterator[tuple[str, int]]:
    """A server whose patience is short."""
    bounds = {
        "api_head_s_max": SLOW_S,
        "api_body_s_max": SLOW_S,
        "api_connections_per_address_max": PER_ADDRESS,
    }
    with serving(settings.model_copy(update=bounds)) as base_url:
        url = httpx.URL(base_url)
        assert url.port is not None
        yield url.host, url.port


@dataclass(frozen=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> tuple[int, str]:
        assert self.headers["content-type"] == "application/problem+json"
        problem = msgspec.json.decode(self.body)
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["x-request-id"]
        return self.status, problem["code"]


def answers(data: bytes) -> list[Answer]:
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers["content-length"])
        found.append(Answer(int(first.split()[1]), headers, data[:length]))
        data = data[length:]
    return found


def all_of(connection: socket.socket) -> bytes:
    """Until the server ends it."""
    data = b""
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            data += part
    return data


def exchange(server: tuple[str, int], *parts: bytes, pause_s: float = 0.0) -> list[Answer]:
    """Sends the parts, and reads until the server ends the connection."""
    with socket.create_connection(server, timeout=60) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)
        return answers(all_of(connection))


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/authorizations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BIG = b"a" * (HEAD_BYTES_MAX + 1)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed_http"),
        (b"BREW / HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        (b"GET healthz HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/9.9\r\n\r\n", 400, "malformed_http"),
        (GET + b"no colon\r\n\r\n", 400, "malformed_http"),
        (GET + b"bad name: x\r\n\r\n", 400, "malformed_http"),
        (GET + b"X: a\x00b\r\n\r\n", 400, "malformed_http"),
        (POST + b"Content-Length: -1\r\n\r\n", 400, "malformed_http"),
        (POST + b"Content-Length: 1e3\r\n\r\n", 400, "malformed_http"),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "malformed_http"),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400, "malformed_http"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed_http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_http"),  # TLS
        (GET + b"Host: y\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400, "malformed_http"),
        (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "malformed_http"),
        (POST + b"Content-Length: +2\r\n\r\n{}", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400, "malformed_http"),
        (GET + b"X: a\r\n folded\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505, "http_version_not_supported"),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "unsupported_transfer_coding"),
        (GET + b"X: " + BIG + b"\r\n\r\n", 431, "headers_too_large"),
        (GET + b"X: " + BIG * 4, 431, "headers_too_large"),  # and no end
        (GET + BIG + b": x\r\n\r\n", 431, "headers_too_large"),
        (GET + b"X: y\r\n" * (HEAD_BYTES_MAX // 6) + b"\r\n", 431, "headers_too_large"),
        (b"GET /" + BIG + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET /?" + BIG, 431, "headers_too_large"),
        (POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413, "body_too_large"),
        (POST + b"Content-Length: 999999999999\r\n\r\n", 413, "body_too_large"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + b"a" * 0x20000, 413, "body_too_large"),
    ],
)
def test_what_cannot_be_taken_is_a_problem_before_a_key_is_looked_at(
    strict: tuple[str, int], sent: bytes, status: int, code: str
) -> None:
    [answer] = exchange(strict, sent)
    assert answer.problem() == (status, code)
    assert answer.headers["connection"] == "close"


def test_a_header_of_16_mib_is_refused_after_32_kib(strict: tuple[str, int]) -> None:
    [answer] = exchange(strict, GET + b"X: ", *[b"a" * 65_536] * 256)
    assert answer.problem() == (431, "headers_too_large")


def test_headers_within_the_bound_are_read_however_they_come(strict: tuple[str, int]) -> None:
    head = GET + b"X: " + b"a" * (HEAD_BYTES_MAX - 1_000) + b"\r\nConnection: close\r\n\r\n"
    for size in (1_000, 20_000, len(head)):
        parts = [head[at : at + size] for at in range(0, len(head), size)]
        [answer] = exchange(strict, *parts, pause_s=0.002)
        assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([b"GET"], "request_too_slow"),
        ([GET], "request_too_slow"),
        ([bytes([byte]) for byte in GET * 3], "request_too_slow"),  # a byte now and then
        ([GET, *[b"X: y\r\n"] * 100], "request_too_slow"),
        ([b"\r\n"], "request_too_slow"),
        ([], None),
    ],
)
def test_a_slow_head_is_ended(strict: tuple[str, int], parts: list[bytes], code: str | None) -> None:
    started = time.monotonic()
    found = exchange(strict, *parts, pause_s=0.05)
    assert time.monotonic() - started < HUNG_S, "it was ended, not waited for"
    assert [answer.problem() for answer in found] == ([] if code is None else [(408, code)])


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n",
        b"\r\n" + GET + b"Connection: close\r\n\r\n",
        b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        GET + b"X: caf\xe9\r\nConnection: close\r\n\r\n",
        GET + b"TRANSFER-ENCODING: Chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_http_allows_is_taken(strict: tuple[str, int], head: bytes) -> None:
    [answer] = exchange(strict, head)
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


def test_a_slow_body_is_ended(strict: tuple[str, int], settings: ApiSettings) -> None:
    secret, _ = create_key(settings.postgres, organization_id="org-slow", name="slow")
    head = (
        POST + f"Authorization: Bearer {secret}\r\nIdempotency-Key: k\r\nContent-Length: 500\r\n\r\n".encode()
    )
    [answer] = exchange(strict, head, *[b" "] * 100, pause_s=0.05)
    assert answer.problem() == (408, "request_too_slow")


def test_slow_connections_do_not_stay(strict: tuple[str, int]) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(strict, timeout=60)) for _ in range(30)]
        for connection in slow:
            connection.sendall(GET)
        assert [answers(all_of(connection))[0].status for connection in slow] == [408] * 30


def test_one_address_has_its_bound_and_gets_in_again(strict: tuple[str, int]) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(strict, timeout=60)) for _ in range(PER_ADDRESS)]
        for connection in held:
            connection.sendall(b"GET")  # so that each has been accepted
        [answer] = exchange(strict, GET + b"\r\n")
        assert answer.problem() == (503, "too_many_connections")
        assert answer.headers["retry-after"] == "1"

    def served() -> bool:
        return exchange(strict, GET + b"Connection: close\r\n\r\n")[0].status == 200

    wait_until(served)


def test_what_follows_a_good_request_does_not_spoil_its_answer(strict: tuple[str, int]) -> None:
    first, second = exchange(strict, GET + b"\r\n", b"nonsense\r\n\r\n", pause_s=0.05)
    assert first.status == 200
    assert second.problem() == (400, "malformed_http")


def test_pipelined_requests_are_answered_in_their_order(strict: tuple[str, int]) -> None:
    last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    found = exchange(strict, (GET + b"\r\n") * 50 + last)
    assert [answer.status for answer in found] == [200] * 50 + [404]


def test_an_upgrade_that_is_not_spoken_is_answered_as_it_stands(strict: tuple[str, int]) -> None:
    [answer] = exchange(strict, GET + b"Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n")
    assert answer.status == 200
