"""What the live feed tells of a decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.decisions import Decision
from schemas.reasons import Outcome, ReasonCode, sentence


class Brief(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of the feed. `amount`: minor units of `currency`; `sentence` explains `reason`."""

    outcome: Outcome
    event_type: str | None = None
    reason: ReasonCode | None = None
    sentence: str | None = None
    department: str | None = None
    authorization: str | None = None
    amount: int | None = None
    currency: str | None = None
    flagged: bool = False
    duplicate: bool = False
    occurred_at: datetime | None = None


class Entry(NamedTuple):
    """A feed entry of `organization`; `position` is `partition:seq`, `decision` the brief as JSON."""

    organization: str
    position: str
    decision: bytes


_encode = msgspec.json.Encoder().encode


def brief(decision: Decision) -> Brief:
    first = decision.reasons[0] if decision.reasons else None
    return Brief(
        outcome=decision.outcome,
        event_type=decision.event_type,
        reason=first.code if first else None,
        sentence=sentence(first) if first else None,
        department=decision.department_id,
        authorization=decision.authorization_id,
        amount=decision.amount,
        currency=decision.currency,
        flagged=decision.score is not None and decision.score.flagged,
        duplicate=decision.duplicate_of is not None,
        occurred_at=decision.occurred_at,
    )


def entries(decisions: Iterable[Decision], length_max: int) -> list[Entry]:
    """Feed entries in log order, for each organization its last `length_max` at most.

    Decisions without organization are nobody's: they are in the log and among the dead letters.
    """
    by_organization: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.organization_id is not None:
            by_organization.setdefault(decision.organization_id, []).append(decision)
    return [
        Entry(organization, f"{decision.partition}:{decision.seq}", _encode(brief(decision)))
        for organization, found in by_organization.items()
        for decision in found[-length_max:]
    ]
