"""Child processes that never outlive the one who started them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from infra.processes.refs import POLL_S, ProcessError, ProcessRef, log_tail, start_mark, wait_until

_GUARD = Path(__file__).parents[1] / "guard.py"


@dataclass(frozen=True, slots=True)
class RunAs:
    """An unprivileged user for a child of root. `search`: it may enter every folder, as root may."""

    uid: int
    gid: int
    search: bool = False


@dataclass(slots=True)
class Child:
    """A process that this one started. It leads its own group: Ctrl-C on the terminal does not reach it."""

    name: str
    ref: ProcessRef
    log: Path
    log_from: int  # bytes of the log that are older than this process
    stop_signal: int
    _popen: subprocess.Popen[bytes]
    _reaping: threading.Lock = field(default_factory=threading.Lock)

    @property
    def pid(self) -> int:
        return self.ref.pid

    def alive(self) -> bool:
        return self.returncode is None

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        with self._reaping:
            if self._popen.returncode is None and self._has_exited():
                # The unreaped leader still holds its group's id, so this meets its own descendants only.
                self._signal_group(signal.SIGKILL)
                self._popen.wait()
            return self._popen.returncode

    def _has_exited(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, flags) is not None
        except ChildProcessError:
            return True

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self, timeout_s: float) -> int | None:
        """Its return code, or None when it still runs after `timeout_s` seconds."""
        wait_until(lambda: not self.alive(), timeout_s)
        return self.returncode

    def terminate(self, timeout_s: float = 10.0) -> int:
        """Its stop signal, a bounded wait, then SIGKILL to the whole group. Returns the return code."""
        if self.alive():
            self._signal_group(signal.SIGCONT)  # a paused process cannot hear
            self.ref.send(self.stop_signal)
            if self.wait(timeout_s) is None:
                self.kill()
        return self._popen.wait()

    def kill(self) -> None:
        """SIGKILL to the process and its descendants; returns when it is gone."""
        if self.alive():
            self._signal_group(signal.SIGKILL)
            self.wait(10.0)

    def pause(self) -> None:
        """SIGSTOP: the process keeps its connections and does nothing, like a machine that hangs."""
        if self.alive():
            self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        if self.alive():
            self._signal_group(signal.SIGCONT)

    def output(self) -> str:
        """What this process has written to its log."""
        with self.log.open("rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float, *, cancelled: threading.Event) -> None:
        """Polls `ready`. Raises ProcessError when the child dies first, is late, or `cancelled` is set."""
        deadline = time.monotonic() + timeout_s
        while True:
            # Before `ready`: what ends in between may have got ready, and is asked once more.
            alive = self.alive()
            if ready():
                return
            if not alive:
                raise ProcessError(
                    f"{self.name} ended with status {self.returncode} before it was ready; "
                    f"its log {self.log} ends with\n{log_tail(self.log)}"
                )
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} was not ready within {timeout_s:.0f} s; its log {self.log} ends with\n"
                    f"{log_tail(self.log)}"
                )
            if cancelled.wait(POLL_S):
                raise ProcessError(f"the start of {self.name} was cancelled")


class _Spawner:
    """Starts all children from one thread that lives as long as the process.

    Linux sends the parent-death signal when the *thread* that forked ends, so a child must not be started
    from a thread of a pool.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ]
        self._jobs = queue.SimpleQueue()
        threading.Thread(target=self._work, name="spawner", daemon=True).start()

    def _work(self) -> None:
        while True:
            job, done = self._jobs.get()
            try:
                done.set_result(job())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                done.set_exception(error)

    def run(self, job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        done: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, done))
        return done.result(timeout=30)


_spawner: _Spawner | None = None
_spawner_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_spawner=None))


def _spawn(job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    global _spawner
    with _spawner_lock:
        _spawner = _spawner or _Spawner()
    return _spawner.run(job)


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
    run_as: RunAs | None = None,
    stop_signal: int = signal.SIGTERM,
    death_signal: int | None = signal.SIGKILL,
) -> Child:
    """Starts a command in its own session, standard output and error appended to `log`, no standard input.

    `env` is added to this process's environment; None takes a variable away. `death_signal` comes from the
    kernel when this process dies, however it dies (Linux); None: the child goes on. A command that cannot be
    started ends at once, with the reason in its log.
    """
    guard = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid())]
    guard += ["-" if death_signal is None else str(int(death_signal))]
    guard += (
        ["-", "-", "0"] if run_as is None else [str(run_as.uid), str(run_as.gid), str(int(run_as.search))]
    )
    merged: dict[str, str | None] = {**os.environ, **(env or {})}
    environment = {name: value for name, value in merged.items() if value is not None}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        log_from = out.tell()

        def popen() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [*guard, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )

        process = _spawn(popen)
    mark = start_mark(process.pid) or "ended at once"
    return Child(name, ProcessRef(process.pid, mark), log, log_from, stop_signal, process)
