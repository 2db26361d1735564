"""What is kept of the labelled requests: all frauds, and a sample of the others."""

from __future__ import annotations

import random
from collections import deque

FRAUDS_MAX = 20_000
# Average precision on the second half of the Handbook's stream at 20,000 and 40,000: .666 and .686; of the
# injected one at 20,000 and 60,000: .50 and .53.
OTHERS_MAX = 60_000


class LabelledSample:
    """Bounded. Of the requests that were not fraud every one has the same chance to be in it."""

    def __init__(self, others_max: int = OTHERS_MAX, frauds_max: int = FRAUDS_MAX) -> None:
        self.frauds: deque[bytes] = deque(maxlen=frauds_max)
        self.others: list[bytes] = []
        self.seen_frauds = 0
        self.seen_others = 0
        self._others_max = others_max
        self._random = random.Random(
            0
        )  # of a process that learns; what it learned is published, not made again

    def add(self, bins: bytes, fraud: bool) -> None:
        """One more labelled request: its features (see streams.scoring.features) and what it was."""
        if fraud:
            self.seen_frauds += 1
            self.frauds.append(bins)
            return
        self.seen_others += 1
        if len(self.others) < self._others_max:
            self.others.append(bins)
            return
        place = self._random.randrange(self.seen_others)
        if place < self._others_max:
            self.others[place] = bins

    @property
    def odds_factor(self) -> float:
        """True odds of fraud to the sample's: below 1, since others are left out and frauds are not."""
        if not self.seen_others or not self.seen_frauds:
            return 1.0
        return (len(self.others) / self.seen_others) / (len(self.frauds) / self.seen_frauds)
