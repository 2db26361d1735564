"""Decision to the read model of requests for an increase."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import IncreaseAsked, IncreaseClosed, IncreaseStep
from sinks.ledger.changes import Changes
from sinks.ledger.rows.names import as_json, currency_of, names_of
from sinks.ledger.rows.terms import ApprovedRow, ClosedRow, RequestRow


def ask(changes: Changes, decision: Decision, effect: IncreaseAsked) -> None:
    """An id that the owner has forgotten may come again: then it is another request, and begins anew."""
    key = names_of(decision, effect.request_id)
    changes.approved = [row for row in changes.approved if row[:3] != key]
    changes.closed.pop(key, None)
    changes.requests[key] = RequestRow(
        *key,
        effect.budget_id,
        currency_of(decision),
        effect.amount,
        effect.starts_at,
        effect.ends_at,
        effect.asked_by,
        decision.occurred_at,
        effect.reason,
        as_json(effect.levels),
        decision.partition,
        decision.seq,
    )


def approve(changes: Changes, decision: Decision, effect: IncreaseStep) -> None:
    """One level more; with the last one it is over."""
    key = names_of(decision, effect.request_id)
    changes.approved.append(ApprovedRow(*key, effect.approved_by, decision.seq))
    if not effect.left:
        changes.closed[key] = ClosedRow(*key, "approved", None, None, decision.occurred_at, decision.seq)


def refuse(changes: Changes, decision: Decision, effect: IncreaseClosed) -> None:
    """Also where who asked takes it back."""
    key = names_of(decision, effect.request_id)
    changes.closed[key] = ClosedRow(
        *key, "refused", effect.refused_by, effect.reason, decision.occurred_at, decision.seq
    )
