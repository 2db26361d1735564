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

from infra import topics
from infra.migrate import migrate
from infra.processes.child import Child
from infra.processes.supervisor import Supervisor
from infra.running.commands import API, SINKS, WORKER
from infra.running.programs import ledger_stands, require_alive
from infra.stack import Endpoints, StackOptions, running_stack
from infra.stack.record import StackRecord
from infra.stack_settings import StackSettings
from perf.kafka import BenchFailed, Moment, drop_topics, fill, wait_decided
from schemas.events import Event
from streams.kafka_log import Names

READY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Scale:
    """How much of everything; the quick one is for seeing that the benches work."""

    recovery_events: int = 200_000
    end_to_end_events: int = 150_000
    decide_events: int = 20_000
    decide_rounds: int = 7
    stall_payments: int = 1_000_000
    stall_others: int = 10_000
    turns: int = 5
    round_s: float = 2.0
    latency_s: float = 8.0
    rates: tuple[int, ...] = (100, 500, 2_000)
    open_loop_rates: tuple[int, ...] = (100, 500, 2_000, 5_000)
    open_loop_s: float = 6.0
    clients: tuple[int, ...] = (1, 4, 16, 64)
    growth_departments: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    growth_payments: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    growth_turns: int = 15
    growth_weighed: int = 50_000
    growth_partitions: tuple[int, ...] = (4, 64)
    growth_idle_s: float = 15.0
    growth_workers: tuple[int, ...] = (1, 2, 4)
    growth_events: int = 60_000
    # The slowest that would still be worth a figure.
    timeout_s: float = 600.0


FULL = Scale()
QUICK = Scale(
    recovery_events=60_000,
    end_to_end_events=40_000,
    decide_events=10_000,
    decide_rounds=3,
    stall_payments=50_000,
    stall_others=1_000,
    turns=1,
    round_s=1.0,
    clients=(1, 16),
    latency_s=4.0,
    rates=(500,),
    open_loop_rates=(500,),
    open_loop_s=2.0,
    growth_departments=(10, 1_000, 10_000),
    growth_payments=(1_000, 100_000),
    growth_turns=5,
    growth_weighed=5_000,
    growth_idle_s=5.0,
    growth_workers=(1, 2),
    growth_events=10_000,
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

    def drop(self) -> None:
        """Deletes the topics: rounds must not fill the disk."""
        drop_topics(self.session.endpoints.kafka, self.prefix)

    def worker(self, name: str = "worker", *, level: str = "warn", **settings: str) -> Child:
        """A real worker process, as `spendlog worker` starts it. Several need names of their own."""
        name = f"{self.prefix}{name}"
        env = {
            **self.session.endpoints.environment(),
            "SPENDLOG_TOPIC_PREFIX": self.prefix,
            "SPENDLOG_WORKER_GROUP": f"{self.prefix}spendlog-decider",
            "SPENDLOG_WORKER_INSTANCE": name,
            "SPENDLOG_WORKER_DATA": str(self.session.folder / name),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        return self.session.start(name, (*WORKER, "-l", level), env)

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


@dataclass
class Session:
    """One run. `say` tells whoever watches what happens now."""

    endpoints: Endpoints
    folder: Path
    supervisor: Supervisor
    scale: Scale
    say: Callable[[str], None]
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

    def rivals_folder(self) -> Path:
        """A fresh one, for servers of their own, which begin with nothing each time."""
        folder = self.folder / f"rivals-{next(self._numbers)}"
        folder.mkdir()
        return folder

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
    embedded = StackSettings(kafka=None, postgres=None, redis=None)
    options = StackOptions(kafka_heap_mb=1024, kafka_full_jit=True)
    with tempfile.TemporaryDirectory(prefix="spendlog-bench-") as name:
        folder = Path(name)
        say("starting Kafka, PostgreSQL and Valkey")
        with (
            running_stack(folder / "stack", settings=embedded, options=options) as endpoints,
            Supervisor(folder / "logs") as supervisor,
        ):
            yield Session(endpoints, folder, supervisor, scale, say)
