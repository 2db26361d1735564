"""The requests that every bench sends: seeded, the same for Kafka and for PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.controls import HOLD_DAYS_MAX, Policy
from schemas.events import (
    AuthorizationRequested,
    BudgetSet,
    ClearingPresented,
    Event,
    Merchant,
    PolicyDrafted,
)
from schemas.money import Money, PositiveMoney

CURRENCY = "USD"
ORGANIZATION = "bench"
# One calendar month, so that one budget row is hot on both sides.
MONTH = datetime(2026, 3, 2, 6, tzinfo=UTC)
SPAN = timedelta(days=25)
# Never used up by a million requests of some 60 dollars; what is to be declined asks for more than all of it.
LIMIT_MINOR = 10**12
OVERSIZED = 0.05
REPEATED = 0.02
CARDS = 50
MERCHANTS = 40


@dataclass(frozen=True)
class Mix:
    """What the stream is like. `hot`: share of the first department; `clearings`: share of all events."""

    departments: int = 1
    hot: float = 1.0
    clearings: float = 0.0
    seed: int = 7
    prefix: str = "e"


HOT = Mix()
SPREAD = Mix(departments=20, hot=0.2)


def department(number: int) -> str:
    return f"dept-{number:02d}"


def opening(mix: Mix) -> list[Event]:
    """Each department's budget, and a policy without rules: the row locks compared with know none either."""
    policies = [
        PolicyDrafted(
            event_id=f"{mix.prefix}-policy-{number}",
            organization_id=ORGANIZATION,
            department_id=department(number),
            occurred_at=MONTH,
            policy=Policy(hold_days=HOLD_DAYS_MAX, hold_days_by_group={}),
            activate=True,
        )
        for number in range(mix.departments)
    ]
    return [*budgets(mix), *policies]


def budgets(mix: Mix) -> list[BudgetSet]:
    """The events that open each department's budget."""
    return [
        BudgetSet(
            event_id=f"{mix.prefix}-budget-{number}",
            organization_id=ORGANIZATION,
            department_id=department(number),
            occurred_at=MONTH,
            name=f"Department {number}",
            limit=Money(LIMIT_MINOR, CURRENCY),
        )
        for number in range(mix.departments)
    ]


def events(count: int, mix: Mix = HOT) -> Iterator[Event]:
    """`count` events: requests, of which 5 % ask for too much and 2 % are repeats, and clearings in full.

    Event `n` has the id `PREFIX-n`, except repeats. Times rise evenly over 25 days of one month.
    """
    rng = random.Random(mix.seed)
    desks = [_Desk(number, rng) for number in range(mix.departments)]
    others = mix.departments - 1
    step = SPAN / count
    for n in range(count):
        draw = rng.random()
        chosen = 0 if draw < mix.hot or not others else 1 + int((draw - mix.hot) / (1 - mix.hot) * others)
        desk = desks[min(chosen, others)]
        # Whole milliseconds, as processors write them.
        at = MONTH + timedelta(milliseconds=int(n * step / timedelta(milliseconds=1)))
        if desk.open and rng.random() < mix.clearings:
            yield desk.clear(f"{mix.prefix}-{n}", at)
        elif desk.last is not None and rng.random() < REPEATED:
            yield desk.last
        else:
            yield desk.request(f"{mix.prefix}-{n}", at, rng)


class _Desk:
    """One department's cards, and what of it may be cleared."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.name = department(number)
        self.cards = [(f"card-{number:02d}-{n:02d}", rng.lognormvariate(0, 0.5)) for n in range(CARDS)]
        self.merchants = [
            Merchant(f"Merchant {rng.randrange(10_000)}", "5943", "US") for _ in range(MERCHANTS)
        ]
        self.open: list[AuthorizationRequested] = []
        self.last: AuthorizationRequested | None = None

    def request(self, event_id: str, at: datetime, rng: random.Random) -> AuthorizationRequested:
        card, factor = self.cards[int(rng.random() ** 2 * CARDS)]
        oversized = rng.random() < OVERSIZED
        minor = 2 * LIMIT_MINOR if oversized else 1 + int(rng.lognormvariate(8.3, 0.8) * factor)
        event = AuthorizationRequested(
            event_id=event_id,
            organization_id=ORGANIZATION,
            department_id=self.name,
            occurred_at=at,
            authorization_id=f"a-{event_id}",
            card_id=card,
            cardholder="Jo Bench",
            amount=PositiveMoney(minor, CURRENCY),
            merchant=self.merchants[int(rng.random() ** 2 * MERCHANTS)],
        )
        self.last = event
        if not oversized:
            self.open.append(event)
            if len(self.open) > 1000:
                del self.open[:500]
        return event

    def clear(self, event_id: str, at: datetime) -> ClearingPresented:
        paid = self.open.pop()
        return ClearingPresented(
            event_id=event_id,
            organization_id=ORGANIZATION,
            department_id=self.name,
            occurred_at=at,
            authorization_id=paid.authorization_id,
            card_id=paid.card_id,
            amount=paid.amount,
            merchant=paid.merchant,
        )
