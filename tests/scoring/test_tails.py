"""What the model sees, computed by hand."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from streams.core.history import CardHistory, merchant_hash
from streams.scoring.tails import Baseline, extract, share_of_limit
from tests.scoring.desk import START


def test_features_of_a_known_card() -> None:
    known = [merchant_hash("a")]
    history = CardHistory(5, math.log(1_000), 0.25, math.log(3_660), int(START.timestamp()), 2.0, known)
    baseline = Baseline(100, math.log(2_000), 0.96)
    found = extract(history, baseline, START + timedelta(hours=24), 4_000, "b")
    # After five requests the card's habits and its department's weigh the same.
    usual = (math.log(1_000) + math.log(2_000)) / 2
    assert found["amount_for_card"] == pytest.approx(
        (math.log(4_000) - usual) / math.sqrt((0.25 + 0.96) / 2 + 0.04)
    )
    assert found["amount_for_department"] == pytest.approx(math.log(2))
    assert found["new_merchants"] == pytest.approx(1 + 2 * math.exp(-1))
    assert found["sooner_than_usual"] == pytest.approx(math.log(3_660 / 86_460))
    assert found["just_below_limit"] == 0.8
    assert found["hour"] == 9


def test_a_known_merchant_is_not_new_however_many_were_new_before() -> None:
    history = CardHistory(9, 7.0, 0.1, 9.0, int(START.timestamp()), 8.0, [merchant_hash("a")])
    assert extract(history, Baseline(), START, 4_000, "a")["new_merchants"] == 0


def test_a_card_without_history_is_judged_by_its_department() -> None:
    found = extract(CardHistory(), Baseline(9, math.log(1_000), 0.96), START, 1_000, "a")
    assert found == {
        "amount_for_card": 0.0,
        "amount_for_department": 0.0,
        "new_merchants": 1.0,
        "sooner_than_usual": 0.0,
        "just_below_limit": 0.2,
        "hour": 9.0,
    }


def test_the_very_first_request_has_no_odd_amount() -> None:
    found = extract(CardHistory(), Baseline(), START, 10**15, "a")
    assert found["amount_for_card"] == found["amount_for_department"] == 0


@pytest.mark.parametrize(
    ("days", "hours", "expected"),
    [(0, 0, 9), (0, 14, 23), (0, 15, 0), (2, 0, 9), (3, 0, 33), (4, 14, 47), (5, 0, 9)],
)
def test_hours_of_weekends_are_hours_of_their_own(days: int, hours: int, expected: int) -> None:
    moment = START + timedelta(days=days, hours=hours)  # START is a Wednesday, 09:00 UTC
    assert extract(CardHistory(), Baseline(), moment, 100, "a")["hour"] == expected


@pytest.mark.parametrize(
    ("minor", "share"),
    [(499, 0.0998), (4_999, 0.9998), (5_000, 0.5), (9_900, 0.99), (99_999, 0.99999), (10**15, 0.5)],
)
def test_share_of_the_next_round_limit(minor: int, share: float) -> None:
    assert share_of_limit(minor) == pytest.approx(share)


def test_a_baseline_is_the_mean_and_variance_of_what_was_seen() -> None:
    baseline = Baseline()
    amounts = [10, 1_000, 500, 77, 20_000] * 60
    for amount in amounts:
        baseline.observe(amount)
    logs = [math.log(amount) for amount in amounts]
    mean = sum(logs) / len(logs)
    assert baseline.count == 300
    assert baseline.mean == pytest.approx(mean, abs=0.05)
    assert baseline.variance == pytest.approx(sum((x - mean) ** 2 for x in logs) / len(logs), rel=0.05)
