"""What the benches share: the stack, the real processes on it, and how large a run is."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import psutil

from infra import topics
from infra.migrate import migrate
from infra.processes.child import Child
from infra.processes.supervisor import Supervisor
from infra.running.commands import API, SINKS, WORKER
from infra.running.programs import ledger_stands, require_alive
from infra.settings import Settings
from infra.stack import Endpoints, StackOptions, running_stack
from infra.stack.record import StackRecord
from perf.kafka import BenchFailed, Moment, fill, wait_decided
from schemas.events import Event
from streams.kafka_log import Names

READY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Scale:
    """How much of everything; the quick one is for seeing that the benches work."""

    hot_events: int = 300_000
    end_to_end_events: int = 150_000
    decide_events: int = 20_000
    decide_rounds: int = 7
    row_lock_s: float = 6.0
    latency_s: float = 20.0
    rates: tuple[int, ...] = (100, 500, 2_000)
    clients: tuple[int, ...] = (1, 4, 16)
    # The slowest that would still be worth a figure.
    timeout_s: float = 600.0


FULL = Scale(clients=(1, 4, 16, 64))
QUICK = Scale(
    hot_events=60_000,
    end_to_end_events=40_000,
    decide_events=10_000,
    decide_rounds=3,
    row_lock_s=2.0,
    latency_s=5.0,
    rates=(500,),
)


@dataclass(frozen=True)
class TopicSet:
    """A set of topics of its own on the shared broker, and the worker's settings for it."""

    session: Session
    prefix: str
    partitions: int

    @cached_property
    def names(self) -> Names:
        return Names.prefixed(self.prefix)

    def fill(self, events: Iterable[Event]) -> dict[int, int]:
        """Sends events; returns how many each partition got."""
        return fill(self.session.endpoints.kafka, self.names.card_events, events, self.partitions)

    def worker(self, *, level: str = "warn", **settings: str) -> Child:
        """A real worker process, as `spendlog worker` starts it."""
        env = {
            **self.session.endpoints.environment(),
            "SPENDLOG_TOPIC_PREFIX": self.prefix,
            "SPENDLOG_WORKER_GROUP": f"{self.prefix}spendlog-decider",
            "SPENDLOG_WORKER_INSTANCE": f"{self.prefix}worker",
            "SPENDLOG_WORKER_DATA": str(self.session.folder / f"{self.prefix}worker"),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        return self.session.start(f"{self.prefix}worker", (*WORKER, "-l", level), env)

    def wait_decided(
        self, records: Mapping[int, int], on_moved: Callable[[int], None] = lambda _: None
    ) -> list[Moment]:
        """Waits until the first `records[p]` events of each partition are decided; see perf.kafka."""
        session, total = self.session, sum(records.values())

        def moved(end: int) -> None:
            on_moved(end)
            session.say(f"{min(end, total):,} of {total:,} decided")

        return wait_decided(
            session.endpoints.kafka,
            self.names.decisions,
            records,
            self.partitions,
            timeout_s=session.scale.timeout_s,
            on_moved=moved,
            require_alive=session.require_alive,
        )


class DecidedLog(NamedTuple):
    """A line whose log is full and whose worker is gone; `per_s`: how fast it was decided.

    `cpu_us`: processor time for each decision, by process.
    """

    topic_set: TopicSet
    per_s: float
    decisions: int
    cpu_us: dict[str, float]


@dataclass
class Session:
    """One run. `say` tells whoever watches what happens now."""

    endpoints: Endpoints
    folder: Path
    supervisor: Supervisor
    scale: Scale
    say: Callable[[str], None]
    #: One department's log, decided with scoring, for the bench that reads it again.
    decided: DecidedLog | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def fresh_topics(self, name: str, partitions: int) -> TopicSet:
        """Fresh topics."""
        return self._declared(TopicSet(self, f"{name}-{next(self._numbers)}.", partitions))

    def own_names(self) -> TopicSet:
        """The topics under their own names, as the API needs them."""
        return self._declared(TopicSet(self, "", topics.PARTITIONS))

    def _declared(self, topic_set: TopicSet) -> TopicSet:
        topics.apply(self.endpoints.kafka, topic_set.partitions, prefix=topic_set.prefix)
        return topic_set

    def start(self, name: str, command: Iterable[str], env: Mapping[str, str]) -> Child:
        return self.supervisor.start(name, tuple(command), env=env, cwd=self.folder)

    def sinks(self) -> list[Child]:
        """Ledger and status sink ready."""
        migrate(self.endpoints.postgres)
        env = self.endpoints.environment()
        sinks = [self.start(f"sink-{kind}", (*SINKS, kind), env) for kind in ("ledger", "status")]
        self.wait(lambda: ledger_stands(self.endpoints.postgres, topics.PARTITIONS), "the ledger sink")
        return sinks

    def api(self) -> Child:
        """The API, idle: it reads every decision."""
        return self.start("api", (*API, "--port", "0"), self.endpoints.environment())

    def end(self, *children: Child) -> None:
        """Stops children in order and forgets them."""
        for child in children:
            child.terminate(20.0)
            self.supervisor.children.remove(child)

    def broker_pid(self) -> int:
        record = StackRecord.read(self.folder / "stack")
        if record is None:
            raise BenchFailed("the stack has lost its record")
        return record.services["kafka"].process.pid

    def require_alive(self) -> None:
        require_alive(self.supervisor.children)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            self.require_alive()
            if time.monotonic() > deadline_s:
                raise BenchFailed(f"{what}: not ready within {timeout_s:.0f} s")
            time.sleep(0.01)


@contextmanager
def session(scale: Scale, say: Callable[[str], None]) -> Iterator[Session]:
    """A fresh embedded stack in a temporary folder; all of it ends with the block.

    Kafka gets the optimising compiler and 1 GiB: runs are long enough to pay for it.
    """
    embedded = Settings(kafka=None, postgres=None, redis=None)
    options = StackOptions(kafka_heap_mb=1024, kafka_full_jit=True)
    with tempfile.TemporaryDirectory(prefix="spendlog-bench-") as name:
        folder = Path(name)
        say("starting Kafka, PostgreSQL and Valkey")
        with (
            running_stack(folder / "stack", settings=embedded, options=options) as endpoints,
            Supervisor(folder / "logs") as supervisor,
        ):
            yield Session(endpoints, folder, supervisor, scale, say)


class CpuMeter:
    """Processor time of processes, from when it is first asked to start: steadier than any clock."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._started: dict[str, float] = {}

    def start(self) -> None:
        """Only the first call counts."""
        self._started = self._started or self._now()

    def each_us(self, count: int) -> dict[str, float]:
        """Microseconds since the start for each of `count` things, by process."""
        return {name: (now - self._started[name]) / count * 1e6 for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: spent.user + spent.system for name, spent in times.items()}


def rate(count: int, moments: list[Moment]) -> float:
    """Decisions a second from the first to the last commit that was seen.

    What the first one brought is not counted, for it was made before; its marker makes that one too many, so
    the rate is a little too low.

    Raises:
        BenchFailed: all came at once, so there is nothing to divide by.
    """
    first, last = moments[0], moments[-1]
    if first.end >= count or last.at_s <= first.at_s:
        raise BenchFailed(f"{count} decisions came in one commit: too few to measure")
    return (count - first.end) / (last.at_s - first.at_s)
