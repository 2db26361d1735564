"""Pages that many look at: read once, drawn once for all who see the same, sent to each that differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import pytest

from api.stores import moves as pace
from api.stores.moves import Moves, OpenPage, Picture


@dataclass
class Drawings:
    """What was read, and what a page shows: `words`, by who looks."""

    words: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    fails: bool = False


@dataclass
class Seen:
    """A page of `who`; those of one `key` are read together."""

    drawings: Drawings
    who: str = "carol"
    key: Hashable = "all"

    async def read(self, positions: str) -> Callable[[Picture], bytes]:
        self.drawings.reads.append(positions)
        await asyncio.sleep(0.01)
        if self.drawings.fails:
            raise ConnectionError("away")
        words = dict(self.drawings.words)

        def draw(picture: Picture) -> bytes:
            assert isinstance(picture, Seen)
            return f"event: part\ndata: {words.get(picture.who, '')}\n\n".encode()

        return draw


async def _allowed() -> bool:
    return True


def page(picture: Seen, *, since: int | None = None, departments: set[str] | None = None) -> OpenPage:
    own = None if departments is None else frozenset(departments)
    return OpenPage("o", own, since, "session 1", _allowed, picture)


async def _hear(each: OpenPage, into: list[str]) -> None:
    async for event in each.events():
        if b"data: " in event:
            into.append(event.decode().partition("data: ")[2].strip())  # noqa: PERF401


def heard(pages: list[OpenPage], *acts: Callable[[Moves], None], apart_s: float = 0.1) -> list[list[str]]:
    """What each page hears of `acts`, one after the other."""

    async def run() -> list[list[str]]:
        moves = Moves()
        found: list[list[str]] = [[] for _ in pages]
        tasks = [asyncio.create_task(_hear(*pair)) for pair in zip(pages, found, strict=True)]
        for each in pages:
            moves.add(each)
        for act in acts:
            act(moves)
            await asyncio.sleep(apart_s)
        for each in pages:
            each.end()
        await asyncio.gather(*tasks)
        return found

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PAUSE_S", 0.02)


def moved(position: str, department: str = "eng") -> Callable[[Moves], None]:
    return lambda moves: moves.note(1, position, department)


def test_two_hundred_pages_are_read_once_and_sent_the_same() -> None:
    drawings = Drawings({"carol": "one"})
    found = heard([page(Seen(drawings)) for _ in range(200)], moved("2:5"), apart_s=1.5)
    assert (drawings.reads, found) == (["2:5"], [["one"]] * 200)


def test_what_is_the_same_as_before_is_not_sent() -> None:
    drawings = Drawings({"carol": "one"})

    def changes(moves: Moves) -> None:
        drawings.words["carol"] = "two"
        moves.note(3, "2:7", "eng")

    found = heard([page(Seen(drawings))], moved("2:5"), moved("2:6"), changes)
    assert (drawings.reads, found) == (["2:5", "2:6", "2:7"], [["one", "two"]])


def test_each_sees_his_own_and_only_those_who_reach_as_far_are_read_together() -> None:
    drawings = Drawings({"carol": "asks carol", "admin": "asks admin"})
    pages = [
        page(Seen(drawings)),
        page(Seen(drawings, "admin")),
        page(Seen(drawings, key="other")),
        page(Seen(drawings, key="third"), departments={"sales"}),
    ]
    found = heard(pages, moved("2:5"))
    assert found == [["asks carol"], ["asks admin"], ["asks carol"], []]
    assert drawings.reads == ["2:5"] * 2


@pytest.mark.parametrize(("since", "expected"), [(None, []), (99, ["one"]), (100, ["one"]), (101, [])])
def test_a_page_that_was_drawn_before_the_newest_is_sent_it(since: int | None, expected: list[str]) -> None:
    drawings = Drawings({"carol": "one"})
    found = heard([page(Seen(drawings), since=since)], lambda moves: moves.begin(100, "0:4"))
    assert found == [expected]


def test_where_drawing_fails_each_page_asks_for_itself() -> None:
    drawings = Drawings({"carol": "one"}, fails=True)

    def mends(moves: Moves) -> None:
        drawings.fails = False
        moves.note(2, "2:6", "eng")

    found = heard([page(Seen(drawings)) for _ in range(3)], moved("2:5"), mends)
    assert found == [["2:5", "one"]] * 3
