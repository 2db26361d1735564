"""What happens to a payment after it was asked for: advices, reversals, clearings, refunds, disputes."""

from __future__ import annotations

from fractions import Fraction

from schemas.effects import (
    DisputeClosed,
    DisputeStarted,
    FxDifference,
    PaymentVoided,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationExpired,
    AuthorizationReversed,
    ClearingPresented,
    DisputeOpened,
    DisputeResolved,
    PostingReversed,
    RefundPresented,
    RefundReversed,
)
from schemas.reasons import ReasonCode
from tests.model.answers import Answer, Said
from tests.model.asking import ask_for, authorize
from tests.model.case import Case, Unusable, check_money, converted, rate_disagrees
from tests.model.limits import judge
from tests.model.records import Dispute, Payment, Posting, Refund


def advise(case: Case, event: AuthorizationAdvised) -> Answer:
    known = case.department.payments.get(event.authorization_id)
    payment = case.payment(event.authorization_id)
    _look_at_rate(case, event)
    if not event.approved:
        payment.advised = payment.advised or not payment.voided
        case.release(payment, payment.held, "advice")
        return case.accepted()
    if not (payment.requested or payment.advised):
        case.alerts.append("no_authorization")
    wanted = max(0, event.amount.minor - payment.posted)
    reviews: tuple[Said, ...] = ()
    shadows: tuple[Said, ...] = ()
    case.release(payment, payment.held - wanted, "advice")
    if wanted > payment.held:
        # A raise is judged as its increment would be, all else as a request.
        ask = ask_for(case, event, wanted - payment.held, known, increment=payment.approved)
        verdict = judge(ask)
        reviews, shadows = verdict.reasons + verdict.reviews, verdict.shadows
        if verdict.reasons:
            case.alerts.append("above_limits")
    authorize(case, payment, event)
    if wanted > payment.held:
        case.hold(payment, wanted - payment.held, ask.billing)
    payment.advised = True
    return case.accepted(reviews=reviews, shadows=shadows)


def reverse(case: Case, event: AuthorizationReversed) -> Answer:
    payment = case.department.payments.get(event.authorization_id)
    if event.cause == "timeout":
        check_money(event, case.department.currency)
        return _time_out(case, payment, event)
    if payment is None or payment.voided:
        raise Unusable(ReasonCode.UNKNOWN_AUTHORIZATION)
    if not payment.held:
        raise Unusable(ReasonCode.NOTHING_HELD)
    check_money(event, case.department.currency)
    amount = event.amount.minor if event.amount else payment.held
    if amount > payment.held:
        raise Unusable(ReasonCode.EXCEEDS_HOLD)
    case.release(payment, amount, "reversal")
    return case.accepted()


def _time_out(case: Case, payment: Payment | None, event: AuthorizationReversed) -> Answer:
    named = event.request_id
    if payment is not None and payment.told_of and named is not None:
        request = case.department.decided(named)
        if request is None or request.seq != payment.asked_in:
            return case.accepted()
    if payment is not None and payment.posted:
        case.alerts.append("already_settled")
    if payment is not None and payment.told_of:
        case.release(payment, payment.held, "timeout")
        return case.accepted()
    payment = case.payment(event.authorization_id)
    if payment.is_timed_out(named):
        return case.accepted()
    payment.timed_out.append(named)
    return case.accepted(PaymentVoided(authorization_id=event.authorization_id, request_id=named))


def expire(case: Case, event: AuthorizationExpired) -> Answer:
    payment = case.department.payments.get(event.authorization_id)
    if payment is None or payment.voided:
        raise Unusable(ReasonCode.UNKNOWN_AUTHORIZATION)
    if not payment.held:
        raise Unusable(ReasonCode.NOTHING_HELD)
    case.release(payment, payment.held, "expiry")
    return case.accepted()


def clear(case: Case, event: ClearingPresented) -> Answer:
    payment = case.payment(event.authorization_id)
    amount = event.amount.minor
    _look_at_rate(case, event)
    alert = _alert(payment, amount)
    if alert is not None:
        case.alerts.append(alert)
    payment.billing = payment.billing or ask_for(case, event, amount, None).billing
    case.release(payment, payment.held if event.final else min(payment.held, amount), "clearing")
    at_old_rate = _at_old_rate(payment, event, case.department.currency)
    posting = Posting(case.seq, at_old_rate, amount - at_old_rate)
    payment.postings.append(posting)
    payment.final = payment.final or event.final
    case.touch(payment)
    case.effects.append(
        Posted(authorization_id=payment.id, amount=posting.amount, charges=payment.charges, final=event.final)
    )
    if posting.fx:
        case.effects.append(
            FxDifference(
                authorization_id=payment.id,
                amount=abs(posting.fx),
                charges=payment.charges,
                direction="loss" if posting.fx > 0 else "gain",
            )
        )
    return case.accepted()


def _alert(payment: Payment, amount: int) -> str | None:
    if payment.voided:
        return "after_timeout"
    if payment.only_cleared:
        return "no_authorization"
    if not payment.approved:
        return "after_decline"
    if amount <= payment.held:
        return None
    closed = {
        "reversal": "after_reversal",
        "advice": "after_reversal",
        "timeout": "after_timeout",
        "expiry": "after_expiry",
    }
    return "over_capture" if payment.held else closed.get(payment.closed or "", "over_capture")


def _look_at_rate(case: Case, event: AuthorizationAdvised | ClearingPresented | RefundPresented) -> None:
    if rate_disagrees(event, case.department.currency):
        case.alerts.append("rate_mismatch")


def half_even(worth: Fraction) -> int:
    return round(worth)  # of a Fraction: half to even


def _at_old_rate(payment: Payment, event: ClearingPresented, currency: str) -> int:
    """The clearing's amount at the rate of the request."""
    asked = event.merchant_amount
    if rate_disagrees(event, currency):
        return event.amount.minor
    if asked is None or payment.asked_rate is None or payment.asked_currency != asked.currency:
        return event.amount.minor
    rounded = half_even(converted(asked, payment.asked_rate, currency) or Fraction(0))
    return rounded if 0 < rounded <= 10**15 else event.amount.minor


def refund(case: Case, event: RefundPresented) -> Answer:
    department, amount = case.department, event.amount.minor
    refund_id = event.refund_id or event.event_id
    if refund_id in department.refunds:
        raise Unusable(ReasonCode.REFUND_EXISTS)
    _look_at_rate(case, event)
    billing = ask_for(case, event, amount, None).billing
    linked = event.authorization_id
    payment = department.payments.get(linked) if linked else None
    if payment is not None:
        billing = payment.billing or billing
        if amount > department.settled(payment):
            case.alerts.append("over_refund")
    elif linked:
        case.alerts.append("no_authorization")
    if payment is None and amount > min(map(department.posted, billing.keys)):
        case.alerts.append("refund_exceeds_posted")
    case.add_refund(Refund(refund_id, amount, billing, payment))
    return case.accepted(
        Refunded(refund_id=refund_id, amount=amount, charges=billing.keys, authorization_id=linked)
    )


def reverse_refund(case: Case, event: RefundReversed) -> Answer:
    known = case.department.refunds.get(event.refund_id)
    if known is None:
        raise Unusable(ReasonCode.UNKNOWN_REFUND)
    check_money(event, case.department.currency)
    amount = event.amount.minor if event.amount else known.left
    if amount > known.left or not known.left:
        raise Unusable(ReasonCode.EXCEEDS_REFUND)
    known.undone += amount
    case.touch(known, known.payment)
    return case.accepted(
        RefundUndone(
            refund_id=known.id,
            amount=amount,
            charges=known.charges,
            authorization_id=known.payment.id if known.payment else None,
        )
    )


def open_dispute(case: Case, event: DisputeOpened) -> Answer:
    department, amount = case.department, event.amount.minor
    payment = department.payments.get(event.authorization_id)
    if payment is None or (payment.voided and not payment.postings):
        raise Unusable(ReasonCode.UNKNOWN_AUTHORIZATION)
    if event.dispute_id in department.disputes:
        raise Unusable(ReasonCode.DISPUTE_EXISTS)
    if amount > department.settled(payment):
        raise Unusable(ReasonCode.EXCEEDS_SETTLED)
    provisional = event.provisional_credit
    case.add_dispute(Dispute(event.dispute_id, payment, amount, provisional))
    return case.accepted(
        DisputeStarted(
            dispute_id=event.dispute_id, authorization_id=payment.id, amount=amount, provisional=provisional
        )
    )


def resolve_dispute(case: Case, event: DisputeResolved) -> Answer:
    known = case.department.disputes.get(event.dispute_id)
    if known is None:
        raise Unusable(ReasonCode.UNKNOWN_DISPUTE)
    if known.outcome is not None:
        raise Unusable(ReasonCode.DISPUTE_RESOLVED)
    known.outcome = event.outcome
    case.touch(known, known.payment)
    return case.accepted(
        DisputeClosed(
            dispute_id=known.id,
            authorization_id=known.payment.id,
            amount=known.amount,
            charges=known.payment.charges,
            provisional=known.provisional,
            outcome=event.outcome,
        )
    )


def undo_posting(case: Case, event: PostingReversed) -> Answer:
    payment = case.department.payments.get(event.authorization_id)
    if payment is None or (payment.voided and not payment.postings):
        raise Unusable(ReasonCode.UNKNOWN_AUTHORIZATION)
    posting = next((one for one in payment.postings if one.seq == event.seq), None)
    if posting is None:
        raise Unusable(ReasonCode.UNKNOWN_POSTING)
    if posting.undone:
        raise Unusable(ReasonCode.ALREADY_UNDONE)
    if posting.total > case.department.settled(payment):
        raise Unusable(ReasonCode.EXCEEDS_SETTLED)
    posting.undone = True
    case.touch(payment)
    return case.accepted(
        PostingUndone(
            authorization_id=payment.id,
            amount=posting.amount,
            charges=payment.charges,
            of_seq=posting.seq,
            fx=posting.fx,
        )
    )
