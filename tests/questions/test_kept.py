"""Directories that are kept: how long, for whom, how many, and what a name that has just come finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from api.questions.organization_names import Directory, NamedThing
from api.stores import kept
from api.stores.kept import AGAIN_S, FRESH_S, KEPT_S, KeptReadings


def of(*names: str) -> Directory:
    named = tuple((name, NamedThing("merchant", (name.lower(),), name)) for name in names)
    return Directory(named, ("USD",))


Directories = KeptReadings[Directory]


class Clock:
    """A time that tests set, and a count of what was read then."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.reads = 0

    async def read(self) -> Directory:
        self.reads += 1
        number = self.reads
        await asyncio.sleep(0)
        return of(f"Shop {number}")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SMALL", 1)


def run(test: Callable[[Clock, Directories], Coroutine[Any, Any, None]]) -> None:
    clock = Clock()
    asyncio.run(test(clock, KeptReadings(lambda: clock.now_s)))


@pytest.mark.parametrize(
    ("later_s", "said", "reads"),
    [
        (0.0, "Shop 1", 1),
        (FRESH_S - 1, "Shop 1", 1),
        (FRESH_S, "Shop 1", 2),
        (KEPT_S - 1, "Shop 1", 2),
        (KEPT_S, "Shop 2", 2),
        (KEPT_S * 9, "Shop 2", 2),
    ],
)
def test_it_is_read_anew_beside_the_answer_and_when_it_is_too_old_before(
    later_s: float, said: str, reads: int
) -> None:
    async def test(clock: Clock, directories: Directories) -> None:
        await directories.of("o", clock.read)
        clock.now_s += later_s
        found = await directories.of("o", clock.read)
        await asyncio.sleep(0.01)
        assert (found.named[0][0], clock.reads) == (said, reads)

    run(test)


def test_many_who_ask_at_once_read_it_once_and_others_their_own() -> None:
    async def test(clock: Clock, directories: Directories) -> None:
        await asyncio.gather(*(directories.of(name, clock.read) for name in ("a", "b", "a", "a", "b")))
        assert clock.reads == 2

    run(test)


@pytest.mark.parametrize(("later_s", "again"), [(0.0, False), (AGAIN_S - 0.1, False), (AGAIN_S, True)])
def test_who_does_not_find_a_name_looks_in_what_is_there_now(later_s: float, again: bool) -> None:
    async def test(clock: Clock, directories: Directories) -> None:
        await directories.of("o", clock.read)
        clock.now_s += later_s
        found = await directories.fresh("o", clock.read)
        assert (found is not None, clock.reads) == (again, 2 if again else 1)

    run(test)


def test_what_fails_is_told_and_not_kept() -> None:
    async def fails() -> Directory:
        raise ConnectionError("away")

    async def test(clock: Clock, directories: Directories) -> None:
        with pytest.raises(ConnectionError):
            await directories.of("o", fails)
        assert (await directories.of("o", clock.read)).named[0][0] == "Shop 1"
        clock.now_s += FRESH_S
        assert (await directories.of("o", fails)).named[0][0] == "Shop 1"  # beside the answer
        await asyncio.sleep(0.01)
        assert (await directories.of("o", clock.read)).named[0][0] == "Shop 1"

    run(test)


def test_few_names_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SMALL", 2)

    async def test(clock: Clock, directories: Directories) -> None:
        for number in (1, 2, 3):
            assert (await directories.of("o", clock.read)).named[0][0] == f"Shop {number}"

    run(test)


def test_those_that_nobody_asked_for_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "ENTRIES_MAX", 2)

    async def test(clock: Clock, directories: Directories) -> None:
        for name in ("a", "b", "a", "c"):
            await directories.of(name, clock.read)
        assert clock.reads == 3
        await directories.of("a", clock.read)
        assert clock.reads == 3
        await directories.of("b", clock.read)
        assert clock.reads == 4

    run(test)


def test_thousands_of_the_same_name_are_put_in_order_in_linear_time() -> None:
    """Ten thousand merchants that are called alike took ten seconds, each compared with all before it."""
    named = [("Kiosk", NamedThing("merchant", (f"kiosk {n}",), "Kiosk")) for n in range(60_000)]
    assert len(Directory((*named, *named), ()).by_words["kiosk",]) == 60_000
