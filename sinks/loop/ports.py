"""What the loop needs of the world, so that the same loop runs on a log and a store in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from schemas.standing import Report
from sinks.loop.chain import DecisionRecord, Place, Run


class Log(Protocol):
    """The decisions topic, read committed, shared with the other members of one consumer group."""

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are ours at present."""
        ...

    @property
    def generation(self) -> int:
        """Grows whenever `owned` was decided anew, even to the same partitions."""
        ...

    def read_from(self, offsets: Mapping[int, int]) -> None:
        """Deliver exactly these partitions from these offsets on; what was fetched before is dropped."""
        ...

    def poll(self, rows_max: int, wait_s: float, linger_s: float) -> list[DecisionRecord]:
        """Waits up to `wait_s` for a first record, then up to `linger_s` for `rows_max`.

        Keeps the membership alive and takes part in rebalances, also while nothing is delivered.

        Raises:
            InvariantBroken: the log no longer holds an offset that it was asked for.
        """
        ...

    def bounds(self, partition: int) -> tuple[int, int]:
        """The first offset that the log of `partition` holds, and the one after its last.

        Raises:
            Unavailable: they could not be asked.
        """
        ...

    def first_from(self, partition: int, offset: int) -> DecisionRecord | None:
        """The first record at `offset` or after it, beside what `poll` delivers; None: there is none.

        Raises:
            Unavailable: it could not be read.
        """
        ...

    def hint(self, offsets: Mapping[int, int]) -> None:
        """Tell the group how far we are: for its lag tools only, never trusted."""
        ...

    def report(self, reports: Sequence[Report]) -> None:
        """Tell people how partitions stand. Waits for nothing, raises nothing."""
        ...

    def lag(self) -> dict[int, int]:
        """Offsets between what is delivered next and the end, as far as known here."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """Rows and positions, moved together or not at all."""

    name: str
    remedy: str  # what a person does whose log no longer has what is stored

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        """Where this sink stands in each; the beginning where it has never been. Raises Unavailable."""
        ...

    def verify(self, places: Mapping[int, Place]) -> None:
        """Raises PositionMoved unless every stored position is this one; Unavailable."""
        ...

    def commit(self, runs: Sequence[Run]) -> None:
        """All rows and all positions of `runs`, or nothing.

        Raises:
            PositionMoved: a stored position is not the run's `before`.
            Unavailable: try again later; it is unknown whether this was stored.
            InvariantBroken: the rows contradict what is stored.
        """
        ...

    def close(self) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()
