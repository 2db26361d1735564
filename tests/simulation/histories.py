"""Card events for the simulation: a small, busy department with everything that can go wrong in it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from schemas.codec import encode_event
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    CardEvent,
    ClearingPresented,
    Merchant,
    RefundPresented,
)
from schemas.money import Money, PositiveMoney
from streams.core.intake import Record

START = datetime(2026, 11, 1, tzinfo=UTC)
KEY = b"techcorp/engineering"


def usd(minor: int) -> PositiveMoney:
    return PositiveMoney(minor, "USD")


def history(seed: int, length: int) -> list[Record]:
    """`length` records, some repeated, conflicting, poisonous or missing their budget's room.

    Offsets have holes, as an upstream producer's transaction markers leave them.
    """
    rng = random.Random(seed)
    events: list[CardEvent] = []
    records: list[Record] = []
    offset = 0
    for number in range(length):
        offset += rng.choice((1, 1, 1, 2, 4))
        value = _poison(rng) if rng.random() < 0.06 and number else None
        if value is None:
            event = _next(rng, events, number)
            events.append(event)
            value = encode_event(event)
        key = KEY if rng.random() > 0.02 or not number else rng.choice((None, b"techcorp/other"))
        records.append(Record(offset, START + timedelta(seconds=number), key, value))
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
    if kind < 0.75:
        return ClearingPresented(
            **common,
            authorization_id=about,
            card_id="card",
            amount=usd(rng.randint(1, 900)),
            final=rng.random() < 0.7,
        )
    if kind < 0.9:
        amount = usd(rng.randint(1, 300)) if rng.random() < 0.5 else None
        return AuthorizationReversed(**common, authorization_id=about, amount=amount)
    return RefundPresented(
        **common,
        card_id="card",
        amount=usd(rng.randint(1, 400)),
        authorization_id=about if rng.random() < 0.7 else None,
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
    )
