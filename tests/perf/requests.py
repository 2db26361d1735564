"""Requests that reach every rule that the compared systems share, seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from perf.workload import ORGANIZATION, department
from schemas.events import AuthorizationRequested, BudgetSet, Merchant
from schemas.money import Money, PositiveMoney

MARCH = datetime(2026, 3, 31, 20, tzinfo=UTC)  # some minutes on, it is April
LIMIT = 60_000


def budget(number: int) -> BudgetSet:
    """Small enough that a few dozen requests use it up, again in the second month."""
    return BudgetSet(
        event_id=f"budget-{number}",
        organization_id=ORGANIZATION,
        department_id=department(number),
        occurred_at=MARCH,
        name=f"Department {number}",
        limit=Money(LIMIT, "USD"),
    )


def requests(seed: int, count: int, number: int) -> Iterator[AuthorizationRequested]:
    """For department `number`: new ones, repeats as they were and altered, ids that are taken, ..."""
    rng = random.Random(seed)
    sent: list[AuthorizationRequested] = []
    for n in range(count):
        at = MARCH + timedelta(minutes=480 * n // count)
        request = AuthorizationRequested(
            event_id=f"d{number}-e{n}",
            organization_id=ORGANIZATION,
            department_id=department(number),
            occurred_at=at,
            authorization_id=f"d{number}-a{n}",
            card_id=f"card-{rng.randrange(9)}",
            cardholder=rng.choice(["Jo Bench", 'Ann "Q" O\'Neil', "Zoë, {brace}"]),
            amount=PositiveMoney(rng.choice([1, 100, 2_500, 7_000, LIMIT, LIMIT + 1]), "USD"),
            merchant=Merchant(f"Merchant {rng.randrange(5)}", "5943", "US"),
        )
        kind = rng.choice(["new"] * 6 + ["again", "altered", "taken", "currency", "elsewhere"])
        if sent and kind in ("again", "altered", "taken"):
            request = _related(rng, kind, request, rng.choice(sent[-20:]))
        elif kind == "currency":
            request = replace(request, amount=PositiveMoney(request.amount.minor, "EUR"))
        elif kind == "elsewhere":
            request = replace(request, department_id="unknown")
        sent.append(request)
        yield request


def _related(
    rng: random.Random, kind: str, fresh: AuthorizationRequested, earlier: AuthorizationRequested
) -> AuthorizationRequested:
    if kind == "again":
        return earlier
    if kind == "taken":
        return replace(fresh, authorization_id=earlier.authorization_id, department_id=earlier.department_id)
    altered: dict[str, Any] = rng.choice(
        [
            {"amount": PositiveMoney(earlier.amount.minor + 1, earlier.amount.currency)},
            {"card_id": "another"},
            {"merchant": Merchant("Another", "5943", "US")},
            {"merchant": replace(earlier.merchant, mcc="7995")},
            {"authorization_id": f"another-{fresh.authorization_id}"},
            {"cardholder": "Somebody Else"},
            {"occurred_at": earlier.occurred_at + timedelta(seconds=1)},
        ]
    )
    return replace(earlier, **altered)
