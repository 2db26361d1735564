"""What is kept of the labelled requests: all frauds, and a sample of the others."""

from __future__ import annotations

import random

FRAUDS_MAX = 20_000
# Average precision on the second half of the Handbook's stream at 20,000 and 40,000: .666 and .686; of the
# injected one at 20,000 and 60,000: .50 and .53.
OTHERS_MAX = 60_000


class LabelledSample:
    """Bounded. Of the requests that were not fraud every one has the same chance to be in it."""

    def __init__(self, others_max: int = OTHERS_MAX, frauds_max: int = FRAUDS_MAX) -> None:
        self.frauds: dict[str, bytes] = {}
        self.others: list[bytes] = []
        self.seen_frauds = 0
        self.seen_others = 0
        self._names: list[str] = []  # of the others, at the same places
        self._places: dict[str, int] = {}
        self._others_max = others_max
        self._frauds_max = frauds_max
        # Of a process that learns; what it learned is published, not made again.
        self._random = random.Random(0)

    def add(self, bins: bytes, fraud: bool, name: str = "") -> None:
        """One more labelled request: its features (see streams.scoring.features) and what it was.

        `name`: by which another label may find it.
        """
        if fraud:
            self.seen_frauds += 1
            self.frauds[name or f"#{self.seen_frauds}"] = bins
            if len(self.frauds) > self._frauds_max:
                del self.frauds[next(iter(self.frauds))]
            return
        self.seen_others += 1
        if len(self.others) < self._others_max:
            self._put(len(self.others), bins, name)
            return
        place = self._random.randrange(self.seen_others)
        if place < self._others_max:
            self._put(place, bins, name)

    def take_out(self, name: str) -> bytes | None:
        """As if it had never been labelled. None: it is not in the sample."""
        if name in self.frauds:
            self.seen_frauds -= 1
            return self.frauds.pop(name)
        place = self._places.pop(name, None)
        if place is None:
            return None
        self.seen_others -= 1
        bins, last, last_name = self.others[place], self.others.pop(), self._names.pop()
        if place < len(self.others):
            self._put(place, last, last_name, anew=False)
        return bins

    def _put(self, place: int, bins: bytes, name: str, *, anew: bool = True) -> None:
        if place == len(self.others):
            self.others.append(bins)
            self._names.append(name)
        else:
            if anew:
                self._places.pop(self._names[place], None)
            self.others[place], self._names[place] = bins, name
        if name:
            self._places[name] = place

    @property
    def seen(self) -> int:
        """How many labelled requests there were."""
        return self.seen_frauds + self.seen_others

    @property
    def odds_factor(self) -> float:
        """True odds of fraud to the sample's: below 1, since others are left out and frauds are not."""
        if not self.seen_others or not self.seen_frauds:
            return 1.0
        return (len(self.others) / self.seen_others) / (len(self.frauds) / self.seen_frauds)
