"""What speaks against a purchase: every rule once, in the order of the reasons. Pure.

Each rule is a small generator of findings. What is left, what passes in part and what would pass are read off
the same findings (docs/decisions/0029); `fast` answers for the case in which nothing is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from streams.core.rules.allowances import budgets, calendars, lease
from streams.core.rules.amounts import transaction, windows
from streams.core.rules.card import card
from streams.core.rules.findings import PASSED, Ask, Finding, Kind, Verdict, declined, verdict_of
from streams.core.rules.merchant import merchant
from streams.core.state import Department

Rule = Callable[[Department, Ask], Iterator[Finding]]

#: From what the cardholder can do least about to what a smaller amount or another day would mend: the first
#: finding gives the response code, and a frozen card must not be answered with the state of its budget.
RULES: Final[tuple[Rule, ...]] = (card, merchant, transaction, windows, calendars, budgets, lease)
#: What is asked where no money is.
IDENTITY: Final = (card, merchant)
#: What is left to spend in each period.
ALLOWANCES: Final = (calendars, budgets, lease)

# Above any limit with its increases and tolerance.
_EVERYTHING: Final = 1 << 62

__all__ = [
    "IDENTITY",
    "PASSED",
    "RULES",
    "Ask",
    "Finding",
    "Kind",
    "Verdict",
    "declined",
    "findings",
    "judge",
    "spendable",
]


def findings(department: Department, ask: Ask, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """All that these rules find, in their order. The department is read as it is."""
    return [finding for rule in rules for finding in rule(department, ask)]


def judge(department: Department, ask: Ask, rules: Sequence[Rule] = RULES) -> Verdict:
    """What the findings come to."""
    found = findings(department, ask, rules)
    return verdict_of(found) if found else PASSED


def spendable(department: Department, ask: Ask) -> int:
    """The answer to a balance inquiry: the largest amount, at least 0, that no allowance has a word about.

    Lowered until they are silent: the first findings are the declines, the next ask to look at a tolerance.
    """
    amount = _EVERYTHING
    while found := findings(department, ask._replace(amount=amount), ALLOWANCES):
        amount = min(finding.room for finding in found if finding.room is not None)
    return max(0, amount)
