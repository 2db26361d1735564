"""Which score is an alert: the value that only a given share of the requests of late exceeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

# After how many requests counts become a new threshold. 256: the work is 0.1 us a request when spread out.
REBUILD_EVERY = 256
# Of the counts, at each rebuild: half is forgotten in 350 rebuilds, 90,000 requests.
KEEP = 0.998
VALUE_BINS = 500
# Of what a snapshot may hold: more than any log has.
COUNT_MAX = 10**15


class UnusableSnapshot(ValueError):
    """Bytes that are no snapshot of these models: learn again from the decisions instead."""


class Counts(msgspec.Struct, array_like=True):
    """`old`: faded counts, from which the threshold is made; `new`: those since the last rebuild."""

    old: list[float]
    new: list[int]

    def fold(self) -> None:
        """Rebuild: the new become old ones."""
        self.old = [KEEP * old + new for old, new in zip(self.old, self.new, strict=True)]
        self.new = [0] * len(self.new)


def empty_counts(bins: int) -> Counts:
    """Nothing seen yet."""
    return Counts([0.0] * bins, [0] * bins)


class AlertLevel:
    """Values between 0 and 1 as they come, and the `threshold` that a share `alerts` of them reaches."""

    def __init__(self, alerts: float = 0.01) -> None:
        """Raises ValueError: that is no share."""
        if not 0.0 < alerts < 1.0:
            raise ValueError(f"alerts is {alerts}, but must lie between 0 and 1")
        self.alerts = alerts
        self.counts = empty_counts(VALUE_BINS)
        self.seen = 0
        self.threshold = math.inf

    def learn(self, value: float) -> None:
        """One more value, 0 .. 1."""
        self.counts.new[min(int(value * VALUE_BINS), VALUE_BINS - 1)] += 1
        self.seen += 1
        if self.seen % REBUILD_EVERY == 0:
            self.counts.fold()
            self.threshold = upper_quantile(self.counts.old, self.alerts)

    def load(self, counts: Counts, seen: int) -> None:
        """Go on from a snapshot. Raises UnusableSnapshot: these are no counts of so many."""
        check_counts(counts, seen)
        self.counts = counts
        self.seen = seen
        self.threshold = upper_quantile(counts.old, self.alerts) if seen >= REBUILD_EVERY else math.inf


def check_counts(column: Counts, seen: int) -> None:
    """Raises UnusableSnapshot unless these are counts: a snapshot may hold any number."""
    if len(column.old) != VALUE_BINS or len(column.new) != VALUE_BINS:
        raise UnusableSnapshot(f"values in {len(column.old)} and {len(column.new)} bins, not {VALUE_BINS}")
    for count in (*column.old, *column.new, seen):
        if not 0 <= count <= COUNT_MAX:
            raise UnusableSnapshot(f"values have a count of {count}")


def upper_quantile(counts: Sequence[float], share: float) -> float:
    """The lowest bin edge at or above which no more than `share` of the counts lie: above 0, at most 1.

    Never 0, so that a stream in which nothing is ever odd does not flag the usual.
    """
    allowed = share * math.fsum(counts)
    mass = 0.0
    for place in range(len(counts) - 1, -1, -1):
        mass += counts[place]
        if mass > allowed:
            return (place + 1) / len(counts)
    return 1.0
