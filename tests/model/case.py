"""One event at one department: what every part of the model is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from schemas.effects import Effects, HoldPlaced, HoldReleased
from schemas.events import AuthorizationAdvised, ClearingPresented, Event, RefundPresented
from schemas.money import Money, exponent
from schemas.reasons import Outcome, Reason, ReasonCode, response_code
from tests.model.answers import Answer, Passes, Said
from tests.model.book import Department
from tests.model.calendars import memory_span, whole_second
from tests.model.records import Billing, Dispute, IncreaseRequest, Payment, Refund


class Unusable(Exception):
    """The event is rejected."""

    def __init__(self, code: ReasonCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Case:
    """`clock`: the department's, this event included. `effects`: what has moved so far, lapses first."""

    department: Department
    event: Any
    seq: int
    clock: datetime
    policy_version: int = 0  # of the policy that applies
    effects: list[Effects] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    undo: list[tuple[Payment, int, str | None, int]] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """The event's time in whole seconds: no rule sees a part of one."""
        return whole_second(self.event.occurred_at)

    def lapse(self, holds_max: int = 500, bytes_max: int = 250_000) -> None:
        """Release the holds whose time has come by the clock, the earliest first, as far as they fit."""
        for payment in next_to_lapse(self.department, holds_max, bytes_max):
            if payment.expires and payment.expires <= self.clock:
                self.undo.append((payment, payment.held, payment.closed, payment.moved))
                self.release(payment, payment.held, "expiry")

    def bring_back(self) -> None:
        """A rejected event moves nothing, so nothing has lapsed with it."""
        for payment, held, closed, moved in self.undo:
            payment.held, payment.closed, payment.moved = held, closed, moved

    def touch(self, *moved: Payment | Refund | Dispute | IncreaseRequest | None) -> None:
        """These have moved at the event's time."""
        for one in moved:
            if one is not None:
                one.moved = max(one.moved, memory_span(self.at))

    def payment(self, authorization_id: str) -> Payment:
        """The payment; a new one if it is unknown."""
        known = self.department.payments.get(authorization_id)
        if known is None:
            known = self.department.payments[authorization_id] = Payment(authorization_id)
            self.department.every_payment.append(known)
            self.touch(known)
        return known

    def add_refund(self, refund: Refund) -> None:
        self.department.refunds[refund.id] = refund
        self.department.every_refund.append(refund)
        self.touch(refund, refund.payment)

    def add_dispute(self, dispute: Dispute) -> None:
        self.department.disputes[dispute.id] = dispute
        self.department.every_dispute.append(dispute)
        self.touch(dispute, dispute.payment)

    def hold(self, payment: Payment, amount: int, billing: Billing) -> None:
        """Keep `amount` more; a hold never gets an earlier expiry than it has."""
        if amount <= 0:
            return
        until = self.at + timedelta(days=payment.days or 0)
        payment.billing = payment.billing or billing
        still = payment.expires if payment.held and payment.expires else until
        payment.expires = max(until, still)
        payment.held += amount
        self.touch(payment)
        self.effects.append(
            HoldPlaced(
                authorization_id=payment.id,
                amount=amount,
                charges=payment.charges,
                expires_at=payment.expires,
            )
        )

    def release(self, payment: Payment, amount: int, cause: Any) -> None:
        if amount <= 0:
            return
        payment.held -= amount
        self.touch(payment)
        payment.closed = cause
        self.effects.append(
            HoldReleased(authorization_id=payment.id, amount=amount, charges=payment.charges, cause=cause)
        )

    def answer(
        self,
        outcome: Outcome,
        reasons: tuple[Said, ...] = (),
        reviews: tuple[Said, ...] = (),
        shadows: tuple[Said, ...] = (),
        approved: int | None = None,
        available: int | None = None,
        would_pass: Passes | None = None,
    ) -> Answer:
        said = tuple(Reason(code=one.code, fraud=one.fraud) for one in reasons)
        return Answer(
            outcome=outcome,
            code=response_code(outcome, said, self.event.type),
            reasons=reasons,
            reviews=reviews,
            shadows=shadows,
            alerts=tuple(sorted(self.alerts)),
            approved=approved,
            available=available,
            would_pass=would_pass,
            effects=tuple(self.effects),
            policy_version=self.policy_version,
        )

    def accepted(
        self, *effects: Effects, reviews: tuple[Said, ...] = (), shadows: tuple[Said, ...] = ()
    ) -> Answer:
        self.effects.extend(effects)
        return self.answer(Outcome.ACCEPTED, reviews=reviews, shadows=shadows)

    def declined(self, code: ReasonCode) -> Answer:
        return self.answer(Outcome.DECLINED, (Said(code),))


# -- money


#: What has happened already is taken as it is told; the others are questions, which can be asked again.
TOLD = (AuthorizationAdvised, ClearingPresented, RefundPresented)


def check_money(event: Event, currency: str) -> None:
    """Refuse another currency than the budget's, and a question with a rate that does not give the amount."""
    for name in ("amount", "limit"):
        money = getattr(event, name, None)
        if isinstance(money, Money) and money.currency != currency:
            raise Unusable(ReasonCode.WRONG_CURRENCY)
    if not isinstance(event, TOLD) and rate_disagrees(event, currency):
        raise Unusable(ReasonCode.WRONG_RATE)


def rate_disagrees(event: Event, currency: str) -> bool:
    """Whether no rounding of the two amounts and the rate explains the amount."""
    asked, rate = getattr(event, "merchant_amount", None), getattr(event, "rate", None)
    if asked is None or rate is None:
        return asked is not rate
    amount = Fraction(event.amount.minor)  # type: ignore[union-attr]
    worth = converted(asked, rate, currency)
    if worth is None:
        return True
    _, _, decimals = rate.lower().partition("e")[0].partition(".")
    last_digit = Fraction(10) ** min(0, int(rate.lower().partition("e")[2] or 0) - len(decimals))
    of_rate = worth / Fraction(Decimal(rate)) * last_digit / 2
    of_merchant = worth / asked.minor / 2
    return not worth - of_rate - of_merchant - 1 <= amount <= worth + of_rate + of_merchant + 1


def converted(asked: Money, rate: str, currency: str) -> Fraction | None:
    """`asked` in minor units of `currency`, not rounded; None when the rate is no number above zero."""
    number, _, power = rate.lower().partition("e")
    plain = number.replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit()) or (
        "e" in rate.lower() and not 1 <= len(power.lstrip("+-")) <= 2
    ):
        return None
    try:
        factor = Fraction(Decimal(rate))
        digits = exponent(currency) - exponent(asked.currency)
    except (InvalidOperation, ValueError):
        return None
    return asked.minor * factor * Fraction(10) ** digits if factor else None


def next_to_lapse(department: Department, holds_max: int = 500, bytes_max: int = 250_000) -> list[Payment]:
    """The holds that one event may let lapse, the earliest first."""
    found: list[Payment] = []
    holds = [payment for payment in department.payments.values() if payment.held and payment.expires]
    for payment in sorted(holds, key=lambda payment: (payment.expires, payment.id)):
        bytes_max -= 150 + 2 * len(payment.id.encode())
        bytes_max -= sum(100 + 2 * len(charge.encode()) for charge in payment.charges)
        if len(found) == holds_max or (found and bytes_max < 0):
            break
        found.append(payment)
    return found
