"""Reasons in words: each feature has some, they tell its value, and the largest come first."""

from __future__ import annotations

import pytest

from streams.scoring.features import BINS, NAMES
from streams.scoring.features.scales import long_scale
from streams.scoring.wording import WORDS, reasons, unlong, words


def test_every_feature_has_words_for_every_bin() -> None:
    assert WORDS.keys() == set(NAMES)
    for name in NAMES:
        said = [words(name, place) for place in range(BINS)]
        assert all(said)
        assert len(set(said)) > 1, name


@pytest.mark.parametrize("place", range(BINS))
def test_the_least_count_of_a_place_is_at_that_place(place: int) -> None:
    assert long_scale(unlong(place)) == place
    assert not place or long_scale(unlong(place) - 1) == place - 1


@pytest.mark.parametrize(
    ("feature", "place", "said"),
    [
        ("amount_to_mean", 32, "1 × the card's usual amount"),
        ("amount_to_mean", 48, "4 × the card's usual amount"),
        ("amount_to_mean", 16, "0.25 × the card's usual amount"),
        ("amount_to_mean", 63, "15 or more × the card's usual amount"),
        ("amount_for_card", 56, "3.0 standard deviations above what is usual for the card"),
        ("merchant_visits", 0, "the card's first purchase at this merchant"),
        ("merchant_visits", 8, "about 8 purchases of the card at this merchant"),
        ("hour", 3, "03:00 to 03:59 UTC, on a weekday"),
        ("hour", 47, "23:00 to 23:59 UTC, at a weekend"),
        ("share_of_limit", 62, "the amount is 99.5 % of a limit"),
        ("merchant_fraud_days", 63, "no fraud is known here lately"),
        ("merchant_fraud_days", 9, "9 days since the last fraud here"),
        ("new_merchants_1d", 5, "5 merchants that are new to the card within a day"),
        ("amount_rank", 63, "100 % of the card's last amounts are smaller"),
    ],
)
def test_words_tell_the_value(feature: str, place: int, said: str) -> None:
    assert words(feature, place) == said


def test_the_largest_reasons_come_first_and_what_lowers_the_score_is_none() -> None:
    bins = bytes([40] * len(NAMES))
    found = reasons(bins, {0: 0.5, 1: -2.0, 2: 1.5, 3: 0.0, 4: 0.7, 5: 0.1})
    assert [why.feature for why in found] == [NAMES[2], NAMES[4], NAMES[0]]
    assert [why.moved for why in found] == [1.5, 0.7, 0.5]
