"""The read model of authorizations: its statements and rows."""

from __future__ import annotations

from typing import Any, LiteralString

import msgspec

from schemas.authorizations import Authorization

decode = msgspec.json.Decoder(Authorization).decode
_encode = msgspec.json.Encoder().encode

FETCH: LiteralString = """
SELECT a.body::text
FROM unnest(%b::text[], %b::text[], %b::text[]) AS k (organization_id, department_id, authorization_id)
JOIN card_authorization a USING (organization_id, authorization_id, department_id)
"""

COPY: LiteralString = """
COPY card_authorization (organization_id, authorization_id, department_id, status, seq, card_id,
    occurred_at, updated_at, expires_at, requested, authorized, held, posted, refunded, disputed, body,
    currency, partition)
FROM STDIN (FORMAT binary)
"""
# ON COMMIT DELETE ROWS: emptied by every commit, gone with the session.
STAGING: LiteralString = """
CREATE TEMPORARY TABLE staged_authorization (
    organization_id text, authorization_id text, department_id text, status text, seq bigint, card_id text,
    occurred_at timestamptz, updated_at timestamptz, expires_at timestamptz, requested bigint,
    authorized bigint, held bigint, posted bigint, refunded numeric, disputed bigint, body json
) ON COMMIT DELETE ROWS
"""
COPY_STAGED: LiteralString = """
COPY staged_authorization (organization_id, authorization_id, department_id, status, seq, card_id,
    occurred_at, updated_at, expires_at, requested, authorized, held, posted, refunded, disputed, body)
FROM STDIN (FORMAT binary)
"""
STAGED_TYPES = (
    *("text", "text", "text", "text", "int8", "text"),
    *("timestamptz", "timestamptz", "timestamptz"),
    *("int8", "int8", "int8", "int8", "numeric", "int8"),
    "bytea",
)
TYPES = (*STAGED_TYPES, "text", "int4")
UPDATE: LiteralString = """
UPDATE card_authorization a
SET status = s.status, seq = s.seq, card_id = s.card_id, occurred_at = s.occurred_at,
    updated_at = s.updated_at, expires_at = s.expires_at, requested = s.requested,
    authorized = s.authorized, held = s.held, posted = s.posted, refunded = s.refunded,
    disputed = s.disputed, body = s.body
FROM staged_authorization s
WHERE a.organization_id = s.organization_id AND a.authorization_id = s.authorization_id
    AND a.department_id = s.department_id
"""


def staged_row(state: Authorization) -> tuple[Any, ...]:
    """Columns of COPY_STAGED."""
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
        _encode(state),
    )


def row(state: Authorization) -> tuple[Any, ...]:
    """Columns of COPY."""
    return (*staged_row(state), state.currency, state.partition)
