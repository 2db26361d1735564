"""What a worker counts."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import Counter, Gauge

from schemas.decisions import Decision
from schemas.reasons import ANSWERS

decided = Counter("spendlog_decisions_total", "Decisions committed", ["outcome"])
duplicates = Counter("spendlog_duplicates_total", "Repeats answered with the first answer")
flagged = Counter("spendlog_flagged_total", "Requests the model flagged")
unscored = Counter("spendlog_unscored_total", "Requests decided without a score; the log says why")
replayed = Counter("spendlog_replayed_total", "Decisions replayed while taking over")
void = Counter("spendlog_void_records_total", "Records of replaced owners, passed over by rule")
standing_still = Gauge(
    "spendlog_partition_standing_still_since_seconds",
    "Partitions in which nothing is decided, and since when (Unix time); the log says why",
    ["partition"],
)


def count(decisions: Sequence[Decision]) -> None:
    """Add a committed batch."""
    for outcome, number in Tally(decision.outcome for decision in decisions).items():
        decided.labels(outcome.value).inc(number)
    duplicates.inc(sum(decision.duplicate_of is not None for decision in decisions))
    flagged.inc(sum(decision.score is not None and decision.score.flagged for decision in decisions))
    unscored.inc(sum(decision.score is None and _asked(decision) for decision in decisions))


def _asked(decision: Decision) -> bool:
    """Whether it answers a request, for the first time."""
    answers = decision.event_type == "authorization.requested" and decision.outcome in ANSWERS
    return answers and decision.duplicate_of is None
