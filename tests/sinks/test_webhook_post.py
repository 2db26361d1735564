"""One POST: to which address it goes, and how long and how much of an answer is taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest

from schemas.outbound import PublicNetwork
from sinks.webhooks import post
from sinks.webhooks.post import Attempt, Poster
from tests.sinks.receiver import receiver, slow
from tests.sinks.webhook_books import new_secret


class Names:
    """A resolver whose answers are said one after the other; the last is repeated."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


class Recorded(PublicNetwork):
    """Where it connected to, once the address was judged."""

    def __init__(self, names: Names, *, local: bool = False) -> None:
        super().__init__(local=local)
        self.names = names
        self.connected: list[str] = []
        inner = self._network

        class Inner(httpcore.AsyncNetworkBackend):
            async def connect_tcp(_, host: str, *given: Any, **more: Any) -> httpcore.AsyncNetworkStream:
                self.connected.append(host)
                if host.startswith("127."):
                    return await inner.connect_tcp(host, *given, **more)
                raise httpcore.ConnectError("nobody there in a test")

        self._network = Inner()  # type: ignore[assignment]

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        loop.getaddrinfo = self.names.getaddrinfo  # type: ignore[method-assign, assignment]
        return await super()._addresses(host, port)


def sent(network: PublicNetwork, url: str = "https://hooks.example.com/") -> Attempt:
    async def run() -> Attempt:
        poster = Poster(network=network)
        try:
            return await poster.post(url, {"webhook-id": "e"}, b"{}")
        finally:
            await poster.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["100.64.0.1"], ["224.0.0.1"], ["::1"], ["fe80::1"],
        ["::ffff:127.0.0.1"], ["64:ff9b::a00:1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"],
    ],
)  # fmt: skip
def test_a_name_that_leads_to_our_own_network_is_connected_to_nowhere(answer: list[str]) -> None:
    network = Recorded(Names(answer))
    attempt = sent(network)
    assert network.connected == []
    assert attempt.error and "nothing is sent there" in attempt.error and attempt.status_code is None


def test_a_name_that_changes_its_address_is_judged_and_connected_to_as_it_was_resolved_once() -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    network = Recorded(names)
    attempt = sent(network)
    assert (names.asked, network.connected) == (1, ["8.8.8.8"])
    assert attempt.is_away and attempt.error == "cannot connect: nobody there in a test"


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    network = Recorded(Names(["8.8.8.8", "1.1.1.1"]))
    assert sent(network).is_away
    assert network.connected == ["8.8.8.8", "1.1.1.1"]


def test_the_name_stays_in_the_request() -> None:
    with receiver(new_secret()) as stranger:
        network = Recorded(Names(["127.0.0.1"]), local=True)
        attempt = sent(network, f"http://hooks.example.com:{stranger.port}/hook")
    assert network.connected == ["127.0.0.1"]
    assert attempt.status_code == 401  # it came there, unsigned


@pytest.fixture
def raw() -> Iterator[list[bytes]]:
    """A list whose bytes are what a server on loopback answers; its port is appended."""
    import threading

    answers: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        answers.append(str(server.getsockname()[1]).encode())

        def serve() -> None:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.recv(65_536)
                try:
                    for part in answers[1:]:
                        client.sendall(part)
                    # Who closes with something unread breaks the connection instead of ending it.
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65_536):
                        pass
                except OSError:
                    pass  # it had enough

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield answers
    thread.join(60)


@pytest.mark.parametrize(
    ("parts", "status", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 400], 200, None),  # 26 MB, of which 64 KiB are read
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], 200, "the answer is not HTTP"),
        ([b"SSH-2.0-OpenSSH_9\r\n"], None, "the answer is not HTTP"),
        ([b""], None, "the answer is not HTTP"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, None),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\x00\xff"], 200, None),
    ],
)
def test_whatever_comes_back_is_an_attempt(
    raw: list[bytes], parts: list[bytes], status: int | None, error: str | None
) -> None:
    raw.extend(parts)
    attempt = sent(PublicNetwork(local=True), f"http://127.0.0.1:{raw[0].decode()}/")
    assert attempt.status_code == status
    assert (attempt.error or "").startswith(error or "") and (attempt.error is None) == (error is None)
    assert "\0" not in (attempt.answer or "") and len(attempt.answer or "") <= post.ANSWER_KEPT_MAX


def test_an_answer_that_takes_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "ATTEMPT_S_MAX", 0.3)
    secret = new_secret()
    with receiver(secret, slow(2.0)) as stranger:
        stranger.take = lambda headers, body: stranger.answers({})  # type: ignore[method-assign]
        attempt = sent(PublicNetwork(local=True), stranger.url)
    assert attempt.is_away and attempt.error == "no answer within 0 s"
    assert attempt.took_ms < 2_000
