"""The read models of balances and of what people set: one statement for each kind of change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, LiteralString

from sinks.ledger.changes import Changes
from sinks.ledger.rows.requests import ClosedRow, DelegationRow, RequestRow, TakenBackRow
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
_REQUEST_KEY: Final = (*_PLACE, "request_id")
_DELEGATION_KEY: Final = (*_PLACE, "absent")
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
_REQUEST = upsert(
    "approval_request",
    RequestRow,
    _REQUEST_KEY,
    dict.fromkeys(("refused_by", "refused_on_behalf_of", "refusal_reason", "closed_at"), "NULL"),
    given={"status": "'waiting'", "approved_by": "'{}'::text[]", "on_behalf_of": "'{}'::text[]"},
)
_APPROVED: LiteralString = """
UPDATE approval_request r
SET approved_by = r.approved_by || v.approved_by, on_behalf_of = r.on_behalf_of || v.on_behalf_of, seq = v.seq
FROM (
    SELECT organization_id, department_id, request_id, array_agg(approved_by ORDER BY seq) AS approved_by,
        array_agg(on_behalf_of ORDER BY seq) AS on_behalf_of, max(seq) AS seq
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[])
        AS step (organization_id, department_id, request_id, approved_by, on_behalf_of, seq)
    GROUP BY organization_id, department_id, request_id
) AS v
WHERE r.organization_id = v.organization_id AND r.department_id = v.department_id
    AND r.request_id = v.request_id
"""
_CLOSED = update("approval_request", ClosedRow, _REQUEST_KEY)
_DELEGATION = upsert("delegation", DelegationRow, _DELEGATION_KEY, {"ended_at": "NULL", "ended_by": "NULL"})
_TAKEN_BACK = update("delegation", TakenBackRow, _DELEGATION_KEY)
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
    yield list(changes.delegations.values()), (_DELEGATION,)
    yield list(changes.taken_back.values()), (_TAKEN_BACK,)
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
