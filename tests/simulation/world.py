"""An in-memory Kafka for one partition that can crash or stall its owner at every await.

`MemoryLog` keeps the promises that the owner relies on, and no others: `open` fences and aborts what older
owners left, a commit of a fenced owner fails, readers see committed records only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streams.core.intake import Record
from streams.core.state import Department
from streams.log import DeadLetter, Entry, Fenced, Frame, Kept, ReplayIncomplete
from streams.owner import Owner
from streams.scoring import Scorer
from streams.snapshots import SNAPSHOT_HEADER, StoredSnapshot

PARTITIONS = 1
RECORDED_AT = datetime(2026, 11, 30, tzinfo=UTC)
REPLAY_CHUNK = 3


class Crash(Exception):
    """The process ends here: nothing after this await happens."""


@dataclass
class Cluster:
    """What survives every crash: the topics, and who may write to them."""

    card_events: list[Record]
    decisions: list[bytes] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    snapshot: StoredSnapshot | None = None
    marks: dict[int, str] = field(default_factory=dict)  # of decisions that name a snapshot: its digest
    epoch: int = 0
    first: int = 0  # what lies before is gone by retention

    @property
    def end(self) -> int:
        """The position after the last card event."""
        return self.card_events[-1].offset + 1 if self.card_events else 0

    def frame(self, start: int, records_max: int) -> Frame:
        """What a poll from position `start` gives; offsets may have holes, positions do not."""
        rest = [record for record in self.card_events if record.offset >= start]
        records = rest[:records_max]
        end = self.end if len(records) == len(rest) else records[-1].offset + 1
        return Frame(start, end, records)


@dataclass
class Steps:
    """Counts the awaits of a run, and crashes or stalls the owner at one of them."""

    crash_at: int | None = None
    stall_at: int | None = None
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
        self._step = steps.step
        self._epoch = -1
        self._entries: list[Entry] | None = None
        self._letters: list[DeadLetter] = []
        self._outbox: Sequence[Entry] = ()
        self._snapshot: StoredSnapshot | None = None

    async def open(self) -> None:
        await self._step("before fencing")
        self._cluster.epoch += 1
        self._epoch = self._cluster.epoch
        await self._step("after fencing")

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        await self._step("reading the snapshot")
        return () if self._cluster.snapshot is None else (self._cluster.snapshot,)

    async def replay(self, offset: int | None) -> AsyncGenerator[Sequence[bytes], None]:
        end = len(self._cluster.decisions)
        if (offset or 0) > end:
            raise ReplayIncomplete(f"the log ends at {end}, but must be read from {offset}")
        for start in range(offset or 0, end, REPLAY_CHUNK):
            await self._step("replaying")
            yield self._cluster.decisions[start : min(start + REPLAY_CHUNK, end)]

    async def vouched(self, offset: int) -> str | None:
        await self._step("asking for the mark")
        return self._cluster.marks.get(offset)

    async def kept(self, offset: int) -> Kept:
        cluster = self._cluster
        found = next((record for record in cluster.card_events if record.offset == offset), None)
        return Kept(cluster.first, max(cluster.first, cluster.end), found)

    async def begin(self) -> None:
        await self._step("before the transaction")
        self._entries, self._letters, self._snapshot = [], [], None

    async def append(
        self, entries: Sequence[Entry], dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]
    ) -> int:
        await self._step("before the write")
        self._check()
        assert self._entries is not None
        self._outbox = outbox
        self._entries += entries
        self._letters += dead_letters
        await self._step("after the write")
        return len(self._cluster.decisions) + len(self._entries)

    async def store_snapshot(self, snapshot: StoredSnapshot) -> None:
        await self._step("before the snapshot")
        self._check()
        self._snapshot = snapshot

    async def commit(self) -> None:
        await self._step("before the commit")
        self._check()
        assert self._entries is not None
        for offset, entry in enumerate(self._entries, len(self._cluster.decisions)):
            if SNAPSHOT_HEADER in (headers := dict(entry.headers)):
                self._cluster.marks[offset] = headers[SNAPSHOT_HEADER].decode()
        self._cluster.decisions += [entry.value for entry in self._entries if entry.value is not None]
        self._cluster.dead_letters += self._letters
        for key, value, _ in self._outbox:
            self._cluster.card_events.append(Record(self._cluster.end, RECORDED_AT, key, value))
        self._cluster.snapshot = self._snapshot or self._cluster.snapshot
        self._entries = None
        await self._step("after the commit")

    async def close(self) -> None: ...

    def _check(self) -> None:
        if self._epoch != self._cluster.epoch:
            raise Fenced(f"epoch {self._epoch}, the partition's is {self._cluster.epoch}")


def new_owner(
    cluster: Cluster, steps: Steps, publish: Callable[[dict[str, Department]], None] = lambda changed: None
) -> Owner:
    """An owner of the cluster's partition with a real, quickly warmed-up model and frequent snapshots."""
    return Owner(
        0,
        PARTITIONS,
        MemoryLog(cluster, steps),
        lambda: Scorer(warm_up=5),
        publish,
        snapshot_decisions_min=7,
    )


async def run_owner(cluster: Cluster, steps: Steps, frame_records: int, redeliver: int = 0) -> Owner:
    """One process: take over, then decide to the end. Faust may deliver from `redeliver` positions before."""
    owner = new_owner(cluster, steps)
    position = max(0, await owner.take_over() - redeliver)
    while position < cluster.end:
        # Two frames at once: what waits is merged into one transaction.
        first = cluster.frame(position, frame_records)
        second = cluster.frame(first.end, frame_records) if first.end < cluster.end else first
        await owner.decide([first, second])
        await steps.step("before the acknowledgement")
        position = second.end
    return owner
