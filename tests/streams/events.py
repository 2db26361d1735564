"""Events for the worker's tests: two departments on two partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schemas.events import AuthorizationRequested, BudgetSet, Merchant
from schemas.money import Money, PositiveMoney
from schemas.partitions import partition_of

NOW = datetime.now(UTC).replace(microsecond=0)
PARTITIONS = 2
#: One department for each partition.
DEPARTMENTS = [
    next(
        f"dept-{number}"
        for number in range(100)
        if partition_of(f"techcorp/dept-{number}".encode(), PARTITIONS) == partition
    )
    for partition in range(PARTITIONS)
]


def budget(department: str, limit: int = 10_000_000) -> BudgetSet:
    return BudgetSet(
        event_id=f"budget-{department}-{limit}",
        organization_id="techcorp",
        department_id=department,
        occurred_at=NOW,
        name=department,
        limit=Money(limit, "USD"),
    )


def request(number: int, department: str, amount: int = 100) -> AuthorizationRequested:
    return AuthorizationRequested(
        event_id=f"event-{department}-{number}",
        organization_id="techcorp",
        department_id=department,
        occurred_at=NOW + timedelta(milliseconds=number),
        authorization_id=f"auth-{department}-{number}",
        card_id=f"card-{number % 7}",
        amount=PositiveMoney(amount, "USD"),
        merchant=Merchant("Edeka", "5411", "DE"),
    )


def requests(count: int, first: int = 0) -> Iterator[AuthorizationRequested]:
    """`count` requests, alternating between the departments."""
    for number in range(first, first + count):
        yield request(number, DEPARTMENTS[number % PARTITIONS])
