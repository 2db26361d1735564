"""The common case, in which no rule has anything to say. A second reading of the rules, for speed alone.

`None` is no answer, only a reason to ask the rules; so this may look at less than they do, never at more.
A property test holds the two together (tests/core/test_rules.py).
"""

from __future__ import annotations

from schemas.decisions import Balance
from streams.core.rules.findings import Ask
from streams.core.state import Department
from streams.core.windows import total


def balances_when_silent(department: Department, ask: Ask) -> list[Balance] | None:
    """The charged periods with the amount held in them, if no rule finds anything; None: one may.

    Nearly all requests pass: for them this one look is all that the rules cost.
    """
    rules, purchase, amount, charges, already, _, _ = ask
    rule_set = rules.rule_set
    if rules.special or already + amount > rule_set.transaction_least:
        return None
    if rule_set.of_merchant and rule_set.speaks_against(purchase):
        return None
    for check in rule_set.of_time:
        if check[1](purchase) and (check.budget is None or check.budget.speaks(department, purchase)):
            return None
    if rule_set.windows and not _windows_are_silent(department, ask):
        return None
    at_s = purchase[0]
    periods = department.periods
    balances: list[Balance] = []
    for key, allowance, id_, label in charges[1]:
        if allowance is None:
            return None
        period = periods.get(key)
        posted, held = (0, amount) if period is None else (period.posted, period.held + amount)
        limit = allowance.limit(period, at_s)
        if (posted if posted > 0 else 0) + held > limit:
            return None
        balances.append(Balance(id_, label, limit, posted, held))
    return balances


def _windows_are_silent(department: Department, ask: Ask) -> bool:
    rules, purchase, amount = ask[:3]
    counters = department.counters
    for window, key in zip(rules.rule_set.windows, rules.counter_keys, strict=True):
        counter = counters.get(key)
        # All that is kept, what has left the window included: where even that passes, nothing is added up.
        at_most = counter[0] if counter else 0
        limit = window.amount
        if at_most < window.count if limit is None else at_most + amount <= limit:
            continue
        so_far = total(counter, window.slot(purchase[0]), window.slots_before)
        speaks = so_far >= window.count if limit is None else so_far + amount > limit
        if speaks and (window.only is None or window.only(purchase)):
            return False
    return True
