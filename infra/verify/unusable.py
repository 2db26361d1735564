"""Why an event that is in its place and time cannot be used: payments, refunds, disputes, leases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import schemas.events as ev
from infra.verify import unusable_requests, unusable_terms
from infra.verify.counters import is_over
from infra.verify.lapses import lapses_by
from infra.verify.leases import Treasury
from infra.verify.postings import Postings
from infra.verify.rates import wrong_rate
from infra.verify.state import Department, Payment
from schemas.administration import TREASURY
from schemas.controls import Calendar
from schemas.event import Event
from schemas.ids import is_name
from schemas.money import LIMIT_MAX, Money, exponent
from schemas.reasons import DEPARTMENT, ReasonCode

CLEARINGS_MAX: Final = 1_000
TIMEOUTS_MAX: Final = 100


class Asked(NamedTuple):
    """An event, and what is known before it. `now_s`: the department's clock with it, in seconds."""

    event: ev.CardEvent
    department: Department | None
    treasury: Treasury | None
    postings: Postings
    now_s: int


class Here(NamedTuple):
    """The same at a department that exists."""

    event: Any
    department: Department
    treasury: Treasury | None
    postings: Postings
    now_s: int

    def payment(self, authorization_id: str) -> Payment | None:
        return self.department.known(authorization_id)

    def held(self, authorization_id: str, payment: Payment) -> int:
        """What is left of its hold after the holds that lapse with this event."""
        gone = payment.held and lapses_by(self.department, authorization_id, self.now_s)
        return 0 if gone else payment.held


def unusable(asked: Asked) -> ReasonCode | None:
    """The reason; None: it can be used."""
    event, department = asked.event, asked.department
    elsewhere = _addressee(event, department, lends=asked.treasury is not None)
    if elsewhere is not None:
        return elsewhere
    # What it makes if it is the first: a department or a cap in its own currency.
    here = Here(event, department or _new(event), asked.treasury, asked.postings, asked.now_s)
    department = here.department
    if not isinstance(event, _OPTIONAL):
        wrong = _money(event, department.currency)
        if wrong is not None:
            return wrong
    rule = _RULES.get(type(event))
    return rule(here) if rule is not None else unusable_terms.unusable(here)


def _addressee(event: ev.CardEvent, department: Department | None, *, lends: bool) -> ReasonCode | None:
    """A treasury knows only its own events; a department all others, from its first budget on.

    One that `lends` its own budget is asked for leases as a treasury is.
    """
    of_lender = isinstance(event, ev.LeaseRequested | ev.LeaseReturned)
    of_treasury = of_lender or isinstance(event, ev.CapSet)
    if event.department_id == TREASURY:
        if department is None and isinstance(event, ev.CapSet):
            return _unknown_currency(event.limit.currency)
        return None if of_treasury and department is not None else ReasonCode.UNKNOWN_DEPARTMENT
    if department is None or not department.budgets:
        if isinstance(event, ev.BudgetSet):
            return _first_budget(event, department)
        comes_first = ev.LeaseGranted if department is None else ev.LeaseGranted | ev.LeaseRecalled
        return None if isinstance(event, comes_first) else ReasonCode.UNKNOWN_DEPARTMENT
    return ReasonCode.INVALID_CAP if of_treasury and not (of_lender and lends) else None


def _first_budget(event: ev.BudgetSet, department: Department | None) -> ReasonCode | None:
    if not (is_name(event.organization_id) and is_name(event.department_id)):
        return ReasonCode.INVALID_EVENT
    if (event.level, event.id) != (DEPARTMENT, DEPARTMENT):
        return ReasonCode.UNKNOWN_DEPARTMENT
    if unusable_terms.lacks_lease(event, department):
        return ReasonCode.NO_CAP
    return _unknown_currency(event.limit.currency)


def _new(event: ev.CardEvent) -> Department:
    limit = getattr(event, "limit", None)
    return Department(limit.currency if isinstance(limit, Money) else getattr(event, "currency", "?"))


def _unknown_currency(currency: str) -> ReasonCode | None:
    try:
        exponent(currency)
    except ValueError:
        return ReasonCode.UNKNOWN_CURRENCY
    return None


#: Their amount is looked at when it is needed.
_OPTIONAL: Final = ev.AuthorizationReversed | ev.RefundReversed


def _money(event: Event, currency: str) -> ReasonCode | None:
    """Another currency than the budget's; a question whose amounts and rate disagree."""
    for name in ("amount", "limit"):
        money = getattr(event, name, None)
        if isinstance(money, Money) and money.currency != currency:
            return ReasonCode.WRONG_CURRENCY
    if isinstance(event, ev.AuthorizationRequested | ev.AuthorizationIncremented):
        return wrong_rate(event.amount, event.merchant_amount, event.rate)
    return None


def might_be_too_much(event: ev.CardEvent, department: Department) -> bool:
    """Whether some sum could leave its range with this event."""
    money = getattr(event, "limit", None) or getattr(event, "amount", None)
    amount = money.minor if isinstance(money, Money) else money if isinstance(money, int) else 0
    sums = [0]
    for totals in department.periods.values():
        sums += [abs(totals.posted), totals.held]
    sums += [max(payment.posted, payment.refunded) for payment in department.payments.values()]
    sums += [
        budget.limit + sum(more for _, _, more in budget.increases) for budget in department.budgets.values()
    ]
    sums += [refund.left for refund in department.refunds.values()]
    sums += department.leases.values()
    return (
        max(sums) + max(amount, *(request.amount for request in department.requests.values()), 0) > LIMIT_MAX
    )


# -- payments


def _request(here: Here) -> ReasonCode | None:
    payment = here.payment(here.event.authorization_id)
    return ReasonCode.AUTHORIZATION_EXISTS if payment is not None and payment.judged else None


def _reverse(here: Here) -> ReasonCode | None:
    event, currency = here.event, here.department.currency
    if event.cause == "timeout":
        return _money(event, currency) or _time_out(here)
    closed = _expire(here)
    if closed is not None:
        return closed
    payment = here.payment(event.authorization_id)
    over = event.amount is not None and payment is not None and event.amount.minor > payment.held
    return _money(event, currency) or (ReasonCode.EXCEEDS_HOLD if over else None)


def _time_out(here: Here) -> ReasonCode | None:
    payment = here.payment(here.event.authorization_id)
    if payment is None or payment.judged or payment.voids(here.event.request_id or ""):
        return None
    return ReasonCode.TOO_MANY if len(payment.voided) >= TIMEOUTS_MAX else None


def _expire(here: Here) -> ReasonCode | None:
    payment = here.payment(here.event.authorization_id)
    if payment is None or payment.voided:
        return ReasonCode.UNKNOWN_AUTHORIZATION
    return None if here.held(here.event.authorization_id, payment) else ReasonCode.NOTHING_HELD


def _clear(here: Here) -> ReasonCode | None:
    payment = here.payment(here.event.authorization_id)
    return ReasonCode.TOO_MANY if payment is not None and payment.clearings >= CLEARINGS_MAX else None


# -- what is settled


def _refund(here: Here) -> ReasonCode | None:
    known = here.department.refunds.get(here.event.refund_id or here.event.event_id)
    remembered = known is not None and not here.department.past(known.touched)
    return ReasonCode.REFUND_EXISTS if remembered else None


def _reverse_refund(here: Here) -> ReasonCode | None:
    event, known = here.event, here.department.refunds.get(here.event.refund_id)
    if known is None or here.department.past(known.touched):
        return ReasonCode.UNKNOWN_REFUND
    amount = known.left if event.amount is None else event.amount.minor
    wrong = ReasonCode.EXCEEDS_REFUND if not known.left or amount > known.left else None
    return _money(event, here.department.currency) or wrong


def _settled(payment: Payment | None) -> ReasonCode | None:
    # What is voided and has charges was cleared: a timeout moves nothing.
    unknown = payment is None or (payment.voided and not payment.clearings)
    return ReasonCode.UNKNOWN_AUTHORIZATION if unknown else None


def _dispute(here: Here) -> ReasonCode | None:
    event, payment = here.event, here.payment(here.event.authorization_id)
    unknown = _settled(payment)
    if unknown is not None or payment is None:
        return unknown
    known = here.department.disputes.get(event.dispute_id)
    if known is not None and not (known.outcome and here.department.past(known.touched)):
        return ReasonCode.DISPUTE_EXISTS
    return ReasonCode.EXCEEDS_SETTLED if event.amount.minor > payment.net else None


def _label(here: Here) -> ReasonCode | None:
    return _settled(here.payment(here.event.authorization_id))


def _resolve(here: Here) -> ReasonCode | None:
    known = here.department.disputes.get(here.event.dispute_id)
    if known is None or (known.outcome and here.department.past(known.touched)):
        return ReasonCode.UNKNOWN_DISPUTE
    return None if known.outcome is None else ReasonCode.DISPUTE_RESOLVED


def _undo(here: Here) -> ReasonCode | None:
    event, payment = here.event, here.payment(here.event.authorization_id)
    unknown = _settled(payment)
    if unknown is not None or payment is None:
        return unknown
    name = (event.organization_id, event.department_id, event.authorization_id)
    posted = here.postings.of(event.seq, name)
    if posted is None or event.seq < payment.since:
        return ReasonCode.UNKNOWN_POSTING
    if here.postings.is_undone(event.seq):
        return ReasonCode.ALREADY_UNDONE
    return ReasonCode.EXCEEDS_SETTLED if posted[0] > payment.net else None


# -- leases


def _grant(here: Here) -> ReasonCode | None:
    event, department = here.event, here.department
    event, department = here.event, here.department
    of_another = department.cap is not None and department.lender != event.lender
    if of_another or here.treasury is not None:
        return ReasonCode.INVALID_CAP
    if event.currency != department.currency:
        return ReasonCode.WRONG_CURRENCY
    return _too_old(here, department.cap or event.calendar)


def _too_old(here: Here, calendar: Calendar) -> ReasonCode | None:
    """What was leased of a period that long ago is remembered by nobody."""
    over = is_over(calendar, here.event.period, here.department.latest_span)
    return ReasonCode.TOO_OLD if over else None


def _recall(here: Here) -> ReasonCode | None:
    cap = here.department.cap
    return ReasonCode.NO_CAP if cap is None else _too_old(here, cap)


def _lend(here: Here) -> ReasonCode | None:
    treasury, event = here.treasury, here.event
    if treasury is None or event.department not in treasury.departments:
        return ReasonCode.INVALID_CAP
    near = treasury.lends(event.period, here.now_s)
    return _forgotten(here, treasury) if near else ReasonCode.INVALID_CAP


def _take_back(here: Here) -> ReasonCode | None:
    treasury, event = here.treasury, here.event
    if treasury is None:
        return ReasonCode.INVALID_CAP
    over = event.amount > treasury.holds(event.period, event.department)
    return _forgotten(here, treasury) or (ReasonCode.INVALID_CAP if over else None)


def _forgotten(here: Here, treasury: Treasury) -> ReasonCode | None:
    """A treasury remembers so many periods, however old; a department its own budget's by time."""
    return None if treasury.own is None else _too_old(here, treasury.calendar)


def _cap(here: Here) -> ReasonCode | None:
    return unusable_terms.cap(here.event, here.treasury)


def _split(here: Here) -> ReasonCode | None:
    return unusable_terms.split(here.event, here.department, here.treasury)


def _never(here: Here) -> None:
    """Whatever is asked can be answered."""


_RULES: Final[dict[type[Event], Callable[[Here], ReasonCode | None]]] = {
    **unusable_requests.RULES,
    ev.AuthorizationRequested: _request,
    ev.AuthorizationIncremented: _never,
    ev.AuthorizationAdvised: _never,
    ev.AuthorizationReversed: _reverse,
    ev.AuthorizationExpired: _expire,
    ev.ClearingPresented: _clear,
    ev.RefundPresented: _refund,
    ev.RefundReversed: _reverse_refund,
    ev.DisputeOpened: _dispute,
    ev.DisputeResolved: _resolve,
    ev.AuthorizationLabelled: _label,
    ev.PostingReversed: _undo,
    ev.VerificationRequested: _never,
    ev.BalanceInquired: _never,
    ev.ClockTicked: _never,
    ev.LeaseGranted: _grant,
    ev.LeaseRecalled: _recall,
    ev.LeaseRequested: _lend,
    ev.LeaseReturned: _take_back,
    ev.CapSet: _cap,
    ev.DepartmentSplit: _split,
}
