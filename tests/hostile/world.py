"""Who the hostile load is about: departments that grow, with the ids, cards and times used in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from schemas.administration import TREASURY
from schemas.codec import encode_event
from schemas.events import Event, Merchant
from schemas.money import MINOR_MAX, Money, PositiveMoney

CURRENCY = "USD"
ORGANIZATION = "hostile"
# An event has 66 KiB; a broker takes a megabyte a batch.
KEPT_MAX = 5_000
#: What fills a text up: short or long in bytes, long when it is folded, changing its length.
FILLERS = ("x", "é", "\U0001f4b3", "\ufdfa", "ß", "\u0130", "\u4e00")
DAY = timedelta(days=1)
_T = TypeVar("_T")


class Sent(NamedTuple):
    """A record for the log. `headers`, `codec`, `aborted`: what only Kafka knows."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    codec: str = "none"
    aborted: bool = False


@dataclass
class Department:
    """A department as the load remembers it: only what it needs to come back to what it has built up."""

    name: str
    at: datetime
    payments: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)
    budgets: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    drafts: int = 0


class World:
    """A seeded company whose departments all lie in the partitions under attack.

    `names`: of its departments, used one after the other. `now`: the broker's clock.
    """

    def __init__(self, seed: int, names: Sequence[str], now: datetime) -> None:
        self.rng = random.Random(seed)
        self.now = now
        self.number = 0
        self._names = list(names)
        self._used = 0
        self.departments = [self._next_department() for _ in range(min(3, len(names)))]
        self.sent: list[Sent] = []

    # -- departments

    def _next_department(self) -> Department:
        name = self._names[self._used % len(self._names)]
        self._used += 1
        # From the year 2000 on there are 300 spans of memory to go through; from last month on, none.
        begins = self.rng.choice(
            (self.now - 400 * DAY, self.now - 60 * DAY, datetime(2000, 1, 1, tzinfo=UTC))
        )
        return Department(name, begins)

    def department(self) -> Department:
        """One of those in use, mostly the first: it grows large."""
        return self.departments[0] if self.rng.random() < 0.6 else self.pick(self.departments)

    def replace_department(self) -> Department:
        """A new one for the one that has been used longest."""
        self.departments.pop(0)
        self.departments.append(self._next_department())
        return self.departments[-1]

    def advance(self, department: Department, span: timedelta) -> datetime:
        """The department's time goes on, to less than a day ahead of the broker's at most."""
        department.at = min(department.at + span, self.now + timedelta(hours=23))
        return department.at

    # -- parts of events

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[self.rng.randrange(len(choices))]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def text(self, prefix: str, length_max: int) -> str:
        """One that nobody had, often as long as it may be."""
        self.number += 1
        text = f"{prefix}{self.number}"
        return text if self.chance(0.5) else (text + "-").ljust(length_max, self.pick(FILLERS))

    def name(self, prefix: str) -> str:
        self.number += 1
        text = f"{prefix}{self.number}"
        return text if self.chance(0.5) else text.ljust(64, "n")

    def common(self, department: Department, at: datetime | None = None, **members: Any) -> dict[str, Any]:
        """What all events have, at the department's time."""
        self.number += 1
        return {
            "event_id": f"e{self.number}",
            "organization_id": ORGANIZATION,
            "department_id": department.name,
            "occurred_at": at or department.at,
            **members,
        }

    def amount(self, most: int = 100_000) -> PositiveMoney:
        """Mostly small; now and then the largest, or one beside a power."""
        if self.chance(0.03):
            minor = self.pick((MINOR_MAX, MINOR_MAX - 1, 1, 2**31, 2**31 - 1, 2**32, 10**12))
        else:
            minor = self.rng.randint(1, most)
        return PositiveMoney(minor, CURRENCY)

    def money(self, minor: int) -> Money:
        return Money(minor, CURRENCY)

    def merchant(self) -> Merchant:
        self.number += 1
        name = self.pick(("Edeka", "ＥＤＥＫＡ", f"Shop {self.number}", self.text("m", 200)))
        return Merchant(
            name,
            self.pick((None, "5812", "7011", "3000", f"{self.number % 10_000:04}")),
            self.pick((None, "DE", "US")),
            self.pick((None, "acceptor", "9" * 12)),
        )

    def card(self, department: Department) -> str:
        """One of those that were used, or a new one."""
        if not department.cards or self.chance(0.1):
            self.keep(department.cards, self.text("card-", 128))
        return self.pick(department.cards)

    def payment(self, department: Department) -> str:
        """One of those that were asked for; sometimes the id of something else, or of nothing."""
        if department.payments and self.chance(0.95):
            return self.pick(department.payments)
        others = department.refunds or department.disputes or department.cards or ["nobody's"]
        return self.pick(others)

    def new_payment(self, department: Department) -> str:
        return self.keep(department.payments, self.text("a", 128))

    def keep(self, known: list[str], text: str) -> str:
        """Remembers the text, and forgets one where there are too many."""
        if len(known) < KEPT_MAX:
            known.append(text)
        else:
            known[self.rng.randrange(KEPT_MAX)] = text
        return text


def sent(kind: str, event: Event) -> Sent:
    return Sent(kind, event.key.encode(), encode_event(event))


def treasury_key() -> str:
    return f"{ORGANIZATION}/{TREASURY}"
