"""Everything that runs in the demo, started in order and ended on every way out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from rich.console import Console

from api.access.keys import EVERYDAY_SCOPES, Scope, create_key
from infra import topics
from infra.logins import api_login, sealing_key
from infra.migrate import migrate
from infra.processes.child import Child
from infra.processes.supervisor import Supervisor
from infra.running import environment
from infra.running.booked import wait_booked
from infra.running.commands import spendlog
from infra.running.log import DecisionWatch, end_offsets
from infra.running.programs import ledger_stands, require_alive
from infra.running.steps import Steps, counting
from infra.stack import Endpoints, running_stack
from infra.stack.endpoints import ServiceName
from infra.stack.tcp_ports import free_port
from infra.stack_settings import StackSettings
from schemas.topics import CARD_EVENTS
from streams.scoring.learning.trees import can_fit

# Starting takes 2 s when the machine is idle; 30 times that for a slow and busy one.
READY_TIMEOUT_S: Final = 60.0
_LABELS: Final[Mapping[ServiceName, str]] = {"kafka": "Kafka", "postgres": "PostgreSQL", "redis": "Valkey"}
#: Of the key that a shell gets.
_SCOPES: Final = (
    *EVERYDAY_SCOPES,
    Scope.WEBHOOKS_WRITE,
    Scope.SIMULATIONS_WRITE,
    Scope.RECONCILIATIONS_WRITE,
)
_TAKEN_OVER = "partition_taken_over"
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "ticker": ("ticker",),
    "webhook sink": ("sink", "webhooks"),
    "webhooks": ("webhooks", "run"),
}
_LEARNER: Final[Mapping[str, tuple[str, ...]]] = {"learner": ("learn",)}  # where what fits is installed


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """What runs, and where. `tag` is a suffix that keeps this run's organizations apart from those before."""

    endpoints: Endpoints
    data_dir: Path
    api: str
    organization: str
    key: str
    tag: str
    partitions: int
    children: tuple[Child, ...]

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    def environment(self) -> dict[str, str]:
        """Settings for a shell that uses it."""
        return self.endpoints.environment() | {"SPENDLOG_API_URL": self.api, "SPENDLOG_API_KEY": self.key}

    def require_alive(self) -> None:
        """Raises ProcessError, with the tail of its log, when a process of the demo has died."""
        require_alive(self.children)


@contextmanager
def running_system(
    settings: StackSettings,
    data_dir: Path,
    *,
    keep: bool,
    port: int | None,
    console: Console,
    organization: str | None = None,
    complete: bool = False,
) -> Iterator[RunningSystem]:
    """Starts services, topics, tables, worker, sinks, jobs and API; all of it ends with the block.

    `keep`: go on with what the data folder holds; else it is emptied first. `port`: of the API; None: any.
    `organization`: whose key is made; None: techcorp, with the run's tag. `complete`: with the ticker and
    webhooks, which the demo does without.
    While it runs, the file `env` of the data folder holds what a shell needs to use it.

    Raises:
        SpendlogError: something could not be started; nothing is left running.
    """
    with ExitStack() as running:
        with Steps(console) as steps:
            for label in _LABELS.values():
                steps.doing(label, "starting")

            def report(name: ServiceName, state: str) -> None:
                (steps.done if state.startswith("ready") else steps.doing)(_LABELS[name], state)

            endpoints = running.enter_context(
                running_stack(data_dir, settings=settings, reset=not keep, on_progress=report)
            )
            supervisor = running.enter_context(Supervisor(data_dir.absolute() / "logs"))
            system = _start(endpoints, data_dir.absolute(), supervisor, steps, port, organization, complete)
        running.enter_context(environment.written(system.data_dir, system.environment()))
        yield system


def _start(
    endpoints: Endpoints,
    data_dir: Path,
    supervisor: Supervisor,
    steps: Steps,
    port: int | None,
    organization: str | None,
    complete: bool,
) -> RunningSystem:
    with steps.step("topics", "declaring"):
        topics.apply(endpoints.kafka)
    with steps.step("tables", "migrating"):
        migrate(endpoints.postgres)
    ends = end_offsets(endpoints.kafka, CARD_EVENTS.name)
    tag = "" if not any(ends.values()) else f"-{int(time.time()):x}"
    organization = organization or f"techcorp{tag}"
    api_port = port or free_port(set())
    api = f"http://127.0.0.1:{api_port}"
    env = endpoints.environment() | {"SPENDLOG_WORKER_DATA": str(data_dir / "worker"), "COLUMNS": "200"}
    env["SPENDLOG_WEBHOOKS_ALLOW_LOCAL"] = "true"  # receivers of whoever tries it are on this machine
    more = {**_MORE, **(_LEARNER if can_fit() else {})} if complete else {}
    commands = {
        "worker": ("worker",),
        "ledger sink": ("sink", "ledger"),
        "status sink": ("sink", "status"),
        "API": ("serve", "--port", str(api_port)),
        "jobs": ("jobs",),
        **more,
    }
    for name in commands:
        steps.doing(name, "starting")
    of_api = env | {
        "SPENDLOG_POSTGRES": api_login(endpoints.postgres),  # it never holds the owner's
        "SPENDLOG_API_PUBLIC_URL": api,
        "SPENDLOG_API_SSO_ALLOW_LOCAL": "true",
        "SPENDLOG_API_SEALING_KEYS": json.dumps([sealing_key(endpoints.postgres)]),
    }
    children = {
        name: supervisor.start(
            name.replace(" ", "-").lower(), spendlog(*command), env=of_api if name == "API" else env
        )
        for name, command in commands.items()
    }
    secret, _ = create_key(
        endpoints.postgres, organization_id=organization, name="first-steps", scopes=_SCOPES
    )
    partitions = len(ends)
    ready = {
        "ledger sink": lambda: ledger_stands(endpoints.postgres, partitions),
        "status sink": lambda: "sink_starts" in children["status sink"].output(),
        "API": lambda: _answers(f"{api}/readyz"),
        "jobs": lambda: "jobs_ready" in children["jobs"].output(),
        "worker": lambda: children["worker"].output().count(_TAKEN_OVER) >= partitions,
        **{name: children[name].alive for name in more},
    }
    _wait_ready(children, ready, steps)
    return RunningSystem(
        endpoints, data_dir, api, organization, secret, tag, partitions, tuple(children.values())
    )


def _wait_ready(children: Mapping[str, Child], ready: Mapping[str, Callable[[], bool]], steps: Steps) -> None:
    """All at once: each is told as ready when it is."""
    waiting = dict(ready)
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    never = threading.Event()
    while waiting:
        for name in list(waiting):
            # Raises when the child has died, or when all of the time is used up.
            left_s = max(0.0, deadline_s - time.monotonic())
            if waiting[name]():
                steps.done(name)
                del waiting[name]
            elif not children[name].alive() or not left_s:
                children[name].wait_ready(lambda: False, left_s, cancelled=never)
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def wait_until_booked(system: RunningSystem, watch: DecisionWatch, console: Console) -> float:
    """Waits until PostgreSQL has what `watch` has read. Returns the seconds that took."""
    started_s = time.monotonic()
    total = sum(watch.seqs.values()) + len(watch.seqs)
    with counting(console, "booked in PostgreSQL", total, "decisions") as bar:

        def show(booked: int) -> None:
            bar.update(min(booked, total))
            system.require_alive()

        wait_booked(system.endpoints.postgres, watch.seqs, show)
    return time.monotonic() - started_s
