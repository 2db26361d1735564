"""The world of a sink in memory, where anything may fail at any step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from schemas.standing import Report
from sinks.errors import PartitionBroken, PositionMoved
from sinks.loop.chain import BEGINNING, DecisionRecord, Place, Run


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


class Steps:
    """Counts the moments between which a process can fail, and fails at one of them."""

    def __init__(self, fail_at: int | None = None, failure: Callable[[], BaseException] = Crash) -> None:
        self.taken = 0
        self._fail_at = fail_at
        self._failure = failure

    def step(self) -> None:
        self.taken += 1
        if self.taken - 1 == self._fail_at:
            raise self._failure()


class MemoryClock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return self.at_s


class MemoryLog:
    """Partitions of records. Time passes only by polling."""

    def __init__(
        self,
        records: Mapping[int, Sequence[DecisionRecord]],
        clock: MemoryClock,
        steps: Steps | None = None,
        rebalance_at: int | None = None,
    ) -> None:
        self.records = records
        self._clock = clock
        self._steps = steps or Steps()
        self._rebalance_at = rebalance_at
        self._next: dict[int, int] = {}
        self.owned = frozenset(records)
        self.generation = 1
        self.polls = 0
        self.reported: dict[int, Report] = {}
        self.first: dict[int, int] = {}  # what lies before is gone by retention

    def read_from(self, offsets: Mapping[int, int]) -> None:
        self._steps.step()
        self._next = dict(offsets)

    def poll(self, rows_max: int, wait_s: float, linger_s: float) -> list[DecisionRecord]:
        self._steps.step()
        self.polls += 1
        found: list[DecisionRecord] = []
        for partition, offset in self._next.items():
            if offset > (end := self.bounds(partition)[1]):
                raise PartitionBroken(f"offset {offset} of a log that ends at {end}", partition)
            rows = [record for record in self.records[partition] if record.offset >= offset]
            found += rows[: max(0, rows_max - len(found))]
        for record in found:
            self._next[record.partition] = record.offset + 1
        if self.polls == self._rebalance_at:
            self.generation += 1
            self._next = {}
        if not found:
            self._clock.at_s += wait_s
        return found

    def bounds(self, partition: int) -> tuple[int, int]:
        self._steps.step()
        records = self.records[partition]
        first = self.first.get(partition, 0)
        return first, max(first, records[-1].offset + 1 if records else 0)

    def first_from(self, partition: int, offset: int) -> DecisionRecord | None:
        self._steps.step()
        return next((record for record in self.records[partition] if record.offset >= offset), None)

    def hint(self, offsets: Mapping[int, int]) -> None:
        self._steps.step()

    def report(self, reports: Sequence[Report]) -> None:
        self.reported = {report.partition: report for report in reports}

    def lag(self) -> dict[int, int]:
        return {}

    def close(self) -> None:
        """Nothing is open."""


class MemoryStore:
    """Rows and positions that move together; shared by all sinks that are given the same one."""

    name = "memory"
    remedy = "fill it again"

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.stored: dict[int, Place] = {}

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        return {partition: self.stored.get(partition, BEGINNING) for partition in partitions}

    def verify(self, places: Mapping[int, Place]) -> None:
        if any(self.stored.get(partition, BEGINNING) != place for partition, place in places.items()):
            raise PositionMoved("memory")

    def commit(self, runs: Sequence[Run]) -> None:
        for run in runs:
            if self.stored.get(run.partition, BEGINNING) != run.before:
                raise PositionMoved(f"partition {run.partition}")
        for run in runs:
            self.rows += run.values
            self.stored[run.partition] = run.after

    def close(self) -> None:
        """Nothing is open."""


class ShakyStore:
    """A store that may fail before or after what it does: after, the rows are there and nobody knows."""

    def __init__(self, store: MemoryStore, steps: Steps) -> None:
        self.name = store.name
        self.remedy = store.remedy
        self._store = store
        self._steps = steps

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        self._steps.step()
        return self._store.places(partitions)

    def verify(self, places: Mapping[int, Place]) -> None:
        self._steps.step()
        self._store.verify(places)

    def commit(self, runs: Sequence[Run]) -> None:
        self._steps.step()
        self._store.commit(runs)
        self._steps.step()

    def close(self) -> None:
        """Nothing is open."""
