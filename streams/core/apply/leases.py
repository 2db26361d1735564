"""Leases: what is lent, of a company's cap or of a department's budget; asked for; and one's own."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import CapChanged, LeaseAdded, LeaseAsked, LeaseGiven, LeaseTaken, ShardsSet
from streams.core.state import Department, Treasury

LEASE_PERIODS_KEPT = 24


def set_cap(department: Department, effect: CapChanged, decision: Decision, bucket: int) -> None:
    known = department.treasury
    if known is None:
        department.treasury = Treasury(effect.limit, effect.calendar, list(effect.departments))
    else:
        known.limit = effect.limit
        known.departments = list(effect.departments)


def set_shards(department: Department, effect: ShardsSet, decision: Decision, bucket: int) -> None:
    if department.treasury is None:
        department.treasury = Treasury(0, effect.calendar, list(effect.shards))
    else:
        department.treasury.departments = list(effect.shards)


def give_lease(department: Department, effect: LeaseGiven, decision: Decision, bucket: int) -> None:
    treasury = department.treasury
    assert treasury is not None
    leases = treasury.leases.setdefault(effect.period, {})
    leases[effect.department] = leases.get(effect.department, 0) + effect.amount
    owed = treasury.owed.setdefault(effect.period, {})
    if effect.short:
        owed[effect.department] = effect.short
    else:
        owed.pop(effect.department, None)
    for old in sorted(treasury.leases)[:-LEASE_PERIODS_KEPT]:
        del treasury.leases[old]
        treasury.owed.pop(old, None)


def take_lease(department: Department, effect: LeaseTaken, decision: Decision, bucket: int) -> None:
    treasury = department.treasury
    assert treasury is not None
    leases = treasury.leases.get(effect.period)
    if leases is not None:  # None: of a period that nobody remembers, or that never was
        leases[effect.department] = leases.get(effect.department, 0) - effect.amount


def ask_for_lease(department: Department, effect: LeaseAsked, decision: Decision, bucket: int) -> None:
    department.asked[effect.period] = effect.needed


def add_lease(department: Department, effect: LeaseAdded, decision: Decision, bucket: int) -> None:
    # Only an answer with money ends the asking; what is owed comes by itself.
    if effect.amount:
        department.asked.pop(effect.period, None)
    if department.cap is None:
        department.cap, department.lender = effect.calendar, effect.lender
        department.revision += 1
