"""The score without labels: what is rare in a suspicious direction scores, and the terms add up."""

from __future__ import annotations

import math
import random

import pytest

from streams.scoring.cold import ALLOWANCE, PRIOR, REPEAT, TAILS, ColdStart, surprises
from streams.scoring.duplicates import AMOUNT_LEAST, FEATURE
from streams.scoring.features import NAMES


def usual(rng: random.Random) -> bytes:
    return bytes(min(63, max(0, int(rng.gauss(28, 4)))) for _ in NAMES)


@pytest.fixture(scope="module")
def learned() -> ColdStart:
    rng, model = random.Random(1), ColdStart()
    for _ in range(4_096):
        model.learn(usual(rng), 0.0)
    return model


@pytest.mark.parametrize("name", TAILS)
def test_the_suspicious_tail_of_each_feature_scores(learned: ColdStart, name: str) -> None:
    middle = bytearray([28] * len(NAMES))
    place = NAMES.index(name)
    odd, even = middle.copy(), middle.copy()
    odd[place], even[place] = 60, 2
    assert learned.raw(bytes(middle)) == learned.raw(bytes(even)) == 0
    assert learned.raw(bytes(odd)) > 4


def test_terms_add_up(learned: ColdStart) -> None:
    rng = random.Random(2)
    for _ in range(200):
        bins = bytes(rng.randrange(64) for _ in NAMES)
        assert sum(learned.contributions(bins).values()) == learned.raw(bins)


def test_an_exact_repeat_is_a_term_of_its_own(learned: ColdStart) -> None:
    plain = bytearray([28] * len(NAMES))
    for name in ("same_purchases", "split_count_2d", "card_repeats", "merchant_repeats"):
        plain[NAMES.index(name)] = 1
    plain[NAMES.index("amount_for_department")] = AMOUNT_LEAST
    again = plain.copy()
    again[NAMES.index(FEATURE)] = 1
    terms = learned.contributions(bytes(again))
    assert learned.raw(bytes(again)) == learned.raw(bytes(plain)) + REPEAT
    assert terms[NAMES.index(FEATURE)] == REPEAT
    assert sum(terms.values()) == learned.raw(bytes(again))


def test_nothing_is_surprising_before_anything_was_seen() -> None:
    rng = random.Random(3)
    assert max(ColdStart().raw(usual(rng)) for _ in range(100)) < 4


def test_what_was_usual_long_ago_is_forgotten() -> None:
    model = ColdStart()
    high = bytes([60] * len(NAMES))
    for _ in range(512):
        model.learn(high, 0.0)
    before = model.raw(high)
    rng = random.Random(4)
    for _ in range(20_480):
        model.learn(usual(rng), 0.0)
    assert before == 0 < model.raw(high)


def test_the_surprise_of_a_bin_is_the_logarithm_of_its_upper_tail() -> None:
    found = surprises([90 - PRIOR, 9 - PRIOR, 1 - PRIOR])
    assert found == pytest.approx([0.0, math.log(10) - ALLOWANCE, math.log(100) - ALLOWANCE])


def test_the_total_is_mapped_into_0_to_1() -> None:
    rng, model = random.Random(5), ColdStart()
    for _ in range(1_024):
        model.learn(usual(rng), 0.0)
    for raw, value in ((model.raw(one), model.value(one)) for one in (bytes([63] * 77), bytes([28] * 77))):
        assert value == raw / (raw + 20.0)
        assert 0 <= value < 1
