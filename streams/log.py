"""The seams of the owner: a fenced log of one partition, as it needs it and no wider.

Kafka stands behind them in production (`streams.kafka_log`); the simulation puts an in-memory log there
that can crash, stall and be taken over at every await.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

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


class PartitionLog(Protocol):
    """Decisions, dead letters and snapshots of one partition, written by one owner at a time."""

    async def open(self) -> None:
        """Fence every earlier owner; when this returns, what they could commit is committed or aborted."""

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        """Those whose bytes are whole, the newest first. Whether the log has their hash is not asked yet."""

    def replay(self, offset: int | None) -> AsyncGenerator[Sequence[bytes], None]:
        """Committed decisions from log `offset` (None: the beginning) to the end, in order.

        Raises:
            ReplayIncomplete: the log does not hold them all.
        """

    async def vouched(self, offset: int) -> str | None:
        """The digest of the snapshot that was stored with the decision at `offset`; None: it names none."""

    async def kept(self, offset: int) -> Kept:
        """Which card events are there, and the one at `offset`."""

    async def begin(self) -> None: ...

    async def append(
        self, entries: Sequence[Entry], dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]
    ) -> int:
        """Write within the transaction and wait for the write. Returns the log offset after it.

        `outbox`: card events for other departments, each to the partition of its key.
        """

    async def store_snapshot(self, snapshot: StoredSnapshot) -> None: ...

    async def commit(self) -> None:
        """Raises Fenced when another owner has taken over."""

    async def close(self) -> None: ...


class NoLog:
    """A decision log that takes everything and keeps nothing; for who only wants the owner's decisions."""

    def __init__(self) -> None:
        self._end = 0

    async def open(self) -> None: ...

    async def snapshots(self) -> Sequence[StoredSnapshot]:
        return ()

    async def replay(self, offset: int | None) -> AsyncGenerator[Sequence[bytes], None]:
        nothing: tuple[Sequence[bytes], ...] = ()
        for values in nothing:
            yield values

    async def vouched(self, offset: int) -> str | None:
        return None

    async def kept(self, offset: int) -> Kept:
        return Kept(offset + 1, offset + 1, None)  # all before is gone by rule

    async def begin(self) -> None: ...

    async def append(
        self, entries: Sequence[Entry], dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]
    ) -> int:
        self._end += len(entries)
        return self._end

    async def store_snapshot(self, snapshot: StoredSnapshot) -> None: ...

    async def commit(self) -> None: ...

    async def close(self) -> None: ...
