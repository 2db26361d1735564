"""The desk between Faust's one stream of frames and the owners of the partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from schemas.decisions import Decision
from streams.app import FRAMES_WAITING_MAX, Desk
from streams.frames import Arrived
from streams.kafka_log import Names
from streams.log import Frame
from streams.model import Unscored
from streams.owner import Owner
from streams.settings import StreamSettings
from tests.simulation.world import Cluster, MemoryLog, Steps


class Stuck(Owner):
    """Its transaction does not end: the broker is slow to answer."""

    async def decide(self, frames: Iterable[Frame]) -> list[Decision]:
        await asyncio.Event().wait()
        return []


def test_a_frame_that_waits_for_room_goes_with_its_partition() -> None:
    """Faust hands over the frames of all partitions one by one: one that waits for ever stops them all."""

    async def run() -> None:
        desk = Desk(cast(Any, None), StreamSettings(), Names(), 2, None)
        owner = Stuck(0, 2, MemoryLog(Cluster([]), Steps()), Unscored, lambda _: None)
        desk.seat(owner)
        for n in range(FRAMES_WAITING_MAX + 1):  # one is with the owner already
            await desk.arrived(0, Arrived(Frame(n, n + 1, ()), None))
            await asyncio.sleep(0)
        waiting = asyncio.create_task(desk.arrived(0, Arrived(Frame(99, 100, ()), None)))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await desk.close()
        await asyncio.wait_for(waiting, 5.0)

    asyncio.run(run())
