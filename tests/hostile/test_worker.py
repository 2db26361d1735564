"""One partition is attacked for a while: neither it nor its worker stops, and the others hardly notice.

What decides here is what no busy machine can change: every record has its one decision, no worker has ended
or taken a partition over again, nothing stands still, the verifier finds nothing, and a replay makes the same
bytes. How long neighbours may have to wait is decided by processor time as well: by the longest turn of the
deciding worker's event loop, since that is what every other partition in it waits for. The waits by the
clocks of broker and worker, of hostile records and of neighbours in both phases, are printed: on a machine
that does other things at the same time they are not ours alone.
"""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.processes.supervisor import Supervisor
from infra.replay import replay
from infra.stack import Endpoints
from infra.verify.sources import Logs
from tests.hostile.arena import ATTACKED, NEIGHBOURS, PARTITIONS, Attack, Steady, Watch, last_words
from tests.hostile.load import HostileChoice
from tests.hostile.proofs import Reading, verified
from tests.streams.line import Line

_numbers = itertools.count()
#: Half of what an event may take from append to decision; the largest known is a fifth of it.
TURN_S_MAX = 0.5
TROUBLE = "partition_(?:taken_over|stands_still|fenced|let_go)|worker_crashed|Traceback"
# Each loop of the worker tells its longest turn, by the processor time of its thread.
TURNS = """
import asyncio, sys, threading, time
turn, longest = asyncio.BaseEventLoop._run_once, {}

def timed(loop):
    began = time.thread_time()
    turn(loop)
    took, name = time.thread_time() - began, threading.current_thread().name
    if took > 1.2 * longest.get(name, 0.05):
        longest[name] = took
        sys.stdout.write(f"longest_turn_s={took:.4f} thread={name}\\n")

asyncio.BaseEventLoop._run_once = timed
"""


@pytest.fixture
def line(stack: Endpoints, tmp_path: Path) -> Iterator[Line]:
    with Supervisor(tmp_path / "logs") as supervisor:
        prefix = f"hostile{next(_numbers)}-{tmp_path.name}-"
        yield Line(stack.kafka, prefix, tmp_path, supervisor, PARTITIONS)


@pytest.mark.parametrize(
    ("calm_s", "hostile_s"),
    [(3.0, 10.0), pytest.param(60.0, 1_800.0, marks=[pytest.mark.faults, pytest.mark.timeout(7_200)])],
)
def test_one_attacked_partition_stops_nothing(line: Line, calm_s: float, hostile_s: float) -> None:
    """With SPENDLOG_HOSTILE_SEED another load."""
    seed = HostileChoice().seed
    workers = [line.start_worker(name, patch=TURNS) for name in ("w1", "w2")]
    line.until(lambda: [len(owned(worker.output())) for worker in workers] == [2, 2], 90.0)
    before = [len(worker.output()) for worker in workers]
    with Watch(line) as watch, Steady(line):
        time.sleep(calm_s / 5)  # the first records of a partition take longer
        watch.phase = "calm"
        time.sleep(calm_s)
        watch.phase = "hostile"
        attack = Attack(line, watch, seed)
        attack.run(hostile_s)
        watch.phase = "end"
    line.send(last_words(line))
    settle(line)
    said = [worker.output()[start:] for worker, start in zip(workers, before, strict=True)]
    turns = [float(found) for text in said for found in re.findall(r"longest_turn_s=([\d.]+)", text)]
    beside = next(held for worker in workers if ATTACKED in (held := owned(worker.output())))
    tell(seed, attack, watch, turns, beside - {ATTACKED})
    for worker, text in zip(workers, said, strict=True):
        assert worker.alive(), text[-3_000:]
        assert not re.findall(TROUBLE, text), text[-3_000:]
    assert attack.sent > 100
    assert max(turns, default=0.0) < TURN_S_MAX, f"seed {seed}: neighbours wait for {max(turns)} s of work"
    logs = Logs(line.kafka)
    try:
        partitions = [reading(line, logs, partition) for partition in range(PARTITIONS)]
        assert verified(partitions) == {}, f"seed {seed}"
    finally:
        logs.close()
    assert replay(line.kafka, prefix=line.prefix).differences == [], f"seed {seed}"


def owned(output: str) -> set[int]:
    """The partitions that a worker has, by what it says."""
    held: set[int] = set()
    for what, partition in re.findall(r"partition_(taken_over|let_go)\W.*?partition=(\d+)", output):
        (held.add if what == "taken_over" else held.discard)(int(partition))
    return held


def settle(line: Line) -> None:
    """Until every card event has its decision, those that owners send each other included."""
    logs = Logs(line.kafka)
    try:
        for _ in range(2):
            line.until(lambda: all(is_decided(line, logs, p) for p in range(PARTITIONS)), 120.0)
    finally:
        logs.close()


def is_decided(line: Line, logs: Logs, partition: int) -> bool:
    event = logs.last(line.names.card_events, partition)
    last = logs.last_decision(line.names.decisions, partition)
    if event is None or last is None:
        return event is None
    return last.decision.source_offset == event.offset


def reading(line: Line, logs: Logs, partition: int) -> tuple[int, Reading, Reading]:
    def read(topic: str) -> Reading:
        return lambda: logs.read(topic, partition, *logs.bounds(topic, partition))

    return partition, read(line.names.card_events), read(line.names.decisions)


def tell(seed: int, attack: Attack, watch: Watch, turns: list[float], beside: set[int]) -> None:
    """The figures of the run, for who looks on (-s) or at a failure. `beside`: in the attacked worker."""
    words = [f"seed {seed}: {attack.sent:,} hostile records, {attack.refused} refused by the broker"]
    others = {"same worker": tuple(beside), "other worker": tuple(set(NEIGHBOURS) - beside)}
    for what, partitions in {"attacked": (ATTACKED,), **others}.items():
        for phase in ("calm", "hostile"):
            found = [watch.percentile_ms(phase, partitions, share) for share in (0.5, 0.99, 1.0)]
            words.append("{} {}: p50 {:.0f} ms, p99 {:.0f} ms, most {:.0f} ms".format(what, phase, *found))
    words.append(f"longest turn of a worker: {max(turns, default=0.0) * 1_000:.0f} ms of processor time")
    sys.stdout.write("\n".join(words) + "\n")
