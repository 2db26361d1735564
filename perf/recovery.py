"""How long a new owner reads before it decides."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from perf.harness import Session, TopicSet
from perf.hot_department import decided
from perf.kafka import drop_snapshots
from perf.results import Recovery

_TAKEN_OVER = re.compile(r"partition_taken_over.*?\breplayed=(\d+).*?\btook_s=([\d.]+)")


class Takeover(NamedTuple):
    """`took_s`: as the worker measured it; `restart_s`: from its start, Python's and Faust's included."""

    replayed: int
    took_s: float
    restart_s: float


def run(session: Session) -> Recovery:
    """Takeovers of a log decided with scoring: first with its snapshots, then from the log alone."""
    log = session.decided or decided(session, scoring=True)
    session.say("taking over with a snapshot")
    short = takeover(session, log.topic_set)
    drop_snapshots(session.endpoints.kafka, log.topic_set.prefix, log.topic_set.partitions)
    session.say(f"taking over {log.decisions:,} decisions without a snapshot")
    whole = takeover(session, log.topic_set)
    return Recovery(
        decisions=whole.replayed,
        from_log=whole.replayed / whole.took_s,
        from_log_s=whole.took_s,
        from_log_restart_s=whole.restart_s,
        with_snapshot_replayed=short.replayed,
        with_snapshot_s=short.took_s,
        with_snapshot_restart_s=short.restart_s,
    )


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
