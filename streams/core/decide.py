"""`decide`: what is answered to an event, given the department as it is. Pure.

Order of the rules for a request: first the event itself (currency, known ids), then the budget. All
declines that apply are recorded; the first one is the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, assert_never

from schemas.codec import fingerprint
from schemas.decisions import (
    Balance,
    BudgetChanged,
    Decision,
    Effects,
    HoldPlaced,
    HoldReleased,
    Posted,
    Refunded,
    Score,
)
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    CardEvent,
    ClearingPresented,
    RefundPresented,
)
from schemas.ids import is_name
from schemas.money import exponent
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.calendar import is_time_zone, month_of
from streams.core.state import Answer, Department, Payment, Period


class Slot(NamedTuple):
    """The place a decision takes in the log, and what is known of the record it decides."""

    partition: int
    seq: int
    source_offset: int
    recorded_at: datetime
    previous_hash: str


class Rejected(Exception):
    """The event cannot be used. Carries the reason; becomes a decision, never leaves the core."""

    def __init__(self, code: ReasonCode, detail: str | None = None) -> None:
        super().__init__(code.value, detail)
        self.reason = Reason(code=code, detail=detail)


def decide(department: Department | None, event: CardEvent, score: Score | None, slot: Slot) -> Decision:
    """The decision on one event that has not been decided before.

    `department` is None when it has no budget yet. `score` is recorded, it changes nothing here.
    """
    try:
        if isinstance(event, BudgetSet):
            return _set_budget(department, event, slot)
        if department is None:
            raise Rejected(ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} has no budget")
        match event:
            case AuthorizationRequested():
                return _request(department, event, score, slot)
            case ClearingPresented():
                return _clear(department, event, slot)
            case AuthorizationReversed():
                return _reverse(department, event, slot)
            case RefundPresented():
                return _refund(department, event, slot)
            case _:
                assert_never(event)
    except Rejected as rejected:
        return reject(event, rejected.reason, slot)


# -- one function for each kind of event


def _set_budget(department: Department | None, event: BudgetSet, slot: Slot) -> Decision:
    limit = event.limit
    for what, text in (("organization_id", event.organization_id), ("department_id", event.department_id)):
        if not is_name(text):
            raise Rejected(ReasonCode.INVALID_EVENT, f"{what} {text!r} has other than A-Z a-z 0-9 . _ -")
    try:
        exponent(limit.currency)
    except ValueError as unknown:
        raise Rejected(ReasonCode.UNKNOWN_CURRENCY, str(unknown)) from None
    if not is_time_zone(event.time_zone):
        raise Rejected(ReasonCode.UNKNOWN_TIME_ZONE, f"{event.time_zone!r} is not an IANA time zone")
    if department is not None and department.currency != limit.currency:
        raise Rejected(ReasonCode.WRONG_CURRENCY, _currencies(department.currency, limit.currency))
    label = month_of(event.occurred_at, event.time_zone)
    totals = department.period(label) if department else Period(limit.minor)
    return _decision(
        event,
        slot,
        Outcome.ACCEPTED,
        amount=limit.minor,
        currency=limit.currency,
        effects=(BudgetChanged(name=event.name, limit=limit.minor, time_zone=event.time_zone),),
        balance=Balance(label, limit.minor, totals.posted, totals.held),
        policy_version=slot.seq,
    )


def _request(
    department: Department, event: AuthorizationRequested, score: Score | None, slot: Slot
) -> Decision:
    amount = _amount(department, event)
    if event.authorization_id in department.payments:
        raise Rejected(ReasonCode.AUTHORIZATION_EXISTS, f"{event.authorization_id} was requested before")
    label = month_of(event.occurred_at, department.time_zone)
    period = department.period(label)
    reasons = tuple(
        reason for rule in RULES if (reason := rule(department, period, event.amount.minor)) is not None
    )
    effects: tuple[Effects, ...] = ()
    held = period.held
    if not reasons:
        effects = (HoldPlaced(authorization_id=event.authorization_id, period=label, amount=amount),)
        held += amount
    return _decision(
        event,
        slot,
        Outcome.DECLINED if reasons else Outcome.APPROVED,
        department=department,
        amount=amount,
        reasons=reasons,
        effects=effects,
        balance=Balance(label, department.limit, period.posted, held),
        score=score,
    )


def _clear(department: Department, event: ClearingPresented, slot: Slot) -> Decision:
    """Posts in full whatever was held: the network has settled it already, so it is recorded and alerted."""
    amount = _amount(department, event)
    payment = department.payments.get(event.authorization_id)
    held = payment.held if payment else 0
    label = payment.period if payment else month_of(event.occurred_at, department.time_zone)
    released = held if event.final else min(held, amount)
    effects: tuple[Effects, ...] = (
        Posted(authorization_id=event.authorization_id, period=label, amount=amount),
    )
    if released:
        release = HoldReleased(
            authorization_id=event.authorization_id, period=label, amount=released, cause="clearing"
        )
        effects = (release, *effects)
    known = payment is not None and payment.approved
    period = department.period(label)
    return _decision(
        event,
        slot,
        Outcome.ACCEPTED,
        department=department,
        amount=amount,
        alerts=("over_capture",) if known and amount > held else () if known else ("no_authorization",),
        effects=effects,
        balance=Balance(label, period.limit, period.posted + amount, period.held - released),
    )


def _reverse(department: Department, event: AuthorizationReversed, slot: Slot) -> Decision:
    payment = department.payments.get(event.authorization_id)
    if payment is None:
        raise Rejected(ReasonCode.UNKNOWN_AUTHORIZATION, f"{event.authorization_id} is not known")
    if not payment.held:
        raise Rejected(ReasonCode.NOTHING_HELD, f"{event.authorization_id} holds nothing")
    amount = payment.held if event.amount is None else _amount(department, event)
    if amount > payment.held:
        raise Rejected(ReasonCode.EXCEEDS_HOLD, f"{amount} of a hold of {payment.held} minor units")
    period = department.period(payment.period)
    release = HoldReleased(
        authorization_id=event.authorization_id, period=payment.period, amount=amount, cause="reversal"
    )
    return _decision(
        event,
        slot,
        Outcome.ACCEPTED,
        department=department,
        amount=amount,
        effects=(release,),
        balance=Balance(payment.period, period.limit, period.posted, period.held - amount),
    )


def _refund(department: Department, event: RefundPresented, slot: Slot) -> Decision:
    """Credits the period that was charged; a refund in a later month must not open room above its limit."""
    amount = _amount(department, event)
    payment = _payment_of(department, event)
    label = payment.period if payment else month_of(event.occurred_at, department.time_zone)
    period = department.period(label)
    return _decision(
        event,
        slot,
        Outcome.ACCEPTED,
        department=department,
        amount=amount,
        effects=(Refunded(authorization_id=event.authorization_id, period=label, amount=amount),),
        balance=Balance(label, period.limit, period.posted - amount, period.held),
    )


def _payment_of(department: Department, event: RefundPresented) -> Payment | None:
    return department.payments.get(event.authorization_id) if event.authorization_id else None


# -- rules of a request, in the order in which they give the reason


def budget(department: Department, period: Period, requested: int) -> Reason | None:
    """posted + held + requested <= limit: what is in flight counts as spent."""
    if period.posted + period.held + requested <= department.limit:
        return None
    return Reason(
        code=ReasonCode.BUDGET_EXCEEDED,
        subject=department.name,
        currency=department.currency,
        limit=department.limit,
        posted=period.posted,
        held=period.held,
        requested=requested,
    )


RULES: tuple[Callable[[Department, Period, int], Reason | None], ...] = (budget,)


# -- answers


def reject(event: CardEvent, reason: Reason, slot: Slot) -> Decision:
    """The event is readable but unusable: nothing moves, and a corrected one may use its id again."""
    amount, currency = _asked(event)
    return _decision(event, slot, Outcome.REJECTED, reasons=(reason,), amount=amount, currency=currency)


def repeat(event: CardEvent, first: Answer, slot: Slot, department: Department) -> Decision:
    """The same event again: the first answer again, and nothing moves."""
    return _decision(
        event,
        slot,
        first.outcome,
        department=department,
        amount=first.amount,
        reasons=first.reasons,
        duplicate_of=first.seq,
    )


def conflict(event: CardEvent, first: Answer) -> Reason | None:
    """How this event differs from the first one with its id; None when it is a faithful repeat."""
    if fingerprint(event) == first.fingerprint:
        return None
    asked, _ = _asked(event)
    if event.type != first.event_type:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_TYPE, f"first was {first.event_type}"
    elif asked is not None and asked != first.amount:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT, f"first was {first.amount} minor units"
    else:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT, "another card, merchant, payment or currency"
    return Reason(code=code, detail=f"event id {event.event_id}: {detail}, decision {first.seq}")


def _asked(event: CardEvent) -> tuple[int | None, str | None]:
    """The event's own amount in minor units, and its currency."""
    money = event.limit if isinstance(event, BudgetSet) else event.amount
    return (money.minor, money.currency) if money else (None, None)


def _decision(
    event: CardEvent,
    slot: Slot,
    outcome: Outcome,
    *,
    department: Department | None = None,
    currency: str | None = None,
    policy_version: int | None = None,
    **members: object,
) -> Decision:
    """A decision with what every one repeats of its event and slot."""
    if department is not None:
        currency, policy_version = department.currency, department.policy_version
    return Decision(
        partition=slot.partition,
        seq=slot.seq,
        source_offset=slot.source_offset,
        recorded_at=slot.recorded_at,
        previous_hash=slot.previous_hash,
        outcome=outcome,
        event_type=event.type,
        event_id=event.event_id,
        organization_id=event.organization_id,
        department_id=event.department_id,
        authorization_id=getattr(event, "authorization_id", None),
        card_id=getattr(event, "card_id", None),
        cardholder=getattr(event, "cardholder", None),
        merchant=getattr(event, "merchant", None),
        occurred_at=event.occurred_at,
        currency=currency,
        policy_version=policy_version,
        fingerprint=None if outcome is Outcome.REJECTED else fingerprint(event),
        **members,  # type: ignore[arg-type]
    )


def _amount(
    department: Department,
    event: AuthorizationRequested | ClearingPresented | RefundPresented | AuthorizationReversed,
) -> int:
    """The event's amount in minor units of the department's currency."""
    money = event.amount
    assert money is not None
    if money.currency != department.currency:
        raise Rejected(ReasonCode.WRONG_CURRENCY, _currencies(department.currency, money.currency))
    return money.minor


def _currencies(budgeted: str, given: str) -> str:
    return f"the budget is in {budgeted}, the event in {given}"
