"""The score without labels: how far out in its tail each of a few features is, summed.

Close to ECOD (Li and others, 2022): a feature's surprise is minus the logarithm of the share of past requests
that were at least as extreme, less an allowance for what is no surprise; surprises add up, as in Fisher's
method of combining tests. Distributions are learned as they come, as counts of bins that forget.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.scoring.features import BINS, NAMES
from streams.scoring.surprise import surprises

#: Features whose high (1) or low (-1) bins are suspicious, and how much each counts.
TAILS: Final[dict[str, tuple[int, float]]] = {
    "amount": (1, 1.0),
    "amount_for_card": (1, 1.0),
    "amount_for_category": (1, 1.0),
    "amount_to_median": (1, 1.0),
    "new_merchants_1d": (1, 1.0),
    "split_sum": (1, 1.0),
    "split_below_limit": (1, 1.0),
}
REBUILD_EVERY: Final = 256
# Half of what was counted is forgotten in 350 rebuilds, 90,000 requests.
KEEP_1024THS: Final = 1022
FULL: Final = 1 << 20


class TailCounts(msgspec.Struct, array_like=True):
    """Counts of bins by feature, in 1,024ths of a request: whole numbers."""

    seen: int = 0
    counts: dict[str, list[int]] = {}


class ColdStart:
    """Learns from every request, not from labels."""

    def __init__(self) -> None:
        self.state = TailCounts(0, {name: [0] * BINS for name in TAILS})
        self._make_tables()

    def _make_tables(self) -> None:
        self._tables = []
        for name, (side, weight) in TAILS.items():
            counts = [count / 1024 for count in self.state.counts[name]]
            tail = surprises(counts if side > 0 else counts[::-1], unordered=False)
            row = [weight * one for one in (tail if side > 0 else tail[::-1])]
            self._tables.append((NAMES.index(name), row, self.state.counts[name]))

    def raw(self, bins: bytes) -> float:
        """The weighted sum of the surprises: 0 is usual."""
        return sum([row[bins[place]] for place, row, _ in self._tables])

    def contributions(self, bins: bytes) -> dict[int, float]:
        """What each feature adds; together they are `raw`."""
        return {place: row[bins[place]] for place, row, _ in self._tables}

    def learn(self, bins: bytes) -> None:
        """One more request."""
        for place, _, counts in self._tables:
            counts[bins[place]] += 1024
        self.state.seen += 1
        if self.state.seen % REBUILD_EVERY == 0:
            for counts in self.state.counts.values():
                counts[:] = [count * KEEP_1024THS >> 10 for count in counts]
            self._make_tables()
