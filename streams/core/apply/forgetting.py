"""What a department lets go of, by rule and in event time: state is bounded, and replay forgets alike.

What is over is gone at once for whoever asks (`Department.payment` and its like). Its rows go with the
decisions that follow, some hundred with each: to look through a million takes seconds (docs/decisions/0035).
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any, Final

from streams.core.paged_map import Pages
from streams.core.state import (
    BUCKET_S,
    COMPANY,
    RULE,
    Department,
    Period,
    Refund,
    Sweep,
)

# What a removed budget or rule had counted is kept for longer than any year's period lasts.
GONE_BUCKETS_KEPT = 13
# So many rows are looked at with each decision, in whole pages: 0.1 ms. Fewer than a page are all at once.
ROWS_A_DECISION: Final = 500

# How many rows were looked at; None: there are no more.
Stage = Callable[[Department, Sweep, int], int | None]
Over = Callable[[str, Any], bool]


def begin(department: Department, bucket: int) -> None:
    """Event time moved on by a bucket: from here on what is before the oldest one is let go of."""
    department.latest_bucket = bucket
    if department.sweep is None:
        department.sweep = Sweep(department.oldest)


def finish(department: Department) -> None:
    """Now, however much there is."""
    while department.sweep is not None:
        sweep(department, department.sweep)


def sweep(department: Department, progress: Sweep) -> None:
    """As much as one decision may look through."""
    left = ROWS_A_DECISION
    while left > 0:
        if progress.stage == len(_STAGES):
            # Another bucket may have ended while this went on.
            over = progress.before == department.oldest
            department.sweep = None if over else Sweep(department.oldest)
            return
        looked_at = _STAGES[progress.stage](department, progress, left)
        if looked_at is None:
            progress.stage, progress.slot, progress.names = progress.stage + 1, 0, None
        else:
            left -= looked_at


def _in_pages(
    rows_of: Callable[[Department], Pages[Any, Any]],
    forget: Callable[[Department, dict[str, Any], Sweep], list[str]],
) -> Stage:
    """One page after the other."""

    def stage(department: Department, progress: Sweep, left: int) -> int | None:
        rows = rows_of(department)
        if progress.slot == len(rows.slots):
            return None
        slot = progress.slot
        progress.slot += 1
        if rows.first(slot) != slot:
            return 1
        page = rows.slots[slot]
        looked_at = len(page)
        rows.drop(slot, forget(department, page, progress))
        return looked_at + 1

    return stage


def _by_name(
    rows_of: Callable[[Department], dict[str, Any]], over: Callable[[Department, Sweep], Over]
) -> Stage:
    """A hundred thousand names are listed in a millisecond; each is looked at when its turn comes."""

    def stage(department: Department, progress: Sweep, left: int) -> int | None:
        rows, is_over = rows_of(department), over(department, progress)
        if progress.names is None:
            progress.names = list(rows)
        names = progress.names[-left:]
        del progress.names[-left:]
        for name in names:
            row = rows.get(name)
            if row is not None and is_over(name, row):
                del rows[name]
        return len(names) or None

    return stage


# -- what is over


def _answers(department: Department, page: dict[str, Any], progress: Sweep) -> list[str]:
    return [name for name, answer in page.items() if answer.bucket < progress.before]


def _payments(department: Department, page: dict[str, Any], progress: Sweep) -> list[str]:
    gone = []
    for name, payment in page.items():
        if department.keeps_payment(name, payment):
            progress.used.update(dict.fromkeys(payment.charges))
        else:
            gone.append(name)
    return gone


def _refunds(department: Department, progress: Sweep) -> Over:
    def is_over(name: str, refund: Refund) -> bool:
        if refund.bucket < progress.before:
            return True
        progress.used.update(dict.fromkeys(refund.charges))
        return False

    return is_over


def _disputes(department: Department, progress: Sweep) -> Over:
    return lambda name, dispute: dispute.outcome is not None and dispute.bucket < progress.before


def _requests(department: Department, progress: Sweep) -> Over:
    return lambda name, request: request.bucket < progress.before


def _periods(department: Department, progress: Sweep) -> Over:
    """Those that are over, and that no payment or refund which is remembered can move again."""
    # Once: a department may have a hundred thousand periods under two hundred rules.
    rules = {rule.rule_id for rule in department.policy.rules}

    def is_over(charge: str, period: Period) -> bool:
        if period.bucket >= progress.before or charge in progress.used:
            return False
        id_ = charge.rpartition("@")[0]
        if _in_force(department, rules, id_):
            # It ended before all of what is still remembered, so that no late event can fall into it.
            over = period.ends_s is not None and period.ends_s <= progress.before * BUCKET_S
        else:
            # Its budget or rule is gone and may come again: a year's total must not be lost by a pause.
            over = period.bucket < progress.before - GONE_BUCKETS_KEPT
        if over and id_ in department.budget_charges:
            department.forget_charge(id_, charge)
        return over

    return is_over


def _in_force(department: Department, rules: Set[str], id_: str) -> bool:
    """Whether the budget, the rule or the lease with this id still limits."""
    if id_ == COMPANY:
        return department.cap is not None
    if id_.startswith(RULE):
        return id_.removeprefix(RULE).partition(":")[0] in rules
    return id_ in department.budgets


def _counters(department: Department, progress: Sweep) -> Over:
    """Those that no event which may still come could reach."""

    def is_over(name: str, until_s: int) -> bool:
        if until_s > progress.before * BUCKET_S:
            return False
        del department.counters[name]
        return True

    return is_over


#: In this order: what stays of payments and refunds says which periods do.
_STAGES: Final[tuple[Stage, ...]] = (
    _in_pages(lambda department: department.answers, _answers),
    _in_pages(lambda department: department.payments, _payments),
    _by_name(lambda department: department.refunds, _refunds),
    _by_name(lambda department: department.disputes, _disputes),
    _by_name(lambda department: department.requests, _requests),
    _by_name(lambda department: department.periods, _periods),
    _by_name(lambda department: department.counts_until, _counters),
)
