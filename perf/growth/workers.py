"""Real workers on a broker: what a partition costs that does nothing, and what more workers give."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from infra.processes.child import Child
from perf.cpu import TreeMeter
from perf.harness import Session, TopicSet
from perf.kafka import BenchFailed, outcomes
from perf.results import PartitionsAt, WorkersAt
from perf.workload import Mix, events, opening

_TAKEN_OVER = re.compile(r"partition_taken_over")
# Faust's and aiokafka's first look-ups, and the first report, are over then.
SETTLE_S = 6.0
# More than workers, so that each has some, and the departments' shares differ little.
SHARED_PARTITIONS = 8
SHARED = Mix(departments=64, hot=1 / 64, clearings=0.3)


def by_partitions(session: Session) -> list[PartitionsAt]:
    """One worker that owns so many partitions in which nothing happens."""
    return [_idle(session, partitions) for partitions in session.scale.growth_partitions]


def _idle(session: Session, partitions: int) -> PartitionsAt:
    topic_set = session.fresh_topics("idle", partitions)
    session.say(f"a worker with {partitions} partitions takes over")
    started_s = time.monotonic()
    with _workers(topic_set, 1) as [worker]:
        _wait_taken_over(session, [worker], partitions)
        start_s = time.monotonic() - started_s
        time.sleep(SETTLE_S)
        session.say(f"a worker with {partitions} partitions does nothing")
        meter = TreeMeter({"worker": worker.pid, "broker": session.broker_pid()})
        time.sleep(session.scale.growth_idle_s)
        spent = meter.spent({})
        memory = psutil.Process(worker.pid).memory_info().rss
    return PartitionsAt(
        partitions=partitions,
        start_s=start_s,
        memory_mib=memory / 2**20,
        idle_cores=spent.ours_s["worker"] / spent.seconds,
        broker_idle_cores=spent.ours_s["broker"] / spent.seconds,
    )


def by_workers(session: Session) -> list[WorkersAt]:
    """The same events, decided by so many workers that share the partitions. Scored, as by default."""
    return [_shared(session, workers) for workers in session.scale.growth_workers]


def _shared(session: Session, count: int) -> WorkersAt:
    topic_set = session.fresh_topics("shared", SHARED_PARTITIONS)
    opened = topic_set.fill(opening(SHARED))
    with _workers(topic_set, count) as workers:
        _wait_taken_over(session, workers, SHARED_PARTITIONS)
        topic_set.wait_decided(opened)
        session.say(f"{count} workers decide")
        meter = TreeMeter({worker.name: worker.pid for worker in workers})
        records = topic_set.fill(events(session.scale.growth_events, SHARED))
        total = {partition: opened.get(partition, 0) + records.get(partition, 0) for partition in records}
        moments = topic_set.wait_decided(total)
        spent = meter.spent({})
    counted = sum(records.values())
    tally = outcomes(session.endpoints.kafka, topic_set.names.decisions, SHARED_PARTITIONS)
    if tally["rejected"] or tally.total() != sum(total.values()):
        raise BenchFailed(f"{sum(total.values())} events came to {dict(tally)}")
    topic_set.drop()
    return WorkersAt(
        workers=count,
        events=counted,
        rate=(moments[-1].end - moments[0].end) / (moments[-1].at_s - moments[0].at_s),
        cpu_us=sum(spent.ours_s.values()) / counted * 1e6,
        busiest=max(spent.ours_s.values()) / sum(spent.ours_s.values()),
    )


@contextmanager
def _workers(topic_set: TopicSet, count: int) -> Iterator[list[Child]]:
    workers = [topic_set.worker(f"worker-{number}", level="info") for number in range(count)]
    yield workers
    topic_set.session.end(*workers)


def _wait_taken_over(session: Session, workers: list[Child], partitions: int) -> None:
    """Until each has some of them, and all have an owner: a first one alone takes all, and gives some up."""

    def taken() -> bool:
        found = [len(_TAKEN_OVER.findall(worker.output())) for worker in workers]
        return all(found) and sum(found) >= partitions

    session.wait(taken, f"{len(workers)} workers", session.scale.timeout_s)
