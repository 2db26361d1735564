"""The read models of balances and of what people set: one statement for each kind of change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, LiteralString

from sinks.ledger.changes import Changes
from sinks.ledger.rows.sums import (
    AskedRow,
    CapRow,
    DisputeRow,
    LeaseRow,
    LimitRow,
    PeriodRow,
    RefundRow,
    ResolvedRow,
    UndoneRow,
)
from sinks.ledger.rows.terms import ActivationRow, BudgetRow, CardRow, IncreaseRow, PolicyRow, RemovedRow
from sinks.ledger.statements import insert, update, upsert

_PLACE: Final = ("organization_id", "department_id")
_BUDGET_KEY: Final = (*_PLACE, "budget_id")
_REFUND_KEY: Final = (*_PLACE, "refund_id")
_DISPUTE_KEY: Final = (*_PLACE, "dispute_id")
_VERSION_KEY: Final = (*_PLACE, "version")
_LEASE_KEY: Final = (*_PLACE, "period", "side")

_BUDGET = upsert("budget", BudgetRow, _BUDGET_KEY)
_REMOVED = update("budget", RemovedRow, _BUDGET_KEY, {"removed": "true"})
# Before the batch's own increases are written, so that it ends only those that were there.
_ENDED = update(
    "budget_increase",
    RemovedRow,
    _BUDGET_KEY,
    {"removed_seq": "v.seq"},
    changed=(),
    where="t.removed_seq IS NULL",
)
_INCREASE = insert("budget_increase", IncreaseRow)
_REQUEST: LiteralString = """
INSERT INTO increase_request (organization_id, department_id, request_id, budget_id, currency, amount,
    starts_at, ends_at, asked_by, asked_at, reason, levels, partition, seq, status, approved_by)
SELECT v.organization_id, v.department_id, v.request_id, v.budget_id, v.currency, v.amount, v.starts_at,
    v.ends_at, v.asked_by, v.asked_at, v.reason, v.levels::json, v.partition, v.seq, 'waiting', '{}'
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[],
    %b::timestamptz[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::int[], %b::bigint[])
    AS v (organization_id, department_id, request_id, budget_id, currency, amount, starts_at, ends_at,
        asked_by, asked_at, reason, levels, partition, seq)
ON CONFLICT (organization_id, department_id, request_id) DO UPDATE
SET budget_id = excluded.budget_id, currency = excluded.currency, amount = excluded.amount,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, asked_by = excluded.asked_by,
    asked_at = excluded.asked_at, reason = excluded.reason, levels = excluded.levels,
    partition = excluded.partition, seq = excluded.seq, status = excluded.status,
    approved_by = excluded.approved_by, refused_by = NULL, refusal_reason = NULL, closed_at = NULL
"""
_APPROVED: LiteralString = """
UPDATE increase_request r SET approved_by = r.approved_by || v.approved_by, seq = v.seq
FROM (
    SELECT organization_id, department_id, request_id, array_agg(approved_by ORDER BY seq) AS approved_by,
        max(seq) AS seq
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[])
        AS step (organization_id, department_id, request_id, approved_by, seq)
    GROUP BY organization_id, department_id, request_id
) AS v
WHERE r.organization_id = v.organization_id AND r.department_id = v.department_id
    AND r.request_id = v.request_id
"""
_CLOSED: LiteralString = """
UPDATE increase_request r
SET status = v.status, refused_by = v.refused_by, refusal_reason = v.refusal_reason,
    closed_at = v.closed_at, seq = v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
    %b::bigint[])
    AS v (organization_id, department_id, request_id, status, refused_by, refusal_reason, closed_at, seq)
WHERE r.organization_id = v.organization_id AND r.department_id = v.department_id
    AND r.request_id = v.request_id
"""
_PERIOD = upsert("budget_period", PeriodRow, (*_BUDGET_KEY, "period"))
_LIMIT = insert(
    "limit_change",
    LimitRow,
    without=("sure",),
    where="""v.sure OR v.limit_minor IS DISTINCT FROM (
    SELECT l.limit_minor FROM limit_change l
    WHERE l.organization_id = v.organization_id AND l.department_id = v.department_id
        AND l.period = v.period
    ORDER BY l.seq DESC LIMIT 1)""",
)
_POLICY = upsert("policy_version", PolicyRow, _VERSION_KEY, changed=("policy",))
# Two steps: no two versions may be in force at any moment, not even within one statement.
_RETIRED = update("policy_version", ActivationRow, _PLACE, {"active": "false"}, changed=(), where="t.active")
_ACTIVATED = update("policy_version", ActivationRow, _VERSION_KEY)
_CARD = upsert("card", CardRow, (*_PLACE, "card_id"))
_REFUND = upsert(
    "refund",
    RefundRow,
    _REFUND_KEY,
    {"amount": "t.amount + excluded.amount"},
    given={"undone": "0"},
    changed=("seq",),
)
_UNDONE = update("refund", UndoneRow, _REFUND_KEY, {"undone": "t.undone + v.undone"})
_DISPUTE = upsert("dispute", DisputeRow, _DISPUTE_KEY, {"resolved_at": "NULL"}, given={"status": "'open'"})
_RESOLVED = update("dispute", ResolvedRow, _DISPUTE_KEY)
_CAP = upsert(
    "company_cap",
    CapRow,
    ("organization_id",),
    given={"departments": "ARRAY(SELECT json_array_elements_text(v.departments::json))"},
)
_LEASE = upsert(
    "lease",
    LeaseRow,
    _LEASE_KEY,
    {"leased_minor": "t.leased_minor + excluded.leased_minor"},
    given={"leased_minor": "v.moved", "asked_minor": "0"},
    without=("moved",),
    changed=("partition", "seq"),
)
_ASKED = update("lease", AskedRow, _LEASE_KEY)

Rows = Sequence[tuple[Any, ...]]


def statements(changes: Changes) -> Iterator[tuple[Rows, tuple[LiteralString | bytes, ...]]]:
    """Rows and what writes them, in the order in which they must be written."""
    yield list(changes.budgets.values()), (_BUDGET,)
    yield list(changes.removed.values()), (_REMOVED,)
    yield list(changes.ended.values()), (_ENDED,)
    yield changes.increases, (_INCREASE,)
    yield list(changes.requests.values()), (_REQUEST,)
    yield changes.approved, (_APPROVED,)
    yield list(changes.closed.values()), (_CLOSED,)
    yield changes.limits, (_LIMIT,)
    yield changes.period_rows(), (_PERIOD,)
    yield list(changes.policies.values()), (_POLICY,)
    yield list(changes.activated.values()), (_RETIRED, _ACTIVATED)
    yield list(changes.cards.values()), (_CARD,)
    yield list(changes.refunds.values()), (_REFUND,)
    yield list(changes.undone.values()), (_UNDONE,)
    yield list(changes.disputes.values()), (_DISPUTE,)
    yield list(changes.resolved.values()), (_RESOLVED,)
    yield list(changes.caps.values()), (_CAP,)
    yield list(changes.leases.values()), (_LEASE,)
    yield list(changes.asked.values()), (_ASKED,)
