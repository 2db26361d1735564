"""A crash at every await, redelivery, a zombie: what counts in the log stays the same, byte for byte."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from functools import partial

import msgspec
import pytest

from schemas.codec import check_seal, decode_decision
from schemas.decisions import GENESIS_HASH
from schemas.effects import HoldPlaced
from schemas.reasons import Outcome
from streams.core.messages import messages
from streams.core.movements import movement
from streams.log import Fenced, Frame, InvariantBroken
from streams.scoring import Scorer
from tests.simulation.histories import history
from tests.simulation.oracles import check
from tests.simulation.world import Cluster, Crash, Steps, new_owner, run_owner

SEEDS = range(4)
LENGTH = 60


def reference(seed: int, frame_records: int = 4) -> tuple[Cluster, Steps]:
    """The same history without any fault."""
    cluster, steps = Cluster(history(seed, LENGTH)), Steps()
    asyncio.run(run_owner(cluster, steps, frame_records))
    return cluster, steps


def finish(cluster: Cluster, frame_records: int = 4, redeliver: int = 0) -> None:
    """All that is on its way arrives, an owner decides the rest, and all is as it must be."""
    cluster.settle()
    asyncio.run(run_owner(cluster, Steps(), frame_records, redeliver))
    check(cluster)


def assert_same(found: Cluster, expected: Cluster) -> None:
    """Where no department sends another something, also the card events are the same in the end."""
    if not any(messages(decode_decision(value)) for value in expected.decisions):
        assert found.decisions == expected.decisions


@pytest.mark.parametrize("seed", SEEDS)
def test_the_history_bites(seed: int) -> None:
    """A simulation whose histories never decline, repeat or reject would prove nothing."""
    decisions = [decode_decision(value) for value in reference(seed)[0].decisions]
    outcomes = {decision.outcome for decision in decisions}
    assert outcomes >= set(Outcome) - {Outcome.PARTIALLY_APPROVED}
    assert (len(decisions) > LENGTH) is bool(seed % 2), "a cap makes owners send each other events"
    assert any(decision.duplicate_of is not None for decision in decisions)
    assert any(decision.score is not None for decision in decisions)
    assert reference(seed)[0].snapshot is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_has_one_decision_in_its_order(seed: int) -> None:
    cluster, _ = reference(seed)
    previous = GENESIS_HASH
    decisions = [decode_decision(value) for value in cluster.decisions]
    assert [decision.source_offset for decision in decisions] == [
        record.offset for record in cluster.card_events
    ]
    assert [decision.seq for decision in decisions] == list(range(len(cluster.card_events)))
    for value, decision in zip(cluster.decisions, decisions, strict=True):
        check_seal(value, decision, previous)
        previous = decision.hash


@pytest.mark.parametrize("seed", SEEDS)
def test_no_approval_exceeds_the_limit_at_any_prefix(seed: int) -> None:
    spent: dict[str, int] = {}
    for decision in (decode_decision(value) for value in reference(seed)[0].decisions):
        for effect in decision.effects:
            charges, posted, held, _ = movement(effect) or ((), 0, 0, 0)
            for charge in charges:
                spent[charge] = spent.get(charge, 0) + posted + held
            if isinstance(effect, HoldPlaced):
                assert decision.balance is not None
                assert spent[decision.balance.key] == decision.balance.posted + decision.balance.held
                assert spent[decision.balance.key] <= decision.balance.limit


# A request arrives at once, while the next owner takes over, or when that one has decided everything.
LATE = (0, 1_000, pytest.param(5, marks=pytest.mark.faults))


def _late_before(steps: Steps, late: int) -> int:
    """Only what the crash comes in the way of: nobody waits for it."""
    assert steps.crash_at is not None
    return late if steps.crash_at - steps.count < 3 else 0


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_at_every_await_changes_nothing(seed: int, late: int) -> None:
    expected, steps = reference(seed)
    assert steps.count > 30
    for crash_at in range(steps.count):
        cluster = Cluster(history(seed, LENGTH))
        steps_here = Steps(crash_at)
        steps_here.late = partial(_late_before, steps_here, late)
        with pytest.raises(Crash):
            asyncio.run(run_owner(cluster, steps_here, 4))
        asyncio.run(run_owner(cluster, Steps(), frame_records=4, redeliver=crash_at % 7))
        finish(cluster)
        assert_same(cluster, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_crashes_in_a_row_change_nothing(seed: int) -> None:
    """Also in the takeover after a crash, and with other batches than before."""
    expected, steps = reference(seed)
    rng = random.Random(seed)
    for _ in range(30):
        cluster = Cluster(history(seed, LENGTH))
        for _ in range(25):
            with suppress(Crash):
                here = Steps(rng.randrange(steps.count), late=lambda: rng.choice((0, 0, 0, 3, 20)))
                asyncio.run(run_owner(cluster, here, rng.randint(1, 9), rng.randint(0, 9)))
                break
        finish(cluster, rng.randint(1, 9))
        assert_same(cluster, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_zombie_writes_is_void(seed: int) -> None:
    """An owner stalls at every await in turn, another one decides the rest, then the first one wakes up."""
    expected, steps = reference(seed)

    async def stalled_at(step: int) -> tuple[Cluster, bool]:
        cluster, slow = Cluster(history(seed, LENGTH)), Steps(stall_at=step)
        zombie = asyncio.create_task(run_owner(cluster, slow, frame_records=4))
        await slow.stalled.wait()
        await run_owner(cluster, Steps(), frame_records=4)
        slow.resume.set()
        result = (await asyncio.gather(zombie, return_exceptions=True))[0]
        if isinstance(result, BaseException) and not isinstance(result, Fenced):
            raise result
        return cluster, isinstance(result, Fenced)

    fenced = voided = 0
    for step in range(steps.count):
        cluster, was_fenced = asyncio.run(stalled_at(step))
        fenced += was_fenced
        voided += cluster.counted()[0].void > 0
        finish(cluster)
        assert_same(cluster, expected)
    assert fenced > steps.count // 2
    assert voided > steps.count // 4, "no zombie wrote anything"


def test_state_after_replay_equals_live_state() -> None:
    cluster = Cluster(history(1, LENGTH))
    live = asyncio.run(run_owner(cluster, Steps(), 4))
    cluster.snapshot = None
    replayed = new_owner(cluster, Steps())
    asyncio.run(replayed.take_over())
    assert replayed.replayed == len(cluster.card_events) >= LENGTH
    assert msgspec.msgpack.encode(replayed.state) == msgspec.msgpack.encode(live.state)


def test_state_from_a_snapshot_equals_state_from_the_whole_log() -> None:
    cluster = Cluster(history(2, LENGTH))
    live = asyncio.run(run_owner(cluster, Steps(), 4))
    restored = new_owner(cluster, Steps())
    asyncio.run(restored.take_over())
    assert 0 < restored.replayed < LENGTH
    assert restored.state == live.state
    assert isinstance(restored._model, Scorer) and isinstance(live._model, Scorer)
    assert restored._model.habits == live._model.habits


def test_a_missing_record_stops_the_partition() -> None:
    cluster = Cluster(history(1, LENGTH))
    owner = new_owner(cluster, Steps())

    async def skip() -> None:
        await owner.take_over()
        await owner.decide([Frame(3, cluster.end, cluster.card_events)])

    with pytest.raises(InvariantBroken, match="frame starts at 3, but 0 is the next"):
        asyncio.run(skip())
    assert cluster.decisions == []


def test_a_frame_over_aborted_records_moves_the_position() -> None:
    cluster = Cluster(history(2, LENGTH))
    owner = new_owner(cluster, Steps())

    async def run() -> None:
        await owner.take_over()
        assert await owner.decide([Frame(0, 1, [])]) == []
        await owner.decide([Frame(1, cluster.end, cluster.card_events)])

    asyncio.run(run())
    assert owner.position == cluster.end
    assert len(cluster.decisions) == LENGTH


def test_a_broken_chain_refuses_the_takeover() -> None:
    cluster, _ = reference(3)
    cluster.snapshot = None
    at = list(cluster.counted()[1])[5]
    entry = cluster.log[at]
    cluster.log[at] = entry._replace(value=(entry.value or b"").replace(b'"seq":5', b'"seq":5 '))
    with pytest.raises(InvariantBroken, match="decision 0:5: its bytes do not match its hash"):
        asyncio.run(new_owner(cluster, Steps()).take_over())


def test_an_unusable_snapshot_is_replaced_by_the_whole_log() -> None:
    cluster, _ = reference(0)
    assert cluster.snapshot is not None
    cluster.snapshot = cluster.snapshot._replace(state=b"\x00 not a state")
    owner = new_owner(cluster, Steps())
    asyncio.run(owner.take_over())
    assert owner.state.seq == owner.replayed == LENGTH


def test_views_are_published_only_when_it_counts() -> None:
    cluster, steps = Cluster(history(0, LENGTH)), Steps()
    published: list[int] = []
    owner = new_owner(cluster, steps, lambda changed: published.append(len(cluster.decisions)))

    async def run() -> None:
        await owner.take_over()
        await owner.decide([cluster.frame(0, 10)])

    asyncio.run(run())
    assert published == [0, 10]
