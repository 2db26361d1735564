"""Decision to the read models of the company's cap: the cap, and both sides of each lease on it."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import CapChanged, LeaseAdded, LeaseAsked, LeaseGiven, LeaseGivenBack, LeaseTaken
from sinks.ledger.changes import Changes
from sinks.ledger.rows.common import names_of
from sinks.ledger.rows.sums import AskedRow, CapRow, LeaseKey, LeaseRow, Side


def change_cap(changes: Changes, decision: Decision, effect: CapChanged) -> None:
    row = CapRow.of(decision, effect)
    changes.caps[row.organization_id] = row


def give(changes: Changes, decision: Decision, effect: LeaseGiven) -> None:
    key = _key(decision, effect.department, effect.period, "treasury")
    _move(changes, decision, key, effect.amount)
    changes.asked[key] = AskedRow(*key, effect.short)


def take(changes: Changes, decision: Decision, effect: LeaseTaken) -> None:
    _move(changes, decision, _key(decision, effect.department, effect.period, "treasury"), -effect.amount)


def ask(changes: Changes, decision: Decision, effect: LeaseAsked) -> None:
    key = _key(decision, decision.department_id, effect.period, "department")
    _move(changes, decision, key, 0)
    changes.asked[key] = AskedRow(*key, effect.needed)


def add(changes: Changes, decision: Decision, effect: LeaseAdded) -> None:
    key = _key(decision, decision.department_id, effect.period, "department")
    _move(changes, decision, key, effect.amount)
    changes.asked[key] = AskedRow(*key, 0)


def give_back(changes: Changes, decision: Decision, effect: LeaseGivenBack) -> None:
    _move(
        changes, decision, _key(decision, decision.department_id, effect.period, "department"), -effect.amount
    )


def _key(decision: Decision, department: str | None, period: str, side: Side) -> LeaseKey:
    organization, _, _ = names_of(decision, period)
    assert department is not None
    return organization, department, period, side


def _move(changes: Changes, decision: Decision, key: LeaseKey, amount: int) -> None:
    before = changes.leases.get(key)
    amount += before.moved if before else 0
    changes.leases[key] = LeaseRow(*key, amount, decision.partition, decision.seq)
