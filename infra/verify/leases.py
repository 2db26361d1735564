"""O11: of what is lent nothing is handed out twice, whatever is under way between partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from infra.verify.calendar import near
from infra.verify.report import Report
from infra.verify.state import COMPANY, Department, DepartmentName
from schemas.administration import TREASURY
from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    CapChanged,
    LeaseAdded,
    LeaseGiven,
    LeaseGivenBack,
    LeaseTaken,
    ShardsSet,
)
from schemas.reasons import DEPARTMENT
from schemas.terms import zone_of

_PERIODS_NEAR = (21, 2)  # before and after that of the treasury's clock
_PERIODS_KEPT = 24
_MESSAGES = ("lease.granted", "lease.returned")
Lender = tuple[str, str]  # organization, and its treasury or the department that is split


class Treasury(msgspec.Struct):
    """A company's cap in minor units. `leases`: by period and department. `peak`: the highest limit ever.

    `owed`: by period, what departments lack, in the order in which they asked. `own`: the department that
    lends its own budget, of which `limit` is what was set last; None: it is a company's cap.
    """

    limit: int
    peak: int
    calendar: Calendar
    departments: tuple[str, ...]
    leases: dict[str, Counter[str]] = {}
    owed: dict[str, dict[str, int]] = {}
    own: Department | None = None

    def of(self, period: str) -> Counter[str]:
        return self.leases.setdefault(period, Counter())

    def holds(self, period: str, department: str) -> int:
        """What the department may give back: of the latest periods that something was leased of."""
        kept = sorted(one for one, leases in self.leases.items() if leases)[-_PERIODS_KEPT:]
        return self.of(period)[department] if period in kept else 0

    def lends(self, period: str, now_s: int) -> bool:
        """Whether a lease may be asked for of this period when the treasury's clock stands at `now_s`."""
        today = datetime.fromtimestamp(now_s, zone_of(self.calendar.time_zone)).date()
        return period in near(self.calendar, today, *_PERIODS_NEAR)

    def free(self, period: str) -> int:
        """What may be lent; of a department as its last decision left it, whatever `leases` says yet."""
        return self.limit - self.of(period).total() if self.own is None else self.own.room(period)

    def raised(self, limit: int) -> None:
        self.limit, self.peak = limit, max(self.peak, limit)


class Lease(NamedTuple):
    """What a message carries to or from `department`."""

    organization: str
    department: str
    period: str
    amount: int


class Leases:
    """Over all partitions. What is sent and what is received meet by the message's derived event id."""

    def __init__(self, report: Report) -> None:
        self.treasuries: dict[Lender, Treasury] = {}
        self._report = report
        self._oracle = report["O11"]
        self._sent: dict[str, Lease] = {}
        self._received: dict[str, Lease] = {}
        self._refused: set[str] = set()

    def look(self, decision: Decision, department: Department) -> None:
        """At a decision that took effect, after it was folded into its department."""
        organization, name = decision.organization_id or "", decision.department_id or ""
        for n, effect in enumerate(decision.effects):
            match effect:
                case CapChanged():
                    self._cap(decision, effect)
                case ShardsSet():
                    self._split(decision, effect, department)
                case BudgetChanged(budget_id=budget_id, limit=limit) if budget_id == DEPARTMENT:
                    if (lender := self._lender(decision)) is not None:
                        lender.raised(limit)
                case LeaseGiven(department=to, period=period, amount=amount):
                    self._give(decision, effect, department)
                    self._send(decision, n, Lease(organization, to, period, amount))
                case LeaseTaken(department=holder, period=period, amount=amount):
                    self._take(decision, effect)
                    self._receive(decision, Lease(organization, holder, period, amount))
                case LeaseAdded(period=period, amount=amount):
                    self._receive(decision, Lease(organization, name, period, amount))
                case LeaseGivenBack(period=period, amount=amount):
                    self._give_back(decision, effect, department)
                    self._send(decision, n, Lease(organization, name, period, amount))

    def refuse(self, decision: Decision) -> None:
        """A rejected decision: a lease on its way may have ended here."""
        if decision.event_type in _MESSAGES and decision.event_id is not None:
            self._refused.add(decision.event_id)

    # -- the treasury's side

    def _cap(self, decision: Decision, effect: CapChanged) -> None:
        organization = decision.organization_id or ""
        before = self.treasuries.get((organization, TREASURY))
        self._oracle.checked += 1
        if decision.department_id != TREASURY:
            self._violated(decision, f"sets the cap of {organization} as {decision.department_id}")
        if before is None:
            self.treasuries[organization, TREASURY] = Treasury(
                effect.limit, effect.limit, effect.calendar, effect.departments
            )
            return
        if before.calendar != effect.calendar or set(before.departments) - set(effect.departments):
            self._violated(decision, "changes the cap's calendar, or takes a department off")
        before.raised(effect.limit)
        before.departments = effect.departments

    def _split(self, decision: Decision, effect: ShardsSet, department: Department) -> None:
        lender = (decision.organization_id or "", decision.department_id or "")
        before, own = self.treasuries.get(lender), department.budgets[DEPARTMENT]
        self._oracle.checked += 1
        if effect.calendar != own.calendar or department.cap is not None:
            self._violated(decision, "lends what is not its own, or in other periods than its budget's")
        if before is None:
            self.treasuries[lender] = Treasury(
                own.limit, own.limit, effect.calendar, effect.shards, own=department
            )
            return
        if set(before.departments) - set(effect.shards):
            self._violated(decision, "takes a shard off")
        before.departments = effect.shards

    def _give(self, decision: Decision, effect: LeaseGiven, department: Department) -> None:
        self._oracle.checked += 1
        treasury = self._lender(decision)
        if treasury is None or effect.department not in treasury.departments:
            self._violated(decision, f"gives a lease to {effect.department}, which takes part in no cap")
            return
        asked = decision.event_type == "lease.requested"
        if asked and not treasury.lends(effect.period, department.clock_s):
            self._violated(decision, f"gives a lease of {effect.period}, which is no period near its clock")
        treasury.of(effect.period)[effect.department] += effect.amount
        owed = treasury.owed.setdefault(effect.period, {})
        if effect.short:
            owed[effect.department] = effect.short
        else:
            owed.pop(effect.department, None)
        free = treasury.free(effect.period)
        if effect.amount and free < 0:
            self._violated(
                decision,
                f"gives {effect.amount} of {effect.period} to {effect.department}: "
                f"{treasury.limit - free} minor units are leased{_or_used(treasury)} of a cap of "
                f"{treasury.limit}",
            )

    def _take(self, decision: Decision, effect: LeaseTaken) -> None:
        self._oracle.checked += 1
        treasury = self._lender(decision)
        lease = treasury.of(effect.period)[effect.department] if treasury else 0
        if treasury is None or effect.amount > lease:
            self._violated(decision, f"takes {effect.amount} from {effect.department}, which holds {lease}")
        if treasury is not None:
            treasury.of(effect.period)[effect.department] -= effect.amount

    def _lender(self, decision: Decision) -> Treasury | None:
        return self.treasuries.get((decision.organization_id or "", decision.department_id or ""))

    # -- a department's side

    def _give_back(self, decision: Decision, effect: LeaseGivenBack, department: Department) -> None:
        """`department` has its lease less this already."""
        self._oracle.checked += 1
        left = department.leases.get(effect.period, 0)
        used = department.totals(f"{COMPANY}@{effect.period}").used
        if effect.amount and left < used:
            self._violated(
                decision, f"gives {effect.amount} of {effect.period} back and keeps {left} for {used} in use"
            )

    # -- what is on its way

    def _send(self, decision: Decision, n: int, lease: Lease) -> None:
        name = f"lease-{decision.partition}:{decision.seq}-{n}"
        received = self._received.pop(name, None)
        if received is None:
            self._sent[name] = lease
        else:
            self._compare(name, lease, received)

    def _receive(self, decision: Decision, lease: Lease) -> None:
        name = decision.event_id or ""
        self._oracle.checked += 1
        sent = self._sent.pop(name, None)
        if sent is not None:
            self._compare(name, sent, lease)
        elif name in self._received:
            self._violated(decision, f"receives {name} a second time")
        else:
            self._received[name] = lease

    def _compare(self, name: str, sent: Lease, received: Lease) -> None:
        if sent != received:
            self._oracle.violated(f"{name} was sent as {tuple(sent)} and received as {tuple(received)}")

    @property
    def unanswered(self) -> set[str]:
        """Event ids of what was sent and neither received nor refused."""
        return self._sent.keys() - self._refused

    def finish(
        self, departments: Mapping[DepartmentName, Department], under_way: Container[str] = frozenset()
    ) -> None:
        """When all partitions were read. `under_way`: event ids that lie in card events, not yet decided."""
        for name, received in self._received.items():
            self._oracle.violated(f"{name} was received as {tuple(received)}, but no decision sends it")
        idle: Counter[str] = Counter()
        open_: Counter[tuple[str, str, str]] = Counter()
        for name, sent in self._sent.items():
            open_[sent[:3]] += sent.amount
            if name in self._refused:
                idle["were refused by who they were sent to"] += 1
            elif name in under_way:
                idle["are under way"] += 1
            else:
                self._oracle.violated(f"{name} was sent as {tuple(sent)} and never received")
        self._oracle.notes += [f"{count:,} messages about leases {what}" for what, count in idle.items()]
        for (organization, _), treasury in self.treasuries.items():
            for period in treasury.leases:
                with self._report.about(organization):
                    self._add_up(organization, treasury, period, departments, open_)

    def _add_up(
        self,
        organization: str,
        treasury: Treasury,
        period: str,
        departments: Mapping[DepartmentName, Department],
        open_: Mapping[tuple[str, str, str], int],
    ) -> None:
        """free + leases + under way = cap; and of the leases no more is in use than the cap."""
        in_use = 0
        for name, leased in treasury.of(period).items():
            self._oracle.checked += 1
            department = departments.get((organization, name))
            lease = department.leases.get(period, 0) if department else 0
            moving = open_[organization, name, period]
            if lease + moving != leased:
                self._oracle.violated(
                    f"{organization}/{name} holds {lease} of {period}, {moving} are under way, but {leased} "
                    "were given"
                )
            if department is not None:
                # What clearings take beyond the lease settles whatever the cap says.
                in_use += min(lease, department.totals(f"{COMPANY}@{period}").used)
        if in_use > treasury.peak:
            self._oracle.violated(
                f"{organization} uses {in_use} of {period}; its cap was never above {treasury.peak}"
            )

    def _violated(self, decision: Decision, what: str) -> None:
        self._oracle.violated(f"decision {decision.position} {what}")


def _or_used(treasury: Treasury) -> str:
    return "" if treasury.own is None else " or used"


def all_departments(folds: Iterable[Mapping[DepartmentName, Department]]) -> dict[DepartmentName, Department]:
    """Those of all partitions."""
    return {name: department for fold in folds for name, department in fold.items()}
