"""What moves settled money: clearings, refunds, disputes, corrections. Limits are not asked."""

from __future__ import annotations

from typing import Final

from schemas.decisions import Alert, Decision
from schemas.effects import (
    DisputeClosed,
    DisputeStarted,
    Effects,
    FxDifference,
    HoldReleased,
    PaymentLabelled,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.events import (
    AuthorizationLabelled,
    ClearingPresented,
    DisputeOpened,
    DisputeResolved,
    PostingReversed,
    RefundPresented,
    RefundReversed,
)
from schemas.reasons import ReasonCode
from streams.core.case import Answers, Case, Rejected, in_range
from streams.core.matching import Purchase
from streams.core.rates import at_rate, rate_alerts
from streams.core.state import Payment

POSTINGS_MAX = 1_000
_CLOSED: dict[str, Alert] = {
    "reversal": "after_reversal",
    "advice": "after_reversal",
    "timeout": "after_timeout",
    "expiry": "after_expiry",
}


def clear(case: Case, event: ClearingPresented) -> Decision:
    """Posts in full whatever was held: the network has settled it already, so it is recorded and alerted."""
    amount = case.amount(event.amount)
    mismatch = rate_alerts(event)
    payment = case.department.payment(event.authorization_id)
    held = payment.held if payment else 0
    charges = payment.charges if payment and payment.charges else _charges_now(case, event)
    effects: list[Effects] = []
    released = held if event.final else min(held, amount)
    if released:
        effects.append(
            HoldReleased(
                authorization_id=event.authorization_id, amount=released, charges=charges, cause="clearing"
            )
        )
    effects += _posting(event, None if mismatch else payment, amount, charges)
    _check_room(payment, event.authorization_id, amount)
    return case.accepted(
        *effects, charges=charges, amount=amount, alerts=mismatch + _clearing_alerts(payment, held, amount)
    )


def _check_room(payment: Payment | None, authorization_id: str, amount: int) -> None:
    """Networks allow 99 clearings of an authorization; each costs as much as there were before."""
    if payment is None:
        return
    in_range(payment.posted + amount, f"what is posted to {authorization_id}")
    if len(payment.postings) >= POSTINGS_MAX:
        detail = f"{authorization_id} has {POSTINGS_MAX:,} clearings, the most that one payment may"
        raise Rejected(ReasonCode.TOO_MANY, detail)


def _clearing_alerts(payment: Payment | None, held: int, amount: int) -> tuple[Alert, ...]:
    if payment is not None and payment.voided:
        return ("after_timeout",)
    if payment is None or not payment.requested:
        return ("no_authorization",)
    if not payment.approved:
        return ("after_decline",)
    if amount <= held:
        return ()
    closed = None if held else _CLOSED.get(payment.closed)
    return (closed or "over_capture",)


def _posting(
    event: ClearingPresented, payment: Payment | None, amount: int, charges: tuple[str, ...]
) -> list[Effects]:
    """The posting at the request's rate, and what the rate has moved since."""
    base = amount
    foreign = event.merchant_amount
    if payment is not None and payment.foreign is not None and foreign is not None:
        currency, rate = payment.foreign
        if currency == foreign.currency:
            base = at_rate(foreign, event.amount.currency, rate) or amount
    effects: list[Effects] = [
        Posted(authorization_id=event.authorization_id, amount=base, charges=charges, final=event.final)
    ]
    if base != amount:
        effects.append(
            FxDifference(
                authorization_id=event.authorization_id,
                amount=abs(amount - base),
                charges=charges,
                direction="loss" if amount > base else "gain",
            )
        )
    return effects


def refund(case: Case, event: RefundPresented) -> Decision:
    """Credits the periods that were charged; beyond what was posted there it makes no room."""
    amount = case.amount(event.amount)
    mismatch = rate_alerts(event)
    refund_id = event.refund_id or event.event_id
    if case.department.refund(refund_id) is not None:
        raise Rejected(ReasonCode.REFUND_EXISTS, f"{refund_id} was presented before")
    payment = case.department.payment(event.authorization_id) if event.authorization_id else None
    alerts = mismatch
    if event.authorization_id and payment is None:
        alerts += ("no_authorization",)
    elif payment is not None and amount > payment.net:
        alerts += ("over_refund",)
    charges = payment.charges if payment and payment.charges else _charges_now(case, event)
    if payment is None and any(_posted(case, charge) < amount for charge in charges):
        alerts += ("refund_exceeds_posted",)
    if payment is not None:
        in_range(payment.refunded + amount, f"what is refunded of {event.authorization_id}")
    effect = Refunded(
        refund_id=refund_id, amount=amount, charges=charges, authorization_id=event.authorization_id
    )
    return case.accepted(effect, charges=charges, amount=amount, alerts=alerts)


def _posted(case: Case, charge: str) -> int:
    period = case.department.periods.get(charge)
    return 0 if period is None else period.posted


def reverse_refund(case: Case, event: RefundReversed) -> Decision:
    """The merchant takes a refund back: the money is spent again."""
    known = case.department.refund(event.refund_id)
    if known is None:
        raise Rejected(ReasonCode.UNKNOWN_REFUND, f"{event.refund_id} is not known")
    amount = known.left if event.amount is None else case.amount(event.amount)
    if not known.left or amount > known.left:
        raise Rejected(ReasonCode.EXCEEDS_REFUND, f"{amount} of {known.left} minor units that are left")
    effect = RefundUndone(
        refund_id=event.refund_id,
        amount=amount,
        charges=known.charges,
        authorization_id=known.authorization_id,
    )
    return case.accepted(effect, charges=known.charges, amount=amount)


def open_dispute(case: Case, event: DisputeOpened) -> Decision:
    """No budget moves before the outcome: a provisional credit may be taken back."""
    amount = case.amount(event.amount)
    payment = _settled(case, event.authorization_id)
    if case.department.dispute(event.dispute_id) is not None:
        raise Rejected(ReasonCode.DISPUTE_EXISTS, f"{event.dispute_id} was opened before")
    if amount > payment.net:
        raise Rejected(
            ReasonCode.EXCEEDS_SETTLED, f"{amount} of {payment.net} minor units settled and not refunded"
        )
    effect = DisputeStarted(
        dispute_id=event.dispute_id,
        authorization_id=event.authorization_id,
        amount=amount,
        provisional=event.provisional_credit,
    )
    return case.accepted(effect, charges=payment.charges, amount=amount)


def resolve_dispute(case: Case, event: DisputeResolved) -> Decision:
    """Won: the money counts as never spent. Lost or withdrawn: a provisional credit goes back."""
    dispute = case.department.dispute(event.dispute_id)
    if dispute is None:
        raise Rejected(ReasonCode.UNKNOWN_DISPUTE, f"{event.dispute_id} is not known")
    if dispute.outcome is not None:
        raise Rejected(ReasonCode.DISPUTE_RESOLVED, f"{event.dispute_id} was {dispute.outcome} before")
    payment = _settled(case, dispute.authorization_id)
    effect = DisputeClosed(
        dispute_id=event.dispute_id,
        authorization_id=dispute.authorization_id,
        amount=dispute.amount,
        charges=payment.charges,
        provisional=dispute.provisional,
        outcome=event.outcome,
    )
    found: tuple[Effects, ...] = (effect,)
    if event.outcome == "won" and case.department.policy.label_won_disputes:
        found += (
            PaymentLabelled(authorization_id=dispute.authorization_id, label="fraud", source="chargeback"),
        )
    return case.accepted(*found, charges=payment.charges, amount=dispute.amount)


def label(case: Case, event: AuthorizationLabelled) -> Decision:
    """What a payment turned out to be: nothing moves, and no rule asks for it."""
    payment = _settled(case, event.authorization_id)
    effect = PaymentLabelled(authorization_id=event.authorization_id, label=event.label, source=event.source)
    return case.accepted(effect, charges=payment.charges)


def reverse_posting(case: Case, event: PostingReversed) -> Decision:
    """A wrong clearing is undone, once, by a transfer of its own."""
    payment = _settled(case, event.authorization_id)
    posting = next((posting for posting in payment.postings if posting.seq == event.seq), None)
    if posting is None:
        detail = f"decision {event.seq} posted nothing to {event.authorization_id}"
        raise Rejected(ReasonCode.UNKNOWN_POSTING, detail)
    if posting.undone:
        raise Rejected(ReasonCode.ALREADY_UNDONE, f"the posting of decision {event.seq} was undone before")
    total = posting.amount + posting.fx
    if total > payment.net:
        detail = f"{total} of {payment.net} minor units settled, not refunded and not disputed"
        raise Rejected(ReasonCode.EXCEEDS_SETTLED, detail)
    effect = PostingUndone(
        authorization_id=event.authorization_id,
        amount=posting.amount,
        charges=payment.charges,
        of_seq=event.seq,
        fx=posting.fx,
    )
    return case.accepted(effect, charges=payment.charges, amount=total)


def _settled(case: Case, authorization_id: str) -> Payment:
    payment = case.department.payment(authorization_id)
    if payment is None or (payment.voided and not payment.postings):
        raise Rejected(ReasonCode.UNKNOWN_AUTHORIZATION, f"{authorization_id} is not known")
    return payment


def _charges_now(case: Case, event: ClearingPresented | RefundPresented) -> tuple[str, ...]:
    return case.plan.card(event.card_id).charges_for(Purchase(case.at_s, event.merchant, None)).keys


ANSWERS: Final[Answers] = {
    ClearingPresented: clear,
    RefundPresented: refund,
    RefundReversed: reverse_refund,
    DisputeOpened: open_dispute,
    DisputeResolved: resolve_dispute,
    AuthorizationLabelled: label,
    PostingReversed: reverse_posting,
}
