"""Fits boosted trees with LightGBM: the only place that knows it (`pip install spendlog[learn]`)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from schemas.boosted import BINS, LEAVES_MAX, Tree

TREES = 120
# Of logits: a model has 48 kB, and a millionth of a logit changes no order.
DIGITS = 6
SETTINGS = {
    "objective": "binary",
    "num_leaves": LEAVES_MAX,
    "learning_rate": 0.08,
    "min_data_in_leaf": 10,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": BINS,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def can_fit() -> bool:
    """Whether what fits is installed; without it the models that need no labels go on scoring."""
    if find_spec("lightgbm") is None:
        return False
    try:
        import_module("lightgbm")
    except OSError:  # the system has no libgomp
        return False
    return True


def fit(frauds: Sequence[bytes], others: Sequence[bytes], trees: int = TREES) -> tuple[Tree, ...]:
    """Trees whose sum is the logit of fraud in this sample. A second or two for 60,000 rows.

    Raises:
        ImportError: LightGBM is not installed.
    """
    lightgbm, numpy = import_module("lightgbm"), import_module("numpy")
    rows = numpy.frombuffer(b"".join((*frauds, *others)), dtype=numpy.uint8)
    rows = rows.reshape(len(frauds) + len(others), -1)
    labels = numpy.zeros(len(rows))
    labels[: len(frauds)] = 1
    fitted = lightgbm.train(SETTINGS, lightgbm.Dataset(rows, labels), trees)
    found = [_tree(one["tree_structure"]) for one in fitted.dump_model()["tree_info"]]
    return tuple(tree for tree in found if tree is not None)


def _tree(root: dict[str, Any]) -> Tree | None:
    """LightGBM's nested nodes as arrays; None where it found nothing to ask."""
    if "split_feature" not in root:
        return None
    nodes: list[dict[str, Any]] = []
    leaves: list[float] = []
    left: dict[int, int] = {}
    right: dict[int, int] = {}

    def walk(node: dict[str, Any]) -> int:
        if "split_feature" not in node:
            leaves.append(round(float(node["leaf_value"]), DIGITS))
            return ~(len(leaves) - 1)
        place = len(nodes)
        nodes.append(node)
        left[place] = walk(node["left_child"])
        right[place] = walk(node["right_child"])
        return place

    walk(root)
    every = range(len(nodes))
    return Tree(
        tuple(int(node["split_feature"]) for node in nodes),
        tuple(min(BINS - 1, int(node["threshold"])) for node in nodes),
        tuple(left[place] for place in every),
        tuple(right[place] for place in every),
        tuple(round(float(node["internal_value"]), DIGITS) for node in nodes),
        tuple(leaves),
    )
