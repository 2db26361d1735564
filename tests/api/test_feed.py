"""The live feed: what comes, to whom, after a break, and to whoever does not read."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from api.access.keys import Scope, create_key, revoke_key
from api.api_settings import ApiSettings
from api.stores import feed
from api.stores.feed import Feed, Interest, Listener
from schemas.cache import FEED
from tests.api.books import Books, Organization, usd
from tests.api.support import metric, wait_until
from tests.patience import HUNG_S

Event = dict[str, Any]


class Ear:
    """Reads a stream event by event. `id` is that of the last one."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.id = ""

    def comment(self) -> str:
        return next(line for line in self._lines if line.startswith(":"))

    def event(self) -> Event:
        """The next one's data, with `event` where it has a name."""
        found: Event = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and "data" in found:
                data = json.loads(found.pop("data"))
                self.id = found.pop("id", self.id)
                return {**data, **found}
            if name in ("event", "data", "id"):
                found[name] = value
        raise AssertionError("the stream has ended")


@contextmanager
def listening(client: httpx.Client, last: str | None = None, **query: str) -> Iterator[Ear]:
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", "/v1/feed", params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        ear = Ear(lines)
        assert ear.comment() == ": spendlog feed"
        yield ear


@pytest.fixture
def feed_of(settings: ApiSettings, organization: str) -> Iterator[Callable[..., str]]:
    """Adds a decision to the organization's feed, as the status sink does. Returns its id."""
    client = redis.Redis.from_url(settings.redis)
    numbers = iter(range(1_000_000))

    def add(department: str = "eng", outcome: str = "approved", organization: str = organization) -> str:
        number = next(numbers)
        decision = json.dumps({"outcome": outcome, "department": department, "amount": number})
        row: Any = {"position": f"0:{number}", "decision": decision}
        added: Any = client.xadd(FEED + organization, row, maxlen=10_000)
        return str(added.decode())

    yield add
    client.delete(FEED + organization)
    client.close()


def test_decisions_come_as_they_are_made(books: Books, company: Organization) -> None:
    with listening(company.client) as ear:
        company.start()
        assert [ear.event()["event_type"] for _ in range(2)] == ["budget.set", "policy.drafted"]
        payment: dict[str, Any] = {"card_id": "card_ada", "merchant": {"name": "Hotel"}}
        done = company.done("authorization.requested", authorization_id="h", amount=usd(700), **payment)
        event = ear.event()
    assert event["outcome"] == "approved" and event["amount"] == 700
    assert event["position"] == done["position"]


def test_filters_and_organizations_are_kept_apart(
    client: httpx.Client, feed_of: Callable[..., str], settings: ApiSettings, organization: str
) -> None:
    with (
        listening(client) as all_,
        listening(client, department_id="sales") as sales,
        listening(client, outcome="declined") as declined,
    ):
        feed_of(organization="org-somebody-else")
        for department, outcome in (("eng", "approved"), ("sales", "approved"), ("sales", "declined")):
            feed_of(department, outcome)
        assert [all_.event()["amount"] for _ in range(3)] == [1, 2, 3]
        assert [sales.event()["amount"] for _ in range(2)] == [2, 3]
        assert declined.event()["amount"] == 3


def test_after_a_break_nothing_is_missing_and_nothing_comes_twice(
    client: httpx.Client, feed_of: Callable[..., str]
) -> None:
    with listening(client) as ear:
        feed_of()
        assert ear.event()["amount"] == 0
        last = ear.id
    for _ in range(450):  # more than a page
        feed_of()
    with listening(client, last) as ear:
        feed_of()
        assert [ear.event()["amount"] for _ in range(451)] == list(range(1, 452))
        feed_of()
        assert ear.event()["amount"] == 452


def test_a_break_that_was_too_long_is_told(
    client: httpx.Client, feed_of: Callable[..., str], settings: ApiSettings, organization: str
) -> None:
    for _ in range(5):
        feed_of()
    with redis.Redis.from_url(settings.redis) as store:
        first = store.xrange(FEED + organization, count=1)[0][0].decode()
        store.xtrim(FEED + organization, maxlen=2, approximate=False)
    with listening(client, first) as ear:
        assert ear.event()["event"] == "gap"
        assert [ear.event()["amount"] for _ in range(2)] == [3, 4]


def test_head_has_the_headers_and_no_stream(client: httpx.Client) -> None:
    answer = client.head("/v1/feed")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("last", ["7", "1-2-3", "yesterday", "-1-0", "9" * 30 + "-0", "١-٠"])
def test_what_is_no_id_is_refused(client: httpx.Client, last: str) -> None:
    answer = client.get("/v1/feed", headers=[(b"Last-Event-ID", last.encode())])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "header.last-event-id")


def test_a_revoked_key_hears_nothing_more_within_seconds(
    server: str, settings: ApiSettings, organization: str
) -> None:
    secret, key = create_key(
        settings.postgres, organization_id=organization, name="ear", scopes=[Scope.FEED_READ]
    )
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=15) as client:
        with listening(client) as ear:
            revoke_key(settings.postgres, key=key.id)
            started = time.monotonic()
            with pytest.raises(AssertionError, match="has ended"):
                ear.event()
            assert time.monotonic() - started < HUNG_S
        assert client.get("/v1/feed").status_code == 401


def test_a_listener_that_is_gone_leaves_nothing_behind(
    client: httpx.Client, feed_of: Callable[..., str]
) -> None:
    wait_until(lambda: metric(client, "spendlog_api_feed_listeners") == 0)
    with listening(client) as ear:
        feed_of()
        ear.event()
        assert metric(client, "spendlog_api_feed_listeners") == 1
    wait_until(lambda: metric(client, "spendlog_api_feed_listeners") == 0)


def test_who_does_not_read_is_dropped_and_holds_up_nobody(
    client: httpx.Client, server: str, secret: str, feed_of: Callable[..., str], settings: ApiSettings,
    organization: str,
) -> None:  # fmt: skip
    place = urlsplit(server)
    dropped = metric(client, "spendlog_api_feed_dropped")
    assert place.hostname
    with socket.create_connection((place.hostname, place.port or 80)) as deaf, listening(client) as ear:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(f"GET /v1/feed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n\r\n".encode())
        wait_until(lambda: metric(client, "spendlog_api_feed_listeners") == 2)
        with redis.Redis.from_url(settings.redis) as store:
            decision = json.dumps({"outcome": "approved", "pad": "x" * 20_000})
            for _ in range(30):
                pipe = store.pipeline()
                for _ in range(100):
                    pipe.xadd(FEED + organization, {"position": "0:1", "decision": decision}, maxlen=10_000)
                pipe.execute()
                for _ in range(100):  # who reads gets all of it meanwhile
                    ear.event()
        wait_until(lambda: metric(client, "spendlog_api_feed_listeners") == 1, 60.0)
        assert metric(client, "spendlog_api_feed_dropped") == dropped + 1


async def _allowed() -> bool:
    return True


def test_silence_is_told_from_death_by_a_heartbeat(
    settings: ApiSettings, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.05)

    async def hear() -> list[bytes]:
        own = Feed(settings.redis)
        own.start()
        listener = Listener(Interest(organization), "p", _allowed)
        stream = await own.listen(listener, None)
        heard = [await anext(stream) for _ in range(3)]
        own.end()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        own.leave(listener)
        await own.close()
        assert own.listeners == own.dropped == 0
        return heard

    first, *beats = asyncio.run(hear())
    assert first == b": spendlog feed\nretry: 2000\n\n"
    assert beats == [b": ping\n\n"] * 2
