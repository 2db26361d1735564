"""Decision to the read models of what comes after a posting: refunds and disputes."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import DisputeClosed, DisputeStarted, Refunded, RefundUndone
from sinks.ledger.changes import Changes
from sinks.ledger.rows.common import names_of
from sinks.ledger.rows.sums import DisputeRow, RefundRow, ResolvedRow, UndoneRow


def refund(changes: Changes, decision: Decision, effect: Refunded) -> None:
    """An id that the owner has forgotten may come again: then it is more of the same refund."""
    key = names_of(decision, effect.refund_id)
    row, before = RefundRow.of(decision, effect), changes.refunds.get(key)
    changes.refunds[key] = row if before is None else row._replace(amount=before.amount + row.amount)


def undo_refund(changes: Changes, decision: Decision, effect: RefundUndone) -> None:
    key = names_of(decision, effect.refund_id)
    before = changes.undone.get(key)
    amount = effect.amount + (before.undone if before else 0)
    changes.undone[key] = UndoneRow(*key, amount, decision.seq)


def open_dispute(changes: Changes, decision: Decision, effect: DisputeStarted) -> None:
    key = names_of(decision, effect.dispute_id)
    changes.resolved.pop(key, None)
    changes.disputes[key] = DisputeRow.of(decision, effect)


def close_dispute(changes: Changes, decision: Decision, effect: DisputeClosed) -> None:
    key = names_of(decision, effect.dispute_id)
    changes.resolved[key] = ResolvedRow(*key, effect.outcome, decision.occurred_at, decision.seq)
