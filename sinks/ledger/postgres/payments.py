"""The read model of authorizations: its statements and rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

import msgspec

from schemas.authorizations import Authorization
from schemas.names import merchant_key

decode = msgspec.json.Decoder(Authorization).decode
_encode = msgspec.json.Encoder().encode
#: What stands in the column of a payment that no model scored.
NO_SCORE = -1.0

FETCH: LiteralString = """
SELECT a.body::text
FROM unnest(%b::text[], %b::text[], %b::text[]) AS k (organization_id, department_id, authorization_id)
JOIN card_authorization a USING (organization_id, authorization_id, department_id)
"""

COPY: LiteralString = """
COPY card_authorization (organization_id, authorization_id, department_id, status, seq, card_id,
    occurred_at, updated_at, expires_at, requested, authorized, held, posted, refunded, disputed, cardholder,
    merchant_key, mcc, flagged, review, case_status, label, score, body, currency, partition, created_at)
FROM STDIN (FORMAT binary)
"""
# ON COMMIT DELETE ROWS: emptied by every commit, gone with the session.
STAGING: LiteralString = """
CREATE TEMPORARY TABLE staged_authorization (
    organization_id text, authorization_id text, department_id text, status text, seq bigint, card_id text,
    occurred_at timestamptz, updated_at timestamptz, expires_at timestamptz, requested bigint,
    authorized bigint, held bigint, posted bigint, refunded numeric, disputed bigint, cardholder text,
    merchant_key text, mcc text, flagged boolean, review boolean, case_status text, label text,
    score double precision, body json
) ON COMMIT DELETE ROWS
"""
COPY_STAGED: LiteralString = """
COPY staged_authorization (organization_id, authorization_id, department_id, status, seq, card_id,
    occurred_at, updated_at, expires_at, requested, authorized, held, posted, refunded, disputed, cardholder,
    merchant_key, mcc, flagged, review, case_status, label, score, body)
FROM STDIN (FORMAT binary)
"""
STAGED_TYPES = (
    *("text", "text", "text", "text", "int8", "text"),
    *("timestamptz", "timestamptz", "timestamptz"),
    *("int8", "int8", "int8", "int8", "numeric", "int8"),
    *("text", "text", "text", "bool", "bool", "text", "text", "float8"),
    "bytea",
)
TYPES = (*STAGED_TYPES, "text", "int4", "timestamptz")
UPDATE: LiteralString = """
UPDATE card_authorization a
SET status = s.status, seq = s.seq, card_id = s.card_id, occurred_at = s.occurred_at,
    updated_at = s.updated_at, expires_at = s.expires_at, requested = s.requested,
    authorized = s.authorized, held = s.held, posted = s.posted, refunded = s.refunded,
    disputed = s.disputed, cardholder = s.cardholder, merchant_key = s.merchant_key, mcc = s.mcc,
    flagged = s.flagged, review = s.review, case_status = s.case_status, label = s.label, score = s.score,
    body = s.body
FROM staged_authorization s
WHERE a.organization_id = s.organization_id AND a.authorization_id = s.authorization_id
    AND a.department_id = s.department_id
"""


def staged_row(state: Authorization) -> tuple[Any, ...]:
    """Columns of COPY_STAGED."""
    merchant = state.merchant
    return (
        state.organization_id,
        state.authorization_id,
        state.department_id,
        state.status,
        state.seq,
        state.card_id,
        state.occurred_at,
        state.updated_at,
        state.expires_at,
        state.requested,
        state.authorized,
        state.held,
        state.posted,
        state.refunded,
        state.disputed,
        state.cardholder,
        None if merchant is None else merchant_key(merchant.name),
        None if merchant is None else merchant.mcc,
        state.flagged,
        bool(state.reviews),
        state.case,
        None if state.label is None else state.label.label,
        NO_SCORE if state.score is None else state.score.value,
        _encode(state),
    )


def row(state: Authorization) -> tuple[Any, ...]:
    """Columns of COPY."""
    return (*staged_row(state), state.currency, state.partition, state.created_at)


OPEN_MERCHANTS: LiteralString = """
INSERT INTO merchant (organization_id, merchant_key, name)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[])
ON CONFLICT (organization_id, merchant_key) DO NOTHING
"""


def merchants_of(states: Iterable[Authorization]) -> dict[tuple[str, str], str]:
    """Rows of `merchant`: organization and key to the name as it was written, of the first."""
    found: dict[tuple[str, str], str] = {}
    for state in states:
        if state.merchant is not None:
            name = state.merchant.name
            found.setdefault((state.organization_id, merchant_key(name)), name)
    return found
