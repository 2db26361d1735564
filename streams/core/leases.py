"""A department's share of the company's cap, or of the budget of the department that it is a shard of.

Asked for, received, given back: docs/decisions/0008 and 0046.
"""

from __future__ import annotations

from typing import Final

from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.effects import LeaseAdded, LeaseAsked, LeaseGivenBack
from schemas.events import LeaseGranted, LeaseRecalled
from schemas.money import MINOR_MAX
from schemas.reasons import ReasonCode
from streams.core.calendar import clock_of, end_of
from streams.core.case import Answers, Case, Rejected, currencies
from streams.core.rules import Ask
from streams.core.rules.allowances import lease
from streams.core.state import COMPANY, Department

DAY_S = 86_400
# Asked for when less than this part of the lease is left, and as much as this part of it.
PART = 4


def lease_of(department: Department, label: str) -> tuple[int, int]:
    """The lease on a period, and what of it is posted and held."""
    period = department.periods.get(f"{COMPANY}@{label}")
    return (0, 0) if period is None else (period.limit, period.used)


def _label(charges: tuple[str, ...]) -> str | None:
    last = charges[-1] if charges else ""
    return last.removeprefix(f"{COMPANY}@") if last.startswith(f"{COMPANY}@") else None


def shortfall(case: Case, ask: Ask) -> tuple[LeaseAsked, ...]:
    """What a declined request lacks, unless more is on its way already."""
    label = _label(ask.charges.keys)
    if label is None or label in case.department.asked:
        return ()
    found = lease(case.department, ask)
    lender = case.department.lender
    return tuple([_asked(lender, label, ask.amount - one.room) for one in found if one.room is not None])


def _asked(lender: str, label: str, needed: int) -> LeaseAsked:
    """As much as a message may tell; who has overspent by more needs no lease of this period any more."""
    return LeaseAsked(period=label, needed=min(max(1, needed), MINOR_MAX), lender=lender)


def ask_ahead(case: Case, charges: tuple[str, ...], approved: int) -> tuple[LeaseAsked, ...]:
    """After an approval that leaves less than a quarter of the lease: a quarter more, and the next one's."""
    department = case.department
    label = _label(charges)
    if label is None:
        return ()
    leased, used = lease_of(department, label)
    found: tuple[LeaseAsked, ...] = ()
    if label not in department.asked and (leased - used - approved) * PART < leased:
        found = (_asked(department.lender, label, leased // PART),)
    return found + ask_for_next(case)


def ask_for_next(case: Case) -> tuple[LeaseAsked, ...]:
    """In a period's last 24 hours: a quarter of this lease for the next one, so that it can begin."""
    department = case.department
    if department.cap is None:
        return ()
    clock = clock_of(department.cap)
    ends_s = clock.ends_s(case.at_s)
    if ends_s is None or ends_s - case.at_s > DAY_S:
        return ()
    following = clock.label(ends_s)
    if following in department.asked or f"{COMPANY}@{following}" in department.periods:
        return ()
    leased, _ = lease_of(department, clock.label(case.at_s))
    return (_asked(department.lender, following, leased // PART),)


def check_remembered(case: Case, calendar: Calendar, period: str) -> None:
    """Raises Rejected: what was leased of such a period may be forgotten, and can no longer be spent.

    By time alone: which rows of what is over are still there hangs on how far forgetting has come.
    """
    if case.department.forgets(end_of(clock_of(calendar), period)):
        raise Rejected(ReasonCode.TOO_OLD, f"the period {period} is over and no longer remembered")


def receive(case: Case, event: LeaseGranted) -> Decision:
    """More of the cap is the department's own; the first one tells it that there is a cap."""
    department = case.department
    elsewhere = department.cap is not None and not department.borrows_from(event.lender)
    if department.treasury is not None or elsewhere:
        other = "shards of its own" if department.treasury is not None else f"leases of {department.lender}"
        raise Rejected(ReasonCode.INVALID_CAP, f"{event.key} has {other}, and takes none of {event.lender}")
    if event.currency != department.currency:
        raise Rejected(ReasonCode.WRONG_CURRENCY, currencies(department.currency, event.currency))
    check_remembered(case, department.cap or event.calendar, event.period)
    effect = LeaseAdded(
        period=event.period, amount=event.amount, calendar=event.calendar, lender=event.lender
    )
    return case.accepted(effect, amount=event.amount)


def give_back(case: Case, event: LeaseRecalled) -> Decision:
    """All that is not used, or nothing; the treasury waits for the answer."""
    if case.department.cap is None:
        raise Rejected(ReasonCode.NO_CAP, f"{event.key} takes part in no cap")
    check_remembered(case, case.department.cap, event.period)
    leased, used = lease_of(case.department, event.period)
    amount, lender = max(0, leased - used), case.department.lender
    effect = LeaseGivenBack(period=event.period, amount=amount, lender=lender)
    return case.accepted(effect)


ANSWERS: Final[Answers] = {
    LeaseGranted: receive,
    LeaseRecalled: give_back,
}
