"""The highest scores of a stream with their reasons, as they were when they were given."""

from __future__ import annotations

import heapq

from perf.evaluation.contenders import Boosted, SeenRequest
from streams.scoring.wording import Why, reasons

REASONS_MAX = 3


class Explained(Boosted):
    """Boosted trees that keep why the `at_most` highest scores from request `start` on were given."""

    def __init__(self, start: int, at_most: int) -> None:
        super().__init__()
        self._start, self._at_most = start, at_most
        self._number = 0
        self._kept: list[tuple[float, int, tuple[Why, ...]]] = []

    def score(self, seen: SeenRequest) -> float:
        score, number, scorer = super().score(seen), self._number, self.learner.scorer
        self._number += 1
        full = len(self._kept) >= self._at_most
        if scorer is not None and number >= self._start and not (full and score <= self._kept[0][0]):
            _, moved = scorer.contributions(seen.bins)
            why = reasons(seen.bins, moved, REASONS_MAX)
            (heapq.heappushpop if full else heapq.heappush)(self._kept, (score, -number, why))
        return score

    @property
    def highest(self) -> list[tuple[float, int, tuple[Why, ...]]]:
        """Score, the number of the request, and its reasons; the highest first."""
        return [(score, -number, why) for score, number, why in sorted(self._kept, reverse=True)]
