"""Policies, cards, and what counts in a policy's windows."""

from __future__ import annotations

from schemas.controls import Policy, SpendLimit
from schemas.decisions import Decision
from schemas.effects import (
    CardChanged,
    CardLocked,
    CardUsed,
    Counted,
    DepartmentOpened,
    PolicyStored,
    PolicyTaken,
    ScoreCounted,
)
from streams.core.apply.forgetting import finish
from streams.core.score_levels import ScoreLevels
from streams.core.state import CardState, Department
from streams.core.windows import add

DRAFTS_KEPT = 10


def store_policy(department: Department, effect: PolicyStored, decision: Decision, bucket: int) -> None:
    department.drafted = effect.policy_version
    department.drafts[effect.policy_version] = effect.policy
    for old in sorted(department.drafts)[:-DRAFTS_KEPT]:
        del department.drafts[old]


def take_policy(department: Department, effect: PolicyTaken, decision: Decision, bucket: int) -> None:
    version = effect.policy_version
    policy = department.drafts[version] if effect.policy is None else effect.policy
    if any(isinstance(rule, SpendLimit) for rule in policy.rules if rule not in department.policy.rules):
        finish(department)  # a limit that comes again finds what it had counted, or finds it gone
    same = _limits(department.policy).items() & _limits(policy).items()
    unchanged = {rule_id for rule_id, _ in same}
    for key in [key for key in department.counters if key.partition(":")[0] not in unchanged]:
        del department.counters[key]
        department.counts_until.pop(key, None)
    department.policy, department.policy_version = policy, version
    department.revision += 1


def _limits(policy: Policy) -> dict[str, SpendLimit]:
    return {rule.rule_id: rule for rule in policy.rules if isinstance(rule, SpendLimit)}


def set_card(department: Department, effect: CardChanged, decision: Decision, bucket: int) -> None:
    known = department.registered.get(effect.card.card_id)
    if known is None:
        department.registered[effect.card.card_id] = CardState(effect.card)
    else:
        known.card = effect.card


def open_department(
    department: Department, effect: DepartmentOpened, decision: Decision, bucket: int
) -> None:
    """The policy that it begins with."""
    department.policy = effect.policy
    department.revision += 1


def use_card(department: Department, effect: CardUsed, decision: Decision, bucket: int) -> None:
    """It had its one payment."""
    department.registered[effect.card_id].used = True


def lock_card(department: Department, effect: CardLocked, decision: Decision, bucket: int) -> None:
    """It has its merchant."""
    department.registered[effect.card_id].merchant = effect.merchant


def count(department: Department, effect: Counted, decision: Decision, bucket: int) -> None:
    """In the windows of the policy by which the request was judged."""
    counters, until = department.counters, department.counts_until
    for one in effect.rolling:
        key = one.counter
        counter = counters.get(key)
        if counter is None:
            counter = counters[key] = []
        add(counter, one.slot, one.reach, one.value)
        until_s = (one.slot + one.reach + 1) * one.width_s
        if until_s > until.get(key, 0):
            until[key] = until_s
    for period in effect.calendar:
        key = period.counter
        add(counters.setdefault(key, []), period.slot, 0, period.value)
        if period.ends_s is not None:
            until[key] = max(until.get(key, 0), period.ends_s)


def count_score(department: Department, effect: ScoreCounted, decision: Decision, bucket: int) -> None:
    """One more score, of this day or, if it is late, of the newest."""
    known = department.scores
    department.scores = ScoreLevels(effect.day) if known is None else known.on(effect.day)
    department.scores.add(effect.level, effect.alerts)
