"""`spendlog bench --only growth`: see `perf.growth`. Apart from a whole run, which has 15 minutes for all."""

from __future__ import annotations

from perf.growth.costs import by_departments, by_payments, log_bytes
from perf.growth.weights import weights
from perf.growth.workers import by_partitions, by_workers
from perf.harness import Session
from perf.results import Growth


def run(session: Session) -> Growth:
    """At the sizes that the scale names."""
    scale, say = session.scale, session.say
    say("an event, by departments")
    departments = by_departments(scale)
    say("an event, by payments")
    payments = by_payments(scale)
    say("memory")
    weighed = weights(scale)
    event_bytes, decision_bytes = log_bytes()
    return Growth(
        departments=departments,
        payments=payments,
        weights=weighed,
        partitions=by_partitions(session),
        workers=by_workers(session),
        event_bytes=event_bytes,
        decision_bytes=decision_bytes,
    )
