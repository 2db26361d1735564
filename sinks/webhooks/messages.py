"""What a decision tells the world: none, one or several messages, each with a type of `schemas.webhooks`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from schemas import effects as moved
from schemas.decisions import Decision
from schemas.reasons import Outcome, Reason, sentence
from schemas.webhooks import TYPES

Found = tuple[str, str, dict[str, Any]]  # type, lane, what it says beside the payment

_REQUESTS = {
    Outcome.APPROVED: "authorization.approved",
    Outcome.PARTIALLY_APPROVED: "authorization.partially_approved",
    Outcome.DECLINED: "authorization.declined",
}
_GIVEN_BACK = {"expiry": "authorization.expired", "reversal": "authorization.reversed"}
_GIVEN_BACK["timeout"] = "authorization.reversed"


class Message(NamedTuple):
    """`event_id` is derived from the place in the log; `lane`: what it is about, and so what orders it."""

    event_id: str
    type: str
    organization_id: str
    department_id: str | None
    lane: str
    body: str


_encode = msgspec.json.Encoder().encode


def messages(decision: Decision) -> Iterator[Message]:
    """In the order in which it happened. Nothing for a repeat, and for what belongs to no organization."""
    organization_id = decision.organization_id
    if organization_id is None or decision.duplicate_of is not None:
        return
    for number, (event_type, lane, told) in enumerate(_found(decision)):
        event_id = f"evt_{decision.partition}_{decision.seq}_{number}"
        body = body_of(
            event_id,
            event_type,
            decision.recorded_at,
            organization_id,
            decision.department_id,
            {**_common(decision), **told},
            position=str(decision.position),
        )
        lane = f"{decision.department_id}/{lane}"
        yield Message(event_id, event_type, organization_id, decision.department_id, lane, body)


def body_of(
    event_id: str,
    event_type: str,
    at: datetime,
    organization_id: str,
    department_id: str | None,
    data: dict[str, Any],
    *,
    position: str | None = None,
) -> str:
    """JSON as Standard Webhooks 1.0 recommends it: type, timestamp, data; and where it is from."""
    told = {
        "id": event_id,
        "type": event_type,
        "timestamp": at,
        "organization_id": organization_id,
        "department_id": department_id,
        "position": position,
        "data": data,
    }
    return _encode(told).decode()


def _found(decision: Decision) -> Iterator[Found]:
    if decision.outcome is Outcome.REJECTED:
        yield "event.rejected", f"event:{decision.event_id}", {}
        return
    yield from _answers(decision)
    for effect in decision.effects:
        yield from _effects(decision, effect)
    yield from _alerts(decision)


def _payment(authorization_id: str | None) -> str:
    return f"payment:{authorization_id}"


def _answers(decision: Decision) -> Iterator[Found]:
    """What a request, an increment or an advice came to."""
    payment, outcome = _payment(decision.authorization_id), decision.outcome
    match decision.event_type:
        case "authorization.requested" if outcome in _REQUESTS:
            yield _REQUESTS[outcome], payment, _answer(decision)
        case "authorization.incremented" if outcome in _REQUESTS:
            declined = outcome is Outcome.DECLINED
            name = "authorization.increment_declined" if declined else "authorization.incremented"
            yield name, payment, _answer(decision)
        case "authorization.advised":
            approved = _money(decision.approved, decision.currency)
            yield "authorization.advised", payment, {"approved": approved}


def _answer(decision: Decision) -> dict[str, Any]:
    score = decision.score
    return {
        "approved": _money(decision.granted, decision.currency),
        "response_code": decision.response_code,
        "would_pass": decision.would_pass,
        "score": None if score is None else {"value": score.value, "flagged": score.flagged},
    }


def _effects(decision: Decision, effect: moved.Effects) -> Iterator[Found]:
    match effect:
        case moved.HoldReleased() if effect.cause in _GIVEN_BACK:
            released = {"released": _money(effect.amount, decision.currency), "cause": effect.cause}
            yield _of_payment(decision, effect.authorization_id, _GIVEN_BACK[effect.cause], released)
        case moved.Posted():
            posted = {"posted": _money(effect.amount, decision.currency), "final": effect.final}
            yield _of_payment(decision, effect.authorization_id, "clearing.posted", posted)
        case moved.PostingUndone():
            undone = {"reversed": _money(effect.amount + effect.fx, decision.currency)}
            yield _of_payment(decision, effect.authorization_id, "clearing.reversed", undone)
        case moved.Refunded() | moved.RefundUndone():
            name = "refund.posted" if isinstance(effect, moved.Refunded) else "refund.reversed"
            yield _refund(decision, effect, name)
        case moved.DisputeStarted() | moved.DisputeClosed():
            yield _dispute(decision, effect)
        case moved.PaymentLabelled():
            labelled = {"label": effect.label, "source": effect.source}
            yield _of_payment(decision, effect.authorization_id, "authorization.labelled", labelled)
        case _:
            yield from _settings(decision, effect)


def _of_payment(decision: Decision, authorization_id: str, name: str, told: dict[str, Any]) -> Found:
    """`authorization_id`: a hold may lapse with another payment's event, of which nothing is told here."""
    if authorization_id == decision.authorization_id:
        return name, _payment(authorization_id), told
    others = dict.fromkeys(("card_id", "cardholder", "merchant", "amount"))
    return name, _payment(authorization_id), {"authorization_id": authorization_id, **others, **told}


def _refund(decision: Decision, effect: moved.Refunded | moved.RefundUndone, name: str) -> Found:
    told = {
        "refund_id": effect.refund_id,
        "authorization_id": effect.authorization_id,
        "refunded": _money(effect.amount, decision.currency),
    }
    known = effect.authorization_id
    return name, _payment(known) if known else f"refund:{effect.refund_id}", told


def _dispute(decision: Decision, effect: moved.DisputeStarted | moved.DisputeClosed) -> Found:
    told = {
        "dispute_id": effect.dispute_id,
        "authorization_id": effect.authorization_id,
        "disputed": _money(effect.amount, decision.currency),
        "provisional_credit": effect.provisional,
    }
    name = f"dispute.{effect.outcome}" if isinstance(effect, moved.DisputeClosed) else "dispute.opened"
    return name, _payment(effect.authorization_id), told


def _settings(decision: Decision, effect: moved.Effects) -> Iterator[Found]:
    """What people set."""
    match effect:
        case moved.BudgetChanged():
            told = _budget(effect.budget_id) | {
                "level": effect.level,
                "subject": effect.subject,
                "name": effect.name,
                "limit": _money(effect.limit, decision.currency),
                "tolerance": _money(effect.tolerance, decision.currency),
                "calendar": effect.calendar,
            }
            yield "budget.changed", f"budget:{effect.budget_id}", told
        case moved.BudgetTakenAway():
            yield "budget.removed", f"budget:{effect.budget_id}", _budget(effect.budget_id)
        case moved.BudgetIncreaseSet():
            told = _budget(effect.budget_id) | {
                "increase": _money(effect.amount, decision.currency),
                "starts_at": effect.starts_at,
                "ends_at": effect.ends_at,
            }
            yield "budget.increased", f"budget:{effect.budget_id}", told
        case moved.IncreaseAsked():
            told = _budget(effect.budget_id) | {
                "request_id": effect.request_id,
                "increase": _money(effect.amount, decision.currency),
                "asked_by": effect.asked_by,
                "ends_at": effect.ends_at,
            }
            yield "increase.requested", f"request:{effect.request_id}", told
        case moved.RequestAsked():
            told = _budget(effect.budget.budget_id) | {
                "request_id": effect.request_id,
                "limit": _money(effect.budget.limit, decision.currency),
                "card": effect.card,
                "asked_by": effect.asked_by,
                "lapses_at": effect.lapses_at,
            }
            yield "request.asked", f"request:{effect.request_id}", told
        case moved.RequestStep() if not effect.left:
            told = {"request_id": effect.request_id, "approved_by": effect.approved_by}
            yield *_ended(effect, "approved"), told | {"on_behalf_of": effect.on_behalf_of}
        case moved.RequestClosed():
            told = {"request_id": effect.request_id, "refused_by": effect.refused_by, "why": effect.reason}
            yield *_ended(effect, "refused"), told | {"on_behalf_of": effect.on_behalf_of}
        case moved.RequestLapsed():
            yield "request.lapsed", f"request:{effect.request_id}", {"request_id": effect.request_id}
        case moved.PolicyTaken() if effect.policy_version:
            yield "policy.activated", "policy", {"policy_version": effect.policy_version}
        case moved.CardChanged():
            card, happened = effect.card, decision.event_type
            if happened not in TYPES or not happened.startswith("card."):
                happened = "card.canceled" if card.status == "canceled" else "card.changed"
            yield happened, f"card:{card.card_id}", {"card_id": card.card_id, "card": card}


def _ended(effect: moved.RequestStep | moved.RequestClosed, end: str) -> tuple[str, str]:
    kind = "increase" if isinstance(effect, moved.IncreaseStep | moved.IncreaseClosed) else "request"
    return f"{kind}.{end}", f"request:{effect.request_id}"


def _budget(budget_id: str) -> dict[str, Any]:
    return {"budget_id": budget_id}


def _alerts(decision: Decision) -> Iterator[Found]:
    payment = _payment(decision.authorization_id)
    for alert in decision.alerts:
        yield f"alert.{alert}", payment, {}
    if decision.reviews:
        yield "alert.review", payment, {"reviews": _reasons(decision.reviews)}
    if decision.score is not None and decision.score.flagged:
        told = {"score": decision.score.value, "because": decision.score.reasons}
        yield "alert.suspicious", payment, told
    yield from _case(decision, payment)


def _case(decision: Decision, payment: str) -> Iterator[Found]:
    score = decision.score
    flagged = score is not None and score.flagged
    if flagged or decision.reviews:
        told = {
            "case_id": decision.authorization_id,
            "score": None if score is None else score.value,
            "because": score.reasons if score is not None and flagged else (),
            "reviews": _reasons(decision.reviews),
        }
        yield "case.opened", payment, told


def _common(decision: Decision) -> dict[str, Any]:
    """What is told of every decision; members without a value stay away."""
    told = {
        "event_id": decision.event_id,
        "event_type": decision.event_type,
        "outcome": decision.outcome,
        "occurred_at": decision.occurred_at,
        "authorization_id": decision.authorization_id,
        "card_id": decision.card_id,
        "cardholder": decision.cardholder,
        "merchant": decision.merchant,
        "amount": _money(decision.amount, decision.currency),
        "actor": decision.actor,
        "reasons": _reasons(decision.reasons),
    }
    return {name: value for name, value in told.items() if value is not None and value != []}


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    return [{"sentence": sentence(reason), **msgspec.to_builtins(reason)} for reason in reasons]


def _money(minor: int | None, currency: str | None) -> dict[str, Any] | None:
    return None if minor is None or currency is None else {"minor": minor, "currency": currency}
