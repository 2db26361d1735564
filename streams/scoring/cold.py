"""The score without labels: how far out in its tail each of a few features is, squared and summed.

Close to ECOD (Li and others, 2022): a feature's surprise is minus the logarithm of the share of past requests
that were at least as extreme, less an allowance for what is no surprise. Squares, because what is far out in
one feature is odder than what is a little out in several. Distributions are learned as they come, as counts
of bins that forget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from schemas.decisions import Contribution, Score
from streams.scoring.alerts import COUNT_MAX, AlertLevel, Counts, UnusableSnapshot
from streams.scoring.duplicates import SAME_PURCHASE, is_odd_repeat
from streams.scoring.features import BINS, NAMES
from streams.scoring.wording import contributions

MODEL: Final = "tail-surprise"
# Raise it with every change of features, bins or constants: snapshots of another version are refused.
VERSION: Final = "4"

#: Features whose high bins are suspicious, and how much each counts. Chosen on first halves: decision 59.
TAILS: Final[dict[str, float]] = {
    "amount": 1.0,
    "amount_for_department": 1.0,
    "amount_for_category": 2.0,
    "amount_for_merchant": 1.0,
    "amount_to_median": 2.0,
    "amount_to_mean": 1.0,
    "new_merchants_1d": 1.0,
    "spent_at_new_3d": 1.0,
    "new_categories_3d": 2.0,
    "split_below_limit": 0.5,
}
REBUILD_EVERY: Final = 256
# Half of what was counted is forgotten in 350 rebuilds, 90,000 requests.
KEEP_1024THS: Final = 1022
# Half a request in each bin before anything was seen: no tail is ever empty.
PRIOR: Final = 0.5
# What one request in e = 2.7 exceeds is no surprise. Without this allowance the noise of the usual features
# drowns the one that is odd.
ALLOWANCE: Final = 1.0
# A total of 20 makes 0.5: seldom alone (1 in 240 for one feature), and no cause for alarm.
HALF_AT: Final = 20.0
# What an exact repeat adds that is not usual. Average precision on the first half of the injected stream with
# 0, 20, 32, 48 and 64: .067, .072, .074, .074 and .070.
REPEAT: Final = 32.0
# Of numbers in the log.
DIGITS: Final = 4


class TailState(msgspec.Struct, forbid_unknown_fields=True):
    """The whole model. `old`: faded counts of bins by feature, in 1,024ths of a request, of which tails are
    made; `new`: requests since then; `values`: of its scores."""

    version: str
    seen: int
    old: dict[str, list[int]]
    new: dict[str, list[int]]
    values: Counts


class ColdStart:
    """Learns from every request, not from labels. One for a whole partition, for a small department would
    take years to learn; what is usual for a card, a merchant or an organization is in the features.
    """

    def __init__(self, alerts: float = 0.01, warm_up: int = 0) -> None:
        """`alerts`: the share of requests to flag, 0..1, once `warm_up` requests have been learned."""
        self.level = AlertLevel(alerts)
        self._warm_up = warm_up
        self._old = {name: [0] * BINS for name in TAILS}
        self._new = {name: [0] * BINS for name in TAILS}
        self._make_tables()

    @property
    def seen(self) -> int:
        """How many requests were learned."""
        return self.level.seen

    def score(self, bins: bytes, features: str) -> Score:
        """How unusual the request is. `features`: the bins as they are told."""
        value = round(self.value(bins), DIGITS)
        level = self.level
        flagged = value >= level.threshold and level.seen >= self._warm_up
        return Score(value, MODEL, VERSION, flagged, self._reasons(bins) if flagged else (), features)

    def value(self, bins: bytes) -> float:
        """The total as a value in 0..1."""
        total = self.raw(bins)
        return total / (total + HALF_AT)

    def raw(self, bins: bytes) -> float:
        """The weighted sum of the squared surprises, and what a repeat adds: 0 is usual."""
        total = sum([row[bins[place]] for place, row, _ in self._tables])
        return total + REPEAT if is_odd_repeat(bins) else total

    def learn(self, bins: bytes, value: float) -> None:
        """One more request, which had this score."""
        for place, _, counts in self._tables:
            counts[bins[place]] += 1
        self.level.learn(value)
        if self.level.seen % REBUILD_EVERY == 0:
            self._rebuild()

    def contributions(self, bins: bytes) -> dict[int, float]:
        """What each feature adds; together they are `raw`."""
        found = {place: row[bins[place]] for place, row, _ in self._tables}
        return found | {SAME_PURCHASE: REPEAT} if is_odd_repeat(bins) else found

    def state(self) -> TailState:
        """The model as plain data: a few kB."""
        return TailState(VERSION, self.level.seen, self._old, self._new, self.level.counts)

    def load(self, state: TailState) -> None:
        """Become the model of a snapshot, whatever was learned before.

        Raises:
            UnusableSnapshot: it is of another version, or impossible; this model stays as it was.
        """
        if state.version != VERSION:
            raise UnusableSnapshot(f"a snapshot of {MODEL} {state.version[:50]}, not of {VERSION}")
        for found in (state.old, state.new):
            if found.keys() != TAILS.keys():
                raise UnusableSnapshot(f"its features are {sorted(found)}")
            for name, counts in found.items():
                if len(counts) != BINS or not all(0 <= count <= COUNT_MAX for count in counts):
                    raise UnusableSnapshot(f"{name} has {len(counts)} counts, or impossible ones")
        self.level.load(state.values, state.seen)
        self._old = {name: state.old[name] for name in TAILS}
        self._new = {name: state.new[name] for name in TAILS}
        self._make_tables()

    def _rebuild(self) -> None:
        for name, new in self._new.items():
            faded = (count * KEEP_1024THS >> 10 for count in self._old[name])
            self._old[name] = [old + 1024 * count for old, count in zip(faded, new, strict=True)]
            self._new[name] = [0] * BINS
        self._make_tables()

    def _make_tables(self) -> None:
        self._tables = []
        for name, weight in TAILS.items():
            row = [weight * one * one for one in surprises([count / 1024 for count in self._old[name]])]
            self._tables.append((NAMES.index(name), row, self._new[name]))

    def _reasons(self, bins: bytes) -> tuple[Contribution, ...]:
        """Only of flagged requests: for one in a hundred, those that people look at."""
        return contributions(bins, self.contributions(bins))


def surprises(counts: Sequence[float]) -> list[float]:
    """Minus the logarithm of each bin's upper tail, less the allowance, at least 0.

    The tail of a bin is the share of requests in it or in a higher one.
    """
    smooth = [count + PRIOR for count in counts]
    total, mass = math.fsum(smooth), 0.0
    found = [0.0] * len(smooth)
    for place in range(len(smooth) - 1, -1, -1):
        mass += smooth[place]
        found[place] = max(0.0, math.log(total / mass) - ALLOWANCE)
    return found
