"""The owners of a worker's partitions, between Faust's rebalances and the log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest

from schemas.backoff import Backoff
from schemas.claims import claim_in
from schemas.standing import utc
from streams.core.intake import Record
from streams.log import DeadLetter, Entry, Frame, Written
from streams.model import Unscored
from streams.owner import Owner
from streams.worker import owners as owners_module
from streams.worker.owners import Owners
from tests.simulation.histories import history
from tests.simulation.world import PARTITIONS, Cluster, MemoryLog, Steps, new_owner
from tests.streams.one_worker import Faust, be_quick, drained, until


class Log(MemoryLog):
    """Counts who is open, and takes its time for each step."""

    opened = 0

    def __init__(self, cluster: Cluster, steps: Steps, pause: Callable[[], float]) -> None:
        super().__init__(cluster, steps)
        self._pause = pause
        self._open = False

    async def open(self) -> None:
        self._open = True
        Log.opened += 1
        await asyncio.sleep(self._pause())
        await super().open()
        await asyncio.sleep(self._pause())

    async def close(self) -> None:
        await asyncio.sleep(self._pause())
        Log.opened -= self._open
        self._open = False


class Worker:
    """One process with its owners, over a cluster that several share."""

    def __init__(self, cluster: Cluster, pause: Callable[[], float], failing: Callable[[], bool]) -> None:
        self.faust = Faust()

        def new_owner_(partition: int) -> Owner:
            return Failing(
                partition,
                PARTITIONS,
                Log(cluster, Steps(), pause),
                Unscored,
                lambda _: None,
                failing=failing,
            )

        self.owners = Owners(self.faust, new_owner_, fenced_wait_s=0.2)

    def deliver(self, cluster: Cluster) -> None:
        """One poll."""
        if 0 in self.faust.partitions and self.faust.at < cluster.end:
            frame = cluster.frame(self.faust.at, 3)
            self.faust.at = frame.end
            self.owners.arrived(0, frame)


class Failing(Owner):
    """Now and then something unforeseen happens to its batch, before or after it is written."""

    def __init__(self, *arguments: object, failing: Callable[[], bool]) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._failing = failing

    async def decide_ahead(self, frames: Iterable[Frame]) -> None:
        if self._failing():
            raise OSError("before the write")
        await super().decide_ahead(frames)
        if self._failing():
            raise OSError("while it is under way")

    async def settle(self) -> None:
        await super().settle()
        if self._failing():
            raise OSError("after the write")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_quick(monkeypatch)
    Log.opened = 0


@pytest.mark.parametrize("seed", range(12))
def test_rebalances_in_a_row_and_failures_lose_nothing(seed: int) -> None:
    """Two workers, partition 0 wanders; take-overs are slow, assignments come while they are under way."""
    rng = random.Random(seed)
    cluster = Cluster(history(2 * seed, 60))  # even: nobody sends events to others
    total = len(cluster.card_events)

    async def run() -> None:
        one, two = workers = [
            Worker(cluster, lambda: rng.random() * 0.003, lambda: rng.random() < 0.05) for _ in range(2)
        ]
        calls: set[asyncio.Task[None]] = set()
        for _ in range(40):
            owner, other = (one, two) if rng.random() < 0.5 else (two, one)
            owner.faust.partitions, other.faust.partitions = {0}, set()
            for worker in rng.sample(workers, 2):
                calls.add(
                    asyncio.create_task(worker.owners.assigned())
                )  # nobody waits: the next may come first
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(rng.random() * 0.002)
                owner.deliver(cluster)
        await asyncio.wait(calls)
        last = one if one.faust.partitions else two
        await last.owners.assigned()

        async def drain() -> None:
            while len(cluster.decisions) < total:
                last.deliver(cluster)
                await last.owners.check()
                await asyncio.sleep(0.001)

        await asyncio.wait_for(drain(), 30.0)
        for worker in workers:
            await worker.owners.close()

    asyncio.run(run())
    assert len(cluster.decisions) == total
    assert Log.opened == 0, "a producer was left open"
    asyncio.run(new_owner(cluster, Steps()).take_over())  # numbers and hashes of the whole log hold


class Hanging(Log):
    """Waits for ever in one of its steps, the first time."""

    def __init__(self, cluster: Cluster, at: str, hung: list[str]) -> None:
        super().__init__(cluster, Steps(), lambda: 0.0)
        self._at, self._hung = at, hung

    async def _hang(self, here: str) -> None:
        if here == self._at and not self._hung:
            self._hung.append(here)
            await asyncio.Event().wait()

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        decisions = claim_in(entries[-1].value) is None
        if decisions:
            await self._hang("append")
        written = await super().append(entries)
        if decisions:
            await self._hang("acknowledgement")
        return written

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None:
        await self._hang("relay")
        await super().relay(dead_letters, outbox)


@pytest.mark.parametrize("at", ["append", "acknowledgement", "relay"])
def test_a_batch_that_comes_to_no_end_is_told_and_given_up(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.worker.seats.LATE_S", 0.05)
    monkeypatch.setattr(owners_module, "DECIDE_S_MAX", 0.5)
    cluster = Cluster(history(2, 30))
    hung: list[str] = []

    async def run() -> None:
        faust = Faust()
        faust.partitions = {0}
        log = partial(Hanging, cluster, at, hung)
        owners = Owners(faust, lambda p: Owner(p, PARTITIONS, log(), Unscored, lambda _: None), 0.2)
        await owners.assigned()
        owners.arrived(0, cluster.frame(0, 10))
        await until(lambda: owners.reports("w")[0].state == "standing_still")
        (report,) = owners.reports("w")
        assert report.why is not None and "a batch has been under way for" in report.why
        assert report.remedy is not None and report.since is not None
        await until(lambda: bool(owners.standing_still()))
        assert owners.standing_still()[0].why.endswith("a batch was not written within 0 s")
        await drained(cluster, faust, owners)
        await until(lambda: owners.reports("w")[0].state == "working")
        await owners.close()

    asyncio.run(run())
    assert hung == [at]
    assert Log.opened == 0
    asyncio.run(new_owner(cluster, Steps()).take_over())


@pytest.mark.parametrize("lost", [1, 2, 5, 9, 10])
@pytest.mark.parametrize("records", [1, 3, 20])
def test_a_decision_log_that_loses_its_end_under_a_living_owner_gets_no_gap(lost: int, records: int) -> None:
    """As a single broker after a power cut: what was decided there is decided again, to the same bytes."""
    cluster = Cluster(history(2, 40))

    async def run() -> None:
        faust = Faust()
        faust.partitions = {0}
        log = partial(Log, cluster, Steps(), lambda: 0.0)
        owners = Owners(faust, lambda p: Owner(p, PARTITIONS, log(), Unscored, lambda _: None), 0.2)
        await owners.assigned()
        first = cluster.frame(0, 10)
        owners.arrived(0, first)
        await until(lambda: len(cluster.decisions) == 10)
        gone = cluster.decisions[10 - lost :]
        del cluster.log[list(cluster.counted()[1])[10 - lost] :]
        owners.arrived(0, cluster.frame(first.end, records))
        await until(lambda: bool(owners.standing_still()))
        assert "the log has lost its end" in owners.standing_still()[0].why
        await drained(cluster, faust, owners)
        assert cluster.decisions[10 - lost : 10] == gone
        await owners.close()

    asyncio.run(run())
    asyncio.run(new_owner(cluster, Steps()).take_over())


def test_a_stale_assignment_claims_nothing() -> None:
    """The partition went away while another take-over was under way: no claim fences its rightful owner."""
    cluster = Cluster(history(2, 20))

    async def run() -> None:
        worker = Worker(cluster, lambda: 0.02, lambda: False)
        worker.faust.partitions = {0}
        first = asyncio.create_task(worker.owners.assigned())
        await asyncio.sleep(0.001)
        worker.faust.partitions = set()
        await worker.owners.assigned()
        await first
        assert cluster.log == []
        await asyncio.sleep(0.1)
        assert cluster.log == []
        assert Log.opened == 0
        assert not worker.owners.positions()

    asyncio.run(run())


@pytest.mark.parametrize("ticks", range(6))
def test_a_partition_that_comes_goes_and_comes_again_in_a_moment_hangs_nobody(
    ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Woken and cancelled in one moment: a wait that swallowed the cancellation was waited for for ever."""
    monkeypatch.setattr(owners_module, "RETRY", Backoff(30.0, 30.0))
    cluster = Cluster(history(2, 20))

    async def run() -> None:
        worker = Worker(cluster, lambda: 0.0, lambda: False)
        cluster.first, first = 10**6, cluster.first  # cannot be taken over, and waits for its next try
        worker.faust.partitions = {0}
        await worker.owners.assigned()
        assert worker.owners.standing_still()
        cluster.first = first
        calls = [asyncio.create_task(worker.owners.assigned())]
        for _ in range(ticks):
            await asyncio.sleep(0)
        worker.faust.partitions = set()
        calls.append(asyncio.create_task(worker.owners.assigned()))
        await asyncio.sleep(0)
        worker.faust.partitions = {0}
        async with asyncio.timeout(5.0):
            await asyncio.wait(calls)
            await worker.owners.assigned()
        assert worker.owners.positions()
        await worker.owners.close()

    asyncio.run(run())


def test_one_partition_that_cannot_be_taken_over_stands_still_alone() -> None:
    good, bad = Cluster(history(2, 40)), Cluster(history(4, 40))
    bad.first = bad.end + 5  # the broker deleted what was never decided
    bad.card_events = [Record(bad.first, *record[1:]) for record in bad.card_events[:1]]

    async def run() -> None:
        faust = Faust()
        faust.partitions = {0, 1}

        def owner_of(partition: int) -> Owner:
            cluster = bad if partition else good
            return Owner(0, PARTITIONS, MemoryLog(cluster, Steps()), Unscored, lambda _: None)

        owners = Owners(faust, owner_of, fenced_wait_s=0.2)
        await owners.assigned()
        owners.arrived(0, good.frame(0, 1_000))
        await until(lambda: len(good.decisions) == len(good.card_events))
        (still,) = owners.standing_still()
        assert still.partition == 1
        assert "the broker deleted events before they were decided" in still.why
        await until(lambda: owners.standing_still()[0].tries > 2)
        assert owners.standing_still()[0].since == still.since
        working, stopped = owners.reports("w1")
        assert (working.state, stopped.state) == ("working", "standing_still")
        assert (working.position, working.seq) == (good.end, len(good.decisions))
        assert working.progress is not None
        assert stopped.position is None
        assert (stopped.why, stopped.since) == (still.why, utc(still.since))
        assert stopped.remedy == still.remedy

        bad.first, bad.card_events = 0, history(4, 40)  # somebody mended it
        await until(lambda: not owners.standing_still())
        assert set(owners.positions()) == {0, 1}
        await owners.close()

    asyncio.run(run())
