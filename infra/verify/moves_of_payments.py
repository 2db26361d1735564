"""What a message about a payment must move and alert, from its own words and what was known before it.

Questions are judged by `rulings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import schemas.events as ev
from infra.verify.controls import charges
from infra.verify.limits import purchase_of
from infra.verify.moves import Known, Move, Moves, Rule, moves
from infra.verify.rates import ALERT, at_rate, wrong_rate
from infra.verify.state import Payment
from schemas import effects as ef
from schemas.event import Event


def _release(known: Known, amount: int, cause: str) -> tuple[Move, ...]:
    facts = {"authorization_id": known.event.authorization_id, "amount": amount, "cause": cause}
    return ((ef.HoldReleased, facts),) if amount > 0 else ()


def _advise(known: Known) -> Moves:
    event = known.event
    if not event.approved:
        return Moves(_release(known, known.held, "advice"), _of_rate(event))
    posted = known.payment.posted if known.payment else 0
    more = max(0, event.amount.minor - posted) - known.held
    if more <= 0:
        return Moves(_release(known, -more, "advice"), None)
    return Moves(((ef.HoldPlaced, {"authorization_id": event.authorization_id, "amount": more}),), None)


def _of_rate(event: Any) -> tuple[str, ...]:
    return () if wrong_rate(event.amount, event.merchant_amount, event.rate) is None else (ALERT,)


def _reverse(known: Known) -> Moves:
    event, timeout = known.event, known.timeout
    if timeout is None:
        amount = known.held if event.amount is None else event.amount.minor
        return Moves(_release(known, amount, "reversal"))
    voids = tuple(
        (ef.PaymentVoided, {"authorization_id": event.authorization_id, "request_id": name})
        for name in timeout.voids
    )
    released = _release(known, known.held, "timeout") if timeout.releases else ()
    means = timeout.releases or known.payment is None or not known.payment.judged
    settled = means and known.payment is not None and known.payment.posted
    return Moves((*voids, *released), ("already_settled",) if settled else ())


def _expire(known: Known) -> Moves:
    return Moves(_release(known, known.held, "expiry"))


_CLOSED: Final = {
    "reversal": "after_reversal",
    "advice": "after_reversal",
    "timeout": "after_timeout",
    "expiry": "after_expiry",
}


def _clear(known: Known) -> Moves:
    event, payment, amount = known.event, known.payment, known.event.amount.minor
    mismatch, base = _of_rate(event), amount
    foreign, approved = event.merchant_amount, payment.foreign if payment else None
    if not mismatch and foreign is not None and approved is not None and approved[0] == foreign.currency:
        base = at_rate(foreign, approved[1], event.amount.currency, amount)
    name = {"authorization_id": event.authorization_id}
    moves = _release(known, known.held if event.final else min(known.held, amount), "clearing")
    moves += ((ef.Posted, {**name, "amount": base, "final": event.final}),)
    if base != amount:
        way = "loss" if amount > base else "gain"
        moves += ((ef.FxDifference, {**name, "amount": abs(amount - base), "direction": way}),)
    return Moves(moves, mismatch + _of_clearing(known, payment, amount))


def _of_clearing(known: Known, payment: Payment | None, amount: int) -> tuple[str, ...]:
    if payment is not None and payment.voided:
        return ("after_timeout",)
    if payment is None or not payment.answered:
        return ("no_authorization",)
    if not payment.granted:
        return ("after_decline",)
    if amount <= known.held:
        return ()
    return ("over_capture",) if known.held else (_CLOSED.get(known.closed, "over_capture"),)


def _refund(known: Known) -> Moves:
    event, payment, amount = known.event, known.payment, known.event.amount.minor
    alerts = _of_rate(event)
    if payment is not None:
        alerts += ("over_refund",) if amount > payment.net else ()
    else:
        alerts += ("no_authorization",) if event.authorization_id else ()
        periods = known.department.periods
        posted = [
            periods[charge].posted if charge in periods else 0
            for charge in charges(known.department, purchase_of(known.decision))
        ]
        alerts += ("refund_exceeds_posted",) if amount > min(posted) else ()
    facts = {"refund_id": event.refund_id or event.event_id, "amount": amount}
    return Moves(((ef.Refunded, {**facts, "authorization_id": event.authorization_id}),), alerts)


def _take_refund_back(known: Known) -> Moves:
    event, refund = known.event, known.department.refunds.get(known.event.refund_id)
    left = refund.left if refund else 0
    amount = left if event.amount is None else event.amount.minor
    return Moves(((ef.RefundUndone, {"refund_id": event.refund_id, "amount": amount}),))


def _dispute(known: Known) -> Moves:
    event = known.event
    facts = {"dispute_id": event.dispute_id, "authorization_id": event.authorization_id}
    facts |= {"amount": event.amount.minor, "provisional": event.provisional_credit}
    return Moves(((ef.DisputeStarted, facts),))


def _label(known: Known) -> Moves:
    event = known.event
    facts = {"authorization_id": event.authorization_id, "label": event.label, "source": event.source}
    return Moves(((ef.PaymentLabelled, facts),))


def _resolve(known: Known) -> Moves:
    facts = {"dispute_id": known.event.dispute_id, "outcome": known.event.outcome}
    moves: tuple[Move, ...] = ((ef.DisputeClosed, facts),)
    if known.event.outcome == "won" and known.department.policy.label_won_disputes:
        dispute = known.department.disputes.get(known.event.dispute_id)
        whose = {} if dispute is None else {"authorization_id": dispute.authorization_id}
        moves += ((ef.PaymentLabelled, {**whose, "label": "fraud", "source": "chargeback"}),)
    return Moves(moves)


def _undo(known: Known) -> Moves:
    event = known.event
    name = (event.organization_id, event.department_id, event.authorization_id)
    total, fx = known.postings.of(event.seq, name) or (0, 0)
    facts = {"authorization_id": event.authorization_id, "of_seq": event.seq}
    return Moves(((ef.PostingUndone, {**facts, "amount": total - fx, "fx": fx}),))


def _nothing(known: Known) -> Moves:
    return Moves()


PAYMENTS: Final[Mapping[type[Event], Rule]] = {
    ev.AuthorizationRequested: moves(None, ef.HoldPlaced, ef.LeaseAsked),
    ev.AuthorizationIncremented: moves(None, ef.HoldPlaced, ef.LeaseAsked),
    ev.AuthorizationAdvised: moves(_advise, ef.HoldPlaced, ef.HoldReleased, ef.LeaseAsked),
    ev.AuthorizationReversed: moves(_reverse, ef.HoldReleased, ef.PaymentVoided),
    ev.AuthorizationExpired: moves(_expire, ef.HoldReleased),
    ev.ClearingPresented: moves(_clear, ef.HoldReleased, ef.Posted, ef.FxDifference, ef.LeaseAsked),
    ev.RefundPresented: moves(_refund, ef.Refunded),
    ev.RefundReversed: moves(_take_refund_back, ef.RefundUndone),
    ev.DisputeOpened: moves(_dispute, ef.DisputeStarted),
    ev.DisputeResolved: moves(_resolve, ef.DisputeClosed, ef.PaymentLabelled),
    ev.AuthorizationLabelled: moves(_label, ef.PaymentLabelled),
    ev.PostingReversed: moves(_undo, ef.PostingUndone),
    ev.VerificationRequested: moves(None),
    ev.BalanceInquired: moves(_nothing),
    ev.ClockTicked: moves(None, ef.LeaseAsked, ef.RequestLapsed),
}
