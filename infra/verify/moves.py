"""What an event that can be used must move and alert, from its own words and what was known before it.

Questions are judged by `rulings`, leases by `lending`; in which periods it counts by `limits` and `fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

import schemas.events as ev
from infra.verify.calendar import label
from infra.verify.controls import charges
from infra.verify.lapses import lapses_by
from infra.verify.limits import purchase_of
from infra.verify.postings import Postings
from infra.verify.rates import ALERT, at_rate, wrong_rate
from infra.verify.requests import levels_for
from infra.verify.state import Department, Payment
from infra.verify.timeouts import Timeout
from schemas import effects as ef
from schemas.decisions import Decision
from schemas.event import Event

Facts = Mapping[str, object]
#: A kind of effect, and what must stand in it.
Move = tuple[type[ef.Effect], Facts]


class Known(NamedTuple):
    """What is known before a decision. `held`, `closed`: of its payment, after what lapses with it."""

    event: Any
    decision: Decision
    department: Department
    payment: Payment | None
    held: int
    closed: str
    timeout: Timeout | None
    postings: Postings
    now_s: int


class Moves(NamedTuple):
    """In their order. `alerts`: None where others judge them."""

    moves: tuple[Move, ...] = ()
    alerts: tuple[str, ...] | None = ()


def wanted_moves(
    event: ev.CardEvent | None,
    decision: Decision,
    department: Department,
    payment: Payment | None,
    timeout: Timeout | None,
    postings: Postings,
    now_s: int,
) -> Moves | None:
    """None: nothing is known of what it must move, or others judge it. `payment`: if its owner knew it."""
    rule = _RULES.get(type(event)) if event is not None else None
    if rule is None:
        return None
    held, closed = (payment.held, payment.closed) if payment else (0, "")
    if held and lapses_by(department, decision.authorization_id or "", now_s):
        held, closed = 0, "expiry"
    return rule(Known(event, decision, department, payment, held, closed, timeout, postings, now_s))


def other_moves(moves: Moves, own: list[ef.Effects], decision: Decision) -> str | None:
    """How a decision's own effects and alerts differ from what they must be; None: not at all."""
    found = [(type(effect), effect) for effect in own]
    if [kind for kind, _ in found] != [kind for kind, _ in moves.moves]:
        told = ", ".join(kind.__name__ for kind, _ in found) or "nothing"
        must = ", ".join(kind.__name__ for kind, _ in moves.moves) or "nothing"
        return f"moves {told}, but must move {must}"
    for (kind, effect), (_, facts) in zip(found, moves.moves, strict=True):
        for name, value in facts.items():
            if getattr(effect, name) != value:
                return f"says {name} {getattr(effect, name)} in {kind.__name__}, but it must be {value}"
    if moves.alerts is not None and decision.alerts != moves.alerts:
        told, must = (", ".join(alerts) or "nothing" for alerts in (decision.alerts, moves.alerts))
        return f"alerts {told}, but must alert {must}"
    return None


# -- payments


def _release(known: Known, amount: int, cause: str) -> tuple[Move, ...]:
    facts = {"authorization_id": known.event.authorization_id, "amount": amount, "cause": cause}
    return ((ef.HoldReleased, facts),) if amount > 0 else ()


def _advise(known: Known) -> Moves:
    event = known.event
    if not event.approved:
        return Moves(_release(known, known.held, "advice"), _of_rate(event))
    posted = known.payment.posted if known.payment else 0
    more = max(0, event.amount.minor - posted) - known.held
    if more <= 0:
        return Moves(_release(known, -more, "advice"), None)
    return Moves(((ef.HoldPlaced, {"authorization_id": event.authorization_id, "amount": more}),), None)


def _of_rate(event: Any) -> tuple[str, ...]:
    return () if wrong_rate(event.amount, event.merchant_amount, event.rate) is None else (ALERT,)


def _reverse(known: Known) -> Moves:
    event, timeout = known.event, known.timeout
    if timeout is None:
        amount = known.held if event.amount is None else event.amount.minor
        return Moves(_release(known, amount, "reversal"))
    voids = tuple(
        (ef.PaymentVoided, {"authorization_id": event.authorization_id, "request_id": name})
        for name in timeout.voids
    )
    released = _release(known, known.held, "timeout") if timeout.releases else ()
    means = timeout.releases or known.payment is None or not known.payment.judged
    settled = means and known.payment is not None and known.payment.posted
    return Moves((*voids, *released), ("already_settled",) if settled else ())


def _expire(known: Known) -> Moves:
    return Moves(_release(known, known.held, "expiry"))


_CLOSED: Final = {
    "reversal": "after_reversal",
    "advice": "after_reversal",
    "timeout": "after_timeout",
    "expiry": "after_expiry",
}


def _clear(known: Known) -> Moves:
    event, payment, amount = known.event, known.payment, known.event.amount.minor
    mismatch, base = _of_rate(event), amount
    foreign, approved = event.merchant_amount, payment.foreign if payment else None
    if not mismatch and foreign is not None and approved is not None and approved[0] == foreign.currency:
        base = at_rate(foreign, approved[1], event.amount.currency, amount)
    name = {"authorization_id": event.authorization_id}
    moves = _release(known, known.held if event.final else min(known.held, amount), "clearing")
    moves += ((ef.Posted, {**name, "amount": base, "final": event.final}),)
    if base != amount:
        way = "loss" if amount > base else "gain"
        moves += ((ef.FxDifference, {**name, "amount": abs(amount - base), "direction": way}),)
    return Moves(moves, mismatch + _of_clearing(known, payment, amount))


def _of_clearing(known: Known, payment: Payment | None, amount: int) -> tuple[str, ...]:
    if payment is not None and payment.voided:
        return ("after_timeout",)
    if payment is None or not payment.answered:
        return ("no_authorization",)
    if not payment.granted:
        return ("after_decline",)
    if amount <= known.held:
        return ()
    return ("over_capture",) if known.held else (_CLOSED.get(known.closed, "over_capture"),)


def _refund(known: Known) -> Moves:
    event, payment, amount = known.event, known.payment, known.event.amount.minor
    alerts = _of_rate(event)
    if payment is not None:
        alerts += ("over_refund",) if amount > payment.net else ()
    else:
        alerts += ("no_authorization",) if event.authorization_id else ()
        periods = known.department.periods
        posted = [
            periods[charge].posted if charge in periods else 0
            for charge in charges(known.department, purchase_of(known.decision))
        ]
        alerts += ("refund_exceeds_posted",) if amount > min(posted) else ()
    facts = {"refund_id": event.refund_id or event.event_id, "amount": amount}
    return Moves(((ef.Refunded, {**facts, "authorization_id": event.authorization_id}),), alerts)


def _take_refund_back(known: Known) -> Moves:
    event, refund = known.event, known.department.refunds.get(known.event.refund_id)
    left = refund.left if refund else 0
    amount = left if event.amount is None else event.amount.minor
    return Moves(((ef.RefundUndone, {"refund_id": event.refund_id, "amount": amount}),))


def _dispute(known: Known) -> Moves:
    event = known.event
    facts = {"dispute_id": event.dispute_id, "authorization_id": event.authorization_id}
    facts |= {"amount": event.amount.minor, "provisional": event.provisional_credit}
    return Moves(((ef.DisputeStarted, facts),))


def _label(known: Known) -> Moves:
    event = known.event
    facts = {"authorization_id": event.authorization_id, "label": event.label, "source": event.source}
    return Moves(((ef.PaymentLabelled, facts),))


def _resolve(known: Known) -> Moves:
    facts = {"dispute_id": known.event.dispute_id, "outcome": known.event.outcome}
    moves: tuple[Move, ...] = ((ef.DisputeClosed, facts),)
    if known.event.outcome == "won" and known.department.policy.label_won_disputes:
        dispute = known.department.disputes.get(known.event.dispute_id)
        whose = {} if dispute is None else {"authorization_id": dispute.authorization_id}
        moves += ((ef.PaymentLabelled, {**whose, "label": "fraud", "source": "chargeback"}),)
    return Moves(moves)


def _undo(known: Known) -> Moves:
    event = known.event
    name = (event.organization_id, event.department_id, event.authorization_id)
    total, fx = known.postings.of(event.seq, name) or (0, 0)
    facts = {"authorization_id": event.authorization_id, "of_seq": event.seq}
    return Moves(((ef.PostingUndone, {**facts, "amount": total - fx, "fx": fx}),))


# -- what people set


def _set_budget(known: Known) -> Moves:
    event = known.event
    facts = {name: getattr(event, name) for name in ("level", "subject", "name", "tolerance", "calendar")}
    facts["period"] = label(event.calendar, known.now_s)
    return Moves(((ef.BudgetChanged, {**facts, "budget_id": event.id, "limit": event.limit.minor}),))


def _remove_budget(known: Known) -> Moves:
    return Moves(((ef.BudgetTakenAway, {"budget_id": known.event.budget_id}),))


def _increase(budget_id: str, amount: int, starts_at: datetime, ends_at: datetime) -> Move:
    facts = {"budget_id": budget_id, "amount": amount, "starts_at": starts_at, "ends_at": ends_at}
    return ef.BudgetIncreaseSet, facts


def _raise(known: Known) -> Moves:
    event = known.event
    starts_at = event.starts_at or event.occurred_at
    return Moves((_increase(event.budget_id, event.amount.minor, starts_at, event.ends_at),))


def _ask(known: Known) -> Moves:
    event = known.event
    facts = {
        name: getattr(event, name) for name in ("request_id", "budget_id", "starts_at", "ends_at", "reason")
    }
    facts |= {"asked_by": event.actor, "amount": event.amount.minor}
    facts["levels"] = levels_for(known.department, event.amount.minor) or ((),)
    return Moves(((ef.IncreaseAsked, facts),))


def _approve(known: Known) -> Moves | None:
    event = known.event
    request = known.department.requests.get(event.request_id)
    if request is None:
        return None
    left = len(request.levels) - len(request.approved_by) - 1
    facts = {"request_id": event.request_id, "approved_by": event.actor, "left": left}
    moves: tuple[Move, ...] = ((ef.IncreaseStep, facts),)
    if not left:
        starts_s, ends_s = request.span
        starts_at = datetime.fromtimestamp(starts_s, UTC) if starts_s else event.occurred_at
        ends_at = datetime.fromtimestamp(ends_s, UTC)
        moves += (_increase(request.budget_id, request.amount, starts_at, ends_at),)
    return Moves(moves)


def _refuse(known: Known) -> Moves:
    event = known.event
    facts = {"request_id": event.request_id, "refused_by": event.actor, "reason": event.reason}
    return Moves(((ef.IncreaseClosed, facts),))


def _draft(known: Known) -> Moves:
    version = max(known.department.policies, default=0) + 1
    stored = (ef.PolicyStored, {"policy_version": version, "policy": known.event.policy})
    return Moves((stored, _taken(version)) if known.event.activate else (stored,))


def _taken(version: int) -> Move:
    """A draft stands in the log before. What version 0 says when it is taken, only the log tells."""
    facts: dict[str, object] = {"policy_version": version}
    return ef.PolicyTaken, facts | ({"policy": None} if version else {})


def _activate(known: Known) -> Moves:
    return Moves((_taken(known.event.policy_version),))


def _publish(known: Known) -> Moves:
    event = known.event
    return Moves(((ef.ModelTaken, {"digest": event.digest, "model": event.model}),))


_STATUS: Final = {ev.CardFrozen: "frozen", ev.CardUnfrozen: "active", ev.CardCanceled: "canceled"}


def _change_card(known: Known) -> Moves | None:
    event = known.event
    before = known.department.cards.get(
        event.card.card_id if isinstance(event, ev.CardSet) else event.card_id
    )
    if isinstance(event, ev.CardSet):
        card = event.card if before is None else replace(event.card, status=before.status)
    elif before is None:
        return None
    else:
        card = replace(before, status=_STATUS[type(event)])
    return Moves(((ef.CardChanged, {"card": card}),))


def _add_lease(known: Known) -> Moves:
    event = known.event
    facts = {name: getattr(event, name) for name in ("period", "amount", "calendar", "lender")}
    return Moves(((ef.LeaseAdded, facts),))


def _nothing(known: Known) -> Moves:
    return Moves()


_RULES: Final[Mapping[type[Event], Callable[[Known], Moves | None]]] = {
    ev.AuthorizationAdvised: _advise,
    ev.AuthorizationReversed: _reverse,
    ev.AuthorizationExpired: _expire,
    ev.ClearingPresented: _clear,
    ev.RefundPresented: _refund,
    ev.RefundReversed: _take_refund_back,
    ev.DisputeOpened: _dispute,
    ev.DisputeResolved: _resolve,
    ev.AuthorizationLabelled: _label,
    ev.PostingReversed: _undo,
    ev.BalanceInquired: _nothing,
    ev.BudgetSet: _set_budget,
    ev.BudgetRemoved: _remove_budget,
    ev.BudgetIncreased: _raise,
    ev.IncreaseRequested: _ask,
    ev.IncreaseApproved: _approve,
    ev.IncreaseRefused: _refuse,
    ev.PolicyDrafted: _draft,
    ev.PolicyActivated: _activate,
    ev.ModelPublished: _publish,
    ev.CardSet: _change_card,
    ev.CardFrozen: _change_card,
    ev.CardUnfrozen: _change_card,
    ev.CardCanceled: _change_card,
    ev.LeaseGranted: _add_lease,
}
