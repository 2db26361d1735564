"""Requests and decisions for scoring, made by a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schemas.decisions import Decision, Score
from schemas.events import AuthorizationRequested, Merchant
from schemas.money import PositiveMoney
from schemas.reasons import Outcome
from streams.scoring import Scorer

# A Wednesday.
START = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def request(
    number: int = 0,
    *,
    card: str = "c1",
    amount: int = 4_300,
    merchant: str = "stationer",
    at: datetime = START,
    department: str = "eng",
) -> AuthorizationRequested:
    return AuthorizationRequested(
        event_id=f"e{number}",
        organization_id="techcorp",
        department_id=department,
        occurred_at=at,
        authorization_id=f"a{number}",
        card_id=card,
        amount=PositiveMoney(amount, "USD"),
        merchant=Merchant(merchant),
    )


def decided(
    event: AuthorizationRequested, score: Score | None, outcome: Outcome = Outcome.APPROVED, seq: int = 0
) -> Decision:
    return Decision(
        partition=0,
        seq=seq,
        source_offset=seq,
        recorded_at=event.occurred_at,
        outcome=outcome,
        event_type=event.type,
        event_id=event.event_id,
        organization_id=event.organization_id,
        department_id=event.department_id,
        card_id=event.card_id,
        merchant=event.merchant,
        occurred_at=event.occurred_at,
        amount=event.amount.minor,
        currency=event.amount.currency,
        score=score,
    )


def usual(count: int, seed: int = 7, cards: int = 20) -> Iterator[AuthorizationRequested]:
    """An office's purchases: each card with its own level of amounts and its few merchants."""
    rng = random.Random(seed)
    moment = START
    for number in range(count):
        moment += timedelta(seconds=rng.randint(60, 3_000))
        card = rng.randrange(cards)
        yield request(
            number,
            card=f"c{card}",
            amount=int(rng.lognormvariate(7.0 + card / 10, 0.5)) + 1,
            merchant=f"m{card}-{rng.randrange(6)}",
            at=moment,
            department=f"d{card % 3}",
        )


class Desk:
    """Does with the scorer what the owner of a partition does: score, decide, learn."""

    def __init__(self, scorer: Scorer | None = None) -> None:
        self.scorer = scorer or Scorer()

    def take(self, event: AuthorizationRequested) -> Decision:
        decision = decided(event, self.scorer.score(event))
        self.fold(decision)
        return decision

    def fold(self, decision: Decision) -> None:
        self.scorer.learn(decision)
