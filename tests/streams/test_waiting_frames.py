"""Frames that wait for their owner: how many, and which of them count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from schemas.codec import decode_decision
from streams.core.intake import Record
from streams.log import Frame
from streams.model import Unscored
from streams.owner import Owner
from streams.worker.owners import Owners
from streams.worker.seats import WAITING_BYTES_MAX
from tests.simulation.histories import history
from tests.simulation.world import PARTITIONS, RECORDED_AT, Cluster, MemoryLog, Steps
from tests.streams.one_worker import Faust, be_quick, drained, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_quick(monkeypatch)


class Stuck(Owner):
    """Its batch does not end: the broker is slow to answer."""

    async def decide_ahead(self, frames: Iterable[Frame]) -> None:
        await asyncio.Event().wait()


def test_an_owner_that_is_stuck_has_no_more_fetched_for_him_and_nobody_waits() -> None:
    async def run() -> None:
        faust = Faust()
        faust.partitions = {0, 1}
        owners = Owners(
            faust,
            lambda partition: Stuck(partition, 2, MemoryLog(Cluster([]), Steps()), Unscored, lambda _: None),
            fenced_wait_s=1.0,
        )
        await owners.assigned()
        assert not owners.full(0)
        small = Record(0, RECORDED_AT, b"key", b"value")
        large = small._replace(value=bytes(WAITING_BYTES_MAX))
        owners.arrived(0, Frame(0, 1, (small,)))
        await asyncio.sleep(0.01)  # he has taken it, and does not come back
        for n in range(1, 1_000):
            owners.arrived(0, Frame(n, n + 1, (small,)))
        assert not owners.full(0), "small ones, however many, are no reason"
        owners.arrived(0, Frame(1_000, 1_001, (large,)))
        assert owners.full(0)
        assert not owners.full(1), "the other partition goes on"
        owners.arrived(0, Frame(1_001, 1_002, (small,)))  # it was fetched already
        faust.partitions = {1}
        await owners.assigned()
        assert not owners.full(0), "it is somebody else's now"
        faust.partitions = {0, 1}
        await owners.assigned()
        assert not owners.full(0), "whoever takes over reads again"
        await owners.close()

    asyncio.run(run())


@pytest.mark.parametrize("stale", range(3))
@pytest.mark.parametrize("following", range(1, 4))
def test_what_follows_the_frame_that_continues_an_owner_is_no_gap(stale: int, following: int) -> None:
    """After a seek they may all wait at once: those from before it, and those from the position on."""
    cluster = Cluster(history(2, 40))
    total = len(cluster.card_events)

    async def run() -> None:
        faust = Faust()
        faust.partitions = {0}
        owners = Owners(
            faust,
            lambda partition: Owner(
                partition, PARTITIONS, MemoryLog(cluster, Steps()), Unscored, lambda _: None
            ),
            fenced_wait_s=1.0,
        )
        await owners.assigned()
        for n in range(stale):
            owners.arrived(0, cluster.frame(20 + 3 * n, 3))
        at = 0
        for _ in range(following):
            frame = cluster.frame(at, 5)
            at = frame.end
            owners.arrived(0, frame)
        await until(lambda: len(cluster.decisions) >= 5 * following)
        assert not owners.standing_still()
        faust.at = at
        await drained(cluster, faust, owners)
        await owners.close()

    asyncio.run(run())
    offsets = [decode_decision(value).source_offset for value in cluster.decisions]
    assert offsets == [record.offset for record in cluster.frame(0, total).records]
