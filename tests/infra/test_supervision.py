"""The supervisor of the worker, with stand-ins for the worker that end as it does."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.supervision import BACKOFF, why_restart

# Counts its starts in a file, then ends as the arguments say, one after the other; the last one stays.
STAND_IN = """
import os, sys, time
counter, *ends = sys.argv[1:]
with open(counter, "a") as file:
    file.write(str(os.getpid()) + "\\n")
starts = len(open(counter).readlines())
if starts > len(ends):
    time.sleep(60)
end = int(ends[starts - 1])
if end < 0:
    os.kill(os.getpid(), -end)
os._exit(end)
"""
# Hears no signal that asks it to end, and has a child of its own that hears none either.
DEAF = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.fork()
with open(sys.argv[1], "a") as file:
    file.write(str(os.getpid()) + "\\n")
time.sleep(60)
"""
SUPERVISE = """
import sys
import infra.supervision
infra.supervision.STOP_TIMEOUT_S = 1.0
from infra.errors import SpendlogError
from infra.supervision import supervise
try:
    sys.exit(supervise("the worker", sys.argv[1:]))
except SpendlogError as error:
    sys.exit(f"error: {error}")
"""


def supervised(tmp_path: Path, *ends: int, stand_in: str = STAND_IN) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", stand_in, str(tmp_path / "starts"), *map(str, ends)]
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, *command],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def started(tmp_path: Path, count: int) -> list[int]:
    """The pids of the stand-ins, when `count` have started."""
    path = tmp_path / "starts"
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        pids = [int(pid) for pid in path.read_text().split()] if path.exists() else []
        if len(pids) >= count:
            return pids
        time.sleep(0.02)
    raise AssertionError(f"fewer than {count} starts")


def gone(pid: int) -> bool:
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


ENDS = ("takes over", "SIGKILL", "Kafka", "status 1", "nobody asked")


def test_a_crash_and_a_kill_are_followed_by_a_new_start_and_one_line_each(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, 70, -9, 69, 1, 0)
    pids = started(tmp_path, 6)
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    lines = [line for line in said.splitlines() if "process_restarts" in line]
    assert [word in line for word, line in zip(ENDS, lines, strict=True)] == [True] * len(ENDS)
    assert gone(pids[-1])


def test_an_end_that_a_new_start_does_not_cure_ends_the_supervisor(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, 78)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 1
    assert said.strip() == "error: the worker ended with status 78; what it said is above"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_worker_ends_with_its_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = supervised(tmp_path)
    (pid,) = started(tmp_path, 1)
    supervisor.send_signal(number)
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_worker_ends_also_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path)
    (pid,) = started(tmp_path, 1)
    supervisor.kill()
    supervisor.communicate(timeout=20)
    assert gone(pid)


def test_who_does_not_end_when_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, stand_in=DEAF)
    pids = started(tmp_path, 2)
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert "process_killed" in said
    assert all(map(gone, pids))


def test_who_dies_at_once_again_and_again_is_started_ever_more_rarely(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, *[1] * 50)
    started(tmp_path, 3)
    time.sleep(3.0)
    starts = len(started(tmp_path, 3))
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    waits_s = [float(wait) for wait in re.findall(r"in_s=([0-9.]+)", said)]
    assert waits_s == [BACKOFF.wait_s(failure) for failure in range(1, len(waits_s) + 1)]
    # 0.25 + 0.5 + 1 + 2 s: a fifth start comes after 3.75 s at the earliest.
    assert starts <= 6


@pytest.mark.parametrize("status", [78, 2])
def test_a_wrong_setting_is_not_tried_again(tmp_path: Path, status: int) -> None:
    supervisor = supervised(tmp_path, status, status)
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == 1
    assert len(started(tmp_path, 1)) == 1


def test_a_usage_error_is_no_crash() -> None:
    assert why_restart(2) is None
    assert why_restart(78) is None
    assert why_restart(-9) == "signal SIGKILL ended it"
