"""What tells open pages that something has moved: which pages, how often, and when they are told at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import redis

from api.access.roles import Role
from api.api_settings import ApiSettings
from api.stores import moves as pace
from api.stores.feed import Feed
from api.stores.moves import Moves, OpenPage
from schemas.cache import FEED
from tests.api.people import member, sign_in
from tests.api.support import metric, wait_until
from tests.patience import HUNG_S

Add = Callable[..., int]


async def _allowed() -> bool:
    return True


def page(departments: set[str] | None = None, since: int | None = None, organization: str = "o") -> OpenPage:
    own = None if departments is None else frozenset(departments)
    return OpenPage(organization, own, since, "session 1", _allowed)


async def told(*pages: OpenPage, wanted: int) -> list[list[str]]:
    """What each is told, until together they were told `wanted` things, and a little longer."""
    heard: list[list[str]] = [[] for _ in pages]

    async def hear(each: OpenPage, into: list[str]) -> None:
        async for event in each.events():
            if b"moved" in event:
                into.append(event.decode().partition("data: ")[2].strip())  # noqa: PERF401

    tasks = [asyncio.create_task(hear(*pair)) for pair in zip(pages, heard, strict=True)]
    async with asyncio.timeout(20):
        while sum(map(len, heard)) < wanted:  # noqa: ASYNC110  # tasks of many pages, no event of one
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    for each in pages:
        each.end()
    await asyncio.gather(*tasks)
    return heard


def noted(*moved: tuple[str, str], among: list[OpenPage], wanted: int) -> list[list[str]]:
    """What these pages are told of `moved` positions in departments, all at one time."""

    async def run() -> list[list[str]]:
        moves = Moves()
        for each in among:
            moves.add(each)
        for n, (position, department) in enumerate(moved):
            moves.note(n, position, department)
        return await told(*among, wanted=wanted)

    return asyncio.run(run())


def test_what_moves_at_one_time_is_told_once_with_the_newest_of_each_partition() -> None:
    moved = [("0:7", "eng"), ("0:8", "eng"), ("3:1", "eng"), ("0:9", "eng")]
    assert noted(*moved, among=[page()], wanted=1) == [["0:9,3:1"]]


@pytest.mark.parametrize(
    ("departments", "moved", "heard"),
    [
        (None, "sales", True),
        ({"sales"}, "sales", True),
        ({"sales", "eng"}, "eng", True),
        ({"eng"}, "sales", False),
        (set(), "sales", False),
    ],
)
def test_only_who_may_see_a_department_hears_of_it(departments: Any, moved: str, heard: bool) -> None:
    assert noted(("0:1", moved), among=[page(departments)], wanted=int(heard)) == [["0:1"] if heard else []]


def test_what_comes_after_a_telling_waits_for_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PAUSE_S", 0.2)

    async def run() -> tuple[list[list[str]], list[list[str]]]:
        moves, first, second = Moves(), page(), page()
        moves.add(first)
        moves.note(1, "0:1", "eng")
        early = await told(first, wanted=1)
        moves.pages.discard(first)
        moves.add(second)
        moves.note(2, "0:2", "eng")
        moves.note(3, "0:3", "eng")
        return early, await told(second, wanted=1)

    assert asyncio.run(run()) == ([["0:1"]], [["0:3"]])


def test_many_pages_are_told_one_after_the_other_and_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    among = [page() for _ in range(200)]
    assert noted(("2:5", "eng"), among=among, wanted=200) == [["2:5"]] * 200
    monkeypatch.setattr(pace, "APART_S", 0.5)
    monkeypatch.setattr(pace, "APART_S_MAX", 100.0)
    among = [page() for _ in range(200)]
    assert 1 <= sum(map(len, noted(("2:5", "eng"), among=among, wanted=1))) < 200


@pytest.mark.parametrize(("since", "heard"), [(None, []), (99, ["0:4"]), (100, ["0:4"]), (101, [])])
def test_a_page_that_was_drawn_before_the_newest_is_told_at_once(since: int | None, heard: list[str]) -> None:
    async def run() -> list[list[str]]:
        early, late, moves = page(since=since), page(since=since), Moves()
        moves.add(early)
        moves.begin(100, "0:4")
        moves.add(late)
        return await told(early, late, wanted=2 * len(heard))

    assert asyncio.run(run()) == [heard, heard]


@pytest.fixture
def add(settings: ApiSettings, organization: str) -> Iterator[Add]:
    """Adds a decision to the organization's feed, as the status sink does. Returns its number."""
    client = redis.Redis.from_url(settings.redis)
    numbers = iter(range(1_000_000))

    def one(department: str = "eng") -> int:
        number = next(numbers)
        row: Any = {
            "position": f"0:{number}",
            "decision": json.dumps({"outcome": "approved", "department": department}),
        }
        client.xadd(FEED + organization, row)
        return number

    yield one
    client.delete(FEED + organization)
    client.close()


@contextmanager
def watching(client: httpx.Client, **query: Any) -> Iterator[Iterator[str]]:
    """The positions that an open page is told."""
    with client.stream("GET", "/live", params=query) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(": spendlog pages")
        yield (line.removeprefix("data: ") for line in lines if line.startswith("data: "))


def test_an_open_page_hears_what_moves_and_leaves_nothing_behind(
    server: str, settings: ApiSettings, organization: str, add: Add
) -> None:
    with (
        sign_in(server, member(settings.postgres, organization, Role.AUDITOR)) as auditor,
        sign_in(
            server,
            member(settings.postgres, organization, Role.FINANCE_MANAGER, departments=("sales",)),
        ) as manager,
    ):
        now = round(time.time() * 1_000)
        with watching(auditor) as all_, watching(manager) as sales:
            wait_until(lambda: metric(auditor, "spendlog_api_pages_open") == 2)
            time.sleep(0.3)  # the reader is at the end of the feed
            add("eng")
            number = add("sales")
            assert next(all_) in (f"0:{number - 1}", f"0:{number}")
            assert next(sales) == f"0:{number}"
        wait_until(lambda: metric(auditor, "spendlog_api_pages_open") == 0)
        with watching(auditor, since=now) as late:
            assert next(late) == f"0:{number}"


def test_a_page_whose_session_has_ended_hears_nothing_more(
    server: str, settings: ApiSettings, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.ORG_ADMIN)
    with sign_in(server, email) as client, watching(client) as positions:
        assert client.post("/sign-out").status_code == 303
        begun = time.monotonic()
        assert list(positions) == []
        assert time.monotonic() - begun < HUNG_S


def test_without_redis_a_page_waits_and_hears_what_comes_when_it_is_back(
    settings: ApiSettings, organization: str, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> list[list[str]]:
        feed = Feed("redis://127.0.0.1:1/0")  # nobody listens there
        feed.start()
        opened = page(since=0, organization=organization)
        feed.open(opened)
        await asyncio.sleep(0.1)
        there = Feed(settings.redis)
        away, feed._client = feed._client, there._client
        try:
            return await told(opened, wanted=1)
        finally:
            feed.shut(opened)
            assert feed.pages == 0
            await feed.close()
            await away.aclose()

    number = add()
    assert asyncio.run(run()) == [[f"0:{number}"]]
