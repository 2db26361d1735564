"""One authorization: asked for, held, released, posted."""

from __future__ import annotations

from typing import Any

from schemas.decisions import Decision
from schemas.effects import (
    FxDifference,
    HoldPlaced,
    HoldReleased,
    PaymentApproved,
    PaymentDeclined,
    PaymentVoided,
    Posted,
    PostingUndone,
)
from streams.core.calendar import epoch_s
from streams.core.state import EVERY_REQUEST, ONLY_ADVISED, Department, Payment, Posting


def place_hold(department: Department, effect: HoldPlaced, decision: Decision, bucket: int) -> None:
    """More is kept, and all of it until then."""
    payment = _charged(department, effect, bucket)
    if payment.held:
        department.expiries.remove(payment.expires_s, effect.authorization_id)
    payment.held += effect.amount
    payment.closed = ""
    payment.expires_s = epoch_s(effect.expires_at)
    department.expiries.add(payment.expires_s, effect.authorization_id)


def _charged(department: Department, effect: Any, bucket: int) -> Payment:
    payment = _payment(department, effect.authorization_id, bucket)
    if not payment.charges:
        payment.charges = effect.charges
    return payment


def _payment(department: Department, authorization_id: str, bucket: int) -> Payment:
    payment = department.payments.change(authorization_id)
    if payment is not None:
        if bucket <= payment.bucket:
            return payment
        if department.keeps_payment(authorization_id, payment):
            payment.bucket = bucket
            return payment
    payment = department.payments[authorization_id] = Payment((), bucket)
    return payment


def release_hold(department: Department, effect: HoldReleased, decision: Decision, bucket: int) -> None:
    """Less is kept; how the last of it went is remembered."""
    payment = department.payments[effect.authorization_id]
    payment.held -= effect.amount
    if bucket > payment.bucket:
        payment.bucket = bucket
    if not payment.held:
        payment.closed = effect.cause
        department.expiries.remove(payment.expires_s, effect.authorization_id)


def approve(department: Department, effect: PaymentApproved, decision: Decision, bucket: int) -> None:
    """The decision's own payment; it is voided for nobody from here on."""
    assert decision.authorization_id
    payment = _payment(department, decision.authorization_id, bucket)
    payment.opened = max(payment.opened, ONLY_ADVISED) if effect.advised else decision.seq
    payment.approved = True
    payment.voided = ()
    payment.valid_days = effect.valid_days
    if effect.foreign is not None:
        payment.foreign = effect.foreign


def decline(department: Department, effect: PaymentDeclined, decision: Decision, bucket: int) -> None:
    """The decision's own payment; a request that was judged voids no other any more."""
    assert decision.authorization_id
    payment = _payment(department, decision.authorization_id, bucket)
    if effect.advised:
        payment.opened = max(payment.opened, ONLY_ADVISED)
        return
    payment.opened = decision.seq
    payment.voided = ()


def void(department: Department, effect: PaymentVoided, decision: Decision, bucket: int) -> None:
    """Once every request is meant, names say no more."""
    payment = department.payments.change(effect.authorization_id)
    if payment is None or not department.keeps_payment(effect.authorization_id, payment):
        payment = department.payments[effect.authorization_id] = Payment((), bucket)
    payment.voided = (EVERY_REQUEST,) if effect.request_id is None else (*payment.voided, effect.request_id)


def post(department: Department, effect: Posted, decision: Decision, bucket: int) -> None:
    """More is spent."""
    payment = _charged(department, effect, bucket)
    payment.posted += effect.amount
    payment.settled = payment.settled or effect.final
    payment.postings = (*payment.postings, Posting(decision.seq, effect.amount))


def differ(department: Department, effect: FxDifference, decision: Decision, bucket: int) -> None:
    """What the posting of this decision cost on top."""
    payment = department.payments[effect.authorization_id]
    fx = effect.amount if effect.direction == "loss" else -effect.amount
    payment.posted += fx
    assert payment.postings
    payment.postings[-1].fx = fx


def undo_posting(department: Department, effect: PostingUndone, decision: Decision, bucket: int) -> None:
    """All of one posting, what it cost on top included."""
    payment = department.payments[effect.authorization_id]
    payment.posted -= effect.amount + effect.fx
    for posting in payment.postings:
        if posting.seq == effect.of_seq:
            posting.undone = True
