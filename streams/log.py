"""The seams of the owner: the log of one partition, as it needs it and no wider.

Kafka stands behind them in production (`streams.kafka_log`); the simulation puts an in-memory log there
that can crash, stall and be taken over at every await.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

from schemas.claims import LogRecord, claim_in
from streams.core.intake import Record
from streams.snapshots import StoredSnapshot


class Frame(NamedTuple):
    """What one poll of a partition covered: positions `start <= p < end`, and the records found there.

    Positions, not record offsets: transaction markers and aborted records leave holes.
    """

    start: int
    end: int
    records: Sequence[Record]


Headers = list[tuple[str, bytes]]


class Entry(NamedTuple):
    """A record to append: to the decision log, or as a part of one of the other topics."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class DeadLetter(NamedTuple):
    """What could not be used: the record's own bytes, its position and the reason."""

    record: Record
    reason: str
    detail: str


class Kept(NamedTuple):
    """The card events that the broker holds: `first <= offset < end`; `record`: the one asked for."""

    first: int
    end: int
    record: Record | None


class InvariantBroken(Exception):
    """Our fault, not the event's: the partition stops here until somebody has looked."""


class ReplayIncomplete(Exception):
    """The log ended before its end, or begins after what is needed; deciding on it would decide twice."""


class TopicMissing(Exception):
    """A topic that is written or read here does not exist (any more)."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}")
        self.topic = topic


class Fenced(Exception):
    """Another owner took the partition over. Whatever this one still holds in memory is void."""


class Written(NamedTuple):
    """Where a part of what was appended lies: `records` of them from `offset` on, nothing between them."""

    offset: int
    records: int


class PartitionLog(Protocol):
    """Decisions, dead letters and snapshots of one partition. Whoever has it open can write to it."""

    async def open(self) -> None:
        """Connect. Fences nobody: that is a claim's work."""

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        """Those whose bytes are whole, the newest first. Whether the log has their hash is not asked yet."""

    def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        """What can be read of the decision log from `offset` to the end, in order, claims and void records
        too.

        Raises:
            ReplayIncomplete: the log does not hold them all.
        """

    async def vouched(self, offset: int) -> str | None:
        """The digest of the snapshot that the decision at `offset` names; None: it names none."""

    async def kept(self, offset: int) -> Kept:
        """Which card events are there, and the one at `offset`."""

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        """Write to the decision log; when this returns, all replicas in sync have it, in this order."""

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None:
        """Write dead letters, and card events for other departments, each to the partition of its key."""

    async def store_snapshot(self, chunks: Sequence[Entry]) -> None:
        """Some of a snapshot's chunks, in their order."""

    async def close(self) -> None: ...


class NoLog:
    """A decision log that takes everything and keeps only claims; for who only wants the owner's
    decisions."""

    def __init__(self) -> None:
        self._end = 0
        self._claims: list[LogRecord] = []

    async def open(self) -> None: ...

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        return ()

    async def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        yield [claim for claim in self._claims if claim.offset >= offset]

    async def vouched(self, offset: int) -> str | None:
        return None

    async def kept(self, offset: int) -> Kept:
        return Kept(offset + 1, offset + 1, None)  # all before is gone by rule

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        start = self._end
        self._end += len(entries)
        if claim_in(entries[0].value) is not None:
            self._claims = [LogRecord(start, entries[0].value, None)]
        return (Written(start, len(entries)),)

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None: ...

    async def store_snapshot(self, chunks: Sequence[Entry]) -> None: ...

    async def close(self) -> None: ...
