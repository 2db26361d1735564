"""What is kept of labels, when it is fitted again, and that probabilities are some."""

from __future__ import annotations

import math
import random

import pytest
from msgspec.structs import replace

from streams.scoring.features import NAMES
from streams.scoring.learning.calibrate import platt
from streams.scoring.learning.judge import IN_FORCE, NO_LABELS, Judgement, average_precision
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


def odd(count: int, seed: int, first: int, second: int) -> list[tuple[bytes, bool]]:
    """Fraud where these two features are high together."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        bins = bytes(rng.randrange(64) for _ in NAMES)
        found.append((bins, rng.random() < (0.8 if bins[first] > 48 and bins[second] > 48 else 0.004)))
    return found


def taught(learner: BoostedLearner, known: list[tuple[bytes, bool]], start: int = 0) -> None:
    for number, (bins, fraud) in enumerate(known, start):
        learner.learn(bins, fraud, f"r{number}")


@FITS
def test_a_model_that_is_no_better_is_not_taken_and_says_why() -> None:
    """It would learn from a careless reviewer, who let misuse pass; later labels show it."""
    learner = BoostedLearner(trees=40, careful=True)
    taught(learner, odd(3_000, 1, 3, 9))
    assert learner.refit(0) is not None
    first = vars(learner)["judgement"]
    assert first is not None and first.unjudged and first.before == NO_LABELS
    before, fits = learner.scorer, learner.fits
    careless = [(bins, bins[20] > 40) for bins, _ in odd(600, 2, 3, 9)]
    misuse = [bytes((*bins[:3], 60, *bins[4:9], 60, *bins[10:])) for bins, _ in careless]
    taught(learner, [*careless, *((bins, False) for bins in misuse * 5)], 3_000)
    taught(learner, odd(7_000, 3, 3, 9), 9_000)
    refused = learner.refit(27)
    judgement = vars(learner)["judgement"]
    assert refused is None
    assert judgement is not None and not judgement.better
    assert judgement.frauds >= 10 and judgement.requests <= 7_000
    assert "no more than" in judgement.sentence()
    assert (learner.scorer, learner.fits) == (before, fits)
    assert not learner.due(27), "it is not tried with every label"
    assert learner.due(55)


@FITS
@pytest.mark.parametrize(("right", "is_taken"), [(False, True), (True, False)])
def test_the_first_model_must_be_better_than_the_score_without_labels(right: bool, is_taken: bool) -> None:
    """`right`: what the stream said of every request is what it was, and no model can be better."""
    learner = BoostedLearner(trees=40, careful=True)
    for number, (bins, fraud) in enumerate(odd(2_000, 1, 3, 9)):
        learner.learn(bins, fraud, f"r{number}", float(fraud) if right else bins[1] / 64)
    model = learner.refit(0)
    judgement = vars(learner)["judgement"]
    assert judgement is not None and not judgement.unjudged and judgement.frauds >= 10
    assert judgement.sentence().endswith("of the score without labels")
    assert (model is not None, learner.scorer is not None) == (is_taken, is_taken)
    assert not learner.due(27), "it is not tried with every label"
    assert learner.due(28)


@pytest.mark.parametrize(
    ("before", "new", "in_force", "taken"),
    [
        (NO_LABELS, 0.5, 0.5, True),
        (NO_LABELS, 0.49, 0.5, False),
        (IN_FORCE, 0.5, 0.5, False),
        (IN_FORCE, 0.51, 0.5, True),
        (IN_FORCE, None, None, True),
    ],
)
def test_what_is_level_is_taken_only_where_there_is_no_model(
    before: str, new: float | None, in_force: float | None, taken: bool
) -> None:
    judgement = Judgement(before, 100, 10, new, in_force)
    assert judgement.better == taken
    assert judgement.unjudged == (new is None)
    assert before in judgement.sentence()


@FITS
def test_a_first_model_that_nothing_can_be_compared_with_is_taken_and_says_so() -> None:
    """The stream scored nothing, or was not heard: what labels tell is better than nothing."""
    learner = BoostedLearner(trees=10, careful=True)
    taught(learner, odd(2_000, 1, 3, 9))
    assert learner.refit(0) is not None
    judgement = vars(learner)["judgement"]
    assert judgement is not None and judgement.unjudged and judgement.better
    assert judgement.sentence() == (
        "0 frauds that the score without labels has not learned from are too few to compare"
    )


@FITS
def test_a_model_of_other_features_is_not_adopted_and_it_says_why() -> None:
    learner = BoostedLearner(trees=10)
    taught(learner, odd(2_000, 1, 3, 9))
    model = learner.refit(0)
    assert model is not None
    before = learner.scorer
    other = replace(model, names=(*model.names[:-1], "shoe_size"), version=7)
    assert learner.adopt(other, 3) == f"model 7 is of other features: ['{NAMES[-1]}', 'shoe_size']"
    assert learner.scorer is before
    assert not learner.due(27), "nothing of it counts"
    turned = replace(model, names=model.names[::-1])
    assert "another order" in learner.adopt(turned, 3)
    again = learner.refit(28)
    assert again is not None and again.version == 8, "no number is given twice"
    assert learner.adopt(model, 30) == ""


@FITS
def test_a_model_that_knows_a_new_kind_of_misuse_is_taken() -> None:
    learner = BoostedLearner(trees=40, careful=True)
    taught(learner, odd(1_500, 1, 3, 9))
    assert learner.refit(0) is not None
    taught(learner, odd(4_000, 2, 20, 30), 2_000)
    model = learner.refit(10)
    judgement = vars(learner)["judgement"]
    assert model is not None and judgement is not None
    assert judgement.new is not None and judgement.in_force is not None
    assert judgement.new > judgement.in_force + 0.2
    assert ", more than" in judgement.sentence()


@FITS
def test_of_too_few_frauds_nothing_is_said_and_the_new_model_is_taken() -> None:
    learner = BoostedLearner(trees=10, careful=True)
    taught(learner, odd(2_000, 1, 3, 9))
    assert learner.refit(0) is not None
    taught(learner, [(bins, False) for bins, _ in odd(300, 2, 3, 9)], 2_000)
    assert learner.refit(40) is not None
    assert learner.judgement is not None and learner.judgement.better
    assert "too few" in learner.judgement.sentence()


@FITS
def test_a_later_label_counts_in_the_judgement_too() -> None:
    learner = BoostedLearner(trees=10, careful=True)
    taught(learner, odd(2_000, 1, 3, 9))
    assert learner.refit(0) is not None
    taught(learner, odd(600, 2, 3, 9), 2_000)
    known = learner._unseen.copy()
    fraud = next(name for name, one in known.items() if one.fraud)
    learner.relabel(fraud, "legitimate")
    assert not learner._unseen[fraud].fraud
    learner.relabel(fraud, "unsure")
    assert fraud not in learner._unseen


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([(3.0, True), (2.0, False), (1.0, False)], 1.0),
        ([(3.0, False), (2.0, True), (1.0, False)], 0.5),
        ([(3.0, True), (2.0, False), (1.0, True)], (1 + 2 / 3) / 2),
        ([(1.0, True), (1.0, False), (1.0, False), (1.0, False)], 0.25),
        ([(1.0, False)], 0.0),
        ([], 0.0),
    ],
)
def test_average_precision_is_as_counted_by_hand(pairs: list[tuple[float, bool]], found: float) -> None:
    assert average_precision(pairs) == pytest.approx(found)
    assert average_precision(reversed(pairs)) == pytest.approx(found)
