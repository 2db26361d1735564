"""What the owners of a worker see of Faust, without Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from schemas.backoff import Backoff
from streams.worker import owners as owners_module
from streams.worker.owners import Owners
from tests.simulation.world import Cluster


class Faust:
    """Assignment and delivery of one worker. `at`: the position from which partition 0 is delivered."""

    def __init__(self) -> None:
        self.partitions: set[int] = set()
        self.at = 0

    def assigned(self) -> set[int]:
        return set(self.partitions)

    async def seek(self, partition: int, position: int) -> None:
        await asyncio.sleep(0)
        self.at = position


def be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again at once."""
    for name, value in {"RETRY": Backoff(0.001, 0.01), "SEEK_AGAIN_S": 0.002}.items():
        monkeypatch.setattr(owners_module, name, value)


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.001)


async def drained(cluster: Cluster, faust: Faust, owners: Owners) -> None:
    """All is decided, by polls of ten records from where the owner had Faust seek."""
    async with asyncio.timeout(20.0):
        while len(cluster.decisions) < len(cluster.card_events):
            frame = cluster.frame(faust.at, 10)
            faust.at = frame.end
            if frame.records:
                owners.arrived(0, frame)
            await owners.check()
            await asyncio.sleep(0.001)
