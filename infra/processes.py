"""Child processes that never outlive the one who started them, and references to processes of others.

A pid alone names nobody: it is given again after its process ends. `ProcessRef` keeps the start time with
it, so that only the process that was meant is ever signalled.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from infra.errors import SpendlogError

_GUARD = Path(__file__).with_name("guard.py")
_POLL_S = 0.02


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


@dataclass(frozen=True, slots=True)
class RunAs:
    """An unprivileged user for a child of root. `search`: it may enter every folder, as root may."""

    uid: int
    gid: int
    search: bool = False


def wait_until(condition: Callable[[], bool], timeout_s: float, *, poll_s: float = _POLL_S) -> bool:
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
            if cancelled.wait(_POLL_S):
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


class Terminated(BaseException):
    """SIGTERM or SIGHUP asked this process to end. Like KeyboardInterrupt: every ``finally`` is run."""


@contextlib.contextmanager
def termination_raises() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise Terminated in the main thread, so that child processes are ended."""

    def handler(number: int, frame: object) -> None:
        raise Terminated(signal.Signals(number).name)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it Ctrl-C, SIGTERM and SIGHUP wait: stopping children is bounded and must not be cut short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    numbers: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _: asked.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    if asked:
        signal.raise_signal(asked[0])
