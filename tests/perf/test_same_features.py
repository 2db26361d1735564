"""What is measured is what runs: the evaluation's features are those that the stream's scorer records."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from perf.evaluation.data import DAY_S, LabelledRequest
from perf.evaluation.run import featured
from schemas.decisions import Decision
from schemas.effects import PaymentLabelled
from schemas.events import Merchant
from schemas.reasons import Outcome
from streams.scoring import Scorer
from streams.scoring.letters import letters_of
from tests.scoring.desk import decided, request

START_S = 1_772_582_400
LATE_DAYS = 5


def stream(seed: int, count: int = 1_500) -> list[LabelledRequest]:
    rng = random.Random(seed)
    at_s, found = START_S, []
    for _ in range(count):
        at_s += rng.randrange(rng.choice((10, 3_000, 9_000)))
        card, shop = rng.randrange(12), rng.randrange(40)
        fraud = rng.random() < 0.05
        amount = rng.randrange(1, 500_000 if fraud else 9_000)
        mcc = rng.choice(("5812", "5943", None))
        found.append(LabelledRequest(at_s, "d", f"c{card}", f"m{shop}", mcc, amount, fraud, ""))
    return found


def told(number: int, one: LabelledRequest) -> Decision:
    """A decided request, not yet scored."""
    event = request(number, card=one.card, amount=one.amount, at=datetime.fromtimestamp(one.at_s, UTC))
    return replace(
        decided(replace(event, merchant=Merchant(one.merchant, one.mcc)), None), authorization_id=f"a{number}"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_stream_records_the_features_that_are_measured(seed: int) -> None:
    requests = stream(seed)
    measured = featured(requests, LATE_DAYS, lambda: None).seen
    scorer, due = Scorer(), 0
    for number, one in enumerate(requests):
        while due < number and requests[due].at_s + LATE_DAYS * DAY_S <= one.at_s:
            if requests[due].fraud:
                effect = PaymentLabelled(authorization_id=f"a{due}", label="fraud", source="chargeback")
                label = replace(told(due, requests[due]), score=None, outcome=Outcome.ACCEPTED)
                scorer.hear(replace(label, event_type="authorization.labelled", effects=(effect,)))
            due += 1
        decision = told(number, one)
        event = request(number, card=one.card, amount=one.amount, at=datetime.fromtimestamp(one.at_s, UTC))
        score = scorer.score(replace(event, merchant=Merchant(one.merchant, one.mcc)))
        assert score and score.features == letters_of(measured[number].bins), number
        scorer.learn(replace(decision, score=score))
    assert due > 100
    assert scorer.failed == 0
