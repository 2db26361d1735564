"""What a department lets go of, by rule and in event time: state is bounded, and replay forgets alike."""

from __future__ import annotations

from collections.abc import Set

from streams.core.lapses import compact
from streams.core.state import BUCKET_S, BUCKETS_KEPT, COMPANY, RULE, Department

# A card that has not been used for a year has no habits any more.
HABITS_KEPT_S = 365 * 86_400
# What a removed budget or rule had counted is kept for longer than any year's period lasts.
GONE_BUCKETS_KEPT = 13


def forget(department: Department, bucket: int) -> None:
    """Event time moved on by a bucket: let go of what can no longer matter."""
    department.latest_bucket = bucket
    oldest = bucket - BUCKETS_KEPT + 1
    for old in [known for known in department.answers if known < oldest]:
        del department.answers[old]
    disputed = {
        dispute.authorization_id for dispute in department.disputes.values() if dispute.outcome is None
    }
    for name in [
        name
        for name, payment in department.payments.items()
        if not payment.held and payment.bucket < oldest and name not in disputed
    ]:
        del department.payments[name]
    for name in [name for name, refund in department.refunds.items() if refund.bucket < oldest]:
        del department.refunds[name]
    for name in [
        name
        for name, dispute in department.disputes.items()
        if dispute.outcome is not None and dispute.bucket < oldest
    ]:
        del department.disputes[name]
    for name in [name for name, request in department.requests.items() if request.bucket < oldest]:
        del department.requests[name]
    _forget_periods(department, oldest)
    _forget_counters(department, oldest)
    _forget_habits(department)
    compact(department)
    department.revision += 1  # rules that are made ready have periods and counters at hand that are gone


def _forget_periods(department: Department, oldest: int) -> None:
    """Those that are over, and that no payment or refund which is remembered can move again."""
    used: set[str] = set()
    for payment in department.payments.values():
        used.update(payment.charges)
    for refund in department.refunds.values():
        used.update(refund.charges)
    # Once: a department may have a hundred thousand periods under two hundred rules.
    rules = {rule.rule_id for rule in department.policy.rules}
    for charge in [
        charge
        for charge, period in department.periods.items()
        if period.bucket < oldest and charge not in used and _is_over(department, rules, charge, oldest)
    ]:
        del department.periods[charge]


def _is_over(department: Department, rules: Set[str], charge: str, oldest: int) -> bool:
    """Whether it ended before all of what is still remembered, so that no late event can fall into it."""
    period = department.periods[charge]
    if _in_force(department, rules, charge.rpartition("@")[0]):
        return period.ends_s is not None and period.ends_s <= oldest * BUCKET_S
    # Its budget or rule is gone and may come again: a year's total must not be lost by a pause.
    return period.bucket < oldest - GONE_BUCKETS_KEPT


def _in_force(department: Department, rules: Set[str], id_: str) -> bool:
    """Whether the budget, the rule or the lease with this id still limits."""
    if id_ == COMPANY:
        return department.cap is not None
    if id_.startswith(RULE):
        return id_.removeprefix(RULE).partition(":")[0] in rules
    return id_ in department.budgets


def _forget_counters(department: Department, oldest: int) -> None:
    """Those that no event which may still come could reach."""
    oldest_s = oldest * BUCKET_S
    for key in [key for key, until_s in department.counts_until.items() if until_s <= oldest_s]:
        del department.counters[key], department.counts_until[key]


def _forget_habits(department: Department) -> None:
    oldest_s = department.clock_s - HABITS_KEPT_S
    for card in [card for card, history in department.cards.items() if history.last < oldest_s]:
        del department.cards[card]
