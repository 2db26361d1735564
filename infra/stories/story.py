"""What a story says, as data. The grammar is in `infra/stories/__init__.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from infra.stories.tokens import TextPlace
from infra.stories.values import When
from schemas.controls import Level, PeriodKind, Policy
from schemas.money import Money
from schemas.reasons import Outcome


@dataclass(slots=True)
class Said:
    """What the words of an event line say; None (or False) is not said.

    `id`: the word after the verb: a payment, card, dispute, refund, budget or version. `of`: another line or
    payment that it refers to. `request_id`: the event id of the line that a timeout is of.
    """

    id: str | None = None
    money: Money | None = None
    of: str | None = None
    # payments
    person: str | None = None
    card: str | None = None
    merchant: str | None = None
    merchant_id: str | None = None
    mcc: str | None = None
    country: str | None = None
    entry: str | None = None
    foreign: Money | None = None
    rate: str | None = None
    partial: bool = False
    declined: bool = False
    timeout: bool = False
    request_id: str | None = None
    provisional: bool = False
    outcome: str | None = None
    verdict: str | None = None
    source: str | None = None
    # what is set
    named: str | None = None
    own_id: str | None = None
    tolerance: Decimal | None = None
    period: PeriodKind | None = None
    zone: str | None = None
    start: tuple[int, int] | None = None
    starts_at: When | None = None
    ends_at: When | None = None
    employee: str | None = None
    team: str | None = None
    expires_on: date | None = None
    locked_to: str | None = None
    single_use: bool = False
    lock_to_first: bool = False
    status: str | None = None
    policy: Policy | None = None
    draft: bool = False
    label: str | None = None
    damaged: bool = False
    departments: tuple[str, ...] = ()
    reason: str | None = None
    delegate: str | None = None
    # of an event that has no verb of its own
    members: dict[str, Any] = field(default_factory=dict)
    # the record itself
    raw: str | None = None
    key: str | None = None
    without_key: bool = False
    wrong_partition: bool = False
    reusing: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason that is expected; `by`: the budget or rule that must give it."""

    code: str
    by: str | None = None

    def __str__(self) -> str:
        return f"{self.code} by {self.by}" if self.by else self.code


@dataclass(frozen=True, slots=True)
class BalanceWanted:
    """`what`: available, held, posted or limit. `budget`: its id, or `ID@PERIOD`; None: the own one."""

    what: str
    amount: Decimal
    budget: str | None = None


@dataclass(frozen=True, slots=True)
class ReliefWanted:
    """When all of the amount would pass. `because`: as in `schemas.decisions.Relief`."""

    because: str
    subject: str
    at: datetime | None = None


@dataclass(slots=True)
class Expected:
    """What stands after `=>`. Empty members are not looked at, but those of `reasons` to `fx` must be all."""

    outcome: Outcome
    granted: Decimal | None = None
    code: str | None = None
    reasons: list[Cause] = field(default_factory=list)
    reviews: list[Cause] = field(default_factory=list)
    shadows: list[Cause] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    duplicate: bool = False
    expires: list[str] = field(default_factory=list)
    fx: tuple[str, Decimal] | None = None
    balances: list[BalanceWanted] = field(default_factory=list)
    would_pass: Decimal | None = None
    later: ReliefWanted | None = None
    never: bool = False
    no_hint: bool = False
    sentences: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    may_spend: Decimal | None = None
    holds_until: datetime | None = None
    releases: tuple[Decimal, str | None] | None = None
    version: int | None = None
    levels_left: int | None = None
    kept_reason: str | None = None
    on_behalf_of: str | None = None
    requests_lapse: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One event. `name`: how later lines refer to it. `recorded_at`: None: the event's time."""

    place: TextPlace
    text: str
    department: str
    verb: str
    said: Said
    occurred_at: datetime
    expected: Expected
    name: str | None = None
    recorded_at: datetime | None = None

    @property
    def event_id(self) -> str:
        """Derived from the line's place in its file."""
        return f"line-{self.place.line}"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """`account` (its last part) must stand at `balance`: debits above zero, credits below."""

    place: TextPlace
    text: str
    department: str
    account: str
    currency: str
    minor: int


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """A payment must be `status`, with these totals in major units."""

    place: TextPlace
    text: str
    department: str
    authorization_id: str
    status: str
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Story:
    """Lines that are played one after the other, then lines about the books.

    `core_only`: it cannot be played through a broker, whose clock is the real one.
    """

    name: str
    place: TextPlace
    lines: tuple[Line, ...]
    ledger: tuple[LedgerLine, ...] = ()
    payments: tuple[PaymentLine, ...] = ()
    core_only: bool = False


#: Levels of budgets, as the words before a colon: `team:platform`.
LEVEL_WORDS: tuple[Level, ...] = ("department", "team", "card", "employee")
