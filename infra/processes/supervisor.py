"""A set of children that ends with the block in which it was started."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.processes.child import Child, start


class Supervisor:
    """Starts child processes and ends all of them, newest first, on every way out of the ``with`` block."""

    def __init__(self, log_dir: Path, *, stop_timeout_s: float = 10.0) -> None:
        self.log_dir = log_dir
        self.stop_timeout_s = stop_timeout_s
        self.children: list[Child] = []
        self._cancelled = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop_all()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: Callable[[], bool] | None = None,
        ready_timeout_s: float = 30.0,
        stop_signal: int = signal.SIGTERM,
    ) -> Child:
        """Starts a command and waits until `ready()` holds. Its log is ``log_dir/name.log``.

        Raises ProcessError, with the tail of the log, when it dies or is late; it is ended then.
        """
        child = start(
            name, command, log=self.log_dir / f"{name}.log", env=env, cwd=cwd, stop_signal=stop_signal
        )
        self.children.append(child)
        if ready is not None:
            try:
                child.wait_ready(ready, ready_timeout_s, cancelled=self._cancelled)
            except BaseException:
                child.terminate(self.stop_timeout_s)
                raise
        return child

    def stop_all(self) -> None:
        """Ends every child, newest first: first all by their stop signal, then those left over by SIGKILL."""
        errors = []
        while self.children:
            child = self.children[-1]
            try:
                child.terminate(self.stop_timeout_s)
            except BaseException as error:  # noqa: BLE001 - Ctrl-C here must not leave the others running
                child.kill()
                errors.append(error)
            self.children.pop()
        if errors:
            raise errors[0]
