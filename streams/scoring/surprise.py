"""The River parts: how far out in its tail each feature is, and their total.

Close to ECOD (Li and others, 2022): each feature's surprise is minus the logarithm of the share of past
requests that were at least as extreme, and surprises add up, as in Fisher's method of combining tests. Here
the distributions are learned online, as counts in fixed bins that forget.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, Final

import msgspec
from river import base

from streams.scoring import tails as features

# After how many requests counts become a new table. 256: the work is 0.5 us a request when spread out.
REBUILD_EVERY = 256
# Of each table's counts, at each rebuild: half is forgotten in 350 rebuilds, 90,000 requests.
KEEP = 0.998
# Half a request in each bin before anything was seen: no tail is ever empty.
PRIOR = 0.5
# What one request in e = 2.7 exceeds is no surprise. Without this allowance the noise of the usual features
# drowns the one that is odd: average precision on the two labelled streams at 0, 0.5, 1, 1.5, 2 is
# .17 .19 .21 .22 .23 and .15 .16 .16 .15 .14 (with histories that forget 1/20).
ALLOWANCE = 1.0
# A total of 4 makes 0.5: seldom alone (e^-5 = 1 in 150 for one feature), and no cause for alarm.
HALF_AT = 4.0
VALUE_BINS = 500

# Feature name -> number, as River types it.
Seen = dict[Hashable, Any]


class Bins(msgspec.Struct, frozen=True):
    """Equal bins of a feature: from `low` on, `count` of them, the outer ones open.

    `unordered`: the rare is surprising wherever it lies (hours); else only the high is.
    """

    low: float
    width: float
    count: int
    unordered: bool = False


BINS: Final[dict[str, Bins]] = {
    features.AMOUNT_FOR_CARD: Bins(0.0, 0.125, 48),
    features.AMOUNT_FOR_DEPARTMENT: Bins(0.0, 0.125, 48),
    features.NEW_MERCHANTS: Bins(0.0, 0.5, 40),
    features.SOONER_THAN_USUAL: Bins(0.0, 0.25, 40),
    features.JUST_BELOW_LIMIT: Bins(0.8, 0.01, 20),
    features.HOUR: Bins(0.0, 1.0, 48, unordered=True),
}


class Counts(msgspec.Struct, array_like=True):
    """`old`: faded counts, from which the table is made; `new`: those since the last rebuild."""

    old: list[float]
    new: list[int]

    def fold(self) -> None:
        """Rebuild: the new become old ones."""
        self.old = [KEEP * old + new for old, new in zip(self.old, self.new, strict=True)]
        self.new = [0] * len(self.new)


def empty_counts(bins: int) -> Counts:
    """Nothing seen yet."""
    return Counts([0.0] * bins, [0] * bins)


class TailSurprise(base.Transformer):
    """Features to surprises, each 0 (usual) or above; learns the features' distributions."""

    def __init__(self) -> None:
        self.counts = {name: empty_counts(bins.count) for name, bins in BINS.items()}
        self.seen = 0
        self._make_tables()

    def _make_tables(self) -> None:
        self._rows = [
            (
                name,
                bins.low,
                1.0 / bins.width,
                bins.count - 1,
                surprises(self.counts[name].old, bins.unordered),
                self.counts[name],
            )
            for name, bins in BINS.items()
        ]

    def transform_one(self, x: Seen) -> Seen:
        """The surprise of each feature. Raises on a feature that is not finite."""
        found: Seen = {}
        for name, low, scale, top, table, _ in self._rows:
            place = int((x[name] - low) * scale)
            found[name] = table[0 if place < 0 else top if place > top else place]
        return found

    def learn_one(self, x: Seen) -> None:
        for name, low, scale, top, _, column in self._rows:
            place = int((x[name] - low) * scale)
            column.new[0 if place < 0 else top if place > top else place] += 1
        self.seen += 1
        if self.seen % REBUILD_EVERY == 0:
            for column in self.counts.values():
                column.fold()
            self._make_tables()

    def load(self, counts: dict[str, Counts], seen: int) -> None:
        """Go on from the counts of a snapshot."""
        self.counts = counts
        self.seen = seen
        self._make_tables()


def surprises(counts: Sequence[float], unordered: bool) -> list[float]:
    """Minus the logarithm of each bin's tail, less the allowance, at least 0.

    The tail of a bin is the share of requests in it or in a more extreme one: a higher one, or, where bins
    have no order, one that is as rare.
    """
    smooth = [count + PRIOR for count in counts]
    places = range(len(smooth))
    # Extreme first. Bins as rare as each other share one tail, or an order would creep in.
    order = sorted(places, key=smooth.__getitem__) if unordered else list(reversed(places))
    total = math.fsum(smooth)
    tails = [0.0] * len(smooth)
    mass = 0.0
    start = 0
    for end, place in enumerate(order, 1):
        mass += smooth[place]
        if unordered and end < len(order) and smooth[order[end]] == smooth[place]:
            continue
        for equal in order[start:end]:
            tails[equal] = mass
        start = end
    return [max(0.0, math.log(total / tail) - ALLOWANCE) for tail in tails]


class TotalSurprise(base.AnomalyDetector):
    """The sum of the surprises as a value in 0..1, and the value that only a share `alerts` exceeds."""

    def __init__(self, alerts: float = 0.01) -> None:
        self.alerts = alerts
        self.counts = empty_counts(VALUE_BINS)
        self.seen = 0
        self.threshold = math.inf

    def score_one(self, x: Seen) -> float:
        total = sum(x.values())
        return total / (total + HALF_AT)

    def learn_one(self, x: Seen) -> None:
        self.learn_value(self.score_one(x))

    def learn_value(self, value: float) -> None:
        """Learn from a score that was given, 0 .. 1."""
        self.counts.new[min(int(value * VALUE_BINS), VALUE_BINS - 1)] += 1
        self.seen += 1
        if self.seen % REBUILD_EVERY == 0:
            self.counts.fold()
            self.threshold = upper_quantile(self.counts.old, self.alerts)

    def load(self, counts: Counts, seen: int) -> None:
        """Go on from the counts of a snapshot."""
        self.counts = counts
        self.seen = seen
        self.threshold = upper_quantile(counts.old, self.alerts) if seen >= REBUILD_EVERY else math.inf


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
