"""What a decision makes its owner send to other departments: leases asked for, granted, recalled, returned.

A function of the decision alone. The owner writes these events when the decision counts, and the next owner
writes again what may be missing; their ids are derived, so a second one is a repeat (docs/decisions/0034).
"""

from __future__ import annotations

from typing import Any

from schemas.decisions import Decision
from schemas.effects import Effect, LeaseAsked, LeaseGiven, LeaseGivenBack, LeaseRecallSent
from schemas.events import Event, LeaseGranted, LeaseRecalled, LeaseRequested, LeaseReturned

_SENDS: frozenset[type[Effect]] = frozenset({LeaseAsked, LeaseGiven, LeaseGivenBack, LeaseRecallSent})


def has_messages(decision: Decision) -> bool:
    """Whether there are any: for nearly every decision there are none."""
    return not _SENDS.isdisjoint(map(type, decision.effects))


def messages(decision: Decision) -> list[Event]:
    """Card events, each with its own key."""
    return [
        _message(decision, n, effect)  # type: ignore[arg-type]
        for n, effect in enumerate(decision.effects)
        if type(effect) in _SENDS
    ]


def _message(
    decision: Decision, n: int, effect: LeaseAsked | LeaseGiven | LeaseGivenBack | LeaseRecallSent
) -> Event:
    sender = decision.department_id or ""
    common: dict[str, Any] = {
        "event_id": f"lease-{decision.partition}:{decision.seq}-{n}",
        "organization_id": decision.organization_id,
        "occurred_at": decision.occurred_at,
    }
    match effect:
        case LeaseAsked():
            return LeaseRequested(
                **common,
                department_id=effect.lender,
                department=sender,
                period=effect.period,
                needed=effect.needed,
            )
        case LeaseGivenBack():
            return LeaseReturned(
                **common,
                department_id=effect.lender,
                department=sender,
                period=effect.period,
                amount=effect.amount,
            )
        case LeaseRecallSent():
            return LeaseRecalled(**common, department_id=effect.department, period=effect.period)
        case LeaseGiven():
            return LeaseGranted(
                **common,
                department_id=effect.department,
                calendar=effect.calendar,
                period=effect.period,
                amount=effect.amount,
                currency=decision.currency or "",
                lender=sender,
            )
