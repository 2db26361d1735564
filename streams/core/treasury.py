"""The company's cap: a department of its own that spends nothing and grants exact leases to the others.

At every prefix of its partition: free + leases = cap, for each period. A lease is only given back by its
holder, so what a department may approve was never counted twice (docs/decisions/0008).
"""

from __future__ import annotations

from schemas.administration import TREASURY
from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.effects import CapChanged, Effects, LeaseGiven, LeaseRecallSent, LeaseTaken
from schemas.events import CapSet, CardEvent, LeaseRequested, LeaseReturned
from schemas.ids import is_name
from schemas.money import exponent
from schemas.reasons import ReasonCode
from schemas.terms import check_calendar, is_time_zone, no_time_zone
from streams.core.calendar import clock_of
from streams.core.case import Case, Rejected
from streams.core.state import Department, Treasury

# Of which periods a lease may be asked for, by the treasury's clock: up to the next one of an event that is a
# day ahead, and back to the oldest that is remembered with those (LEASE_PERIODS_KEPT).
PERIODS_AFTER = 2
PERIODS_BEFORE = 21


def decide(case: Case, event: CardEvent) -> Decision:
    """An event that was sent to a treasury."""
    if isinstance(event, CapSet):
        return set_cap(case, event)
    treasury = case.department.treasury
    if treasury is None:
        raise Rejected(ReasonCode.NO_CAP, f"{event.organization_id} has no cap")
    if isinstance(event, LeaseRequested):
        return _lend(case, treasury, event)
    if isinstance(event, LeaseReturned):
        return _take(case, treasury, event)
    raise Rejected(ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} is no department, only a cap")


def new_treasury(event: CapSet) -> Department:
    """The department that a first cap makes."""
    try:
        exponent(event.limit.currency)
    except ValueError as unknown:
        raise Rejected(ReasonCode.UNKNOWN_CURRENCY, str(unknown)) from None
    return Department(event.organization_id, TREASURY, event.limit.currency, latest_bucket=0)


def set_cap(case: Case, event: CapSet) -> Decision:
    """The cap, or another limit of it; each department that is new gets its first lease."""
    limit = case.amount(event.limit)
    _check(event)
    before = case.department.treasury
    if before is not None:
        gone = set(before.departments) - set(event.departments)
        if gone:
            raise Rejected(ReasonCode.INVALID_CAP, f"departments: {sorted(gone)} cannot be taken off")
        if before.calendar != event.calendar:
            raise Rejected(ReasonCode.INVALID_CAP, "calendar: cannot change")
    effects: list[Effects] = [CapChanged(limit=limit, calendar=event.calendar, departments=event.departments)]
    period = clock_of(event.calendar).label(case.at_s)
    leased = sum(before.leases.get(period, {}).values()) if before else 0
    free = limit - leased
    for department in event.departments:
        if before is None or department not in before.departments:
            amount = max(0, free) // (2 * len(event.departments))
            free -= amount
            effects.append(_given(event.calendar, department, period, amount, 0))
    if before is not None:
        effects += _serve(before, period, free)
    return case.accepted(*effects, amount=limit)


def _check(event: CapSet) -> None:
    for name in event.departments:
        if not is_name(name):
            raise Rejected(ReasonCode.INVALID_CAP, f"departments: {name!r} is no department id")
    if len(set(event.departments)) < len(event.departments):
        raise Rejected(ReasonCode.INVALID_CAP, "departments: one is named twice")
    if not is_time_zone(event.calendar.time_zone):
        raise Rejected(ReasonCode.UNKNOWN_TIME_ZONE, no_time_zone(event.calendar.time_zone))
    wrong = check_calendar(event.calendar)
    if wrong:
        raise Rejected(ReasonCode.INVALID_CAP, f"calendar: {wrong}")


def _lend(case: Case, treasury: Treasury, event: LeaseRequested) -> Decision:
    """What is needed and, while there is plenty, some more; what lacks is owed and asked back from others."""
    if event.department not in treasury.departments:
        raise Rejected(ReasonCode.INVALID_CAP, f"{event.department} takes no part in the cap")
    if event.period not in clock_of(treasury.calendar).around(case.clock_s, PERIODS_BEFORE, PERIODS_AFTER):
        detail = f"period: {event.period!r} is no period of the cap's calendar that is near enough"
        raise Rejected(ReasonCode.INVALID_CAP, detail)
    free = max(0, treasury.free(event.period))
    amount = min(event.needed, free)
    amount += _extra(free - amount, len(treasury.departments))
    short = max(0, event.needed - amount)
    effects: list[Effects] = [_given(treasury.calendar, event.department, event.period, amount, short)]
    if short:
        leases = treasury.leases.get(event.period, {})
        effects += [
            LeaseRecallSent(department=name, period=event.period)
            for name, lease in leases.items()
            if lease and name != event.department
        ]
    return case.accepted(*effects, amount=event.needed)


def _take(case: Case, treasury: Treasury, event: LeaseReturned) -> Decision:
    lease = treasury.leases.get(event.period, {}).get(event.department, 0)
    if event.amount > lease:
        detail = f"{event.department} gives back {event.amount} of a lease of {lease} minor units"
        raise Rejected(ReasonCode.INVALID_CAP, detail)
    taken = LeaseTaken(department=event.department, period=event.period, amount=event.amount)
    free = treasury.free(event.period) + event.amount
    grants = _serve(treasury, event.period, free)
    return case.accepted(taken, *grants, amount=event.amount)


def _serve(treasury: Treasury, period: str, free: int) -> list[LeaseGiven]:
    """Who is owed gets what is free, in the order in which they asked, and nothing beyond."""
    grants: list[LeaseGiven] = []
    for name, owed in treasury.owed.get(period, {}).items():
        amount = min(owed, max(0, free))
        if amount:
            grants.append(_given(treasury.calendar, name, period, amount, owed - amount))
            free -= amount
    return grants


def _extra(left: int, departments: int) -> int:
    """Leases shrink near the end: at most half of what is left goes out beyond the need, for all together."""
    return left // (2 * departments)


def _given(calendar: Calendar, department: str, period: str, amount: int, short: int) -> LeaseGiven:
    return LeaseGiven(
        department=department,
        period=period,
        amount=amount,
        calendar=calendar,
        short=short,
    )
