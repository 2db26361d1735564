"""Card events that were decided and then lost, or written anew: the partition stops instead of skipping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from streams.core.intake import Record
from streams.log import Frame, InvariantBroken
from streams.owner import Owner
from tests.simulation.histories import history
from tests.simulation.world import Cluster, Steps, run_owner

Events = list[Record]
COUNT = 40
LATER = timedelta(seconds=3)
CONTINUE = "spendlog events continue --partition 0"


def anew(record: Record, offset: int) -> Record:
    """Sent again after the loss: the broker's clock has gone on."""
    return Record(offset, record.recorded_at + LATER, record.key, record.value)


def a_cluster() -> Cluster:
    return Cluster([record._replace(offset=i) for i, record in enumerate(history(0, COUNT))])


def cut(events: Events, count: int) -> Events:
    return events[: len(events) - count]


def refilled(events: Events, lost: int, new: int) -> Events:
    kept = cut(events, lost)
    return kept + [anew(events[i % len(events)], len(kept) + i) for i in range(new)]


def renamed(events: Events) -> Events:
    """Another event in the same millisecond."""
    last = events[-1]
    return [*events[:-1], last._replace(value=events[0].value)]


LOSSES: dict[str, Callable[[Events], Events]] = {
    "one record": lambda events: cut(events, 1),
    "half": lambda events: cut(events, 20),
    "all: made anew": lambda events: [],
    "one, and one came after": lambda events: refilled(events, 1, 1),
    "nine, and fewer came after": lambda events: refilled(events, 9, 4),
    "nine, and as many came after": lambda events: refilled(events, 9, 9),
    "nine, and more came after": lambda events: refilled(events, 9, 30),
    "all, and more came after": lambda events: refilled(events, len(events), 60),
    "the last is another event": renamed,
    "the last has no value": lambda events: [*events[:-1], events[-1]._replace(value=None)],
    "the last is a hole": lambda events: [*events[:-1], anew(events[-1], len(events))],
}


@pytest.mark.parametrize("snapshot", [True, False], ids=["from a snapshot", "from the log"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_takeover_refuses_other_card_events_than_were_decided(loss: str, snapshot: bool) -> None:
    cluster = a_cluster()
    asyncio.run(run_owner(cluster, Steps(), 4))
    decisions = list(cluster.decisions)
    cluster.snapshot = cluster.snapshot if snapshot else None
    cluster.card_events = LOSSES[loss](cluster.card_events)
    with pytest.raises(InvariantBroken, match=CONTINUE):
        asyncio.run(run_owner(cluster, Steps(), 4))
    assert cluster.decisions == decisions


@pytest.mark.parametrize("loss", LOSSES)
def test_a_living_owner_notices_when_it_looks(loss: str) -> None:
    cluster = a_cluster()

    async def run() -> None:
        owner = await run_owner(cluster, Steps(), 4)
        await owner.check_events()
        cluster.card_events = LOSSES[loss](cluster.card_events)
        with pytest.raises(InvariantBroken, match=CONTINUE):
            await owner.check_events()

    asyncio.run(run())


async def deliver(cluster: Cluster, owner: Owner, position: int, frame_records: int) -> None:
    while position < cluster.end:
        frame = cluster.frame(position, frame_records)
        await owner.decide([frame])
        position = frame.end


@pytest.mark.parametrize("start", [0, 7, 30, 39])
@pytest.mark.parametrize(
    "loss", [name for name in LOSSES if "more came" in name or "as many" in name or "last" in name]
)
def test_a_consumer_that_went_back_does_not_pass_new_events_off_as_decided(loss: str, start: int) -> None:
    """A reset to the earliest offset, or to any below, in frames of several sizes."""
    for frame_records in (1, 5, 100):
        cluster = a_cluster()

        async def run(cluster: Cluster = cluster, frame_records: int = frame_records) -> None:
            owner = await run_owner(cluster, Steps(), 4)
            decisions = list(cluster.decisions)
            cluster.card_events = LOSSES[loss](cluster.card_events)
            with pytest.raises(InvariantBroken, match=CONTINUE):
                await deliver(cluster, owner, start, frame_records)
            assert cluster.decisions == decisions

        asyncio.run(run())


def test_records_where_only_markers_were_are_new() -> None:
    cluster = a_cluster()

    async def run() -> None:
        owner = await run_owner(cluster, Steps(), 4)
        await owner.decide([Frame(40, 45, [])])
        with pytest.raises(InvariantBroken, match="a record has appeared at offset 42"):
            await owner.decide([Frame(40, 43, [anew(cluster.card_events[0], 42)])])

    asyncio.run(run())


@pytest.mark.parametrize("first", [1, 20, 39, 40])
def test_what_retention_took_is_not_missed(first: int) -> None:
    cluster = a_cluster()
    asyncio.run(run_owner(cluster, Steps(), 4))
    later = [anew(record, 40 + i) for i, record in enumerate(cluster.card_events[:5])]
    cluster.card_events, cluster.first = [*cluster.card_events[first:], *later], first
    asyncio.run(run_owner(cluster, Steps(), 4))
    assert len(cluster.decisions) == 45


@pytest.mark.parametrize("first", [41, 43, 1000])
def test_events_that_were_deleted_before_they_were_decided_are_missed(first: int) -> None:
    cluster = a_cluster()
    asyncio.run(run_owner(cluster, Steps(), 4))
    cluster.card_events, cluster.first = [anew(cluster.card_events[0], first)], first
    with pytest.raises(InvariantBroken, match=f"begin at offset {first}, but 40 is the next"):
        asyncio.run(run_owner(cluster, Steps(), 4))
