"""The two River parts: tails, totals and the threshold, computed by hand."""

from __future__ import annotations

import math

import pytest

from streams.core.history import CardHistory
from streams.scoring.surprise import (
    ALLOWANCE,
    BINS,
    HALF_AT,
    PRIOR,
    REBUILD_EVERY,
    Seen,
    TailSurprise,
    TotalSurprise,
    surprises,
    upper_quantile,
)
from streams.scoring.tails import Baseline, extract
from tests.scoring.desk import START

USUAL: Seen = {
    "amount_for_card": 0.0,
    "amount_for_department": 0.0,
    "new_merchants": 0.0,
    "sooner_than_usual": 0.0,
    "just_below_limit": 0.1,
    "hour": 9.0,
}


def test_the_surprise_of_a_bin_is_the_logarithm_of_its_upper_tail() -> None:
    found = surprises([90 - PRIOR, 9 - PRIOR, 1 - PRIOR], unordered=False)
    assert found == pytest.approx([0.0, math.log(10) - ALLOWANCE, math.log(100) - ALLOWANCE])


def test_without_an_order_the_rare_surprises_wherever_it_lies() -> None:
    found = surprises([1 - PRIOR, 90 - PRIOR, 9 - PRIOR], unordered=True)
    assert found == pytest.approx([math.log(100) - ALLOWANCE, 0.0, math.log(10) - ALLOWANCE])


def test_bins_that_are_equally_rare_surprise_equally() -> None:
    assert len(set(surprises([3.0] * 24, unordered=True))) == 1


def test_the_total_is_mapped_into_0_to_1() -> None:
    total = TotalSurprise()
    assert total.score_one({"a": 0.0, "b": 0.0}) == 0.0
    assert total.score_one({"a": HALF_AT, "b": 0.0}) == 0.5
    assert total.score_one({"a": 1e9, "b": 0.0}) < 1.0


def test_no_more_than_the_asked_share_lies_above_the_threshold() -> None:
    counts = [0.0] * 10
    counts[2], counts[5], counts[9] = 98.0, 1.0, 1.0
    assert upper_quantile(counts, 0.01) == 0.6
    assert upper_quantile(counts, 0.02) == pytest.approx(0.3)
    assert upper_quantile(counts, 0.001) == 1.0
    assert upper_quantile([50.0, 0.0], 0.01) == 0.5
    assert upper_quantile([0.0, 0.0], 0.01) == 1.0


def test_what_is_learned_shows_after_a_rebuild() -> None:
    model = TailSurprise()
    odd = USUAL | {"amount_for_card": 5.0}
    before = model.transform_one(odd)["amount_for_card"]
    for _ in range(REBUILD_EVERY):
        model.learn_one(USUAL)
    after = model.transform_one(odd)["amount_for_card"]
    assert after > before
    assert model.transform_one(USUAL) == pytest.approx(dict.fromkeys(USUAL, 0.0))


def test_counts_forget() -> None:
    model = TailSurprise()
    for _ in range(REBUILD_EVERY * 50):
        model.learn_one(USUAL)
    assert sum(model.counts["hour"].old) < REBUILD_EVERY * 50


@pytest.mark.parametrize("value", [-1e300, -1.0, 1e300])
def test_what_is_outside_the_bins_is_in_the_outer_ones(value: float) -> None:
    model = TailSurprise()
    for name in BINS:
        found = model.transform_one(USUAL | {name: value})
        assert math.isfinite(found[name])
        model.learn_one(USUAL | {name: value})


def test_every_feature_has_bins() -> None:
    assert extract(CardHistory(), Baseline(), START, 100, "a").keys() == BINS.keys()
