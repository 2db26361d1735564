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

import msgspec

from streams.scoring.features import BINS

LEAVES_MAX: Final = 8
TREES_MAX: Final = 400
#: A probability of 1e-13 and less is none, and exp does not overflow.
LOGIT_MAX: Final = 30.0


class UnusableModel(ValueError):
    """Bytes that are no model, or one of other features: what is in force stays in force."""


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """One tree. Node n asks if bin `features[n]` is at most `thresholds[n]`: then `left[n]`, else `right[n]`.

    Below zero: leaf ~n, in the order from left to right. `values`: what is known at each node before it asks;
    `leaves`: what each leaf says. All are shares of a logit. Node 0 is the root; nodes come before their own.
    """

    features: tuple[int, ...]
    thresholds: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    values: tuple[float, ...]
    leaves: tuple[float, ...]


class BoostedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is published: `slope` and `intercept` turn the sum of the trees into the logit of a probability.

    `names`: the features that it was trained on, in their order; `fitted`: requests and frauds among them.
    """

    version: int
    names: tuple[str, ...]
    trees: tuple[Tree, ...]
    slope: float
    intercept: float
    fitted: tuple[int, int]


class TreeScorer:
    """A published model, made ready."""

    def __init__(self, model: BoostedModel, names: Sequence[str]) -> None:
        """Raises UnusableModel: it is of other features, or no tree that ends."""
        check(model, names)
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


def encode_model(model: BoostedModel) -> bytes:
    """As it is published: JSON, about 35 kB for 120 trees."""
    return msgspec.json.encode(model)


def decode_model(data: bytes) -> BoostedModel:
    """Raises UnusableModel: the bytes are no model."""
    try:
        return msgspec.json.decode(data, type=BoostedModel)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableModel(f"no boosted model: {error}") from None


def check(model: BoostedModel, names: Sequence[str]) -> None:
    """Raises UnusableModel unless every tree asks for known features and comes to an end."""
    if tuple(names) != model.names:
        changed = sorted(set(names) ^ set(model.names)) or "the same in another order"
        raise UnusableModel(f"model {model.version} is of other features: {changed}")
    if not 0 < len(model.trees) <= TREES_MAX:
        raise UnusableModel(f"model {model.version} has {len(model.trees)} trees, not 1 to {TREES_MAX}")
    if not (math.isfinite(model.slope) and math.isfinite(model.intercept)):
        raise UnusableModel(f"model {model.version} is calibrated by {model.slope} and {model.intercept}")
    for number, tree in enumerate(model.trees):
        why = _broken(tree, len(names))
        if why:
            raise UnusableModel(f"tree {number} of model {model.version}: {why}")


def _broken(tree: Tree, features: int) -> str:
    """Why this is no tree; empty: it is one."""
    nodes = len(tree.features)
    lengths = {len(one) for one in (tree.features, tree.thresholds, tree.left, tree.right, tree.values)}
    if lengths != {nodes} or not 1 <= nodes < LEAVES_MAX or len(tree.leaves) != nodes + 1:
        return f"it has {nodes} nodes and {len(tree.leaves)} leaves"
    below = sorted([*tree.left, *tree.right])
    if below != [*range(-nodes - 1, 0), *range(1, nodes)]:
        return "a node or leaf is reached twice or never"
    for node in range(nodes):
        if any(0 <= child <= node for child in (tree.left[node], tree.right[node])):
            return f"node {node} leads back"
        if not (0 <= tree.features[node] < features and 0 <= tree.thresholds[node] < BINS):
            return f"node {node} asks for feature {tree.features[node]} up to {tree.thresholds[node]}"
    if _leaves(tree, 0) != list(range(nodes + 1)):
        return "its leaves are not in order"
    return "" if all(map(math.isfinite, (*tree.values, *tree.leaves))) else "a value is not finite"


def _leaves(tree: Tree, node: int) -> list[int]:
    """The leaves below a node, from left to right."""
    return [~node] if node < 0 else _leaves(tree, tree.left[node]) + _leaves(tree, tree.right[node])


def _add_masks(masks: list[list[int]], tree: Tree, shift: int) -> None:
    """A bin above a node's threshold cannot reach the leaves on its left."""
    for node, (feature, threshold) in enumerate(zip(tree.features, tree.thresholds, strict=True)):
        gone = 0
        for leaf in _leaves(tree, tree.left[node]):
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
