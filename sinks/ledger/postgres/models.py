"""The read models of balances and of what people set: one statement for each kind of change.

Rows come as arrays, one for each column of the row types in `sinks.ledger.rows`; in binary (%b), because a
text takes half the time so, and a timestamp a twentieth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

from sinks.ledger.changes import Changes

_BUDGET: LiteralString = """
INSERT INTO budget (organization_id, department_id, budget_id, level, subject, name, currency, limit_minor,
    tolerance_minor, calendar, time_zone, start_day, start_month, removed, partition, seq)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::smallint[], %b::smallint[], %b::boolean[],
    %b::int[], %b::bigint[])
ON CONFLICT (organization_id, department_id, budget_id) DO UPDATE
SET level = excluded.level, subject = excluded.subject, name = excluded.name, currency = excluded.currency,
    limit_minor = excluded.limit_minor, tolerance_minor = excluded.tolerance_minor,
    calendar = excluded.calendar, time_zone = excluded.time_zone, start_day = excluded.start_day,
    start_month = excluded.start_month, removed = excluded.removed, partition = excluded.partition,
    seq = excluded.seq
"""
_REMOVED: LiteralString = """
UPDATE budget b SET removed = true, seq = v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
    AS v (organization_id, department_id, budget_id, seq)
WHERE b.organization_id = v.organization_id AND b.department_id = v.department_id
    AND b.budget_id = v.budget_id
"""
# Before the batch's own increases are written, so that it ends only those that were there.
_ENDED: LiteralString = """
UPDATE budget_increase i SET removed_seq = v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
    AS v (organization_id, department_id, budget_id, seq)
WHERE i.organization_id = v.organization_id AND i.department_id = v.department_id
    AND i.budget_id = v.budget_id AND i.removed_seq IS NULL
"""
_INCREASE: LiteralString = """
INSERT INTO budget_increase (organization_id, department_id, budget_id, amount, starts_at, ends_at,
    partition, seq, removed_seq)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[],
    %b::timestamptz[], %b::int[], %b::bigint[], %b::bigint[])
"""
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
_PERIOD: LiteralString = """
INSERT INTO budget_period (organization_id, department_id, budget_id, period, limit_minor, posted_minor,
    held_minor, partition, seq)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[],
    %b::bigint[], %b::int[], %b::bigint[])
ON CONFLICT (organization_id, department_id, budget_id, period) DO UPDATE
SET limit_minor = excluded.limit_minor, posted_minor = excluded.posted_minor,
    held_minor = excluded.held_minor, partition = excluded.partition, seq = excluded.seq
"""
_LIMIT: LiteralString = """
INSERT INTO limit_change (organization_id, department_id, period, partition, seq, limit_minor, occurred_at,
    recorded_at)
SELECT v.organization_id, v.department_id, v.period, v.partition, v.seq, v.limit_minor, v.occurred_at,
    v.recorded_at
FROM unnest(%b::text[], %b::text[], %b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::timestamptz[],
    %b::timestamptz[], %b::boolean[])
    AS v (organization_id, department_id, period, partition, seq, limit_minor, occurred_at, recorded_at, sure)
WHERE v.sure OR v.limit_minor IS DISTINCT FROM (
    SELECT l.limit_minor FROM limit_change l
    WHERE l.organization_id = v.organization_id AND l.department_id = v.department_id
        AND l.period = v.period
    ORDER BY l.seq DESC LIMIT 1)
"""
_POLICY: LiteralString = """
INSERT INTO policy_version (organization_id, department_id, version, policy, drafted_seq, drafted_at, active,
    partition)
SELECT v.organization_id, v.department_id, v.version, v.policy::json, v.drafted_seq, v.drafted_at, v.active,
    v.partition
FROM unnest(%b::text[], %b::text[], %b::int[], %b::text[], %b::bigint[], %b::timestamptz[], %b::boolean[],
    %b::int[])
    AS v (organization_id, department_id, version, policy, drafted_seq, drafted_at, active, partition)
ON CONFLICT (organization_id, department_id, version) DO UPDATE SET policy = excluded.policy
"""
# Two steps: no two versions may be in force at any moment, not even within one statement.
_RETIRED: LiteralString = """
UPDATE policy_version p SET active = false
FROM unnest(%b::text[], %b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::boolean[])
    AS v (organization_id, department_id, version, activated_seq, activated_at, active)
WHERE p.organization_id = v.organization_id AND p.department_id = v.department_id AND p.active
"""
_ACTIVATED: LiteralString = """
UPDATE policy_version p
SET active = v.active, activated_seq = v.activated_seq, activated_at = v.activated_at
FROM unnest(%b::text[], %b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::boolean[])
    AS v (organization_id, department_id, version, activated_seq, activated_at, active)
WHERE p.organization_id = v.organization_id AND p.department_id = v.department_id AND p.version = v.version
"""
_CARD: LiteralString = """
INSERT INTO card (organization_id, department_id, card_id, status, employee, team, expires_on, body,
    partition, seq)
SELECT v.organization_id, v.department_id, v.card_id, v.status, v.employee, v.team, v.expires_on,
    v.body::json, v.partition, v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::date[], %b::text[],
    %b::int[], %b::bigint[])
    AS v (organization_id, department_id, card_id, status, employee, team, expires_on, body, partition, seq)
ON CONFLICT (organization_id, department_id, card_id) DO UPDATE
SET status = excluded.status, employee = excluded.employee, team = excluded.team,
    expires_on = excluded.expires_on, body = excluded.body, partition = excluded.partition,
    seq = excluded.seq
"""
_REFUND: LiteralString = """
INSERT INTO refund AS r (organization_id, department_id, refund_id, authorization_id, card_id, currency,
    amount, undone, occurred_at, partition, seq)
SELECT v.organization_id, v.department_id, v.refund_id, v.authorization_id, v.card_id, v.currency, v.amount,
    0, v.occurred_at, v.partition, v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[],
    %b::timestamptz[], %b::int[], %b::bigint[])
    AS v (organization_id, department_id, refund_id, authorization_id, card_id, currency, amount,
        occurred_at, partition, seq)
ON CONFLICT (organization_id, refund_id, department_id) DO UPDATE
SET amount = r.amount + excluded.amount, seq = excluded.seq
"""
_UNDONE: LiteralString = """
UPDATE refund r SET undone = r.undone + v.undone, seq = v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[])
    AS v (organization_id, department_id, refund_id, undone, seq)
WHERE r.organization_id = v.organization_id AND r.refund_id = v.refund_id
    AND r.department_id = v.department_id
"""
_DISPUTE: LiteralString = """
INSERT INTO dispute (organization_id, department_id, dispute_id, authorization_id, currency, amount,
    provisional, opened_at, partition, seq, status)
SELECT v.*, 'open'
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::boolean[],
    %b::timestamptz[], %b::int[], %b::bigint[]) AS v
ON CONFLICT (organization_id, dispute_id, department_id) DO UPDATE
SET authorization_id = excluded.authorization_id, currency = excluded.currency, amount = excluded.amount,
    provisional = excluded.provisional, opened_at = excluded.opened_at, resolved_at = NULL,
    partition = excluded.partition, seq = excluded.seq, status = excluded.status
"""
_RESOLVED: LiteralString = """
UPDATE dispute d SET status = v.status, resolved_at = v.resolved_at, seq = v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::bigint[])
    AS v (organization_id, department_id, dispute_id, status, resolved_at, seq)
WHERE d.organization_id = v.organization_id AND d.dispute_id = v.dispute_id
    AND d.department_id = v.department_id
"""
_CAP: LiteralString = """
INSERT INTO company_cap (organization_id, currency, limit_minor, calendar, time_zone, start_day, start_month,
    departments, partition, seq)
SELECT v.organization_id, v.currency, v.limit_minor, v.calendar, v.time_zone, v.start_day, v.start_month,
    ARRAY(SELECT json_array_elements_text(v.departments::json)), v.partition, v.seq
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::smallint[], %b::smallint[],
    %b::text[], %b::int[], %b::bigint[])
    AS v (organization_id, currency, limit_minor, calendar, time_zone, start_day, start_month, departments,
        partition, seq)
ON CONFLICT (organization_id) DO UPDATE
SET currency = excluded.currency, limit_minor = excluded.limit_minor, calendar = excluded.calendar,
    time_zone = excluded.time_zone, start_day = excluded.start_day, start_month = excluded.start_month,
    departments = excluded.departments, partition = excluded.partition, seq = excluded.seq
"""
_LEASE: LiteralString = """
INSERT INTO lease AS l (organization_id, department_id, period, side, leased_minor, asked_minor, partition,
    seq)
SELECT v.organization_id, v.department_id, v.period, v.side, v.moved, 0, v.partition, v.seq
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::int[], %b::bigint[])
    AS v (organization_id, department_id, period, side, moved, partition, seq)
ON CONFLICT (organization_id, department_id, period, side) DO UPDATE
SET leased_minor = l.leased_minor + excluded.leased_minor, partition = excluded.partition, seq = excluded.seq
"""
_ASKED: LiteralString = """
UPDATE lease l SET asked_minor = v.asked_minor
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[])
    AS v (organization_id, department_id, period, side, asked_minor)
WHERE l.organization_id = v.organization_id AND l.department_id = v.department_id AND l.period = v.period
    AND l.side = v.side
"""

Rows = Sequence[tuple[Any, ...]]


def statements(changes: Changes) -> Iterator[tuple[Rows, tuple[LiteralString, ...]]]:
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
