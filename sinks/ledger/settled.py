"""Decision to the read models of what comes after a posting: refunds and disputes."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import DisputeClosed, DisputeStarted, Refunded, RefundUndone
from sinks.ledger.changes import Changes, currency_of, names_of
from sinks.ledger.rows import DisputeRow, RefundRow, ResolvedRow, UndoneRow


def refund(changes: Changes, decision: Decision, effect: Refunded) -> None:
    """An id that the owner has forgotten may come again: then it is more of the same refund."""
    key = names_of(decision, effect.refund_id)
    before = changes.refunds.get(key)
    changes.refunds[key] = RefundRow(
        *key,
        effect.authorization_id,
        decision.card_id,
        currency_of(decision),
        effect.amount + (before.amount if before else 0),
        decision.occurred_at,
        decision.partition,
        decision.seq,
    )


def undo_refund(changes: Changes, decision: Decision, effect: RefundUndone) -> None:
    key = names_of(decision, effect.refund_id)
    before = changes.undone.get(key)
    amount = effect.amount + (before.undone if before else 0)
    changes.undone[key] = UndoneRow(*key, amount, decision.seq)


def open_dispute(changes: Changes, decision: Decision, effect: DisputeStarted) -> None:
    key = names_of(decision, effect.dispute_id)
    changes.resolved.pop(key, None)
    changes.disputes[key] = DisputeRow(
        *key,
        effect.authorization_id,
        currency_of(decision),
        effect.amount,
        effect.provisional,
        decision.occurred_at,
        decision.partition,
        decision.seq,
    )


def close_dispute(changes: Changes, decision: Decision, effect: DisputeClosed) -> None:
    key = names_of(decision, effect.dispute_id)
    changes.resolved[key] = ResolvedRow(*key, effect.outcome, decision.occurred_at, decision.seq)
