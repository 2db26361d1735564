"""Workers are killed, frozen and replaced under load: one decision for each event, whatever happens."""

from __future__ import annotations

import itertools
import random
import threading
import time

import pytest

from tests.streams.events import DEPARTMENTS, budget, requests
from tests.streams.line import Line, outcomes


class Load:
    """A producer in the background: `count` requests at about `rate_s` a second."""

    def __init__(self, line: Line, count: int, rate_s: int) -> None:
        self._line, self._count, self._rate_s = line, count, rate_s
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        events = requests(self._count)
        while batch := list(itertools.islice(events, max(1, self._rate_s // 20))):
            self._line.send(batch)
            time.sleep(0.05)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(600.0)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=[pytest.mark.faults, pytest.mark.timeout(900)])])
def test_kill_9_of_the_worker_loses_nothing_and_decides_nothing_twice(line: Line, kills: int) -> None:
    rng = random.Random(7)
    count = 4_000 * kills
    line.send(budget(department, limit=count // 4 * 100) for department in DEPARTMENTS)
    with Load(line, count, rate_s=1_000):
        for _ in range(kills):
            worker = line.worker("w1")
            time.sleep(rng.uniform(0.2, 1.5))
            worker.kill()
    line.worker("w1")
    decisions = line.decisions(count + 2, timeout_s=120.0)
    # Each department could pay for half of its requests: exactly so many are approved.
    assert outcomes(decisions) == {"accepted": 2, "approved": count // 2, "declined": count // 2}
    assert not any(decision.duplicate_of for decision in decisions)


def test_a_zombie_is_fenced(line: Line) -> None:
    """Frozen past its session timeout, while another decides; awake again, it must write nothing."""
    line.send(budget(department) for department in DEPARTMENTS)
    frozen = line.worker("w1", session_timeout_s=1.5)
    with Load(line, 3_000, rate_s=500):
        time.sleep(0.5)
        frozen.pause()
        other = line.worker("w2", session_timeout_s=1.5)
        line.until(lambda: other.output().count("partition_taken_over") >= 2, 30.0)
        line.send(requests(10, first=10_000))
        frozen.resume()
    decisions = line.decisions(2 + 3_000 + 10, timeout_s=90.0)
    assert outcomes(decisions) == {"accepted": 2, "approved": 3_010}
    # Either it noticed the rebalance first and let go, or its commit was refused: healthy both times.
    assert frozen.alive(), frozen.output()
    assert "partition_stands_still" not in frozen.output()


# An owner that is behind while Faust seeks: frames that come then wait in Faust's queue.
SLOW_SEEK = """
import asyncio
from faust.streams import Stream
from streams.worker.frames import FrameConsumer

seek, events, sought = FrameConsumer.perform_seek, Stream.events, asyncio.Event()

async def slow_seek(consumer):
    await seek(consumer)
    await asyncio.sleep(1.0)
    asyncio.get_running_loop().call_later(0.2, sought.set)

async def late(stream):
    async for event in events(stream):
        await sought.wait()
        yield event

FrameConsumer.perform_seek, Stream.events = slow_seek, late
"""


def test_nothing_is_lost_between_seek_and_resume(line: Line) -> None:
    """Faust resumes partitions, seeks and then clears its queues: what came in between must come again."""
    line.send(budget(department) for department in DEPARTMENTS)
    line.worker("w1")
    with Load(line, 3_000, rate_s=500):
        time.sleep(0.5)
        late = line.worker("w2", patch=SLOW_SEEK)
    assert outcomes(line.decisions(3_002, timeout_s=60.0)) == {"accepted": 2, "approved": 3_000}
    assert late.alive(), late.output()


def test_workers_come_and_go_under_load(line: Line) -> None:
    line.send(budget(department) for department in DEPARTMENTS)
    line.worker("w1")
    with Load(line, 6_000, rate_s=600):
        second = line.worker("w2")
        time.sleep(2.0)
        assert second.terminate() == 0
    assert outcomes(line.decisions(6_002, timeout_s=90.0)) == {"accepted": 2, "approved": 6_000}
