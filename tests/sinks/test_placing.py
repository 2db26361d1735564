"""The log loses its end after it was stored: the partition stops and says so, and nothing is stored twice.

It goes on by itself where the same decisions come again, wherever they lie then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from sinks.loop.chain import DecisionRecord
from sinks.loop.consumer import BatchLimits, Consumer
from tests.sinks.builder import DecisionLog
from tests.sinks.memory import MemoryClock, MemoryLog, MemoryStore

COUNT = 40
Records = list[DecisionRecord]


@cache
def history(seed: str, count: int = 2 * COUNT) -> tuple[bytes, ...]:
    """Decisions of one partition; with another `seed` all of them are others."""
    log = DecisionLog(0)
    for number in range(count):
        log.approve(f"{seed}{number}")
    return tuple(log.values)


def lying(values: tuple[bytes, ...], every: int, start: int = 0) -> Records:
    """At offsets as transactions of `every` records leave them, each with a marker behind it."""
    return [DecisionRecord(0, start + number + number // every, value) for number, value in enumerate(values)]


class Site:
    """A sink that has stored `COUNT` decisions, from transactions of four."""

    def __init__(self, values: tuple[bytes, ...]) -> None:
        self.store, self.clock = MemoryStore(), MemoryClock()
        self.values = values
        self.log = MemoryLog({0: lying(values[:COUNT], 4)}, self.clock)
        self.sink = Consumer(self.log, self.store, self.clock, BatchLimits(rows_max=7))
        self.wait(3.0)
        assert self.store.rows == list(values[:COUNT])

    def wait(self, seconds: float) -> None:
        until_s = self.clock.at_s + seconds
        while self.clock.at_s < until_s:
            self.sink.step()

    def restart(self) -> None:
        self.sink = Consumer(self.log, self.store, self.clock, BatchLimits(rows_max=7))


@pytest.fixture(params=["while it runs", "while it was away"])
def lose(request: pytest.FixtureRequest) -> Callable[[Site, Records], None]:
    def lose(site: Site, left: Records) -> None:
        site.log.records = {0: left}
        if request.param == "while it was away":
            site.restart()

    return lose


Lose = Callable[[Site, Records], None]


@pytest.mark.parametrize("lost", [1, 2, 3, 4, 5, 17, COUNT - 1, COUNT])
def test_decisions_that_were_lost_and_are_stored_stop_the_partition(lose: Lose, lost: int) -> None:
    site = Site(history("a"))
    lose(site, lying(site.values[: COUNT - lost], 4))
    site.wait(30.0)
    (stopped,) = site.sink.stopped.values()
    assert f"decision 0:{COUNT - 1} with hash" in stopped.why
    assert "the log" in stopped.why and "does not have it" in stopped.why and "fill it again" in stopped.why
    assert site.store.rows == list(site.values[:COUNT])


@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 50])
@pytest.mark.parametrize("lost", [1, 4, 17, COUNT])
def test_the_same_decisions_at_other_offsets_are_found_again(lose: Lose, lost: int, every: int) -> None:
    site = Site(history("a"))
    kept = lying(site.values[: COUNT - lost], 4)
    lose(site, kept)
    site.wait(8.0)
    assert site.sink.stopped
    start = kept[-1].offset + 2 if kept else 0
    again = lying(site.values[COUNT - lost : COUNT], every, start)
    site.log.records = {0: [*kept, *again]}
    site.wait(320.0)
    assert site.sink.stopped == {}
    assert site.store.rows == list(site.values[:COUNT])
    more = lying(site.values[COUNT:], every, again[-1].offset + 3)
    site.log.records = {0: [*kept, *again, *more]}
    site.wait(5.0)
    assert site.store.rows == list(site.values)


@pytest.mark.parametrize("grown", [0, 1, 16, 17, 18, 40])
def test_other_decisions_at_their_place_are_never_stored(lose: Lose, grown: int) -> None:
    """The log is shorter, as long, or longer again than what was stored."""
    other = history("b")
    site = Site(history("a"))
    kept = lying(site.values[: COUNT - 17], 4)
    lose(site, [*kept, *lying(other[COUNT - 17 : COUNT - 17 + grown], 4, kept[-1].offset + 2)])
    site.wait(60.0)
    assert list(site.sink.stopped) == [0]
    assert site.store.rows == list(site.values[:COUNT])


@pytest.mark.parametrize("first", [1, 20, 40, 49, 50])
def test_what_retention_took_is_not_missed(first: int) -> None:
    site = Site(history("a"))
    assert site.store.stored[0].next_offset == 49
    site.log.first = {0: first}
    site.log.records = {0: [record for record in site.log.records[0] if record.offset >= first]}
    site.restart()
    site.wait(3.0)
    more = lying(site.values[COUNT:], 4, 50)
    site.log.records = {0: [*site.log.records[0], *more]}
    site.wait(60.0)
    if first <= 49:
        assert site.sink.stopped == {}
        assert site.store.rows == list(site.values)
    else:
        assert "it was deleted before it was stored" in site.sink.stopped[0].why
        assert site.store.rows == list(site.values[:COUNT])
