"""The commonest decision, applied without a detour: the approval of a payment of which nothing was heard.

A second way to what the appliers of its effects come to, for speed alone, live and in replay; a property test
holds the two together (tests/core/test_straight.py). It changes all or nothing.
"""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import Counted, HoldPlaced, PaymentApproved
from streams.core.apply.controls import count
from streams.core.calendar import epoch_s
from streams.core.state import Department, Payment


def apply_approval(department: Department, decision: Decision, bucket: int) -> bool:
    """Whether it was such a decision; False: nothing has changed."""
    effects = decision.effects
    if not 2 <= len(effects) <= 3 or decision.version != 1:
        return False
    hold, counted, approved = effects[0], effects[1], effects[-1]
    if type(hold) is not HoldPlaced or type(approved) is not PaymentApproved or approved.advised:
        return False
    if counted is not approved and type(counted) is not Counted:
        return False
    name, amount, charges = hold.authorization_id, hold.amount, hold.charges
    if name != decision.authorization_id:
        return False
    periods = department.periods
    for charge in charges:
        if charge not in periods:
            return False
    expires_s = epoch_s(hold.expires_at)
    payment = Payment(
        charges,
        bucket,
        True,
        decision.seq,
        held=amount,
        expires_s=expires_s,
        valid_days=approved.valid_days,
        foreign=approved.foreign,
    )
    if not department.payments.add(name, payment):
        return False
    department.expiries.add(expires_s, name)
    for charge in charges:
        period = periods[charge]
        period.held += amount
        if bucket > period.bucket:
            period.bucket = bucket
    if type(counted) is Counted:
        count(department, counted, decision, bucket)
    return True
