"""Decision to the read models of what people set: budgets, increases, policies, cards."""

from __future__ import annotations

from schemas.administration import TREASURY
from schemas.controls import Policy
from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CardChanged,
    DepartmentOpened,
    PolicyStored,
    PolicyTaken,
)
from sinks.ledger.changes import Changes
from sinks.ledger.rows.common import as_json, names_of
from sinks.ledger.rows.terms import ActivationRow, BudgetRow, CardRow, IncreaseRow, PolicyRow, RemovedRow

OWN = "department"  # id of the department's own budget


def change_budget(changes: Changes, decision: Decision, effect: BudgetChanged) -> None:
    key = names_of(decision, effect.budget_id)
    changes.removed.pop(key, None)
    changes.budgets[key] = BudgetRow.of(decision, effect)


def remove_budget(changes: Changes, decision: Decision, effect: BudgetTakenAway) -> None:
    """Its increases end with it: a budget that is set under the same id later begins without."""
    key = names_of(decision, effect.budget_id)
    changes.removed[key] = RemovedRow.of(decision, effect)
    changes.ended.setdefault(key, changes.removed[key])
    for number, row in enumerate(changes.increases):
        if row[:3] == key and row.removed_seq is None:
            changes.increases[number] = row._replace(removed_seq=decision.seq)


def increase_budget(changes: Changes, decision: Decision, effect: BudgetIncreaseSet) -> None:
    key = names_of(decision, effect.budget_id)
    changes.increases.append(
        IncreaseRow(*key, effect.amount, effect.starts_at, effect.ends_at, decision.partition, decision.seq)
    )


def open_department(changes: Changes, decision: Decision, effect: DepartmentOpened) -> None:
    """It begins with version 0 in force. A treasury lends, and has no policy."""
    if decision.department_id != TREASURY:
        _default(changes, decision, effect.policy, active=True)


def _default(changes: Changes, decision: Decision, policy: Policy, *, active: bool) -> None:
    """Version 0 is what the log said of it last."""
    organization, department, content = names_of(decision, as_json(policy))
    key, partition = (organization, department, 0), decision.partition
    known = changes.policies.get(key)
    changes.policies[key] = (
        PolicyRow(*key, content, None, None, active=active, partition=partition)
        if known is None
        else known._replace(policy=content)
    )


def draft_policy(changes: Changes, decision: Decision, effect: PolicyStored) -> None:
    organization, department, policy = names_of(decision, as_json(effect.policy))
    key = (organization, department, effect.policy_version)
    changes.policies[key] = PolicyRow(
        *key, policy, decision.seq, decision.occurred_at, active=False, partition=decision.partition
    )


def activate_policy(changes: Changes, decision: Decision, effect: PolicyTaken) -> None:
    organization, department, _ = names_of(decision, "")
    if effect.policy is not None:
        _default(changes, decision, effect.policy, active=False)
    for key, row in changes.activated.items():
        if key[:2] == (organization, department):
            changes.activated[key] = row._replace(active=False)
    key = (organization, department, effect.policy_version)
    changes.activated[key] = ActivationRow(*key, decision.seq, decision.occurred_at, active=True)


def change_card(changes: Changes, decision: Decision, effect: CardChanged) -> None:
    changes.cards[names_of(decision, effect.card.card_id)] = CardRow.of(decision, effect)
