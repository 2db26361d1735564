"""An owner that has much to decide lets others have their turn, and writes what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from schemas.claims import claim_in
from streams.log import Entry, NoLog, Written
from streams.model import new_model
from streams.owner import Owner, Pace
from streams.turns import Turns
from tests.simulation.histories import history
from tests.simulation.world import PARTITIONS, Cluster

EVENTS = 60
ENDLESS_S = 1e9


class CountingLog(NoLog):
    """Counts the decisions of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        if decisions := sum(claim_in(entry.value) is None for entry in entries):
            self.batches.append(decisions)
        return await super().append(entries)


async def decided(
    pace: Pace, seed: int = 0, snapshot_decisions: int = 2**62
) -> tuple[list[int], int, list[str]]:
    """Decisions of each batch, the turns of another task meanwhile, and the decisions' hashes."""
    log, turns = CountingLog(), 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    owner = Owner(
        *(0, PARTITIONS, log, lambda: new_model(scoring=True), lambda changed: None, snapshot_decisions),
        pace=pace,
    )
    cluster = Cluster(history(seed, EVENTS))
    await owner.take_over()
    neighbour = asyncio.create_task(other())
    decisions = await owner.decide([cluster.frame(0, len(cluster.card_events))])
    neighbour.cancel()
    return log.batches, turns, [decision.hash for decision in decisions]


def test_others_have_their_turn_while_a_batch_is_decided() -> None:
    batches, turns, _ = asyncio.run(decided(Pace(slice_s=-1.0, batch_s=ENDLESS_S)))
    assert len(batches) == 1
    assert turns >= batches[0]
    _, fewer, _ = asyncio.run(decided(Pace(slice_s=ENDLESS_S, batch_s=ENDLESS_S)))
    assert fewer <= 2, "one for the write, and one for what was before"


def test_what_takes_long_is_written_in_parts() -> None:
    batches, _, _ = asyncio.run(decided(Pace(slice_s=ENDLESS_S, batch_s=-1.0)))
    assert batches == [1] * sum(batches)


@pytest.mark.parametrize("seed", range(4))
def test_the_pace_changes_no_decision(seed: int) -> None:
    """Nothing but where a batch ends may hang on a clock."""
    hashes = {
        tuple(asyncio.run(decided(Pace(slice_s, batch_s), seed))[2])
        for slice_s in (-1.0, ENDLESS_S)
        for batch_s in (-1.0, ENDLESS_S)
    }
    assert len(hashes) == 1


async def steps_of_another(turns: Turns, others: int) -> int:
    """How many steps the others, of which each has twenty, have done when one has given way."""
    done = 0

    async def other() -> None:
        nonlocal done
        with turns.busy():
            for _ in range(20):
                await asyncio.sleep(0.001)
                done += 1

    with turns.busy():
        tasks = [asyncio.create_task(other()) for _ in range(others)]
        await asyncio.sleep(0)
        await turns.give_way(60.0)
        found = done
        await asyncio.gather(*tasks)
    return found


@pytest.mark.parametrize("others", [0, 1, 3])
def test_who_gives_way_waits_until_the_others_are_done(others: int) -> None:
    """Not for one of their steps only, and no longer than that."""
    assert asyncio.run(steps_of_another(Turns(), others)) == 20 * others


def test_two_who_have_much_to_do_do_not_wait_for_each_other_for_ever() -> None:
    async def both() -> None:
        turns = Turns()

        async def one() -> None:
            with turns.busy():
                for _ in range(5):
                    await turns.give_way(0.001)

        await asyncio.gather(one(), one())

    asyncio.run(asyncio.wait_for(both(), 60.0))
