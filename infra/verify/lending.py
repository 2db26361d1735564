"""O15: how much of what is lent is asked for, granted, owed, called back and given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import schemas.events as ev
from infra.verify.answers import MAKES_ROOM
from infra.verify.calendar import DAY_S, ends_s, label, seconds
from infra.verify.counters import is_over
from infra.verify.leases import Lender, Treasury
from infra.verify.report import Report
from infra.verify.state import COMPANY, Department, parts
from schemas import effects as ef
from schemas.administration import TREASURY
from schemas.decisions import Decision
from schemas.money import MINOR_MAX
from schemas.reasons import DEPARTMENT, ReasonCode

PART: Final = 4
Ask = tuple[str, int, str]  # period, minor units, of whom
Give = tuple[str, str, int, int]  # department, period, minor units, what it lacks
_ASKING: Final = ("authorization.requested", "authorization.incremented")
_LENDING: Final = (ev.CapSet, ev.DepartmentSplit, ev.LeaseRequested, ev.LeaseReturned)


class Lending:
    """Looks at each decision that took effect: `before` it is folded, and `after`."""

    def __init__(self, report: Report) -> None:
        self._oracle = report["O15"]
        self._asked: frozenset[str] = frozenset()
        self._next: Ask | None = None
        self._span = 0  # the latest before the decision

    def before(
        self,
        decision: Decision,
        department: Department,
    ) -> None:
        self._span = department.latest_span
        self._asked, self._next = frozenset(), None
        if department.cap is not None:
            self._asked = frozenset(department.asked)
            self._next = _next_period(decision, department)

    def after(
        self,
        decision: Decision,
        department: Department,
        event: ev.CardEvent | None,
        treasuries: Mapping[Lender, Treasury],
    ) -> None:
        """`treasuries`: as they were before the decision, the departments that lend as they are after it."""
        if isinstance(event, _LENDING):
            treasury = treasuries.get((event.organization_id, event.department_id))
            self._check_gives(decision, event, _Lent(decision, department, treasury, self._span))
        elif decision.event_type in MAKES_ROOM:
            treasury = treasuries.get((decision.organization_id or "", decision.department_id or ""))
            if treasury is not None and treasury.own is not None:
                self._check_served(decision, _Lent(decision, department, treasury, self._span))
        found = [(e.period, e.needed, e.lender) for e in decision.effects if type(e) is ef.LeaseAsked]
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
                wanted.append((reason.period or "", min(max(1, lacks), MINOR_MAX), department.lender))
        held = [effect for effect in decision.effects if type(effect) is ef.HoldPlaced]
        what, period = parts(held[0].charges[-1]) if held else ("", "")
        if what != COMPANY:
            return wanted
        lease = department.leases.get(period, 0)
        left = lease - department.totals(held[0].charges[-1]).used
        if period not in self._asked and not wanted and left * PART < lease:
            wanted.append((period, min(max(1, lease // PART), MINOR_MAX), department.lender))
        return wanted if self._next is None else [*wanted, self._next]

    def _check_return(self, decision: Decision, department: Department) -> None:
        """A department gives back all that it does not use, and no more."""
        for effect in decision.effects:
            if type(effect) is ef.LeaseGivenBack:
                self._oracle.checked += 1
                lease = department.leases.get(effect.period, 0) + effect.amount
                wanted = max(0, lease - department.totals(f"{COMPANY}@{effect.period}").used)
                if (effect.amount, effect.lender) != (wanted, department.lender):
                    what = f"gives back {effect.amount} of {effect.period}, but must give back {wanted}"
                    self._violated(decision, what)

    def _check_gives(self, decision: Decision, event: ev.CardEvent, lent: _Lent) -> None:
        self._oracle.checked += 1
        first, must = next((e for e in decision.effects if type(e) in _FIRST), None), _first(event, lent)
        if first != must:
            self._violated(decision, f"answers with {first}, but must with {must}")
        gives, recalls = lent.wanted(event)
        found = _gives(decision)
        if found != gives:
            self._violated(decision, f"grants {_listed(found)}, but must grant {_listed(gives)}")
        called = sorted((e.department, e.period) for e in decision.effects if type(e) is ef.LeaseRecallSent)
        if called != recalls:
            self._violated(decision, f"calls back from {_listed(called)}, but must from {_listed(recalls)}")
        for effect in decision.effects:
            if type(effect) is ef.LeaseGiven and effect.charges != lent.charges(effect.period):
                self._violated(decision, f"lends of {_listed(effect.charges)}")

    def _check_served(self, decision: Decision, lent: _Lent) -> None:
        """Of the room that a decision leaves the shards get what they are owed."""
        self._oracle.checked += 1
        found, wanted = _gives(decision), lent.served()
        if found != wanted:
            self._violated(decision, f"grants {_listed(found)}, but must grant {_listed(wanted)}")

    def _violated(self, decision: Decision, what: str) -> None:
        self._oracle.violated(f"decision {decision.position} {what}")


def _gives(decision: Decision) -> list[Give]:
    given = [effect for effect in decision.effects if type(effect) is ef.LeaseGiven]
    return [(effect.department, effect.period, effect.amount, effect.short) for effect in given]


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
    return following, min(max(1, lease // PART), MINOR_MAX), department.lender


_FIRST: Final = (ef.CapChanged, ef.ShardsSet, ef.LeaseTaken)


def _first(event: ev.CardEvent, lent: _Lent) -> ef.Effect | None:
    """What the event itself changes at the lender."""
    match event:
        case ev.CapSet(limit=limit, calendar=calendar, departments=names):
            return ef.CapChanged(limit=limit.minor, calendar=calendar, departments=names)
        case ev.DepartmentSplit(shards=names):
            return ef.ShardsSet(shards=names, calendar=lent.department.budgets[DEPARTMENT].calendar)
        case ev.LeaseReturned(department=name, period=period, amount=amount):
            charges = lent.charges(period)
            return ef.LeaseTaken(department=name, period=period, amount=amount, charges=charges)
    return None


class _Lent(NamedTuple):
    """What a lender must grant, and whom it must ask to give back.

    `department`: the lender as the decision leaves it. `treasury`: as it was before; None: it did not lend.
    `span`: the latest span of time before the decision.
    """

    decision: Decision
    department: Department
    treasury: Treasury | None
    span: int

    def charges(self, period: str) -> tuple[str, ...]:
        """The period of a department's own budget; of a treasury, or of what is over and was empty, none."""
        charge, own = f"{DEPARTMENT}@{period}", self.department.budgets.get(DEPARTMENT)
        if own is None or self.decision.department_id == TREASURY:
            return ()
        totals = self.department.periods.get(
            charge
        )  # without a limit: it was shown, and nothing counts in it
        counts = totals is not None and totals.limit is not None
        return (charge,) if counts or period >= label(own.calendar, self.department.clock_s) else ()

    def wanted(self, event: ev.CardEvent) -> tuple[list[Give], list[tuple[str, str]]]:
        """Grants, and who is asked to give back."""
        treasury = self.treasury
        match event:
            case ev.CapSet(limit=limit, calendar=calendar, departments=names):
                period = label(calendar, seconds(event.occurred_at))
                leased = treasury.of(period).total() if treasury is not None else 0
                return self._first_leases(names, period, limit.minor - leased), []
            case ev.DepartmentSplit(shards=names):
                own = self.department.budgets[DEPARTMENT]
                period = label(own.calendar, seconds(event.occurred_at))
                return self._first_leases(names, period, self._room(period)), []
            case ev.LeaseRequested() if treasury is not None:
                return self._lend(event, treasury)
            case ev.LeaseReturned(period=period, amount=amount) if treasury is not None:
                return _served(treasury, period, self._free(treasury, period) + amount), []
        return [], []

    def served(self) -> list[Give]:
        """Grants to who is owed of a period that may still be spent."""
        treasury = self.treasury
        if treasury is None:
            return []
        periods = [one for one in treasury.owed if not is_over(treasury.calendar, one, self.span)]
        return [give for period in periods for give in _served(treasury, period, self._room(period))]

    def _free(self, treasury: Treasury, period: str) -> int:
        return treasury.free(period) if treasury.own is None else self._room(period)

    def _room(self, period: str) -> int:
        """What the department had to lend: as it is now, without what the decision itself has moved."""
        moved = 0
        for effect in self.decision.effects:
            match effect:
                case ef.LeaseGiven(period=of, amount=amount) if of == period:
                    moved += amount
                case ef.LeaseTaken(period=of, amount=amount) if of == period:
                    moved -= amount
        return self.department.room(period) + (moved if self.charges(period) else 0)

    def _first_leases(self, names: tuple[str, ...], period: str, free: int) -> list[Give]:
        known = self.treasury.departments if self.treasury is not None else ()
        gives: list[Give] = []
        for name in names:
            if name not in known:
                amount = max(0, free) // (2 * len(names))
                gives.append((name, period, amount, 0))
                free -= amount
        return gives + (_served(self.treasury, period, free) if self.treasury is not None else [])

    def _lend(self, event: ev.LeaseRequested, treasury: Treasury) -> tuple[list[Give], list[tuple[str, str]]]:
        free, needed, name = max(0, self._free(treasury, event.period)), event.needed, event.department
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
