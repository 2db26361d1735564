"""The company's cap: what the treasury grants, and what a department asks and gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.effects import (
    CapChanged,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseGivenBack,
    LeaseRecallSent,
    LeaseTaken,
)
from schemas.events import CapSet, ClockTicked, LeaseGranted, LeaseRecalled, LeaseRequested, LeaseReturned
from schemas.money import exponent
from schemas.reasons import ReasonCode
from tests.model.answers import Answer, Said
from tests.model.calendars import DAY, fits, memory_span, period_of, whole_second
from tests.model.case import Case, Unusable
from tests.model.policies import ZONES
from tests.model.records import Owed, Treasury

if TYPE_CHECKING:
    from tests.model.limits import Ask


# -- a department's side


def after_request(case: Case, ask: Ask, reasons: tuple[Said, ...], granted: int) -> None:
    """What a department asks of the treasury after a request or an increment; `granted`: 0 if declined."""
    department, calendar = case.department, case.department.cap
    label = next((key.rpartition("@")[2] for key in ask.charges if key.startswith("company@")), None)
    if calendar is None or label is None:
        return
    lease = department.leases.get(label, 0)
    for said in reasons:
        if said.code is ReasonCode.LEASE_EXCEEDED:
            _ask(case, label, said.current + (said.requested or 0) - lease)
    if not granted:
        return
    key = f"company@{label}"
    left = lease - department.used(key)
    if 4 * left < lease:
        _ask(case, label, max(1, lease // 4))
    look_ahead(case)


def look_ahead(case: Case) -> None:
    """On the last day of a period, ask for a quarter of this lease for the next one, if it has none."""
    department, calendar = case.department, case.department.cap
    if calendar is None:
        return
    period = period_of(calendar, case.at)
    if period.end and period.end - whole_second(case.at) <= DAY:
        following = period_of(calendar, period.end).label
        if following not in department.leases and f"company@{following}" not in department.charged_periods():
            _ask(case, following, max(1, department.leases.get(period.label, 0) // 4))


def tick(case: Case, event: ClockTicked) -> Answer:
    """Only what is due happens: lapses, and the look at the next period."""
    look_ahead(case)
    return case.accepted()


def _ask(case: Case, label: str, needed: int) -> None:
    """Ask once, until something is granted, for as much as a message may tell."""
    if label not in case.department.asked:
        case.department.asked.add(label)
        case.effects.append(LeaseAsked(period=label, needed=min(needed, 10**15)))


def add_lease(case: Case, event: LeaseGranted) -> Answer:
    department = case.department
    if department.currency and event.currency != department.currency:
        raise Unusable(ReasonCode.WRONG_CURRENCY)
    department.currency, department.cap = event.currency, department.cap or event.calendar
    _move_lease(case, event.period, event.amount)
    if event.amount:
        department.asked.discard(event.period)
    return case.accepted(LeaseAdded(period=event.period, amount=event.amount, calendar=event.calendar))


def _move_lease(case: Case, label: str, amount: int) -> None:
    department = case.department
    department.leases[label] = department.leases.get(label, 0) + amount
    department.lease_moved[label] = max(memory_span(case.at), department.lease_moved.get(label, 0))


def give_back(case: Case, event: LeaseRecalled) -> Answer:
    department, key = case.department, f"company@{event.period}"
    if department.cap is None:
        raise Unusable(ReasonCode.NO_CAP)
    lease = department.leases.get(event.period, 0)
    amount = max(0, lease - department.used(key))
    _move_lease(case, event.period, -amount)
    return case.accepted(LeaseGivenBack(period=event.period, amount=amount))


# -- the treasury's side


def set_cap(case: Case, event: CapSet) -> Answer:
    """The first cap, or a change: every new department is told, with a first grant."""
    treasury = case.department.treasury
    _check_cap(treasury, event)
    names = list(event.departments)
    if treasury is None:
        treasury = case.department.treasury = Treasury(
            event.limit.minor, event.limit.currency, event.calendar, []
        )
    new = [name for name in names if name not in treasury.departments]
    treasury.limit, treasury.departments = event.limit.minor, names
    case.effects.append(
        CapChanged(limit=event.limit.minor, calendar=event.calendar, departments=tuple(names))
    )
    period = period_of(event.calendar, event.occurred_at).label
    for name in new:
        _give(case, treasury, period, name, max(0, treasury.free(period)) // (2 * len(names)), 0)
    _serve(case, treasury, period)
    return case.accepted()


def _check_cap(treasury: Treasury | None, event: CapSet) -> None:
    if event.calendar.time_zone not in ZONES:
        raise Unusable(ReasonCode.UNKNOWN_TIME_ZONE)
    try:
        exponent(event.limit.currency)
    except ValueError:
        raise Unusable(ReasonCode.UNKNOWN_CURRENCY) from None
    if treasury is not None and event.limit.currency != treasury.currency:
        raise Unusable(ReasonCode.WRONG_CURRENCY)
    changed = treasury is not None and (
        event.calendar != treasury.calendar or not set(treasury.departments) <= set(event.departments)
    )
    if changed or not fits(event.calendar) or len(set(event.departments)) < len(event.departments):
        raise Unusable(ReasonCode.INVALID_CAP)


def _give(case: Case, treasury: Treasury, period: str, name: str, amount: int, short: int) -> None:
    key = (period, name)
    treasury.leases[key] = treasury.leases.get(key, 0) + amount
    case.effects.append(
        LeaseGiven(department=name, period=period, amount=amount, calendar=treasury.calendar, short=short)
    )


def grant(case: Case, event: LeaseRequested) -> Answer:
    treasury = case.department.treasury
    if treasury is None:
        raise Unusable(ReasonCode.NO_CAP)
    if event.department not in treasury.departments:
        raise Unusable(ReasonCode.INVALID_CAP)
    free = treasury.free(event.period)
    if free >= event.needed:
        more = (free - event.needed) // (2 * len(treasury.departments))
        _give(case, treasury, event.period, event.department, event.needed + more, 0)
        treasury.owed = [owed for owed in treasury.owed if owed.asked_by != (event.period, event.department)]
        return case.accepted()
    amount = max(0, free)
    short = event.needed - amount
    _give(case, treasury, event.period, event.department, amount, short)
    asked_before = [owed for owed in treasury.owed if owed.asked_by == (event.period, event.department)]
    if asked_before:
        asked_before[0].short = short
    else:
        treasury.owed.append(Owed(event.period, event.department, short))
    for name in treasury.departments:
        if name != event.department and treasury.leases.get((event.period, name)):
            case.effects.append(LeaseRecallSent(department=name, period=event.period))
    return case.accepted()


def take_back(case: Case, event: LeaseReturned) -> Answer:
    treasury = case.department.treasury
    if treasury is None:
        raise Unusable(ReasonCode.NO_CAP)
    key = (event.period, event.department)
    if event.amount > treasury.leases.get(key, 0):
        raise Unusable(ReasonCode.INVALID_CAP)
    treasury.leases[key] = treasury.leases.get(key, 0) - event.amount
    case.effects.append(LeaseTaken(department=event.department, period=event.period, amount=event.amount))
    _serve(case, treasury, event.period)
    return case.accepted()


def _serve(case: Case, treasury: Treasury, period: str) -> None:
    """What is free goes to those who are owed, in the order in which they asked."""
    for owed in treasury.owed:
        amount = min(owed.short, treasury.free(period))
        if owed.period == period and amount > 0:
            owed.short -= amount
            _give(case, treasury, period, owed.department, amount, owed.short)
    treasury.owed = [owed for owed in treasury.owed if owed.short]
