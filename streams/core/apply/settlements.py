"""Money that came back, and money that is contested."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import DisputeClosed, DisputeStarted, Refunded, RefundUndone
from streams.core.state import Department, Dispute, Payment, Refund


def refund(department: Department, effect: Refunded, decision: Decision, bucket: int) -> None:
    payment = _linked(department, effect.authorization_id)
    # Linked to what was unknown: if that payment comes one day, this was never counted in it.
    linked = effect.authorization_id if payment is not None else None
    department.refunds[effect.refund_id] = Refund(effect.charges, bucket, linked, effect.amount)
    if payment is not None:
        payment.refunded += effect.amount


def undo_refund(department: Department, effect: RefundUndone, decision: Decision, bucket: int) -> None:
    refund = department.refunds[effect.refund_id]
    refund.left -= effect.amount
    refund.bucket = max(refund.bucket, bucket)
    payment = _linked(department, effect.authorization_id)
    if payment is not None:
        payment.refunded -= effect.amount
        payment.bucket = max(payment.bucket, bucket)


def open_dispute(department: Department, effect: DisputeStarted, decision: Decision, bucket: int) -> None:
    department.disputes[effect.dispute_id] = Dispute(
        effect.authorization_id, bucket, effect.amount, effect.provisional
    )
    department.payments[effect.authorization_id].disputed += effect.amount
    contested = department.contested
    contested[effect.authorization_id] = contested.get(effect.authorization_id, 0) + 1


def close_dispute(department: Department, effect: DisputeClosed, decision: Decision, bucket: int) -> None:
    dispute = department.disputes[effect.dispute_id]
    dispute.outcome, dispute.bucket = effect.outcome, max(dispute.bucket, bucket)
    payment = department.payments[effect.authorization_id]
    payment.bucket = max(payment.bucket, bucket)
    left = department.contested.pop(effect.authorization_id) - 1
    if left:
        department.contested[effect.authorization_id] = left
    if effect.outcome != "won":
        payment.disputed -= effect.amount


def _linked(department: Department, authorization_id: str | None) -> Payment | None:
    if authorization_id is None or department.payment(authorization_id) is None:
        return None
    return department.payments.change(authorization_id)
