"""A published model: it scores as its trees say, its reasons add up, and what is no model is refused."""

from __future__ import annotations

import math
import random

import pytest
from msgspec.structs import replace

from schemas.boosted import (
    BINS,
    MODEL_BYTES_MAX,
    BoostedModel,
    Tree,
    UnusableModel,
    decode_model,
    encode_model,
)
from streams.scoring.boosted import TreeScorer

NAMES = tuple(f"f{number}" for number in range(9))


def grown(rng: random.Random) -> Tree:
    """A random tree of two to eight leaves, its nodes before those below them."""
    nodes = rng.randint(1, 7)
    left: dict[int, int] = {}
    right: dict[int, int] = {}
    order: list[int] = []
    leaves = 0

    def walk(budget: int) -> int:
        nonlocal leaves
        if not budget:
            leaves += 1
            return ~(leaves - 1)
        place = len(order)
        order.append(place)
        share = rng.randint(0, budget - 1)
        left[place] = walk(share)
        right[place] = walk(budget - 1 - share)
        return place

    walk(nodes)
    return Tree(
        tuple(rng.randrange(len(NAMES)) for _ in order),
        tuple(rng.randrange(BINS) for _ in order),
        tuple(left[place] for place in order),
        tuple(right[place] for place in order),
        tuple(round(rng.uniform(-1, 1), 6) for _ in order),
        tuple(round(rng.uniform(-1, 1), 6) for _ in range(leaves)),
    )


def model(seed: int, trees: int = 30) -> BoostedModel:
    rng = random.Random(seed)
    return BoostedModel(seed, NAMES, tuple(grown(rng) for _ in range(trees)), 0.9, -2.0, (1_000, 50))


def walked(tree: Tree, bins: bytes) -> float:
    node = 0
    while node >= 0:
        low = bins[tree.features[node]] <= tree.thresholds[node]
        node = tree.left[node] if low else tree.right[node]
    return tree.leaves[~node]


@pytest.mark.parametrize("seed", range(20))
def test_masks_find_the_leaves_that_a_walk_finds(seed: int) -> None:
    rng = random.Random(1_000 + seed)
    found = model(seed)
    scorer = TreeScorer(found, NAMES)
    for _ in range(200):
        bins = bytes(rng.choice((0, 1, 31, 62, 63, rng.randrange(BINS))) for _ in NAMES)
        assert scorer.raw(bins) == math.fsum(walked(tree, bins) for tree in found.trees)


@pytest.mark.parametrize("seed", range(5))
def test_contributions_add_up_to_the_score(seed: int) -> None:
    rng = random.Random(seed)
    scorer = TreeScorer(model(seed), NAMES)
    for _ in range(100):
        bins = bytes(rng.randrange(BINS) for _ in NAMES)
        base, moved = scorer.contributions(bins)
        assert base + sum(moved.values()) == pytest.approx(scorer.raw(bins), abs=1e-9)


def test_what_is_published_scores_the_same_bits_when_it_is_read_again() -> None:
    found = model(3, trees=120)
    again = decode_model(encode_model(found))
    assert again == found
    bins = bytes(range(9))
    assert TreeScorer(again, NAMES).raw(bins).hex() == TreeScorer(found, NAMES).raw(bins).hex()
    assert len(encode_model(found)) < MODEL_BYTES_MAX


@pytest.mark.parametrize("raw", [-1e9, -40.0, 0.0, 40.0, 1e9])
def test_a_probability_is_one_whatever_the_trees_say(raw: float) -> None:
    assert 0.0 < TreeScorer(model(1), NAMES).probability(raw) < 1.0


GOOD = Tree((0, 1), (5, 6), (1, ~2), (~0, ~1), (0.0, 0.0), (0.1, 0.2, 0.3))


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (GOOD, "not in order"),
        (Tree((0,), (5,), (0,), (~1,), (0.0,), (0.1, 0.2)), "twice or never"),
        (Tree((0,), (5,), (~0,), (~0,), (0.0,), (0.1, 0.2)), "twice or never"),
        (Tree((9,), (5,), (~0,), (~1,), (0.0,), (0.1, 0.2)), "asks for feature 9"),
        (Tree((-1,), (5,), (~0,), (~1,), (0.0,), (0.1, 0.2)), "asks for feature -1"),
        (Tree((0,), (64,), (~0,), (~1,), (0.0,), (0.1, 0.2)), "up to 64"),
        (Tree((0,), (5,), (~0,), (~1,), (0.0,), (0.1, math.nan)), "not finite"),
        (Tree((0,), (5,), (~0,), (~1,), (math.inf,), (0.1, 0.2)), "not finite"),
        (Tree((), (), (), (), (), (0.1,)), "0 nodes"),
        (Tree((0,), (5,), (~0,), (~1,), (0.0,), (0.1,)), "1 nodes and 1 leaves"),
        (Tree((0, 1, 2), (5, 6, 7), (2, 1, ~0), (~1, ~2, ~3), (0.0,) * 3, (0.1,) * 4), "leads back"),
    ],
)
def test_what_is_no_tree_is_refused(tree: Tree, why: str) -> None:
    with pytest.raises(UnusableModel, match=why):
        TreeScorer(replace(model(1), trees=(tree,)), NAMES)


@pytest.mark.parametrize("names", [(), ("f0", "f0"), tuple(f"f{n}" for n in range(300))])
def test_a_model_without_features_or_with_one_twice_is_refused(names: tuple[str, ...]) -> None:
    tree = Tree((0,), (5,), (~0,), (~1,), (0.0,), (0.1, 0.2))
    with pytest.raises(UnusableModel, match="features, or one twice"):
        decode_model(encode_model(replace(model(1), names=names, trees=(tree,))))


def test_a_model_that_no_event_could_carry_is_refused() -> None:
    with pytest.raises(UnusableModel, match="48,000"):
        decode_model(encode_model(model(1, trees=400)))


def test_a_model_of_other_features_is_refused_and_says_which() -> None:
    with pytest.raises(UnusableModel, match="f8"):
        TreeScorer(model(1), NAMES[:-1])
    with pytest.raises(UnusableModel, match="another order"):
        TreeScorer(model(1), NAMES[::-1])


@pytest.mark.parametrize("changes", [{"trees": ()}, {"slope": math.nan}, {"intercept": math.inf}])
def test_a_model_without_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UnusableModel):
        TreeScorer(replace(model(1), **changes), NAMES)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", encode_model(model(1))[:-9]])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(UnusableModel, match="no boosted model"):
        decode_model(data)
