"""What a threshold would have done: counted by hand on a few requests, and bounded on many."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from msgspec.structs import replace

from infra.learning.backtest import ScoredRequest, days_of, effect_of, following, least_for, scored_requests
from schemas.decisions import PROBABILITIES, Decision, Score
from schemas.reasons import Outcome
from tests.learning.test_organization import asked, told

DAY_S = 86_400


def scored(number: int, days: float, value: float, model: str = PROBABILITIES) -> Decision:
    return replace(asked(number, days), score=Score(value, model, "1"), amount=100 * (number + 1))


def test_requests_are_judged_by_their_latest_label_and_by_the_score_that_they_had() -> None:
    log = [
        scored(0, 0, 0.9),
        scored(1, 0, 0.5),
        scored(2, 1, 0.1),
        scored(3, 1, 0.9, "tail-surprise"),
        replace(scored(4, 1, 0.9), duplicate_of=0),
        replace(scored(5, 1, 0.9), outcome=Outcome.REJECTED),
        replace(scored(6, 1, 0.9), organization_id="other"),
        told(0, 3, "fraud"),
        told(1, 3, "fraud"),
        told(1, 4, "unsure"),
        told(2, 4, "fraud"),
        told(99, 4, "fraud"),
    ]
    found = scored_requests(log, "techcorp")
    assert [(one.millionths, one.amount, one.fraud) for one in found] == [
        (900_000, 100, True),
        (500_000, 200, False),
        (100_000, 300, True),
    ]
    effect = effect_of(found, 500_000)
    assert (effect.alerts, effect.caught, effect.frauds, effect.good) == (2, 1, 2, 1)
    assert (effect.precision, effect.recall, effect.a_day) == (0.5, 0.5, 1.0)
    assert (effect.saved, effect.lost) == ({"USD": 100}, {"USD": 200})
    assert effect_of(found, 900_001).precision is None
    assert not scored_requests(log, "techcorp", "another")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("a_day", [0.01, 0.5, 1, 3, 20, 1_000])
def test_an_alert_budget_is_kept_and_used(seed: int, a_day: float) -> None:
    rng = random.Random(seed)
    requests = [
        ScoredRequest(rng.randrange(30) * DAY_S, rng.randrange(rng.choice((20, 1_000_000))), 1, "USD", False)
        for _ in range(rng.choice((5, 400)))
    ]
    least = least_for(requests, a_day)
    assert effect_of(requests, least).alerts <= a_day * days_of(requests)
    one_lower = [one for one in requests if one.millionths >= least - 1]
    assert least == 1 or len(one_lower) > int(a_day * days_of(requests))


def test_nothing_scored_is_one_day_and_no_alert() -> None:
    assert days_of([]) == 1
    assert effect_of([], 1).recall is None
    assert least_for([], 1) == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_threshold_that_follows_keeps_every_day_of_each_department(seed: int) -> None:
    rng = random.Random(seed)
    requests = [
        ScoredRequest(day * DAY_S + n * 100, round(1_000_000 * rng.random() ** 8), 1, "USD", n % 9 == 0, name)
        for day in range(10)
        for n in range(100)
        for name in ("eng", "sales")
    ]
    alerts = following(requests, 4, 10_000)
    by_day = Counter((one.department, one.at_s // DAY_S) for one in alerts)
    assert max(by_day.values()) == 4 and len(by_day) >= 17
    assert min(one.millionths for one in alerts) >= 10_000
    later = [one.millionths for one in alerts if one.at_s >= 5 * DAY_S]
    assert sum(later) / len(later) > 400_000  # of all they are 0.11 on average
    effect = effect_of(requests, 10_000, alerts)
    assert (effect.alerts, effect.frauds) == (len(alerts), sum(one.fraud for one in requests))
    assert effect.caught + effect.good == effect.alerts
