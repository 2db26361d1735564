"""Answers that need no rules: what is unusable, and what was answered before."""

from __future__ import annotations

from typing import Any

from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.money import Money
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.case import LogPlace
from streams.core.state import Answer, Department


def reject(event: CardEvent, reason: Reason, place: LogPlace) -> Decision:
    """The event is readable but unusable: nothing moves, and a corrected one may use its id again."""
    amount, currency = asked(event)
    return _plain(event, place, Outcome.REJECTED, reasons=(reason,), amount=amount, currency=currency)


def repeat(event: CardEvent, first: Answer, place: LogPlace, department: Department) -> Decision:
    """The same event again: the first answer again, and nothing moves."""
    return _plain(
        event,
        place,
        first.outcome,
        currency=department.currency,
        policy_version=department.policy_version,
        fingerprint=first.fingerprint,
        amount=first.amount,
        approved=first.approved,
        reasons=first.reasons,
        reviews=first.reviews,
        shadows=first.shadows,
        would_pass=first.would_pass,
        available=first.available,
        duplicate_of=first.seq,
    )


def conflict(event: CardEvent, first: Answer, fingerprint: str) -> Reason | None:
    """How this event differs from the first one with its id; None when it is a faithful repeat."""
    if fingerprint == first.fingerprint:
        return None
    minor, _ = asked(event)
    if event.type != first.event_type:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_TYPE, f"first was {first.event_type}"
    elif minor is not None and minor != first.amount:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT, f"first was {first.amount} minor units"
    else:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT, "another card, merchant, payment or currency"
    return Reason(code=code, detail=f"event id {event.event_id}: {detail}, decision {first.seq}")


def asked(event: CardEvent) -> tuple[int | None, str | None]:
    """The event's own amount in minor units, and its currency."""
    money = event.limit or event.amount
    return (money.minor, money.currency) if isinstance(money, Money) else (None, None)


def _plain(event: CardEvent, place: LogPlace, outcome: Outcome, **members: Any) -> Decision:
    return Decision(
        partition=place.partition,
        seq=place.seq,
        source_offset=place.source_offset,
        recorded_at=place.recorded_at,
        previous_hash=place.previous_hash,
        outcome=outcome,
        event_type=event.type,
        event_id=event.event_id,
        organization_id=event.organization_id,
        department_id=event.department_id,
        authorization_id=event.authorization_id,
        card_id=event.card_id,
        cardholder=event.cardholder,
        merchant=event.merchant,
        actor=event.actor,
        occurred_at=event.occurred_at,
        **members,
    )
