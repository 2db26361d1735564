"""What is only ever added: decisions, transfers, accounts."""

from __future__ import annotations

from typing import Any, LiteralString

from schemas.decisions import Decision

# Binary COPY sends text and json as the bytes they are: as "bytea" nothing is decoded and encoded again. The
# members of a StrEnum are texts already; asking each for its value costs more than to send it.

COPY_DECISION: LiteralString = """
COPY decision (partition, seq, source_offset, recorded_at, occurred_at, organization_id, department_id,
    event_type, event_id, authorization_id, card_id, outcome, reason, review, amount, currency, duplicate_of,
    flagged, score, policy_version, actor, hash, record)
FROM STDIN (FORMAT binary)
"""
DECISION_TYPES = (
    *("int4", "int8", "int8", "timestamptz", "timestamptz"),
    *("text",) * 9,
    *("int8", "text", "int8", "bool", "float8", "int4", "text", "text", "bytea"),
)


def decision_row(decision: Decision, value: bytes) -> tuple[Any, ...]:
    """Columns of COPY_DECISION. `value`: the decision as it stands on the topic."""
    score, reasons, reviews = decision.score, decision.reasons, decision.reviews
    return (
        decision.partition,
        decision.seq,
        decision.source_offset,
        decision.recorded_at,
        decision.occurred_at,
        decision.organization_id,
        decision.department_id,
        decision.event_type,
        decision.event_id,
        decision.authorization_id,
        decision.card_id,
        decision.outcome,
        reasons[0].code if reasons else None,
        reviews[0].code if reviews else None,
        decision.amount,
        decision.currency,
        decision.duplicate_of,
        score is not None and score.flagged,
        score.value if score is not None else None,
        decision.policy_version,
        decision.actor,
        decision.hash,
        value,
    )


COPY_TRANSFER: LiteralString = """
COPY transfer (partition, seq, n, leg, organization_id, department_id, authorization_id, layer, kind,
    debit_account, credit_account, amount, currency, period, compensates_seq, occurred_at, recorded_at)
FROM STDIN (FORMAT binary)
"""
TRANSFER_TYPES = (
    *("int4", "int8", "int2", "int2"),
    *("text",) * 7,
    *("int8", "text", "text", "int8", "timestamptz", "timestamptz"),
)

OPEN_ACCOUNTS: LiteralString = """
INSERT INTO account (name, layer, organization_id, department_id)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[])
ON CONFLICT (name) DO NOTHING
"""
