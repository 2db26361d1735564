"""What the live feed tells of a decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.decisions import Decision
from schemas.effects import HoldReleased
from schemas.reasons import Outcome, ReasonCode, sentence


class Brief(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of the feed. `amount`: minor units of `currency`; `approved`: where that is less.

    `sentence` explains `reason`, or else the first of `reviews`, which are what somebody should look at
    though it was approved. `lapsed`: holds that lapsed with this event.
    """

    outcome: Outcome
    event_type: str | None = None
    reason: ReasonCode | None = None
    sentence: str | None = None
    reviews: tuple[ReasonCode, ...] = ()
    alerts: tuple[str, ...] = ()
    department: str | None = None
    authorization: str | None = None
    amount: int | None = None
    approved: int | None = None
    currency: str | None = None
    lapsed: int = 0
    flagged: bool = False
    duplicate: bool = False
    occurred_at: datetime | None = None


class FeedEntry(NamedTuple):
    """A feed entry of `organization`; `position` is `partition:seq`, `decision` the brief as JSON."""

    organization: str
    position: str
    decision: bytes


_encode = msgspec.json.Encoder().encode


def brief(decision: Decision) -> Brief:
    first = decision.reasons[0] if decision.reasons else None
    told = first or (decision.reviews[0] if decision.reviews else None)
    return Brief(
        outcome=decision.outcome,
        event_type=decision.event_type,
        reason=first.code if first else None,
        sentence=sentence(told) if told else None,
        # A rule that asks for a review of each of several subjects says the same several times.
        reviews=tuple(dict.fromkeys(review.code for review in decision.reviews)),
        alerts=decision.alerts,
        department=decision.department_id,
        authorization=decision.authorization_id,
        amount=decision.amount,
        approved=decision.approved if decision.outcome is Outcome.PARTIALLY_APPROVED else None,
        currency=decision.currency,
        lapsed=sum(type(effect) is HoldReleased and effect.cause == "expiry" for effect in decision.effects),
        flagged=decision.score is not None and decision.score.flagged,
        duplicate=decision.duplicate_of is not None,
        occurred_at=decision.occurred_at,
    )


def entries(decisions: Iterable[Decision], length_max: int) -> list[FeedEntry]:
    """Feed entries in log order, for each organization its last `length_max` at most.

    Decisions without organization are nobody's: they are in the log and among the dead letters.
    """
    by_organization: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.organization_id is not None:
            by_organization.setdefault(decision.organization_id, []).append(decision)
    return [
        FeedEntry(organization, f"{decision.partition}:{decision.seq}", _encode(brief(decision)))
        for organization, found in by_organization.items()
        for decision in found[-length_max:]
    ]
