"""A boosted model as plain data: what `model.published` carries, and what makes it usable.

Trees have at most eight leaves and ask only "is this bin at most that one", of bins 0 .. 63. How it scores is
said in `streams.scoring.boosted`.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

LEAVES_MAX: Final = 8
TREES_MAX: Final = 400
FEATURES_MAX: Final = 256
#: Of a feature; one base64 digit for each feature of a request in the log.
BINS: Final = 64
#: Of a model in JSON: in base64 an event has room for it and little else.
MODEL_BYTES_MAX: Final = 48_000


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


def encode_model(model: BoostedModel) -> bytes:
    """As it is published: JSON, about 35 kB for 120 trees."""
    return msgspec.json.encode(model)


def decode_model(data: bytes) -> BoostedModel:
    """Raises UnusableModel: the bytes are no model, or one that cannot score."""
    if len(data) > MODEL_BYTES_MAX:
        raise UnusableModel(f"a model of {len(data):,} bytes; it may have {MODEL_BYTES_MAX:,}")
    try:
        model = msgspec.json.decode(data, type=BoostedModel)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableModel(f"no boosted model: {error}") from None
    check(model)
    return model


def check(model: BoostedModel) -> None:
    """Raises UnusableModel unless every tree asks for features that there are, and comes to an end."""
    if not 0 < len(set(model.names)) == len(model.names) <= FEATURES_MAX:
        raise UnusableModel(f"model {model.version} has {len(model.names)} features, or one twice")
    if not 0 < len(model.trees) <= TREES_MAX:
        raise UnusableModel(f"model {model.version} has {len(model.trees)} trees, not 1 to {TREES_MAX}")
    if not (math.isfinite(model.slope) and math.isfinite(model.intercept)):
        raise UnusableModel(f"model {model.version} is calibrated by {model.slope} and {model.intercept}")
    for number, tree in enumerate(model.trees):
        why = _broken(tree, len(model.names))
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
    if leaves_of(tree, 0) != list(range(nodes + 1)):
        return "its leaves are not in order"
    return "" if all(map(math.isfinite, (*tree.values, *tree.leaves))) else "a value is not finite"


def leaves_of(tree: Tree, node: int) -> list[int]:
    """The leaves below a node, from left to right."""
    return [~node] if node < 0 else leaves_of(tree, tree.left[node]) + leaves_of(tree, tree.right[node])
