"""A decision as the log takes it: sealed, and never larger than a record may be."""

from __future__ import annotations

import msgspec

from schemas.codec import seal_decision
from schemas.decisions import Decision
from schemas.reasons import Outcome, Reason, ReasonCode

# Brokers take 1,048,588 bytes a batch by default; the key and the headers of a record stay below 1 kB.
DECISION_BYTES_MAX = 900_000
# What a rejection says of its event; the rest of a decision is what may have made it too large.
_KEPT = (
    "partition",
    "seq",
    "source_offset",
    "recorded_at",
    "previous_hash",
    "event_type",
    "event_id",
    "organization_id",
    "department_id",
    "authorization_id",
    "card_id",
    "cardholder",
    "merchant",
    "actor",
    "occurred_at",
    "amount",
    "currency",
)


def seal(decision: Decision) -> tuple[Decision, bytes]:
    """The decision and its record value. One that no record could hold becomes a rejection: nothing moves.

    A function of the decision alone, so a replay makes the same bytes.
    """
    value = seal_decision(decision)
    if len(value) <= DECISION_BYTES_MAX:
        return decision, value
    largest = max(
        decision.__struct_fields__, key=lambda name: len(msgspec.json.encode(getattr(decision, name)))
    )
    detail = (
        f"the decision would take {len(value):,} bytes, most of them in its {largest}; a record takes "
        f"{DECISION_BYTES_MAX:,}. Fewer budgets and rules on one card, or shorter names, make it smaller"
    )
    rejected = Decision(
        outcome=Outcome.REJECTED,
        reasons=(Reason(code=ReasonCode.DECISION_TOO_LARGE, detail=detail),),
        **{name: getattr(decision, name) for name in _KEPT},
    )
    return rejected, seal_decision(rejected)
