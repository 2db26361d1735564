"""The second commonest decision, applied without a detour: a posting in the place of a hold.

A second way to what the appliers of its effects come to, for speed alone, live and in replay; a property test
holds the two together (tests/core/test_straight.py). It changes all or nothing.
"""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import HoldReleased, Posted
from streams.core.state import Department, Posting


def apply_clearing(department: Department, decision: Decision, bucket: int) -> bool:
    """Whether it was such a decision; False: nothing has changed."""
    effects = decision.effects
    if len(effects) != 2 or decision.version != 1:
        return False
    release, posting = effects
    if type(release) is not HoldReleased or type(posting) is not Posted:
        return False
    name, charges, periods = posting.authorization_id, posting.charges, department.periods
    if release.authorization_id != name or release.charges != charges:
        return False
    for charge in charges:
        if charge not in periods:
            return False
    payment = department.payments.change(name)
    if payment is None or not payment.charges:
        return False
    released, amount = release.amount, posting.amount
    payment.held -= released
    if bucket > payment.bucket:
        payment.bucket = bucket
    if not payment.held:
        payment.closed = release.cause
        department.expiries.remove(payment.expires_s, name)
    payment.posted += amount
    payment.settled = payment.settled or posting.final
    payment.postings = (*payment.postings, Posting(decision.seq, amount))
    for charge in charges:
        period = periods[charge]
        period.posted += amount
        period.held -= released
        if bucket > period.bucket:
            period.bucket = bucket
    return True
