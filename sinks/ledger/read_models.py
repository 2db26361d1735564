"""Decision to the other read models: balances, what people set, refunds, disputes, leases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CapChanged,
    CardChanged,
    DelegationGiven,
    DelegationTakenBack,
    DepartmentOpened,
    DisputeClosed,
    DisputeStarted,
    Effect,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseGivenBack,
    LeaseTaken,
    PolicyStored,
    PolicyTaken,
    Refunded,
    RefundUndone,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from schemas.reasons import Outcome
from sinks.ledger import approvals, controls, leases, settled
from sinks.ledger.changes import Changes
from sinks.ledger.controls import OWN
from sinks.ledger.rows.common import Names
from sinks.ledger.rows.sums import LimitRow

# What is not here touches no other read model than that of authorizations. The usual effects are not.
_WRITERS: Mapping[type[Effect], Callable[[Changes, Decision, Any], None]] = {
    BudgetChanged: controls.change_budget,
    BudgetTakenAway: controls.remove_budget,
    BudgetIncreaseSet: controls.increase_budget,
    IncreaseAsked: approvals.ask,
    IncreaseStep: approvals.approve,
    IncreaseClosed: approvals.refuse,
    RequestAsked: approvals.ask,
    RequestStep: approvals.approve,
    RequestClosed: approvals.refuse,
    RequestLapsed: approvals.lapse,
    DelegationGiven: approvals.give_delegation,
    DelegationTakenBack: approvals.take_delegation_back,
    DepartmentOpened: controls.open_department,
    PolicyStored: controls.draft_policy,
    PolicyTaken: controls.activate_policy,
    CardChanged: controls.change_card,
    Refunded: settled.refund,
    RefundUndone: settled.undo_refund,
    DisputeStarted: settled.open_dispute,
    DisputeClosed: settled.close_dispute,
    CapChanged: leases.change_cap,
    LeaseGiven: leases.give,
    LeaseTaken: leases.take,
    LeaseAsked: leases.ask,
    LeaseAdded: leases.add,
    LeaseGivenBack: leases.give_back,
}


def changes_of(decisions: Iterable[Decision], limits_known: Mapping[Names, int] | None = None) -> Changes:
    """What `decisions`, in log order, change. `limits_known`: limits as they stand in the store."""
    changes = Changes(limits_known or {})
    for decision in decisions:
        organization, department = decision.organization_id, decision.department_id
        # A repeat tells its first answer again; a rejection moves nothing.
        if organization is None or department is None or decision.duplicate_of is not None:
            continue
        if decision.outcome is Outcome.REJECTED:
            continue
        for balance in decision.balances:
            key = (organization, department, balance.budget, balance.period)
            before = changes.periods.get(key)
            changes.periods[key] = balance, decision
            if balance.budget == OWN and (before is None or before[0].limit != balance.limit):
                _limit(changes, decision, (organization, department, balance.period), balance.limit)
        for effect in decision.effects:
            write = _WRITERS.get(type(effect))
            if write is not None:
                write(changes, decision, effect)
    return changes


def _limit(changes: Changes, decision: Decision, key: Names, limit: int) -> None:
    before = changes.limits_now.get(key, changes.limits_known.get(key))
    if before == limit:
        return
    changes.limits_now[key] = limit
    changes.limits.append(
        LimitRow(
            *key,
            decision.partition,
            decision.seq,
            limit,
            decision.occurred_at or decision.recorded_at,
            decision.recorded_at,
            sure=before is not None,
        )
    )
