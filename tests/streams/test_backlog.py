"""An owner that stands still with megabytes before him: nobody else in his worker waits for him."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from infra.verify.sources import Logs
from schemas.codec import encode_event
from streams.worker.seats import WAITING_BYTES_MAX
from tests.streams.events import DEPARTMENTS, budget, request
from tests.streams.line import Line, outcomes

STUCK, FREE = DEPARTMENTS  # on partitions 0 and 1
RECORD_BYTES = 60_000
# The owner of partition 0 begins no batch while the file is there; other partitions' owners never look.
STANDING = """
import asyncio, pathlib
from streams.owner import Owner

decide_ahead, stop = Owner.decide_ahead, pathlib.Path({stop!r})

async def standing(owner, frames):
    while owner.state.partition == 0 and stop.exists():
        await asyncio.sleep(0.02)
    await decide_ahead(owner, frames)

Owner.decide_ahead = standing
"""


MEGABYTES = 80
# What the worker may hold beside: a fetch that lies ready, one on its way, and what parsing them takes.
BESIDE_BYTES_MAX = 40_000_000


def backlog(line: Line, first: int, megabytes: int) -> int:
    """So many megabytes of requests of the department that stands still; how many requests they are."""
    count = megabytes * 1_000_000 // RECORD_BYTES
    for number in range(first, first + count):
        event = request(number, STUCK)
        line.post(encode_event(event).ljust(RECORD_BYTES), event.key.encode())
    line.send([])
    return count


def goes_on(line: Line, logs: Logs, first: int, count: int) -> int:
    """The other department's requests are decided, one after the other; how many they are."""
    topic = line.names.decisions
    for number in range(first, first + count):
        event = request(number, FREE)
        line.send([event])

        def is_decided(wanted: str = event.event_id) -> bool:
            last = logs.last_decision(topic, 1)
            return last is not None and last.decision.event_id == wanted

        line.until(is_decided, 30.0)
    return count


@pytest.mark.parametrize("rebalanced", [False, True])
def test_whoever_stands_still_with_megabytes_before_him_stops_nobody(
    line: Line, tmp_path: Path, rebalanced: bool
) -> None:
    stop = tmp_path / "stop"
    patch = STANDING.format(stop=str(stop))
    worker = line.worker("w1", patch=patch)
    line.send(budget(department) for department in DEPARTMENTS)
    line.decisions(2)
    logs = Logs(line.kafka)
    stop.touch()
    try:
        sent = goes_on(line, logs, 0, 5)
        before = psutil.Process(worker.pid).memory_info().rss
        sent += backlog(line, 0, MEGABYTES)
        sent += goes_on(line, logs, 5, 20)
        more = psutil.Process(worker.pid).memory_info().rss - before
        sys.stdout.write(f"{more / 1e6:.0f} MB more while {MEGABYTES} MB wait\n")
        assert more < WAITING_BYTES_MAX + BESIDE_BYTES_MAX
        if rebalanced:
            other = line.worker("w2", patch=patch)
            line.until(lambda: "partition_taken_over" in other.output(), 30.0)
            sent += goes_on(line, logs, 25, 5)
            assert other.terminate() == 0
            sent += goes_on(line, logs, 30, 5)
        last = logs.last_decision(line.names.decisions, 0)
        assert last is not None and last.decision.event_type == "budget.set", "it does not stand still"
    finally:
        stop.unlink()
        logs.close()
    # In order, each once, none left out: `decisions` looks.
    assert outcomes(line.decisions(2 + sent, timeout_s=90.0)) == {"accepted": 2, "approved": sent}
    assert worker.alive()
    assert "partition_stands_still" not in worker.output()
