"""The loop of every sink: read the log, check that it is whole, store, repeat.

The stored position alone says what is done. Whatever happens (a rebalance, a lost connection, another owner,
a crash) the answer is the same: drop what is in hand, ask the store, read again from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from schemas.backoff import Backoff
from schemas.chain import Chain
from schemas.standing import PARTS, REPORT_EVERY_S, Part, Report
from sinks.errors import PartitionBroken, PositionMoved, Unavailable
from sinks.loop.chain import DecisionRecord, Place, Run, read_run
from sinks.loop.metrics import SinkMetrics
from sinks.loop.placing import placed
from sinks.loop.ports import Clock, Log, Store

log = structlog.get_logger()

# 0.2 s: how long a stop signal or a rebalance may go unnoticed on an idle log.
IDLE_WAIT_S = 0.2
# 0.1 s doubled up to 5 s: a restart of PostgreSQL (2-5 s) costs few tries, a day of absence no flood of logs.
BACKOFF = Backoff(0.1, 5.0)
# 1 s: a store that was emptied while the log is idle is filled again without waiting for the next event.
VERIFY_EVERY_S = 1.0
# 5 s doubled up to 300 s: a broken log is mended by people, and each try says again what is wrong.
STOPPED = Backoff(5.0, 300.0)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """`rows_max` bounds a batch's memory and transaction; `linger_s_max` how long a batch waits to grow."""

    rows_max: int = 4000
    linger_s_max: float = 0.02


@dataclass(frozen=True, slots=True)
class Stopped:
    """A partition that stands still. `since_s`, `retry_at_s`: the clock's monotonic seconds."""

    since_s: float
    tries: int
    retry_at_s: float
    why: str
    place: Place | None


class Consumer:
    """One sink over the partitions that its group gives it.

    A partition whose log or rows are not what they must be stands still and is tried again later; the others
    go on.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        clock: Clock,
        limits: BatchLimits | None = None,
        metrics: SinkMetrics | None = None,
        process: str = "",
    ) -> None:
        self._log = log
        self._store = store
        self._clock = clock
        self._limits = limits or BatchLimits()
        self._metrics = metrics or SinkMetrics(store.name)
        self._places: dict[int, Place] = {}
        self._chains: dict[int, Chain] = {}  # the rule's readers of the log, each as of its place or beyond
        self._generation: int | None = None  # of the assignment that `_places` belongs to; None: ask again
        self._stopped: dict[int, Stopped] = {}
        self._tries = 0
        self._linger_s = 0.0
        self._part: Part = next((part for part in PARTS if part == store.name), "ledger")
        self._process = process
        self._progress: dict[int, datetime] = {}
        self._away: tuple[datetime, str] | None = None  # the store: since when, and what it said
        self._reported_s = self._verified_s = clock.monotonic_s()

    @property
    def places(self) -> Mapping[int, Place]:
        """Where each owned partition stands in the store, as far as this loop knows."""
        return self._places

    @property
    def stopped(self) -> Mapping[int, Stopped]:
        """The owned partitions that stand still; everything before the broken record is stored."""
        return self._stopped

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until `stopping()`, asked between batches; a batch under way is finished first."""
        while not stopping():
            self.step(stopping)

    def step(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """One batch, or one try to get to the point where a batch can be read."""
        try:
            if self._generation != self._log.generation or self._due():
                self._take_over()
            self._batch()
        except PartitionBroken as broken:
            self._stop(broken)
        except PositionMoved as moved:
            log.warning("position_moved", sink=self._store.name, detail=str(moved))
            self._metrics.moved.inc()
            self._let_go()
            self._wait(BACKOFF.first_s, stopping)
        except Unavailable as away:
            self._tries += 1
            delay_s = BACKOFF.wait_s(self._tries)
            self._away = (self._away[0] if self._away else self._clock.now(), str(away))
            log.warning("store_away", sink=self._store.name, detail=str(away), retry_in_s=delay_s)
            self._metrics.retries.inc()
            self._let_go()
            self._wait(delay_s, stopping)

    def _take_over(self) -> None:
        generation = self._log.generation
        self._stopped = {p: stopped for p, stopped in self._stopped.items() if p in self._log.owned}
        now_s = self._clock.monotonic_s()
        waiting = {p for p, stopped in self._stopped.items() if stopped.retry_at_s > now_s}
        owned = self._log.owned - waiting
        places, broken = self._placed(self._store.places(owned) if owned else {})
        self._log.read_from({partition: place.next_offset for partition, place in places.items()})
        self._places, self._generation = places, generation
        for one in broken:
            self._stop(one)
        at = {partition: place.next_seq for partition, place in sorted(places.items())}
        log.info("partitions_owned", sink=self._store.name, next_seq=at)

    def _placed(self, stored: Mapping[int, Place]) -> tuple[dict[int, Place], list[PartitionBroken]]:
        """Where the log goes on after what is stored; what is found at another offset is stored so."""
        places, broken = {}, []
        for partition, place in stored.items():
            try:
                placing = placed(self._log, partition, place, self._store.remedy)
                places[partition], self._chains[partition] = placing
            except PartitionBroken as lost:
                broken.append(lost)
                continue
            if places[partition] != place:
                log.warning(
                    "position_found_again",
                    sink=self._store.name,
                    partition=partition,
                    next_seq=place.next_seq,
                    was_at=place.next_offset,
                    is_at=places[partition].next_offset,
                )
                self._store.commit([Run(partition, place, places[partition], [], [])])
        return places, broken

    def _due(self) -> bool:
        """Whether a partition that stands still is to be tried again."""
        now_s = self._clock.monotonic_s()
        return any(
            partition not in self._places and stopped.retry_at_s <= now_s
            for partition, stopped in self._stopped.items()
        )

    def _stop(self, broken: PartitionBroken) -> None:
        """Its partition stands still for a while, and the others go on from where they are stored."""
        partition = broken.partition
        if partition is None:
            raise broken
        now_s = self._clock.monotonic_s()
        before = self._stopped.get(partition)
        tries = before.tries + 1 if before else 1
        delay_s = STOPPED.wait_s(tries)
        since_s = before.since_s if before else now_s
        place = self._places.pop(partition, before.place if before else None)
        self._stopped[partition] = Stopped(since_s, tries, now_s + delay_s, str(broken), place)
        log.error(
            "partition_stopped",
            sink=self._store.name,
            partition=partition,
            detail=str(broken),
            stopped_s=round(now_s - since_s),
            retry_in_s=delay_s,
        )
        self._metrics.stopped(partition, True)
        self._log.read_from({p: place.next_offset for p, place in self._places.items()})

    def _let_go(self) -> None:
        """Deliver nothing until the store was asked again."""
        self._generation = None
        self._log.read_from({})

    def _wait(self, delay_s: float, stopping: Callable[[], bool]) -> None:
        """Not a sleep: the membership must outlive any absence of the store."""
        until_s = self._clock.monotonic_s() + delay_s
        while not stopping() and (left_s := until_s - self._clock.monotonic_s()) > 0:
            self._log.poll(1, min(left_s, IDLE_WAIT_S), 0.0)
            self._report()

    def _batch(self) -> None:
        records = self._log.poll(self._limits.rows_max, IDLE_WAIT_S, self._linger_s)
        if self._generation != self._log.generation:
            return  # a rebalance came in between: these records may be someone else's by now
        runs, broken = self._runs(records)
        if runs:
            self._commit_apart(runs)
        else:
            self._verify()
            self._away = None  # places were read, and nothing waits to be stored
        self._linger(len(records))
        self._report()
        for one in broken:
            self._stop(one)

    def _runs(self, records: Sequence[DecisionRecord]) -> tuple[list[Run], list[PartitionBroken]]:
        by_partition: dict[int, list[DecisionRecord]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        runs, all_broken = [], []
        for partition, found in by_partition.items():
            chain = self._chains[partition]
            void = chain.void
            run, broken = read_run(partition, self._places[partition], found, chain)
            self._metrics.void.inc(chain.void - void)
            if broken is not None:
                all_broken.append(broken)
            if run.decisions:
                runs.append(run)
        return runs, all_broken

    def _commit_apart(self, runs: Sequence[Run]) -> None:
        """All together; where the rows of one contradict what is stored, each for itself."""
        try:
            self._commit(runs)
        except PartitionBroken:
            for run in runs:
                try:
                    self._commit([run])
                except PartitionBroken as broken:
                    self._stop(PartitionBroken(str(broken), run.partition))

    def _commit(self, runs: Sequence[Run]) -> None:
        started_s = self._clock.monotonic_s()
        self._store.commit(runs)
        self._places.update((run.partition, run.after) for run in runs)
        now = self._clock.now()
        for run in runs:
            self._progress[run.partition] = now
            self._go_on(run.partition)
        if self._tries:
            log.info("store_back", sink=self._store.name)
        self._tries, self._away = 0, None
        rows = sum(len(run.decisions) for run in runs)
        self._metrics.committed(rows, self._clock.monotonic_s() - started_s)

    def _go_on(self, partition: int) -> None:
        if self._stopped.pop(partition, None) is not None:
            log.info("partition_goes_on", sink=self._store.name, partition=partition)
            self._metrics.stopped(partition, False)

    def _verify(self) -> None:
        """While idle; otherwise every commit compares."""
        now_s = self._clock.monotonic_s()
        for partition, stopped in list(self._stopped.items()):
            # Tried again, and nothing is there that would break it.
            if partition in self._places and now_s - stopped.retry_at_s > STOPPED.first_s:
                self._go_on(partition)
        if self._places and now_s - self._verified_s >= VERIFY_EVERY_S:
            self._verified_s = now_s
            self._store.verify(self._places)

    def _linger(self, rows: int) -> None:
        """0.1 ms for each row of the last batch: a lone event passes at once, a busy log makes big ones."""
        self._linger_s = min(rows * 1e-4, self._limits.linger_s_max)

    def _report(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._log.hint({partition: place.next_offset for partition, place in self._places.items()})
            self._log.report([self._how(partition, now_s) for partition in sorted(self._log.owned)])
            self._metrics.lag(self._log.lag())

    def _how(self, partition: int, now_s: float) -> Report:
        now, stopped = self._clock.now(), self._stopped.get(partition)
        place = self._places.get(partition) or (stopped.place if stopped else None)
        since = why = remedy = None
        if stopped is not None:
            since, why = now - timedelta(seconds=now_s - stopped.since_s), stopped.why
            remedy = "run `spendlog verify`: it names what is wrong; mended, the partition goes on by itself"
        elif self._away is not None:
            since, why = self._away
            remedy = "bring the server back that this sink writes to; it goes on by itself"
        return Report(
            self._part,
            partition,
            self._process,
            "standing_still" if why else "working" if place else "taking_over",
            now,
            position=place.next_offset if place else None,
            seq=place.next_seq if place else None,
            since=since,
            why=why,
            remedy=remedy,
            progress=self._progress.get(partition),
            void=self._chains[partition].void if partition in self._chains else 0,
        )
