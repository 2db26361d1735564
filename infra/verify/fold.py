"""A second, tiny model of what decisions mean: totals from effects, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import NamedTuple

import msgspec

from schemas.decisions import (
    BudgetChanged,
    Decision,
    Effects,
    HoldPlaced,
    HoldReleased,
    Posted,
    Refunded,
)

Department = tuple[str, str]  # organization_id, department_id


class Totals(msgspec.Struct, gc=False):
    """A department's month in minor units. `limit`: as of the last decision that touched it."""

    posted: int = 0
    held: int = 0
    limit: int = 0


class Payment(msgspec.Struct, gc=False):
    """One authorization in minor units. `seq`: of the last decision about it."""

    outcome: str | None = None  # of its request: approved, declined; None: none was seen
    requested: int = 0
    held: int = 0
    posted: int = 0
    refunded: int = 0
    seq: int = -1

    @property
    def status(self) -> str:
        """As the read models name it."""
        if self.outcome == "declined" and not self.posted:
            return "declined"
        if self.refunded and self.refunded >= self.posted:
            return "refunded"
        if self.posted:
            return "partially_cleared" if self.held else "cleared"
        return "approved" if self.held else "reversed"


class Budget(NamedTuple):
    """A department's budget in force."""

    name: str
    currency: str
    time_zone: str
    limit: int
    seq: int


class Booking(NamedTuple):
    """What a transfer must be. `n`: index of its effect within its decision."""

    n: int
    authorization_id: str | None
    layer: str
    kind: str
    debit: str
    credit: str
    amount: int
    currency: str
    period: str


class Fold:
    """State of one partition as its decisions say. `payments`: by organization, department, authorization."""

    def __init__(self) -> None:
        self.budgets: dict[Department, Budget] = {}
        self.months: dict[tuple[str, str, str], Totals] = {}
        self.payments: dict[tuple[str, str, str], Payment] = {}
        #: (account, currency) -> debits less credits of all bookings that the effects ask for.
        self.balances: dict[tuple[str, str], int] = {}

    def apply(self, decision: Decision) -> None:
        """Fold a decision that is neither a repeat nor rejected."""
        organization, department = decision.organization_id or "", decision.department_id or ""
        for effect in decision.effects:
            match effect:
                case BudgetChanged():
                    self.budgets[organization, department] = Budget(
                        effect.name, decision.currency or "", effect.time_zone, effect.limit, decision.seq
                    )
                case HoldPlaced():
                    self._month(organization, department, effect.period).held += effect.amount
                case HoldReleased():
                    self._month(organization, department, effect.period).held -= effect.amount
                case Posted():
                    self._month(organization, department, effect.period).posted += effect.amount
                case Refunded():
                    self._month(organization, department, effect.period).posted -= effect.amount
        if decision.balance is not None:
            self._month(organization, department, decision.balance.period).limit = decision.balance.limit
        if decision.authorization_id is not None:
            # A few names in a million keys: one object each.
            self._pay(decision, (intern(organization), intern(department), decision.authorization_id))

    def _month(self, organization: str, department: str, period: str) -> Totals:
        key = (organization, department, period)
        totals = self.months.get(key)
        if totals is None:
            totals = self.months[key] = Totals()
        return totals

    def _pay(self, decision: Decision, key: tuple[str, str, str]) -> None:
        payment = self.payments.get(key)
        if payment is None:
            payment = self.payments[key] = Payment()
        payment.seq = decision.seq
        if decision.event_type == "authorization.requested":
            payment.outcome, payment.requested = decision.outcome.value, decision.amount or 0
        for effect in decision.effects:
            match effect:
                case HoldPlaced():
                    payment.held += effect.amount
                case HoldReleased():
                    payment.held -= effect.amount
                case Posted():
                    payment.posted += effect.amount
                case Refunded():
                    payment.refunded += effect.amount
                case BudgetChanged():
                    pass

    def bookings(self, decision: Decision) -> Iterator[Booking]:
        """The transfers that the ledger must have of this decision; adds them to `balances`."""
        for n, effect in enumerate(decision.effects):
            booking = _booking(decision, n, effect)
            if booking is not None:
                for account, amount in ((booking.debit, booking.amount), (booking.credit, -booking.amount)):
                    key = (account, booking.currency)
                    self.balances[key] = self.balances.get(key, 0) + amount
                yield booking


def _booking(decision: Decision, n: int, effect: Effects) -> Booking | None:
    department = f"department:{decision.organization_id}/{decision.department_id}"
    held, reserve = f"{department}:encumbrance", f"{department}:encumbrance-reserve"
    spend, payable = f"{department}:card-spend", f"organization:{decision.organization_id}:card-payable"
    match effect:
        case HoldPlaced():
            where = ("pending", "hold", held, reserve)
        case HoldReleased():
            where = ("pending", "release", reserve, held)
        case Posted():
            where = ("posted", "clearing", spend, payable)
        case Refunded():
            where = ("posted", "refund", payable, spend)
        case BudgetChanged():
            return None
    return Booking(n, effect.authorization_id, *where, effect.amount, decision.currency or "?", effect.period)
