"""One hot department: what serialising all its requests through one owner costs."""

from __future__ import annotations

from itertools import chain

from perf.harness import CpuMeter, DecidedLog, Session, rate
from perf.kafka import BenchFailed, flush_each_batch, outcomes
from perf.results import HotDepartment
from perf.workload import HOT, events, opening

# Also synced where decisions are: without it a commit could be forgotten that the decisions survive.
TRANSACTIONS = "__transaction_state"


def run(session: Session) -> HotDepartment:
    """Decisions a second without scoring, with it, and without it but synced to disk."""
    off = decided(session, scoring=False)
    on = decided(session, scoring=True)
    session.decided = on
    session.say("counting what was decided")
    tally = outcomes(session.endpoints.kafka, on.topic_set.names.decisions, 1)
    if tally.total() != on.decisions or tally["rejected"]:
        raise BenchFailed(f"{on.decisions} events came to {dict(tally)}")
    synced = decided(session, scoring=False, synced=True)
    return HotDepartment(
        decisions=off.decisions,
        scoring_off=off.per_s,
        scoring_on=on.per_s,
        scoring_off_synced=synced.per_s,
        scoring_off_cpu_us=off.cpu_us,
        scoring_on_cpu_us=on.cpu_us,
        outcomes=dict(tally),
    )


def decided(session: Session, *, scoring: bool, synced: bool = False) -> DecidedLog:
    """Fills the card events, starts a worker on them and waits for the last decision."""
    topic_set = session.fresh_topics("hot", 1)
    if synced:
        flush_each_batch(session.endpoints.kafka, topic_set.names.decisions, TRANSACTIONS)
    count = session.scale.hot_events
    session.say(f"sending {count:,} requests of one department")
    records = topic_set.fill(chain(opening(HOT), events(count)))
    worker = topic_set.worker(SPENDLOG_SCORING=str(scoring).lower())
    meter = CpuMeter({"worker": worker.pid, "broker": session.broker_pid()})
    moments = topic_set.wait_decided(records, lambda _: meter.start())
    total = sum(records.values())
    cpu_us = meter.each_us(total - moments[0].end)
    session.end(worker)
    if synced:
        flush_each_batch(session.endpoints.kafka, TRANSACTIONS, undo=True)
    return DecidedLog(topic_set, rate(total, moments), total, cpu_us)
