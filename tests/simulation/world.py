"""An in-memory Kafka for one partition that can crash or stall its owner at every await.

`MemoryLog` keeps the promises that the owner relies on, and no others: one order of all records, whoever
writes them, and an acknowledgement that tells the offset. What is sent arrives later, also when its sender is
long gone.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schemas.chain import Chain
from schemas.claims import LogRecord, stamp_of
from schemas.decisions import Decision
from streams.core.intake import Record
from streams.core.state import Department
from streams.log import DeadLetter, Entry, Frame, Kept, ReplayIncomplete, Written
from streams.owner import Owner, Pace
from streams.scoring import Scorer
from streams.snapshots import SNAPSHOT_HEADER, Collector, StoredSnapshot

PARTITIONS = 1
RECORDED_AT = datetime(2026, 11, 30, tzinfo=UTC)
REPLAY_CHUNK = 3


class Crash(Exception):
    """The process ends here: nothing after this await happens."""


@dataclass
class Request:
    """Something on its way to the broker: it arrives when `late` more steps are taken, by whomever."""

    late: int
    arrive: Callable[[], int]
    offset: int | None = None


@dataclass
class Cluster:
    """What survives every crash: the topics, and what is on its way to them."""

    card_events: list[Record]
    log: list[Entry] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    snapshot: StoredSnapshot | None = None
    collector: Collector = field(default_factory=lambda: Collector(0))  # of the chunks of snapshots
    first: int = 0  # what lies before is gone by retention
    requests: list[Request] = field(default_factory=list)
    believed: set[int] = field(default_factory=set)  # offsets that an owner took for decisions that count

    @property
    def end(self) -> int:
        """The position after the last card event."""
        return self.card_events[-1].offset + 1 if self.card_events else 0

    @property
    def records(self) -> list[LogRecord]:
        """The decision log as any reader sees it."""
        return [LogRecord(n, entry.value, stamp_of(entry.headers)) for n, entry in enumerate(self.log)]

    def counted(self) -> tuple[Chain, dict[int, Decision]]:
        """By the rule: the decisions that count, by offset. Raises NotNext."""
        chain, found = Chain(0), {}
        for record in self.records:
            decision = chain.follow(*record)
            if decision is not None:
                found[record.offset] = decision
        return chain, found

    @property
    def decisions(self) -> list[bytes]:
        """The values that count."""
        return [self.log[offset].value or b"" for offset in self.counted()[1]]

    def frame(self, start: int, records_max: int) -> Frame:
        """What a poll from position `start` gives; offsets may have holes, positions do not."""
        rest = [record for record in self.card_events if record.offset >= start]
        records = rest[:records_max]
        end = self.end if len(records) == len(rest) else records[-1].offset + 1
        return Frame(start, end, records)

    def tick(self) -> None:
        """One step of time: what is due arrives."""
        for request in list(self.requests):
            request.late -= 1
            if request.late <= 0:
                request.offset = request.arrive()
                self.requests.remove(request)

    def settle(self) -> None:
        """Everything arrives."""
        while self.requests:
            self.tick()

    def take(self, entries: Sequence[Entry]) -> int:
        """Append to the log; returns the offset of the first."""
        self.log += [Entry(key, value, list(headers)) for key, value, headers in entries]
        return len(self.log) - len(entries)

    def relayed(self, letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> int:
        """What decisions send has arrived."""
        self.dead_letters += letters
        for key, value, _ in outbox:
            self.card_events.append(Record(self.end, RECORDED_AT, key, value))
        return 0


@dataclass
class Steps:
    """Counts the awaits of a run, and crashes or stalls the owner at one of them.

    `late`: how many steps a request takes, the next time it is asked.
    """

    crash_at: int | None = None
    stall_at: int | None = None
    late: Callable[[], int] = lambda: 0
    count: int = 0
    names: list[str] = field(default_factory=list)
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    resume: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self, name: str) -> None:
        here = self.count
        self.count += 1
        self.names.append(name)
        await asyncio.sleep(0)
        if here == self.crash_at:
            raise Crash(f"step {here}: {name}")
        if here == self.stall_at:
            self.stalled.set()
            await self.resume.wait()


class MemoryLog:
    """`PartitionLog` on a `Cluster`."""

    def __init__(self, cluster: Cluster, steps: Steps) -> None:
        self._cluster = cluster
        self._steps = steps
        self.written: range = range(0)  # offsets of what was acknowledged last

    async def _step(self, name: str) -> None:
        self._cluster.tick()
        await self._steps.step(name)

    async def open(self) -> None:
        await self._step("connecting")

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        await self._step("reading the snapshot")
        return () if self._cluster.snapshot is None else (self._cluster.snapshot,)

    async def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        end = len(self._cluster.log)
        if offset > end:
            raise ReplayIncomplete(f"the log ends at {end}, but must be read from {offset}")
        for start in range(offset, end, REPLAY_CHUNK):
            await self._step("replaying")
            yield self._cluster.records[start : min(start + REPLAY_CHUNK, end)]

    async def vouched(self, offset: int) -> str | None:
        await self._step("asking for the mark")
        if not 0 <= offset < len(self._cluster.log):
            return None
        digest = dict(self._cluster.log[offset].headers).get(SNAPSHOT_HEADER)
        return None if digest is None else digest.decode()

    async def kept(self, offset: int) -> Kept:
        cluster = self._cluster
        found = next((record for record in cluster.card_events if record.offset == offset), None)
        return Kept(cluster.first, max(cluster.first, cluster.end), found)

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        await self._step("before the write")
        offset = await self._sent(lambda: self._cluster.take(entries))
        self.written = range(offset, offset + len(entries))
        return (Written(offset, len(entries)),)

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None:
        await self._step("before relaying")
        await self._sent(lambda: self._cluster.relayed(dead_letters, outbox))

    async def store_snapshot(self, chunks: Sequence[Entry]) -> None:
        await self._step("before the snapshot")
        for entry in chunks:
            self._cluster.collector.add(entry.headers, entry.value)
        whole = self._cluster.collector.newest_first()
        self._cluster.snapshot = next(iter(whole), self._cluster.snapshot)

    async def close(self) -> None: ...

    async def _sent(self, arrive: Callable[[], int]) -> int:
        """From here on it arrives, whoever waits for it."""
        request = Request(self._steps.late(), arrive)
        self._cluster.requests.append(request)
        await self._step("under way")
        while request.offset is None:
            self._cluster.tick()
            await asyncio.sleep(0)
        await self._step("before the acknowledgement")
        return request.offset


def new_owner(
    cluster: Cluster, steps: Steps, publish: Callable[[dict[str, Department]], None] = lambda changed: None
) -> Owner:
    """An owner of the cluster's partition with a real, quickly warmed-up model and frequent snapshots."""
    log = MemoryLog(cluster, steps)

    def published(changed: dict[str, Department]) -> None:
        cluster.believed |= set(log.written)
        publish(changed)

    # A busy machine changes no step: where time ends a slice or a batch is test_pace's.
    pace = Pace(slice_s=math.inf, batch_s=math.inf)
    return Owner(
        0,
        PARTITIONS,
        log,
        lambda: Scorer(warm_up=5, ns_max=math.inf),
        published,
        snapshot_decisions_min=7,
        pace=pace,
    )


async def run_owner(cluster: Cluster, steps: Steps, frame_records: int, redeliver: int = 0) -> Owner:
    """One process: take over, then decide to the end. Faust may deliver from `redeliver` positions before."""
    owner = new_owner(cluster, steps)
    try:
        position = max(0, await owner.take_over() - redeliver)
        while position < cluster.end or owner.under_way is not None:
            if position < cluster.end:
                # Two frames at once: what waits is merged into one batch, decided while the last is under
                # way.
                first = cluster.frame(position, frame_records)
                second = cluster.frame(first.end, frame_records) if first.end < cluster.end else first
                await owner.decide_ahead([first, second])
                position = second.end
            else:
                await owner.settle()
            await steps.step("between two batches")
    finally:
        await owner.close()
    return owner
