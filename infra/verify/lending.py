"""O15: how much of a company's cap is asked for, granted, owed, called back and given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import schemas.events as ev
from infra.verify.calendar import DAY_S, ends_s, label, seconds
from infra.verify.leases import Treasury
from infra.verify.report import Report
from infra.verify.state import COMPANY, Department, parts
from schemas import effects as ef
from schemas.decisions import Decision
from schemas.money import MINOR_MAX
from schemas.reasons import ReasonCode

PART: Final = 4
Ask = tuple[str, int]  # period, minor units
Give = tuple[str, str, int, int]  # department, period, minor units, what it lacks
_ASKING: Final = ("authorization.requested", "authorization.incremented")
_LENDING: Final = (ev.CapSet, ev.LeaseRequested, ev.LeaseReturned)


class Lending:
    """Looks at each decision that took effect: `before` it is folded, and `after`."""

    def __init__(self, report: Report) -> None:
        self._oracle = report["O15"]
        self._asked: frozenset[str] = frozenset()
        self._next: Ask | None = None
        self._gives: list[Give] | None = None
        self._recalls: list[tuple[str, str]] = []
        self._first: ef.Effect | None = None  # of a treasury's decision, besides what lapses

    def before(
        self,
        decision: Decision,
        department: Department,
        event: ev.CardEvent | None,
        treasuries: Mapping[str, Treasury],
    ) -> None:
        self._asked, self._next, self._gives = frozenset(), None, None
        if department.cap is not None:
            self._asked = frozenset(department.asked)
            self._next = _next_period(decision, department)
        if isinstance(event, _LENDING):
            treasury = treasuries.get(event.organization_id)
            self._first = _first(event)
            self._gives, self._recalls = _lent(event, treasury)

    def after(self, decision: Decision, department: Department, event: ev.CardEvent | None) -> None:
        if self._gives is not None:
            self._check_gives(decision)
        found = [(e.period, e.needed) for e in decision.effects if type(e) is ef.LeaseAsked]
        if department.cap is not None or found:
            self._oracle.checked += 1
            wanted = self._asks(decision, department)
            if found != wanted:
                self._violated(decision, f"asks for {_listed(found)}, but must ask for {_listed(wanted)}")
        if isinstance(event, ev.LeaseRecalled):
            self._check_return(decision, department)

    def _asks(self, decision: Decision, department: Department) -> list[Ask]:
        """Once, until something is granted: what lacks; a quarter more; the next period's first."""
        if decision.event_type == "clock.ticked":
            return [] if self._next is None else [self._next]
        if decision.event_type not in _ASKING:
            return []
        wanted: list[Ask] = []
        for reason in decision.reasons:
            if reason.code is ReasonCode.LEASE_EXCEEDED and reason.period not in self._asked:
                lease = department.leases.get(reason.period or "", 0)
                lacks = max(0, reason.posted or 0) + (reason.held or 0) + (reason.requested or 0) - lease
                wanted.append((reason.period or "", min(max(1, lacks), MINOR_MAX)))
        held = [effect for effect in decision.effects if type(effect) is ef.HoldPlaced]
        what, period = parts(held[0].charges[-1]) if held else ("", "")
        if what != COMPANY:
            return wanted
        lease = department.leases.get(period, 0)
        left = lease - department.totals(held[0].charges[-1]).used
        if period not in self._asked and not wanted and left * PART < lease:
            wanted.append((period, min(max(1, lease // PART), MINOR_MAX)))
        return wanted if self._next is None else [*wanted, self._next]

    def _check_return(self, decision: Decision, department: Department) -> None:
        """A department gives back all that it does not use, and no more."""
        for effect in decision.effects:
            if type(effect) is ef.LeaseGivenBack:
                self._oracle.checked += 1
                lease = department.leases.get(effect.period, 0) + effect.amount
                wanted = max(0, lease - department.totals(f"{COMPANY}@{effect.period}").used)
                if effect.amount != wanted:
                    what = f"gives back {effect.amount} of {effect.period}, but must give back {wanted}"
                    self._violated(decision, what)

    def _check_gives(self, decision: Decision) -> None:
        self._oracle.checked += 1
        first = next((e for e in decision.effects if type(e) in (ef.CapChanged, ef.LeaseTaken)), None)
        if first != self._first:
            self._violated(decision, f"answers with {first}, but must with {self._first}")
        found = [
            (e.department, e.period, e.amount, e.short) for e in decision.effects if type(e) is ef.LeaseGiven
        ]
        if found != self._gives:
            self._violated(decision, f"grants {_listed(found)}, but must grant {_listed(self._gives or ())}")
        recalls = sorted((e.department, e.period) for e in decision.effects if type(e) is ef.LeaseRecallSent)
        if recalls != self._recalls:
            self._violated(
                decision, f"calls back from {_listed(recalls)}, but must from {_listed(self._recalls)}"
            )

    def _violated(self, decision: Decision, what: str) -> None:
        self._oracle.violated(f"decision {decision.position} {what}")


def _listed(found: Iterable[object]) -> str:
    return ", ".join(map(str, found)) or "nothing"


def _next_period(decision: Decision, department: Department) -> Ask | None:
    """In a period's last 24 hours: the next one, if the department has heard nothing of it."""
    at_s = seconds(decision.occurred_at or decision.recorded_at)
    end_s = None if department.cap is None else ends_s(department.cap, at_s)
    if department.cap is None or end_s is None or end_s - at_s > DAY_S:
        return None
    following = label(department.cap, end_s)
    if following in department.leases or f"{COMPANY}@{following}" in department.periods:
        return None
    lease = department.leases.get(label(department.cap, at_s), 0)
    return following, min(max(1, lease // PART), MINOR_MAX)


def _first(event: ev.CardEvent) -> ef.Effect | None:
    """What the event itself changes at the treasury."""
    match event:
        case ev.CapSet(limit=limit, calendar=calendar, departments=names):
            return ef.CapChanged(limit=limit.minor, calendar=calendar, departments=names)
        case ev.LeaseReturned(department=name, period=period, amount=amount):
            return ef.LeaseTaken(department=name, period=period, amount=amount)
    return None


def _lent(event: ev.CardEvent, treasury: Treasury | None) -> tuple[list[Give], list[tuple[str, str]]]:
    """What a treasury must grant, and whom it must ask to give back."""
    match event:
        case ev.CapSet():
            return _first_leases(event, treasury), []
        case ev.LeaseRequested() if treasury is not None:
            return _lend(event, treasury)
        case ev.LeaseReturned() if treasury is not None:
            return _served(treasury, event.period, treasury.free(event.period) + event.amount), []
    return [], []


def _first_leases(event: ev.CapSet, treasury: Treasury | None) -> list[Give]:
    period = label(event.calendar, seconds(event.occurred_at))
    free = event.limit.minor - (treasury.of(period).total() if treasury else 0)
    known = treasury.departments if treasury else ()
    gives: list[Give] = []
    for name in event.departments:
        if name not in known:
            amount = max(0, free) // (2 * len(event.departments))
            gives.append((name, period, amount, 0))
            free -= amount
    return gives + (_served(treasury, period, free) if treasury else [])


def _lend(event: ev.LeaseRequested, treasury: Treasury) -> tuple[list[Give], list[tuple[str, str]]]:
    free, needed, name = max(0, treasury.free(event.period)), event.needed, event.department
    if free >= needed:
        more = (free - needed) // (2 * len(treasury.departments))
        return [(name, event.period, needed + more, 0)], []
    leases = treasury.of(event.period).items()
    others = sorted((other, event.period) for other, lease in leases if lease and other != name)
    return [(name, event.period, free, needed - free)], others


def _served(treasury: Treasury, period: str, free: int) -> list[Give]:
    """What is free goes to those who are owed, in the order in which they asked."""
    gives: list[Give] = []
    for name, short in treasury.owed.get(period, {}).items():
        amount = min(short, max(0, free))
        if amount:
            gives.append((name, period, amount, short - amount))
            free -= amount
    return gives
