"""Which periods a payment counts in, what it may use of them, and how long its hold is valid."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from infra.verify.calendar import is_label, label
from infra.verify.state import COMPANY, RULE, Budget, Department, parts
from schemas.controls import LEVELS, MCC_GROUPS, Calendar, Level, Match, Rule, SpendLimit
from schemas.effects import Charges
from schemas.event import Merchant
from schemas.reasons import DEPARTMENT


class Purchase(NamedTuple):
    """Who bought where, how and when."""

    card_id: str | None
    cardholder: str | None
    merchant: Merchant | None
    entry_mode: str | None
    at_s: int
    millionths: int = -1  # of a probability of fraud; -1: nobody said one


class Ceiling(NamedTuple):
    """What may be posted and held in a period: `limit`, increases included, and `tolerance` above it."""

    limit: int
    tolerance: int = 0


def charges(department: Department, purchase: Purchase) -> Charges:
    """All periods that a payment of this card, merchant and moment counts in, in their order."""
    found = [
        f"{budget_id}@{label(budget.calendar, purchase.at_s)}"
        for budget_id, budget in sorted(department.budgets.items(), key=_order)
        if budget.level == DEPARTMENT or subject_of(department, purchase, budget.level) == budget.subject
    ]
    for limit in spend_limits(department, purchase, "calendar"):
        if limit.calendar is not None:
            subject = subject_of(department, purchase, limit.per)
            found.append(f"{RULE}{limit.rule_id}:{subject}@{label(limit.calendar, purchase.at_s)}")
    if department.cap is not None:
        found.append(f"{COMPANY}@{label(department.cap, purchase.at_s)}")
    return tuple(found)


def _order(item: tuple[str, Budget]) -> tuple[bool, int, str]:
    return item[0] != DEPARTMENT, LEVELS.index(item[1].level), item[0]


def spend_limits(department: Department, purchase: Purchase, window: str) -> Iterator[SpendLimit]:
    """Amounts of such windows that decline, of the policy in force, as far as they apply."""
    for rule in department.policy.rules:
        if (
            isinstance(rule, SpendLimit)
            and rule.window == window
            and rule.amount is not None
            and rule.action == "decline"
            and in_scope(department, purchase, rule)
            and subject_of(department, purchase, rule.per) is not None
            and is_for(rule, purchase)
        ):
            yield rule


def ceiling(
    department: Department, charge: str, purchase: Purchase, *, whatever: bool = False
) -> Ceiling | None:
    """None: nothing limits the period, because its budget or rule is gone.

    A rule with `only` limits nothing else, unless `whatever` is bought is asked about.
    """
    what, period = parts(charge)
    if what == COMPANY:
        return Ceiling(department.leases.get(period, 0))
    if what.startswith(RULE):
        rule = rule_of(department, what)
        if rule is None or not (whatever or is_for(rule, purchase)):
            return None
        return Ceiling(rule.amount or 0)
    budget = department.budgets.get(what)
    if budget is None or not is_label(budget.calendar, period):
        return None
    totals = department.periods.get(charge)
    limit = budget.limit if totals is None or totals.limit is None else totals.limit
    return Ceiling(limit + budget.increase(purchase.at_s), budget.tolerance)


def rule_of(department: Department, what: str) -> SpendLimit | None:
    """The limit of the policy in force that `rule:RULE_ID:SUBJECT` names."""
    rule_id = what.removeprefix(RULE).partition(":")[0]
    for rule in department.policy.rules:
        if rule.rule_id == rule_id and isinstance(rule, SpendLimit) and rule.window == "calendar":
            return rule if rule.amount is not None and rule.action == "decline" else None
    return None


def is_in_force(department: Department, what: str) -> bool:
    """Whether the budget, the rule or the lease of this name still limits."""
    if what == COMPANY:
        return department.cap is not None
    if what.startswith(RULE):
        rule_id = what.removeprefix(RULE).partition(":")[0]
        return any(rule.rule_id == rule_id for rule in department.policy.rules)
    return what in department.budgets


def calendar_of(department: Department, what: str) -> Calendar | None:
    """Of what limits: a budget, a rule, or the lease; None: it is gone."""
    if what == COMPANY:
        return department.cap
    if what.startswith(RULE):
        rule = rule_of(department, what)
        return None if rule is None else rule.calendar
    budget = department.budgets.get(what)
    return None if budget is None else budget.calendar


def valid_days(department: Department, merchant: Merchant | None) -> int:
    """How many days a hold of this merchant is valid."""
    mcc = merchant.mcc if merchant else None
    for group, days in sorted(department.policy.hold_days_by_group.items()):
        if _in_group(mcc, group):
            return days
    return department.policy.hold_days


def limits_of(department: Department, purchase: Purchase) -> list[tuple[SpendLimit, str]]:
    """The spend limits that look at the purchase, in the policy's order, each with whom it limits."""
    found = []
    for rule in department.policy.rules:
        if isinstance(rule, SpendLimit) and is_for(rule, purchase) and in_scope(department, purchase, rule):
            subject = subject_of(department, purchase, rule.per)
            if subject is not None:
                found.append((rule, subject))
    return found


def is_for(rule: SpendLimit, purchase: Purchase) -> bool:
    """Whether the limit is for what is bought; one with `only` is for nothing that names no merchant."""
    return rule.only is None or (purchase.merchant is not None and matches(rule.only, purchase))


def matches(what: Match, purchase: Purchase) -> bool:
    """Whether the purchase has one of the values in each list that is given."""
    merchant = purchase.merchant
    mcc, country = (merchant.mcc, merchant.country) if merchant else (None, None)
    return (
        (not what.mccs or mcc in what.mccs)
        and (not what.mcc_groups or any(_in_group(mcc, group) for group in what.mcc_groups))
        and (not what.countries or country in what.countries)
        and (not what.entry_modes or purchase.entry_mode in what.entry_modes)
        and (not (what.merchants or what.merchants_containing) or _is_one_of(merchant, what))
    )


def _is_one_of(merchant: Merchant | None, what: Match) -> bool:
    if merchant is None:
        return False
    name = plain(merchant.name)
    return (
        merchant.id in what.merchants
        or any(name == plain(wanted) for wanted in what.merchants)
        or any(plain(part) in name for part in what.merchants_containing)
    )


#: Not seen, though no format characters: variation selectors, fillers, joiner, Khmer inherent vowels, blanks
#: of braille and music, and what is free for more.
_UNSEEN = re.compile(
    "[\ufe00-\ufe0f\U000e0000-\U000e0fff\u180b-\u180f\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    "\u2065\u2800\ufff0-\ufff8\U0001d159]"
)


@lru_cache(maxsize=16_384)
def plain(name: str) -> str:
    """As it looks: without regard to case, compatible forms, what is not seen, and runs of spaces."""
    seen = "".join(one for one in name if unicodedata.category(one) != "Cf" and not _UNSEEN.match(one))
    alike = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return re.sub(r"\s+", " ", alike).strip()


def _in_group(mcc: str | None, group: str) -> bool:
    return mcc is not None and any(first <= int(mcc) <= last for first, last in MCC_GROUPS.get(group, ()))


def in_scope(department: Department, purchase: Purchase, rule: Rule) -> bool:
    """Whether the rule is for this team, card or employee."""
    scope = rule.scope
    return scope is None or subject_of(department, purchase, scope.level) == scope.subject


def subject_of(department: Department, purchase: Purchase, level: Level) -> str | None:
    """Who of that level the purchase is of."""
    card = department.cards.get(purchase.card_id or "")
    match level:
        case "department":
            return DEPARTMENT
        case "team":
            return card.team if card else None
        case "card":
            return purchase.card_id
        case "employee":
            return (card.employee if card else None) or purchase.cardholder
