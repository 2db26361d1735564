"""Decision to the read models of requests that people approve, and of who stands in for whom."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import (
    DelegationGiven,
    DelegationTakenBack,
    IncreaseAsked,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from sinks.ledger.changes import Changes
from sinks.ledger.rows.common import names_of
from sinks.ledger.rows.requests import ApprovedRow, ClosedRow, DelegationRow, RequestRow, TakenBackRow


def ask(changes: Changes, decision: Decision, effect: IncreaseAsked | RequestAsked) -> None:
    """An id that the owner has forgotten may come again: then it is another request, and begins anew."""
    key = names_of(decision, effect.request_id)
    changes.approved = [one for one in changes.approved if one[:3] != key]
    changes.closed.pop(key, None)
    changes.requests[key] = RequestRow.of(decision, effect)


def approve(changes: Changes, decision: Decision, effect: RequestStep) -> None:
    """One level more; with the last one it is over."""
    key = names_of(decision, effect.request_id)
    changes.approved.append(ApprovedRow(*key, effect.approved_by, effect.on_behalf_of or "", decision.seq))
    if not effect.left:
        changes.closed[key] = ClosedRow(
            *key, "approved", None, None, None, decision.occurred_at, decision.seq
        )


def refuse(changes: Changes, decision: Decision, effect: RequestClosed) -> None:
    """Also where who asked takes it back."""
    key = names_of(decision, effect.request_id)
    changes.closed[key] = ClosedRow(
        *key,
        "refused",
        effect.refused_by,
        effect.on_behalf_of,
        effect.reason,
        decision.occurred_at,
        decision.seq,
    )


def lapse(changes: Changes, decision: Decision, effect: RequestLapsed) -> None:
    """Nobody has answered it."""
    key = names_of(decision, effect.request_id)
    changes.closed[key] = ClosedRow(*key, "lapsed", None, None, None, decision.occurred_at, decision.seq)


def give_delegation(changes: Changes, decision: Decision, effect: DelegationGiven) -> None:
    """In the place of what was said of who is away before."""
    key = names_of(decision, effect.absent)
    changes.taken_back.pop(key, None)
    changes.delegations[key] = DelegationRow.of(decision, effect)


def take_delegation_back(changes: Changes, decision: Decision, effect: DelegationTakenBack) -> None:
    """It is over before its time."""
    key = names_of(decision, effect.absent)
    changes.taken_back[key] = TakenBackRow(
        *key, effect.ended_by, decision.occurred_at or decision.recorded_at, decision.seq
    )
