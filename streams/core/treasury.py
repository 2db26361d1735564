"""Leases, as who lends them sees it: a company's cap, or the budget of a department that is split.

The cap is a department of its own that spends nothing. At every prefix of a lender's partition: free + leases
= cap (for a department: and what it uses itself), for each period. A lease is only given back by its holder,
so what a department may approve was never counted twice (docs/decisions/0008 and 0046).
"""

from __future__ import annotations

from typing import Final

from schemas.administration import TREASURY
from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.effects import CapChanged, Effects, LeaseGiven, LeaseRecallSent, LeaseTaken
from schemas.events import CapSet, CardEvent, LeaseRequested, LeaseReturned
from schemas.ids import is_name
from schemas.money import exponent
from schemas.reasons import DEPARTMENT, ReasonCode
from schemas.terms import check_calendar, is_time_zone, no_time_zone
from streams.core.calendar import clock_of
from streams.core.case import Answers, Case, Rejected
from streams.core.leases import check_remembered
from streams.core.state import Department, Treasury

# Of which periods a lease may be asked for, by the lender's clock: up to the next one of an event that is a
# day ahead, and back to the oldest that is remembered with those (LEASE_PERIODS_KEPT).
PERIODS_AFTER = 2
PERIODS_BEFORE = 21


def decide(case: Case, event: CardEvent) -> Decision:
    """An event that was sent to a treasury."""
    if isinstance(event, CapSet):
        return set_cap(case, event)
    if case.department.treasury is None:
        raise Rejected(ReasonCode.NO_CAP, f"{event.organization_id} has no cap")
    if isinstance(event, LeaseRequested):
        return lend(case, event)
    if isinstance(event, LeaseReturned):
        return take(case, event)
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
    check_kept(before, event.departments, "departments")
    if before is not None and before.calendar != event.calendar:
        raise Rejected(ReasonCode.INVALID_CAP, "calendar: cannot change")
    change = CapChanged(limit=limit, calendar=event.calendar, departments=event.departments)
    period = clock_of(event.calendar).label(case.at_s)
    free = limit - (before.lent(period) if before is not None else 0)
    first = first_leases(case, event.calendar, event.departments, free)
    return case.accepted(change, *first, amount=limit)


def _check(event: CapSet) -> None:
    check_names(event.departments, "departments")
    if not is_time_zone(event.calendar.time_zone):
        raise Rejected(ReasonCode.UNKNOWN_TIME_ZONE, no_time_zone(event.calendar.time_zone))
    wrong = check_calendar(event.calendar)
    if wrong:
        raise Rejected(ReasonCode.INVALID_CAP, f"calendar: {wrong}")


def check_names(names: tuple[str, ...], member: str) -> None:
    """Raises Rejected where one is no department id or comes twice. `member`: that of the event."""
    for name in names:
        if not is_name(name):
            raise Rejected(ReasonCode.INVALID_CAP, f"{member}: {name!r} is no department id")
    if len(set(names)) < len(names):
        raise Rejected(ReasonCode.INVALID_CAP, f"{member}: one is named twice")


def check_kept(before: Treasury | None, names: tuple[str, ...], member: str) -> None:
    """Raises Rejected where one who may have a lease is not among them any more."""
    gone = set(before.departments) - set(names) if before is not None else ()
    if gone:
        raise Rejected(ReasonCode.INVALID_CAP, f"{member}: {sorted(gone)} cannot be taken off")


def first_leases(case: Case, calendar: Calendar, names: tuple[str, ...], free: int) -> list[Effects]:
    """Half of what is free, shared out to who is new; then who is owed gets some of the rest."""
    before, period = case.department.treasury, clock_of(calendar).label(case.at_s)
    effects: list[Effects] = []
    for name in names:
        if before is None or name not in before.departments:
            amount = max(0, free) // (2 * len(names))
            free -= amount
            effects.append(_given(case, calendar, name, period, amount, 0))
    return effects + serve_owed(case, before, period, free) if before is not None else effects


def lend(case: Case, event: LeaseRequested) -> Decision:
    """What is needed and, while there is plenty, some more; what lacks is owed and asked back from others."""
    treasury = _lender(case)
    if event.department not in treasury.departments:
        raise Rejected(ReasonCode.INVALID_CAP, f"{event.department} takes no part in the cap")
    if event.period not in clock_of(treasury.calendar).around(case.clock_s, PERIODS_BEFORE, PERIODS_AFTER):
        detail = f"period: {event.period!r} is no period of the cap's calendar that is near enough"
        raise Rejected(ReasonCode.INVALID_CAP, detail)
    _check_remembered(case, treasury, event.period)
    free = max(0, _free(case, treasury, event.period))
    amount = min(event.needed, free)
    amount += _extra(free - amount, len(treasury.departments))
    short = max(0, event.needed - amount)
    effects: list[Effects] = [_given(case, treasury.calendar, event.department, event.period, amount, short)]
    if short:
        leases = treasury.leases.get(event.period, {})
        effects += [
            LeaseRecallSent(department=name, period=event.period)
            for name, lease in leases.items()
            if lease and name != event.department
        ]
    return case.accepted(*effects, amount=event.needed)


def take(case: Case, event: LeaseReturned) -> Decision:
    """What a department gives back goes to who is owed, or is free."""
    treasury = _lender(case)
    _check_remembered(case, treasury, event.period)
    lease = treasury.leases.get(event.period, {}).get(event.department, 0)
    if event.amount > lease:
        detail = f"{event.department} gives back {event.amount} of a lease of {lease} minor units"
        raise Rejected(ReasonCode.INVALID_CAP, detail)
    charges = _charges(case, event.period)
    taken = LeaseTaken(department=event.department, period=event.period, amount=event.amount, charges=charges)
    free = _free(case, treasury, event.period) + event.amount
    grants = serve_owed(case, treasury, event.period, free)
    return case.accepted(taken, *grants, amount=event.amount)


def _lender(case: Case) -> Treasury:
    if case.department.treasury is None:
        raise Rejected(ReasonCode.INVALID_CAP, f"{case.event.key} has no shards, and lends nothing")
    return case.department.treasury


def _check_remembered(case: Case, treasury: Treasury, period: str) -> None:
    """A department forgets periods of its own budget with time; a treasury keeps so many, however old."""
    if case.department.department_id != TREASURY:
        check_remembered(case, treasury.calendar, period)


def serve_owed(case: Case, treasury: Treasury, period: str, free: int) -> list[Effects]:
    """Who is owed gets what is free, in the order in which they asked, and nothing beyond."""
    grants: list[Effects] = []
    for name, owed in treasury.owed.get(period, {}).items():
        amount = min(owed, max(0, free))
        if amount:
            grants.append(_given(case, treasury.calendar, name, period, amount, owed - amount))
            free -= amount
    return grants


def _extra(left: int, departments: int) -> int:
    """Leases shrink near the end: at most half of what is left goes out beyond the need, for all together."""
    return left // (2 * departments)


def _free(case: Case, treasury: Treasury, period: str) -> int:
    """What may be lent of the period; below zero when more is lent than there is now."""
    if case.department.department_id == TREASURY:
        return treasury.free(period)
    return room(case, period)


def room(case: Case, label: str) -> int:
    """What of its own budget a department neither uses nor lends.

    Without increases, which end while what was lent of them would stay. None of a period that is over and in
    which nothing was counted: what was lent of it may have been forgotten with it.
    """
    own = case.department.budgets[DEPARTMENT]
    period = case.department.periods.get(f"{DEPARTMENT}@{label}")
    if period is not None:
        return period.limit - period.used
    return own.limit if label >= clock_of(own.calendar).label(case.clock_s) else 0


def _charges(case: Case, label: str) -> tuple[str, ...]:
    """The period of a department's own budget that the lease is of."""
    charge = f"{DEPARTMENT}@{label}"
    if case.department.department_id == TREASURY:
        return ()
    over = label < clock_of(case.department.budgets[DEPARTMENT].calendar).label(case.clock_s)
    return () if over and charge not in case.department.periods else (charge,)


def _given(
    case: Case, calendar: Calendar, department: str, period: str, amount: int, short: int
) -> LeaseGiven:
    return LeaseGiven(
        department=department,
        period=period,
        amount=amount,
        calendar=calendar,
        short=short,
        charges=_charges(case, period),
    )


ANSWERS: Final[Answers] = {
    LeaseRequested: lend,
    LeaseReturned: take,
}
