"""Child processes: none outlives its owner, and nobody else's process is ever signalled."""

import json
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from infra.processes.child import Child
from infra.processes.refs import ProcessError, ProcessRef, wait_until
from infra.processes.supervisor import Supervisor
from tests.infra.support import python

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def test_leaving_the_block_ends_children_and_their_children(tmp_path: Path) -> None:
    nested = [
        sys.executable,
        "-c",
        f"import subprocess,time; subprocess.Popen({SLEEP}); print('up', flush=True); time.sleep(60)",
    ]
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("nested", nested)
        assert wait_until(lambda: "up" in child.output(), 60.0)
        family = [ProcessRef.of(process.pid) for process in psutil.Process(child.pid).children()]
        assert len(family) == 1
    assert not child.alive()
    assert family[0].wait_gone(5)


def test_an_error_in_the_block_ends_children_newest_first(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: sys.exit(print('ended', time.time(), flush=True)))\n"
        "print('up', flush=True)\ntime.sleep(60)\n"
    )
    children: list[Child] = []

    def fails() -> None:
        with Supervisor(tmp_path) as supervisor:
            for name in ("first", "second"):
                child = supervisor.start(name, [sys.executable, "-c", program])
                children.append(child)
                assert wait_until(lambda: "up" in children[-1].output(), 60.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    first, second = (float(child.output().split()[-1]) for child in children)
    assert second < first


def test_what_ends_while_it_is_asked_may_have_got_ready(tmp_path: Path) -> None:
    """Formatting Kafka's log is ready when it has ended; that may be just after the question."""
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("short", [sys.executable, "-c", "import time; time.sleep(0.2)"])
        asked = []

        def ready() -> bool:
            asked.append(child.alive())
            child.wait(10.0)
            return not asked[-1]

        child.wait_ready(ready, 10.0, cancelled=threading.Event())
        assert asked == [True, False]


def test_a_child_that_ignores_sigterm_is_killed_within_the_bound(tmp_path: Path) -> None:
    with Supervisor(tmp_path, stop_timeout_s=0.3) as supervisor:
        child = supervisor.start("deaf", DEAF)
        assert wait_until(lambda: "up" in child.output(), 60.0)
        began = time.monotonic()
    assert child.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_a_paused_child_stands_still_until_it_is_resumed(tmp_path: Path) -> None:
    ticking = [sys.executable, "-u", "-c", "import time\nwhile True: print(1); time.sleep(0.01)"]
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("ticking", ticking)
        assert wait_until(lambda: len(child.output()) > 4, 60.0)
        child.pause()
        assert wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED, 60.0)
        before = child.output()
        time.sleep(0.1)
        assert child.output() == before
        child.resume()
        assert wait_until(lambda: len(child.output()) > len(before), 60.0)
        child.pause()  # and a paused child can be ended


def test_a_child_that_dies_before_it_is_ready_shows_the_tail_of_its_log(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ProcessError, match=r"(?s)status 7 before.*no disk left"),
    ):
        supervisor.start(
            "dying", [sys.executable, "-c", "print('no disk left'); exit(7)"], ready=lambda: False
        )


def test_a_child_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ProcessError, match="not ready within"):
            supervisor.start("late", SLEEP, ready=lambda: False, ready_timeout_s=0.2)
        assert not supervisor.children[0].alive()


def test_a_command_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ProcessError, match="cannot start /nowhere/program"),
    ):
        supervisor.start("nothing", ["/nowhere/program"], ready=lambda: False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_children_die_when_their_owner_is_killed(tmp_path: Path) -> None:
    program = f"""
import json, threading, time
from pathlib import Path
from infra.processes.supervisor import Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}))
# From a thread that ends: the kernel's signal must follow the process, not that thread.
thread = threading.Thread(target=lambda: supervisor.start("child", {SLEEP!r}))
thread.start(); thread.join()
child = supervisor.children[0]
time.sleep(0.3)
print(json.dumps([child.pid, child.ref.started, child.alive()]), flush=True)
time.sleep(60)
"""
    with python("-c", program) as owner:
        assert owner.stdout is not None
        pid, started, lived = json.loads(owner.stdout.readline())
        child = ProcessRef(pid, started)
        assert lived
        assert child.alive()
        owner.kill()
        owner.wait(10)
        assert child.wait_gone(5)


def test_a_pid_that_was_given_again_is_not_signalled(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("bystander", SLEEP)
        earlier = ProcessRef(child.pid, "another boot:12345")
        assert not earlier.alive()
        assert not earlier.send(signal.SIGKILL)
        assert earlier.end(timeout_s=0.1)
        assert child.alive()
