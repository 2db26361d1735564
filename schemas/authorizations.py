"""One authorization as it stands: the read model that sinks keep and the API shows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from schemas.decisions import Decision, HoldPlaced, HoldReleased, Posted, Refunded, Score
from schemas.events import Merchant
from schemas.reasons import Outcome, Reason


class Status(StrEnum):
    """Where a payment is in its life."""

    APPROVED = "approved"  # held, nothing settled yet
    DECLINED = "declined"
    REVERSED = "reversed"  # the hold was given back
    PARTIALLY_CLEARED = "partially_cleared"  # settled in part, some still held
    CLEARED = "cleared"  # settled, nothing held
    REFUNDED = "refunded"  # all that was settled came back


class Authorization(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Totals of one payment, in minor units of `currency`, as of decision `partition:seq`."""

    organization_id: str
    department_id: str
    authorization_id: str
    status: Status
    currency: str
    partition: int
    seq: int
    decided_seq: int | None = None  # the request's own decision; None: a clearing came without one
    card_id: str | None = None
    cardholder: str | None = None
    merchant: Merchant | None = None
    occurred_at: datetime | None = None
    updated_at: datetime | None = None
    requested: int = 0
    held: int = 0
    posted: int = 0
    refunded: int = 0
    reasons: tuple[Reason, ...] = ()
    alerts: tuple[str, ...] = ()
    score: Score | None = None


def advance(before: Authorization | None, decision: Decision) -> Authorization | None:
    """The authorization after `decision`; `before` itself where the decision did not touch one.

    Idempotent: a decision at or before the one `before` stands at changes nothing.
    """
    if decision.authorization_id is None or decision.duplicate_of is not None:
        return before
    if decision.outcome is Outcome.REJECTED or (before is not None and decision.seq <= before.seq):
        return before
    held = before.held if before else 0
    posted = before.posted if before else 0
    refunded = before.refunded if before else 0
    for effect in decision.effects:
        match effect:
            case HoldPlaced(amount=amount):
                held += amount
            case HoldReleased(amount=amount):
                held -= amount
            case Posted(amount=amount):
                posted += amount
            case Refunded(amount=amount):
                refunded += amount
    moved = {"held": held, "posted": posted, "refunded": refunded}
    status = _status(decision.outcome, held, posted, refunded)
    if before is None:
        return _first(decision, status, moved)
    return msgspec.structs.replace(
        before,
        status=before.status if before.status is Status.DECLINED and not posted else status,
        seq=decision.seq,
        updated_at=decision.occurred_at,
        alerts=before.alerts + decision.alerts,
        **moved,
    )


def _first(decision: Decision, status: Status, moved: dict[str, int]) -> Authorization:
    """A payment seen for the first time: by its request, or by a clearing or refund without one."""
    asked = decision.outcome in (Outcome.APPROVED, Outcome.DECLINED)
    assert (
        decision.organization_id
        and decision.department_id
        and decision.authorization_id
        and decision.currency
    )
    return Authorization(
        organization_id=decision.organization_id,
        department_id=decision.department_id,
        authorization_id=decision.authorization_id,
        status=status,
        currency=decision.currency,
        partition=decision.partition,
        seq=decision.seq,
        decided_seq=decision.seq if asked else None,
        card_id=decision.card_id,
        cardholder=decision.cardholder,
        merchant=decision.merchant,
        occurred_at=decision.occurred_at,
        updated_at=decision.occurred_at,
        requested=(decision.amount or 0) if asked else 0,
        reasons=decision.reasons,
        alerts=decision.alerts,
        score=decision.score,
        **moved,
    )


def _status(outcome: Outcome, held: int, posted: int, refunded: int) -> Status:
    if outcome is Outcome.DECLINED:
        return Status.DECLINED
    if refunded and refunded >= posted:
        return Status.REFUNDED
    if posted:
        return Status.PARTIALLY_CLEARED if held else Status.CLEARED
    return Status.APPROVED if held else Status.REVERSED
