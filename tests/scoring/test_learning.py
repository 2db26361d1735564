"""What is kept of labels, when it is fitted again, and that probabilities are some."""

from __future__ import annotations

import math
import random

import pytest

from streams.scoring.features import NAMES
from streams.scoring.learning.calibrate import platt
from streams.scoring.learning.learner import BoostedLearner
from streams.scoring.learning.sample import LabelledSample
from streams.scoring.learning.trees import can_fit

FITS = pytest.mark.skipif(not can_fit(), reason="LightGBM is not installed, or its libgomp is not")


def test_a_sample_keeps_every_fraud_and_some_of_the_others_evenly() -> None:
    sample = LabelledSample(others_max=1_000)
    for number in range(20_000):
        sample.add(number.to_bytes(4, "big"), number % 100 == 0)
    assert (len(sample.frauds), len(sample.others)) == (200, 1_000)
    mean = sum(int.from_bytes(one, "big") for one in sample.others) / 1_000
    assert mean == pytest.approx(10_000, rel=0.06)
    assert sample.odds_factor == pytest.approx(1_000 / 19_800)


def test_a_full_sample_lets_the_oldest_frauds_go_and_corrects_for_it() -> None:
    sample = LabelledSample(others_max=100, frauds_max=10)
    for number in range(400):
        sample.add(bytes([number % 64]), number % 2 == 0)
    assert sample.odds_factor == pytest.approx((100 / 200) / (10 / 200))


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -3.0), (1.6, -4.0), (0.8, 1.0)])
def test_platts_numbers_are_found_again(slope: float, intercept: float) -> None:
    rng = random.Random(4)
    pairs = []
    for _ in range(20_000):
        raw = rng.gauss(0, 2)
        pairs.append((raw, rng.random() < 1 / (1 + math.exp(-(slope * raw + intercept)))))
    found = platt(pairs, 0.0)
    assert found == pytest.approx((slope, intercept), abs=0.15)


def test_with_few_frauds_only_the_sampling_is_corrected() -> None:
    assert platt([(1.0, True), (0.0, False)] * 9, -2.5) == (1.0, -2.5)
    assert platt([], -2.5) == (1.0, -2.5)


def rows(count: int, seed: int) -> list[tuple[bytes, bool]]:
    """Fraud where two features are high together, and here and there."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        bins = bytes(rng.randrange(64) for _ in NAMES)
        odd = bins[3] > 50 and bins[9] > 50
        found.append((bins, rng.random() < (0.7 if odd else 0.004)))
    return found


@FITS
def test_a_learner_finds_what_makes_fraud_and_its_probabilities_are_true() -> None:
    learner = BoostedLearner(trees=40)
    for number, (bins, fraud) in enumerate(rows(6_000, 1)):
        learner.learn(bins, fraud)
        if number % 1_000 == 0 and learner.due(0):
            learner.refit(0)
    learner.refit(20)
    scorer = learner.scorer
    assert scorer is not None
    fresh = rows(4_000, 2)
    scored = [(scorer.probability(scorer.raw(bins)), fraud) for bins, fraud in fresh]
    assert sum(p for p, _ in scored) == pytest.approx(sum(fraud for _, fraud in scored), rel=0.25)
    top = sorted(scored, reverse=True)[:100]
    assert sum(fraud for _, fraud in top) / 100 > 0.5


@FITS
def test_refits_are_few_however_many_labels_come() -> None:
    learner = BoostedLearner(trees=5)
    for bins, fraud in rows(4_000, 3):
        learner.learn(bins, fraud)
        if learner.due(0):
            assert learner.refit(0) is not None
    frauds = learner.sample.seen_frauds
    assert learner.fits <= 2 + math.log(frauds / 20) / math.log(1.1)
    assert not learner.due(27)
    assert learner.due(28)


def test_nothing_is_fitted_before_there_are_frauds_to_learn_from() -> None:
    learner = BoostedLearner()
    for number in range(500):
        learner.learn(bytes(len(NAMES)), number % 30 == 0)
    assert not learner.due(1_000)
