"""References to processes that stay true, and waiting for what they do.

A pid alone names nobody: it is given again after its process ends. `ProcessRef` keeps the start time with
it, so that only the process that was meant is ever signalled.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from infra.errors import SpendlogError

POLL_S = 0.02


class ProcessError(SpendlogError):
    """A child process died, or was not ready in time; the message ends with the tail of its log."""


def start_mark(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None when it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists():  # not Linux
            return f"{process.create_time():.2f}"
        # Ticks since boot, not psutil's wall-clock time: that moves when the clock is set.
        return f"{_boot_id()}:{stat.read_text().rpartition(')')[2].split()[19]}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class ProcessRef:
    """One process of this machine since its last boot, its own child or not."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """Raises ProcessError when no such process lives."""
        mark = start_mark(pid)
        if mark is None:
            raise ProcessError(f"process {pid} is not running")
        return cls(pid, mark)

    def alive(self) -> bool:
        return start_mark(self.pid) == self.started

    def send(self, number: int) -> bool:
        """Sends the signal to this process and to no other. False when it is gone already."""
        if not hasattr(os, "pidfd_open"):
            if not self.alive():
                return False
            os.kill(self.pid, number)
            return True
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive():  # checked while the handle holds the process: no race with a new one
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)

    def wait_gone(self, timeout_s: float) -> bool:
        return wait_until(lambda: not self.alive(), timeout_s)

    def end(self, *, stop_signal: int = signal.SIGTERM, timeout_s: float = 10.0) -> bool:
        """Stops it, by SIGKILL when the stop signal did not help in time. False when SIGKILL was needed."""
        self.send(stop_signal)
        if self.wait_gone(timeout_s):
            return True
        self.send(signal.SIGKILL)
        self.wait_gone(timeout_s)
        return False


def wait_until(condition: Callable[[], bool], timeout_s: float, *, poll_s: float = POLL_S) -> bool:
    """Polls until the condition holds; False when it did not within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_s)
    return True


def log_tail(path: Path, lines_max: int = 15) -> str:
    """The last lines of a log, indented; a note when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 64_000))
            lines = log.read().decode(errors="replace").splitlines()[-lines_max:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (its log is empty)"
