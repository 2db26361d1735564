"""How long a new owner reads before it decides."""

from __future__ import annotations

import re
import time
from itertools import chain
from typing import NamedTuple

from perf.harness import Session, TopicSet
from perf.kafka import BenchFailed, drop_snapshots, outcomes
from perf.results import Recovery
from perf.workload import HOT, events, opening

_TAKEN_OVER = re.compile(r"partition_taken_over.*?\breplayed=(\d+).*?\btook_s=([\d.]+)")


class Takeover(NamedTuple):
    """`took_s`: as the worker measured it; `restart_s`: from its start, Python's and Faust's included."""

    replayed: int
    took_s: float
    restart_s: float


def run(session: Session) -> Recovery:
    """Takeovers of a log decided with scoring: first with its snapshots, then from the log alone."""
    topic_set, decisions = decided(session)
    session.say("taking over with a snapshot")
    short = takeover(session, topic_set)
    drop_snapshots(session.endpoints.kafka, topic_set.prefix, topic_set.partitions)
    session.say(f"taking over {decisions:,} decisions without a snapshot")
    whole = takeover(session, topic_set)
    return Recovery(
        decisions=whole.replayed,
        from_log=whole.replayed / whole.took_s,
        from_log_s=whole.took_s,
        from_log_restart_s=whole.restart_s,
        with_snapshot_replayed=short.replayed,
        with_snapshot_s=short.took_s,
        with_snapshot_restart_s=short.restart_s,
    )


def decided(session: Session) -> tuple[TopicSet, int]:
    """One department's requests, decided with scoring by a worker that is gone; and how many decisions."""
    topic_set = session.fresh_topics("log", 1)
    count = session.scale.recovery_events
    session.say(f"sending {count:,} requests of one department")
    records = topic_set.fill(chain(opening(HOT), events(count)))
    worker = topic_set.worker()
    topic_set.wait_decided(records)
    session.end(worker)
    total = sum(records.values())
    tally = outcomes(session.endpoints.kafka, topic_set.names.decisions, 1)
    if tally.total() != total or tally["rejected"]:
        raise BenchFailed(f"{total} events came to {dict(tally)}")
    return topic_set, total


def takeover(session: Session, topic_set: TopicSet) -> Takeover:
    """Starts a worker on the line, waits until it owns its one partition, and ends it."""
    started_s = time.monotonic()
    # No new snapshot: nothing is decided here, and nothing should be written.
    worker = topic_set.worker(level="info", SPENDLOG_SNAPSHOT_DECISIONS="1000000000")
    session.wait(
        lambda: _TAKEN_OVER.search(worker.output()) is not None, "the worker", session.scale.timeout_s
    )
    restart_s = time.monotonic() - started_s
    found = _TAKEN_OVER.search(worker.output())
    assert found is not None
    session.end(worker)
    return Takeover(int(found[1]), float(found[2]), restart_s)
