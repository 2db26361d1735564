"""How a hold ends before its clearing: reversals, timeouts, the network's expiry.

Each function answers one event as docs/rules.md says, and leaves the department as it is.
"""

from __future__ import annotations

from typing import Final, Literal

from schemas.decisions import Alert, Decision
from schemas.effects import Effects, HoldReleased, PaymentVoided
from schemas.events import AuthorizationExpired, AuthorizationReversed
from schemas.reasons import ReasonCode
from streams.core.case import Answers, Case, Rejected
from streams.core.state import EVERY_REQUEST, Payment

# Each is compared with every request that comes; a processor asks a handful of times.
VOIDED_MAX = 100


def reverse(case: Case, event: AuthorizationReversed) -> Decision:
    """A hold is given back; a timeout also voids what has not come yet."""
    if event.cause == "timeout":
        return _time_out(case, event, case.department.payment(event.authorization_id))
    payment = _holding(case, event.authorization_id)
    amount = payment.held if event.amount is None else case.amount(event.amount)
    if amount > payment.held:
        raise Rejected(ReasonCode.EXCEEDS_HOLD, f"{amount} of a hold of {payment.held} minor units")
    return release(case, event.authorization_id, payment, amount, "reversal", amount)


def _time_out(case: Case, event: AuthorizationReversed, payment: Payment | None) -> Decision:
    asked = None if event.amount is None else case.amount(event.amount)
    if payment is None or not payment.requested:
        return _void(case, event, payment, asked)
    if event.request_id is not None and not _opened_by(case, payment, event.request_id):
        # Nothing of that request was ever approved, or will be: this id belongs to another one.
        return case.accepted(charges=payment.charges, amount=asked)
    alerts: tuple[Alert, ...] = ("already_settled",) if payment.posted else ()
    asked = payment.held if asked is None else asked
    if not payment.held:
        return case.accepted(charges=payment.charges, amount=asked, alerts=alerts)
    return release(case, event.authorization_id, payment, payment.held, "timeout", asked, alerts)


def _void(case: Case, event: AuthorizationReversed, payment: Payment | None, asked: int | None) -> Decision:
    """No request has come: the one that timed out will be declined."""
    void = PaymentVoided(authorization_id=event.authorization_id, request_id=event.request_id)
    if payment is None:
        return case.accepted(void, amount=asked)
    if len(payment.voided) >= VOIDED_MAX and not payment.voids(event.request_id or EVERY_REQUEST):
        detail = f"{event.authorization_id} has {VOIDED_MAX} requests that timed out, the most it may"
        raise Rejected(ReasonCode.TOO_MANY, detail)
    return case.accepted(
        *(() if payment.voids(event.request_id or EVERY_REQUEST) else (void,)),
        charges=payment.charges,
        amount=asked,
        alerts=("already_settled",) if payment.posted else (),
    )


def _opened_by(case: Case, payment: Payment, request_id: str) -> bool:
    first = case.department.answer(request_id)
    return first is not None and first.seq == payment.opened


def expire(case: Case, event: AuthorizationExpired) -> Decision:
    """The network says that a hold is over before our own validity does."""
    payment = _holding(case, event.authorization_id)
    return release(case, event.authorization_id, payment, payment.held, "expiry", payment.held)


def _holding(case: Case, authorization_id: str) -> Payment:
    """The payment, which must hold something that can be given back."""
    payment = case.department.payment(authorization_id)
    if payment is None or payment.voided:
        raise Rejected(ReasonCode.UNKNOWN_AUTHORIZATION, f"{authorization_id} is not known")
    if not payment.held:
        raise Rejected(ReasonCode.NOTHING_HELD, f"{authorization_id} holds nothing")
    return payment


def release(
    case: Case,
    authorization_id: str,
    payment: Payment,
    amount: int,
    cause: Literal["reversal", "timeout", "expiry", "advice"],
    asked: int,
    alerts: tuple[Alert, ...] = (),
    approved: int | None = None,
    more: tuple[Effects, ...] = (),
) -> Decision:
    """`amount` of what the payment holds is given back. `asked`, `approved`: as the event says."""
    released = HoldReleased(
        authorization_id=authorization_id, amount=amount, charges=payment.charges, cause=cause
    )
    return case.accepted(
        released, *more, charges=payment.charges, amount=asked, alerts=alerts, approved=approved
    )


ANSWERS: Final[Answers] = {
    AuthorizationReversed: reverse,
    AuthorizationExpired: expire,
}
