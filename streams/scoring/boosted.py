"""A boosted model as plain data, and how it scores: without the library that trained it.

Trees have at most eight leaves, so that the leaves which a request can still reach are one byte of each tree
and all trees together one whole number. Every bin of every feature has a mask of the leaves that it leaves
over; to score is to AND the masks of a request's bins and to look up the lowest bit of each byte
(QuickScorer: Lucchese and others, SIGIR 2015). 120 trees take about 70 ANDs and 120 look-ups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from schemas.boosted import BINS, BoostedModel, Tree, UnusableModel, check, leaves_of

#: A probability of 1e-13 and less is none, and exp does not overflow.
LOGIT_MAX: Final = 30.0


class TreeScorer:
    """A published model, made ready."""

    def __init__(self, model: BoostedModel, names: Sequence[str]) -> None:
        """Raises UnusableModel: it is of other features, or no tree that ends."""
        check(model)
        why = not_of(model, names)
        if why:
            raise UnusableModel(why)
        self.model = model
        self._bytes = len(model.trees)
        masks = [[(1 << 8 * self._bytes) - 1] * BINS for _ in names]
        for place, tree in enumerate(model.trees):
            _add_masks(masks, tree, 8 * place)
        all_leaves = (1 << 8 * self._bytes) - 1
        self._masks = [(place, tuple(row)) for place, row in enumerate(masks) if row[-1] != all_leaves]
        self._all = all_leaves
        self._values = [_by_byte(tree) for tree in model.trees]

    def raw(self, bins: bytes) -> float:
        """The sum of the trees. `fsum`: exact, so that it is the same in every version of Python."""
        left = self._all
        for place, masks in self._masks:
            left &= masks[bins[place]]
        return math.fsum(map(list.__getitem__, self._values, left.to_bytes(self._bytes, "little")))

    def probability(self, raw: float) -> float:
        """Of fraud, 0 .. 1."""
        logit = self.model.slope * raw + self.model.intercept
        return 1.0 / (1.0 + math.exp(-min(LOGIT_MAX, max(-LOGIT_MAX, logit))))

    def contributions(self, bins: bytes) -> tuple[float, dict[int, float]]:
        """What the trees say of any request, and how each feature moves it; together they are `raw`."""
        base, moved = 0.0, dict[int, float]()
        for tree in self.model.trees:
            node, known = 0, tree.values[0]
            base += known
            while node >= 0:
                feature = tree.features[node]
                node = (tree.left if bins[feature] <= tree.thresholds[node] else tree.right)[node]
                after = tree.values[node] if node >= 0 else tree.leaves[~node]
                moved[feature] = moved.get(feature, 0.0) + after - known
                known = after
        return base, moved


def not_of(model: BoostedModel, names: Sequence[str]) -> str:
    """Why a model cannot score requests that have these features; empty: it can."""
    if tuple(names) == model.names:
        return ""
    changed = sorted(set(names) ^ set(model.names)) or "the same in another order"
    return f"model {model.version} is of other features: {changed}"


def _add_masks(masks: list[list[int]], tree: Tree, shift: int) -> None:
    """A bin above a node's threshold cannot reach the leaves on its left."""
    for node, (feature, threshold) in enumerate(zip(tree.features, tree.thresholds, strict=True)):
        gone = 0
        for leaf in leaves_of(tree, tree.left[node]):
            gone |= 1 << leaf
        row = masks[feature]
        for place in range(threshold + 1, BINS):
            row[place] &= ~(gone << shift)


def _by_byte(tree: Tree) -> list[float]:
    """The value of the lowest leaf in each byte of leaves."""
    return [
        0.0,
        *(tree.leaves[min((byte & -byte).bit_length() - 1, len(tree.leaves) - 1)] for byte in range(1, 256)),
    ]
