"""Two versions of the worker in turns, in one run: how soon a decision can be read, and what it costs.

`python -m perf.paired TREE` compares the worker of this tree with that of another checkout. Figures of two
runs on a machine that others use say nothing; their ratio within one run does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import typer

from infra.topics import PARTITIONS
from perf.cpu import TreeMeter
from perf.harness import QUICK, Session, session
from perf.latency import DecisionReader, planned, send_at_rate
from perf.percentiles import median, percentile
from perf.workload import Mix, opening

WARM_UP_S = 3.0
DRAIN_TIMEOUT_S = 60.0
HERE = Path(__file__).resolve().parent.parent


class Turn(NamedTuple):
    """Milliseconds from when an event was due to its decision being read; processor µs a decision."""

    p50_ms: float
    p99_ms: float
    worker_us: float
    broker_us: float


def turn(running: Session, tree: Path, rate: int, seconds: float) -> Turn:
    """One round of the worker of `tree`, on topics of its own."""
    topic_set = running.fresh_topics(f"paired-{tree.name}", PARTITIONS)
    worker = topic_set.worker(PYTHONPATH=str(tree))
    mix = Mix(departments=20, hot=0.2, clearings=0.2, seed=rate, prefix=f"p{time.time_ns():x}")
    reader = DecisionReader(topic_set, running.endpoints.kafka, dict.fromkeys(range(PARTITIONS), 0))
    first = opening(mix)
    topic_set.fill(first)
    running.wait(lambda: reader.seen >= len(first), "the worker")
    plan = planned(mix, int(rate * (WARM_UP_S + seconds)), PARTITIONS)
    meter = TreeMeter({"worker": worker.pid, "broker": running.broker_pid()})
    due_s = send_at_rate(running.endpoints.kafka, topic_set.names.card_events, plan, rate)
    ids = {item.event_id for item in plan}
    running.wait(lambda: reader.has_all(ids), "the last decision", DRAIN_TIMEOUT_S)
    spent = meter.spent({}).each_us(len(plan))
    read = reader.stop()
    running.end(worker)
    topic_set.drop()
    counted = (item for item in plan if item.n >= rate * WARM_UP_S)
    waits_ms = sorted((read[item.event_id].read_s - due_s[item.n]) * 1000 for item in counted)
    return Turn(percentile(waits_ms, 0.5), percentile(waits_ms, 0.99), spent["worker"], spent["broker"])


def turns(other: Path, rate: int, rounds: int, seconds: float) -> Iterator[tuple[Turn, Turn]]:
    """Pairs: the other tree's, ours; who is first alternates. The first pair only warms the broker."""
    with session(replace(QUICK, latency_s=seconds), lambda text: None) as running:
        for number in range(rounds + 1):
            sides = [other, HERE] if number % 2 else [HERE, other]
            found = {side: turn(running, side, rate, seconds) for side in sides}
            if number:
                yield found[other], found[HERE]


def main(other: Path, rate: list[int] = [500, 2_000], rounds: int = 3, seconds: float = 15.0) -> None:  # noqa: B006
    """Print each pair and the median of the ratios, this tree to OTHER."""
    for each in rate:
        ratios: list[list[float]] = []
        for before, after in turns(other.resolve(), each, rounds, seconds):
            pairs = list(zip(Turn._fields, before, after, strict=True))
            ratios.append([new / old for _, old, new in pairs])
            told = "  ".join(f"{name} {old:.1f} -> {new:.1f}" for name, old, new in pairs)
            sys.stdout.write(f"{each}/s  {told}\n")
        middle = [median(list(column)) for column in zip(*ratios, strict=True)]
        told = "  ".join(f"{name} {ratio:.2f}" for name, ratio in zip(Turn._fields, middle, strict=True))
        sys.stdout.write(f"{each}/s  ratios: {told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
