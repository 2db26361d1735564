"""A supervisor around each process: the worker, a sink, the ticker, the API. Each may end at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from infra.errors import SpendlogError
from schemas.backoff import Backoff
from schemas.exits import ExitStatus

#: Exit statuses that a new start does not cure: a wrong setting, a wrong word on the command line. All others
#: are followed by one, also 0, which nobody asked for, and 1, with which Faust ends by itself.
FINAL: Final = frozenset({ExitStatus.WRONG_SETTING, ExitStatus.WRONG_WORD})
WHY: Final[Mapping[int, str]] = {
    ExitStatus.DONE: "it ended though nobody asked it to",
    ExitStatus.KAFKA_AWAY: "Kafka does not answer",
    ExitStatus.CRASHED: "it crashed and takes over again from the log",
}
BACKOFF: Final = Backoff(0.25, 15.0)
# Who has lived for a minute has nothing to do with the crash before.
FORGIVEN_AFTER_S = 60.0
# What is under way is at most a batch; letting go of all partitions took 1 s with four.
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05
_GUARD = Path(__file__).with_name("guard.py")

log = structlog.get_logger()


class ProcessFailed(SpendlogError):
    """A process ended in a way that starting it again does not cure."""


def why_restart(status: int) -> str | None:
    """Why what ended with `status` (negative: by that signal) is started again; None: it is not."""
    if status < 0:
        return f"signal {signal.Signals(-status).name} ended it"
    return None if status in FINAL else WHY.get(status, f"it ended with status {status}")


def supervise(name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Runs `command` until SIGTERM, SIGINT or SIGHUP; returns the exit status, 0 when it was asked to end.

    `name`: what people call it. `env` is added to the environment. The child leads its own process group and
    ends with this process.

    Raises:
        ProcessFailed: it ended with a status that a new start does not cure.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stopping = _stop_on_signals()
    failures = 0
    while not stopping.is_set():
        started_s = time.monotonic()
        status = _run_once(env or {}, command, stopping)
        if stopping.is_set():
            return 0
        why = why_restart(status)
        if why is None:
            raise ProcessFailed(f"{name} ended with status {status}; what it said is above")
        failures = 1 if time.monotonic() - started_s > FORGIVEN_AFTER_S else failures + 1
        wait_s = BACKOFF.wait_s(failures)
        log.warning("process_restarts", process=name, why=why, status=status, in_s=wait_s, failures=failures)
        stopping.wait(wait_s)
    return 0


def _run_once(env: Mapping[str, str], command: Sequence[str], stopping: threading.Event) -> int:
    guard = (
        sys.executable,
        "-I",
        "-S",
        str(_GUARD),
        str(os.getpid()),
        str(int(signal.SIGKILL)),
        "-",
        "-",
        "0",
    )
    child = subprocess.Popen(
        [*guard, *command], stdin=subprocess.DEVNULL, env={**os.environ, **env}, start_new_session=True
    )
    try:
        while child.poll() is None and not stopping.wait(_POLL_S):
            pass
        if child.returncode is None:
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                log.warning("process_killed", why=f"it did not end within {STOP_TIMEOUT_S:.0f} s")
    finally:
        _end_group(child)
    return child.wait()


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL to what is left of it. The group's id surely means it only while its leader is not reaped."""
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    return stopping
