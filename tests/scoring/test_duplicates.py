"""Exact repeats are alerts of their own: which, and which are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from schemas.codec import decode_decision, seal_decision
from schemas.decisions import Decision
from schemas.events import Merchant
from streams.scoring import Scorer
from streams.scoring.duplicates import AMOUNT_LEAST, is_odd_repeat
from streams.scoring.features import NAMES
from streams.scoring.letters import bins_of
from tests.scoring.desk import START, Desk, request, usual

AFTER = START + timedelta(days=90)
WHERE = "printer-shop"


def bought(desk: Desk, number: int, days: float, amount: int = 40_000, merchant: str = WHERE) -> Decision:
    """By a card that is known."""
    event = request(number, card="c3", amount=amount, at=AFTER + timedelta(days=days), department="d0")
    return desk.take(replace(event, merchant=Merchant(merchant)))


@pytest.fixture
def desk() -> Desk:
    """Five hundred purchases: too few for any model to flag one."""
    desk = Desk()
    for event in usual(500):
        desk.take(event)
    return desk


def flagged(decision: Decision) -> bool:
    assert decision.score is not None
    return decision.score.flagged


@pytest.mark.parametrize(
    ("days", "amount", "merchant", "is_odd"),
    [
        (0.1, 40_000, WHERE, True),
        (1, 40_000, WHERE, True),
        (2.9, 40_000, WHERE, True),
        (3, 40_000, WHERE, False),
        (1, 40_001, WHERE, False),
        (1, 40_000, "another shop", False),
    ],
)
def test_the_same_purchase_within_three_days_is_an_alert(
    desk: Desk, days: float, amount: int, merchant: str, is_odd: bool
) -> None:
    assert not flagged(bought(desk, 1_000, 0))
    assert flagged(bought(desk, 1_001, days, amount, merchant)) == is_odd


def test_it_says_why_and_moves_no_score(desk: Desk) -> None:
    bought(desk, 1_000, 0)
    score = bought(desk, 1_001, 1).score
    assert score is not None
    (reason,) = score.reasons
    assert (reason.feature, reason.value, reason.weight) == ("same_purchase_days", 1.0, 0.0)
    assert reason.words == "a repeat: 1 days since the same amount here"
    assert score.value == round(desk.scorer.cold.value(bins_of(score.features)), 4)


def test_what_is_small_in_the_organization_is_none(desk: Desk) -> None:
    bought(desk, 1_000, 0, amount=120)
    decision = bought(desk, 1_001, 1, amount=120)
    assert decision.score is not None
    assert bins_of(decision.score.features)[NAMES.index("amount_for_department")] < AMOUNT_LEAST
    assert not flagged(decision)


def test_a_card_that_buys_the_same_again_and_again_is_not_asked_each_time(desk: Desk) -> None:
    """Tickets: the second one asks, and from the third on it is how this card buys."""
    alerts = [flagged(bought(desk, 1_000 + day, day)) for day in range(12)]
    assert alerts == [False, True, *[False] * 10]


def test_a_merchant_with_one_price_is_not_asked_for_each_card(desk: Desk) -> None:
    """Where every purchase is repeated once, that is how it is there."""
    alerts = []
    for number in range(30):
        for again in (0, 1):
            at = AFTER + timedelta(days=number, hours=again)
            card = f"c{number % 15}-{number}"
            alerts.append(
                flagged(desk.take(request(2_000 + 2 * number + again, card=card, amount=40_000, at=at)))
            )
    assert sum(alerts[:10]) > 0
    assert sum(alerts[20:]) == 0


def test_it_is_scored_the_same_again_and_survives_a_snapshot(desk: Desk) -> None:
    first = bought(desk, 1_000, 0)
    other = Scorer()
    other.restore(desk.scorer.snapshot())
    again = Desk(other)
    one, two = bought(desk, 1_001, 1), bought(again, 1_001, 1)
    assert one == two
    assert decode_decision(seal_decision(one)).score == one.score
    assert flagged(one) and not flagged(first)
    assert one.score is not None and is_odd_repeat(bins_of(one.score.features))
