"""Workers start together, come and go: none is ended by the others, and every partition is decided."""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import pytest

from infra.processes.child import Child
from tests.streams.events import DEPARTMENTS, budget, requests
from tests.streams.line import READY, Line, outcomes
from tests.streams.test_faults import Load


def pauses_s(line: Line, count: int) -> dict[int, float]:
    """The longest time without a decision in each partition, by when their worker wrote them."""
    at_s: dict[int, list[float]] = {}
    for message, _ in line.decided(count, 120.0):
        partition = message.partition()
        assert partition is not None
        at_s.setdefault(partition, []).append(message.timestamp()[1] / 1000)
    return {p: max(later - one for one, later in pairwise(times)) for p, times in sorted(at_s.items())}


def healthy(worker: Child) -> bool:
    return worker.alive() and "partition_stands_still" not in worker.output()


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(20, marks=[pytest.mark.faults, pytest.mark.timeout(900)])]
)
def test_two_workers_that_start_together_share_the_partitions(line: Line, rounds: int) -> None:
    line.send(budget(department, limit=10_000) for department in DEPARTMENTS)
    sent = len(DEPARTMENTS)
    for number in range(rounds):
        pair = [line.start_worker(f"w{number}{name}", session_timeout_s=3.0) for name in "ab"]
        line.send(requests(10, first=10 * number))
        sent += 10
        started_s = time.monotonic()
        line.decisions(sent, timeout_s=60.0)
        sys.stdout.write(f"decided {time.monotonic() - started_s:.1f} s after the start\n")
        line.until(lambda pair=pair: all(READY in one.output() for one in pair), 30.0)  # type: ignore[misc]
        assert all(map(healthy, pair)), "\n".join(one.output() for one in pair)
        assert [one.terminate() for one in pair] == [0, 0]


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(10, marks=[pytest.mark.faults, pytest.mark.timeout(900)])]
)
def test_one_to_three_workers_and_back_under_load(line: Line, rounds: int) -> None:
    """More workers than partitions: one of three has nothing to do, and must not mind."""
    line.send(budget(department) for department in DEPARTMENTS)
    count = 6_000 * rounds
    first = line.worker("first")
    with Load(line, count, rate_s=600):
        for number in range(rounds):
            more = [line.start_worker(f"more{number}{name}") for name in "ab"]
            line.until(lambda more=more: all(READY in one.output() for one in more), 60.0)  # type: ignore[misc]
            time.sleep(1.0)
            assert all(map(healthy, [first, *more])), "\n".join(one.output() for one in [first, *more])
            # One leaves in good order, one is killed: what it held waits for its session to end.
            assert more[0].terminate() == 0
            more[1].kill()
            time.sleep(1.0)
    sys.stdout.write(f"longest time without a decision, by partition: {pauses_s(line, 2 + count)}\n")
    assert outcomes(line.decisions(2 + count, timeout_s=120.0)) == {"accepted": 2, "approved": count}
    assert healthy(first), first.output()
