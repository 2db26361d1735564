"""What a decision's effects must be, given its event and what is held afterwards."""

from __future__ import annotations

from typing import Final

from infra.verify import requests
from infra.verify.controls import ceiling, charges
from infra.verify.limits import purchase_of
from infra.verify.moves import Moves
from infra.verify.rates import ALERT, of_rate
from infra.verify.state import Department, Payment
from infra.verify.timeouts import Timeout
from infra.verify.wanted import MAY_MOVE, other_moves
from schemas.decisions import Decision
from schemas.effects import (
    Effects,
    FxDifference,
    HoldReleased,
    LeaseGiven,
    PaymentVoided,
    Posted,
)

#: After these a department that is split may have room for what its shards are owed: `infra.verify.lending`.
MAKES_ROOM: Final = frozenset(
    {
        "authorization.reversed",
        "authorization.expired",
        "budget.set",
        "clearing.presented",
        "clock.ticked",
        "dispute.resolved",
        "posting.reversed",
        "refund.presented",
    }
)
#: Which cause a release has after which event; `expiry` besides, for what lapses.
_CAUSES: Final = {
    "authorization.advised": ("advice",),
    "authorization.reversed": ("reversal", "timeout"),
    "clearing.presented": ("clearing",),
}


def own_effects(decision: Decision) -> list[Effects]:
    """All but what lapses with it, and what shards get of the room it makes."""
    served = LeaseGiven if decision.event_type in MAKES_ROOM else None
    return [
        effect for effect in decision.moves if not _lapses(effect, decision) and type(effect) is not served
    ]


def amiss(
    decision: Decision, department: Department, timeout: Timeout | None, moves: Moves | None
) -> str | None:
    """What is wrong with a decision that took effect and was folded; None: nothing.

    `timeout`: what its event must do, if it is a timeout. `moves`: what it must move, if that can be told.
    """
    own = own_effects(decision)
    return _amiss(decision, own, department, timeout) or (
        other_moves(moves, own, decision) if moves else None
    )


def _amiss(
    decision: Decision, own: list[Effects], department: Department, timeout: Timeout | None
) -> str | None:
    """What the log alone tells, whether the event is still there or not."""
    kind = decision.event_type or ""
    payment = department.payments.get(decision.authorization_id or "", _NOTHING)
    for effect in own:
        if type(effect) not in MAY_MOVE.get(kind, ()):
            return f"answers {kind} with {type(effect).__name__}"
        if type(effect) is HoldReleased and effect.cause not in _CAUSES.get(kind, ("expiry",)):
            return f"releases by {effect.cause} after {kind}"
        named = getattr(effect, "authorization_id", decision.authorization_id)
        if decision.authorization_id is not None and named != decision.authorization_id:
            return f"is about {decision.authorization_id} and moves {named}"
    rate = of_rate(decision)
    if rate is not None:
        return rate
    match kind:
        case "clearing.presented":
            return _of_clearing(decision, own, payment)
        case "refund.presented":
            return _sum_of(own, decision, "refunds")
        case "authorization.expired":
            return _held(payment, 0)
        case "increase.requested" | "card.requested" | "budget.requested":
            return requests.of_request(decision, own, department)
        case "increase.approved" | "request.approved":
            return requests.of_approval(decision, own, department)
        case "increase.refused" | "request.refused":
            return requests.of_refusal(decision, own, department)
        case "authorization.reversed":
            return _of_reversal(decision, own, payment, timeout)
        case "balance.inquired":
            return _of_inquiry(decision, department)
        case "authorization.advised":
            wanted = 0 if decision.approved is None else max(0, (decision.amount or 0) - payment.posted)
            return _held(payment, wanted)
    return None


_NOTHING = Payment()


def _lapses(effect: Effects, decision: Decision) -> bool:
    return (
        type(effect) is HoldReleased
        and effect.cause == "expiry"
        and (
            decision.event_type != "authorization.expired"
            or effect.authorization_id != decision.authorization_id
        )
    )


def _of_clearing(decision: Decision, own: list[Effects], payment: Payment) -> str | None:
    """Networks settle in full; what is final leaves nothing held."""
    posted = released = 0
    final = True
    for effect in own:
        match effect:
            case Posted():
                posted += effect.amount
                final = effect.final
            case FxDifference():
                if ALERT in decision.alerts:
                    return "draws a difference from a rate that disagrees"
                posted += effect.amount if effect.direction == "loss" else -effect.amount
            case HoldReleased():
                released += effect.amount
    if posted != decision.amount:
        return f"posts {posted} of a clearing of {decision.amount}"
    if final:
        return _held(payment, 0)
    left = posted - released
    return (
        f"releases {released} for {posted}, still holding {payment.held}" if left and payment.held else None
    )


def _of_reversal(
    decision: Decision, own: list[Effects], payment: Payment, timeout: Timeout | None
) -> str | None:
    voids = tuple(effect.request_id for effect in own if isinstance(effect, PaymentVoided))
    causes = {effect.cause for effect in own if isinstance(effect, HoldReleased)}
    if timeout is None:
        if voids or "timeout" in causes:
            return "undoes a request that has not timed out"
        return _sum_of(own, decision, "releases")
    if voids != timeout.voids:
        return f"voids requests {voids}, but must void {timeout.voids}"
    if causes - ({"timeout"} if timeout.releases else set()):
        return f"releases by {', '.join(sorted(causes))} after a timeout that is not this hold's"
    return _held(payment, 0) if timeout.releases else None


def _of_inquiry(decision: Decision, department: Department) -> str | None:
    """The least that is left of what a payment of this card would charge."""
    purchase = purchase_of(decision)
    left = []
    for charge in charges(department, purchase):
        allowed = ceiling(department, charge, purchase)
        if allowed is not None:
            left.append(
                allowed.limit - (department.periods[charge].used if charge in department.periods else 0)
            )
    available = max(0, min(left))
    wrong = decision.available != available
    return f"tells that {decision.available} is available, but it is {available}" if wrong else None


def _sum_of(own: list[Effects], decision: Decision, what: str) -> str | None:
    moved = sum(getattr(effect, "amount", 0) for effect in own)
    return None if moved == decision.amount else f"{what} {moved} of {decision.amount}"


def _held(payment: Payment, wanted: int) -> str | None:
    return None if payment.held == wanted else f"leaves {payment.held} held, but must leave {wanted}"
