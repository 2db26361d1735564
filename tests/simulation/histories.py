"""Card events for the simulation: a small, busy department with everything that can go wrong in it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from schemas.administration import TREASURY
from schemas.codec import encode_event
from schemas.controls import Policy, SpendLimit
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationExpired,
    AuthorizationIncremented,
    AuthorizationRequested,
    AuthorizationReversed,
    BalanceInquired,
    BudgetIncreased,
    BudgetSet,
    CapSet,
    CardEvent,
    ClearingPresented,
    ClockTicked,
    DisputeOpened,
    DisputeResolved,
    Merchant,
    PolicyDrafted,
    RefundPresented,
    VerificationRequested,
)
from schemas.money import Money, PositiveMoney
from streams.core.intake import Record

START = datetime(2026, 11, 1, tzinfo=UTC)
KEY = b"techcorp/engineering"
TREASURY_KEY = b"techcorp/_treasury"


def usd(minor: int) -> PositiveMoney:
    return PositiveMoney(minor, "USD")


def history(seed: int, length: int) -> list[Record]:
    """`length` records, some repeated, conflicting, poisonous or missing their budget's room.

    Where the seed is odd, a company's cap makes owners send each other events.

    Offsets have holes, as an upstream producer's transaction markers leave them.
    """
    rng = random.Random(seed)
    events: list[CardEvent] = []
    records: list[Record] = []
    offset = 0
    for number in range(length):
        offset += rng.choice((1, 1, 1, 2, 4))
        at = START + timedelta(seconds=number)
        if number == 1 and seed % 2:
            records.append(Record(offset, at, TREASURY_KEY, encode_event(_cap())))
            continue
        value = _poison(rng) if rng.random() < 0.06 and number else None
        if value is None:
            event = _next(rng, events, number)
            events.append(event)
            value = encode_event(event)
        key = KEY if rng.random() > 0.02 or not number else rng.choice((None, b"techcorp/other"))
        records.append(Record(offset, at, key, value))
    return records


def _poison(rng: random.Random) -> bytes:
    return rng.choice(
        (b"{", b"", b"\xff\xfe", b"[]", b'{"type":"no.such"}', b'{"type":"budget.set","version":9}')
    )


def _next(rng: random.Random, events: list[CardEvent], number: int) -> CardEvent:
    if not events:
        return _budget(number, 2_000)
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(events)
    if kind < 0.15:
        return msgspec.structs.replace(rng.choice(events), occurred_at=START, department_id="engineering")
    if kind < 0.2:
        return _budget(number, rng.choice((1_500, 2_000, 3_000)))
    requests = [event for event in events if isinstance(event, AuthorizationRequested)]
    if kind < 0.6 or not requests:
        return _request(rng, number)
    about = rng.choice(requests).authorization_id if rng.random() < 0.9 else f"unknown-{number}"
    occurred_at = START + timedelta(minutes=number)
    common: dict[str, Any] = {
        "event_id": f"event-{number}",
        "organization_id": "techcorp",
        "department_id": "engineering",
        "occurred_at": occurred_at,
    }
    if kind < 0.7:
        return ClearingPresented(
            **common,
            authorization_id=about,
            card_id="card",
            amount=usd(rng.randint(1, 900)),
            final=rng.random() < 0.7,
        )
    if kind < 0.78:
        amount = usd(rng.randint(1, 300)) if rng.random() < 0.5 else None
        return AuthorizationReversed(**common, authorization_id=about, amount=amount)
    if kind < 0.84:
        return RefundPresented(
            **common,
            card_id="card",
            amount=usd(rng.randint(1, 400)),
            authorization_id=about if rng.random() < 0.7 else None,
        )
    return _rare(rng, common, about)


def _rare(rng: random.Random, common: dict[str, Any], about: str) -> CardEvent:
    amount, merchant = usd(rng.randint(1, 300)), Merchant("Aral", "5541", "DE")
    card: dict[str, Any] = {**common, "card_id": "card-1"}
    dispute = rng.choice("de")
    match rng.randrange(11):
        case 0 | 1:
            return AuthorizationIncremented(**card, authorization_id=about, amount=amount)
        case 2:
            return AuthorizationAdvised(**card, authorization_id=about, amount=amount, merchant=merchant)
        case 3:
            return AuthorizationExpired(**common, authorization_id=about)
        case 4:
            named = rng.choice((None, about.replace("auth", "event"), f"event-{rng.randrange(100)}"))
            return AuthorizationReversed(**common, authorization_id=about, cause="timeout", request_id=named)
        case 5:
            return DisputeOpened(**common, dispute_id=dispute, authorization_id=about, amount=usd(1))
        case 6:
            return DisputeResolved(**common, dispute_id=dispute, outcome=rng.choice(("won", "lost")))
        case 7:
            ends_at = common["occurred_at"] + timedelta(minutes=rng.randint(1, 30))
            return BudgetIncreased(**common, amount=amount, ends_at=ends_at)
        case 8:
            policy = Policy(rules=(SpendLimit(rule_id="few", window="rolling", seconds=600, count=4),))
            return PolicyDrafted(**common, policy=policy, activate=True)
        case 9:
            return ClockTicked(**common)
        case _:
            return rng.choice((BalanceInquired(**card), VerificationRequested(**card, merchant=merchant)))


def _cap() -> CapSet:
    return CapSet(
        event_id="cap",
        organization_id="techcorp",
        department_id=TREASURY,
        occurred_at=START,
        limit=Money(2_500, "USD"),
        departments=("engineering", "sales"),
    )


def _budget(number: int, limit: int) -> BudgetSet:
    return BudgetSet(
        event_id=f"event-{number}",
        organization_id="techcorp",
        department_id="engineering",
        occurred_at=START + timedelta(minutes=number),
        name="Engineering",
        limit=Money(limit, "USD"),
        time_zone="Europe/Berlin",
    )


def _request(rng: random.Random, number: int) -> AuthorizationRequested:
    return AuthorizationRequested(
        event_id=f"event-{number}",
        organization_id="techcorp",
        department_id="engineering",
        occurred_at=START + timedelta(minutes=number),
        authorization_id=f"auth-{number}",
        card_id=f"card-{rng.randint(1, 3)}",
        amount=usd(rng.randint(1, 900)) if rng.random() < 0.95 else PositiveMoney(500, "EUR"),
        merchant=Merchant(rng.choice(("Aral", "Edeka", "Hilton")), "5411", "DE"),
        partial_allowed=rng.random() < 0.3,
    )
