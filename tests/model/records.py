"""What the model writes down of payments, budgets, cards and leases, as it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeGuard

from schemas.controls import Calendar, Level, Rule, SpendLimit
from schemas.event import Merchant

Charges = tuple[str, ...]


@dataclass(frozen=True)
class Billing:
    """The charges of a payment, and when they were fixed: the event's time, and its decision."""

    keys: Charges
    at: datetime
    seq: int


@dataclass
class Posting:
    """What one clearing posted, in the decision `seq`; `fx` above zero is a loss."""

    seq: int
    amount: int
    fx: int
    undone: bool = False

    @property
    def total(self) -> int:
        return 0 if self.undone else self.amount + self.fx


@dataclass
class Payment:
    """One authorization id. `billing` is None until money is seen; `days`: validity of its holds.

    `asked_in`: the decision on its request. `timed_out`: requests that were reversed before any was judged;
    None: all.
    `moved`: the 30-day span in which it, or a refund or dispute of it, last did.
    """

    id: str
    moved: int = 0
    requested: bool = False
    advised: bool = False
    approved: bool = False
    asked_in: int | None = None
    timed_out: list[str | None] = field(default_factory=list)
    billing: Billing | None = None
    held: int = 0
    expires: datetime | None = None
    days: int | None = None
    closed: str | None = None
    final: bool = False
    postings: list[Posting] = field(default_factory=list)
    asked_currency: str | None = None
    asked_rate: str | None = None

    @property
    def charges(self) -> Charges:
        return self.billing.keys if self.billing else ()

    @property
    def posted(self) -> int:
        return sum(posting.total for posting in self.postings)

    @property
    def told_of(self) -> bool:
        """By a request that was judged, or an advice."""
        return self.requested or self.advised

    @property
    def voided(self) -> bool:
        """A timeout came, and nothing since that told of it."""
        return bool(self.timed_out) and not self.told_of

    @property
    def only_cleared(self) -> bool:
        """Known by clearings alone."""
        return not self.told_of and not self.timed_out

    def is_timed_out(self, request_id: str | None) -> bool:
        """Whether this request (None: every one) is to be declined when it comes."""
        return None in self.timed_out or request_id in self.timed_out


@dataclass
class Refund:
    id: str
    amount: int
    billing: Billing
    payment: Payment | None = None
    undone: int = 0
    moved: int = 0

    @property
    def charges(self) -> Charges:
        return self.billing.keys

    @property
    def left(self) -> int:
        return self.amount - self.undone


@dataclass
class Dispute:
    id: str
    payment: Payment
    amount: int
    provisional: bool
    outcome: str | None = None
    moved: int = 0

    @property
    def counts(self) -> bool:
        """Whether the payment is (still) disputed by it."""
        return self.outcome in (None, "won")


@dataclass(frozen=True)
class Terms:
    """What a budget is from the decision `seq` on, at the clock time `since`."""

    seq: int
    since: datetime
    limit: int
    tolerance: int


@dataclass(frozen=True)
class Increase:
    amount: int
    starts_at: datetime
    ends_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass
class IncreaseRequest:
    """Somebody asks for more. `levels`: who may approve at each; `approved_by`: who has, the first first."""

    id: str
    budget: str
    amount: int
    starts_at: datetime | None
    ends_at: datetime
    asked_by: str
    levels: tuple[tuple[str, ...], ...]
    approved_by: list[str] = field(default_factory=list)
    refused: bool = False
    moved: int = 0

    @property
    def is_closed(self) -> bool:
        return self.refused or len(self.approved_by) == len(self.levels)

    def may_be_approved_by(self, actor: str) -> bool:
        approvers = self.levels[len(self.approved_by)]
        return actor not in (self.asked_by, *self.approved_by) and (not approvers or actor in approvers)


@dataclass
class Budget:
    id: str
    level: Level
    subject: str | None
    calendar: Calendar
    increases: list[Increase] = field(default_factory=list)

    def more(self, at: datetime) -> int:
        return sum(increase.amount for increase in self.increases if increase.holds(at))


@dataclass
class Counted:
    """One request (or increment) that a rule's window has counted."""

    slot: int
    first: date
    amount: int


@dataclass
class CardUse:
    used: bool = False
    first: Merchant | None = None


@dataclass
class Owed:
    """What a department has asked for and did not get."""

    period: str
    department: str
    short: int

    @property
    def asked_by(self) -> tuple[str, str]:
        return self.period, self.department


@dataclass
class Treasury:
    """The company's cap: leases by (period, department), and who is owed what, in the order of asking."""

    limit: int
    currency: str
    calendar: Calendar
    departments: list[str]
    leases: dict[tuple[str, str], int] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)

    def free(self, period: str) -> int:
        return self.limit - sum(amount for (label, _), amount in self.leases.items() if label == period)


@dataclass
class Remembered:
    """An event that took effect, and its answer."""

    event: Any
    answer: Any
    seq: int
    span: int


def is_charged(rule: Rule) -> TypeGuard[SpendLimit]:
    """Whether payments are charged to this rule; else it counts by itself, if at all."""
    return (
        isinstance(rule, SpendLimit)
        and rule.window == "calendar"
        and rule.amount is not None
        and rule.action == "decline"
    )
