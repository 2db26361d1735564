"""Who acts, as rules for people see him: by the name of the event's actor, compared exactly."""

from __future__ import annotations

from schemas.reasons import ReasonCode
from streams.core.case import Rejected


def actor_of(actor: str | None) -> str:
    """Raises Rejected where nobody is named: an empty name is nobody's."""
    if not actor:
        raise Rejected(ReasonCode.NO_ACTOR, "actor: who asks, approves or refuses must be named")
    return actor
