"""What the three embedded services have in common."""

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.processes.child import RunAs, start
from infra.processes.refs import ProcessError, log_tail
from infra.stack.endpoints import ServiceName

Report = Callable[[str], None]  # what the service is doing now, in a few words


@dataclass(frozen=True, slots=True)
class Launch:
    """How a service's process is started."""

    command: Sequence[str | Path]
    env: Mapping[str, str | None]  # None: without what the user's shell has
    run_as: RunAs | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL


class Service(Protocol):
    """One embedded service on fixed ports and one data folder."""

    @property
    def name(self) -> ServiceName: ...

    @property
    def folder(self) -> Path: ...

    @property
    def ports(self) -> tuple[int, ...]:
        """The first is the one that clients use."""
        ...

    def prepare(self, report: Report, cancelled: threading.Event, log: Path) -> Launch:
        """Everything before the process starts: downloads, first initialisation, configuration."""
        ...

    def answers(self) -> bool: ...

    def after_start(self) -> None: ...

    def ends_still(self, said: str) -> bool:
        """Whether what a process said as it failed is that parts of the one before it have not ended yet."""
        ...

    def url(self) -> str: ...


def run_once(name: str, launch: Launch, *, log: Path, timeout_s: float, cancelled: threading.Event) -> None:
    """Runs a command to its end. Raises ProcessError with what it printed when it fails."""
    child = start(
        name, launch.command, log=log, env=launch.env, run_as=launch.run_as, death_signal=launch.death_signal
    )
    try:
        child.wait_ready(lambda: not child.alive(), timeout_s, cancelled=cancelled)
        if child.returncode != 0:
            said = child.output().strip() or log_tail(log)
            raise ProcessError(f"{name} failed with status {child.returncode}:\n{said}")
    finally:
        child.terminate(timeout_s=2.0)
