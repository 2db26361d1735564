"""The rules of a request, one function each, in the order of their reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.controls import LEVELS, Action, ActiveHours, Allow, Block, Rule, SpendLimit
from schemas.event import Merchant
from schemas.reasons import ReasonCode
from tests.model.answers import Said
from tests.model.book import Department
from tests.model.calendars import SLOTS, local, period_of, slot_of
from tests.model.policies import in_scope, is_named, matches, within_hours
from tests.model.records import Billing, Budget, Charges, Counted, Payment, is_charged

#: Reasons that a smaller amount may end.
OF_AMOUNT = frozenset(
    {
        ReasonCode.AMOUNT_TOO_LARGE,
        ReasonCode.LIMIT_EXCEEDED,
        ReasonCode.BUDGET_EXCEEDED,
        ReasonCode.LEASE_EXCEEDED,
    }
)


@dataclass(frozen=True)
class Finding:
    """A rule that does not simply let a request pass. `room`: the largest amount that it declines not."""

    said: Said
    action: Action = "decline"
    room: int | None = None


@dataclass(frozen=True)
class Ask:
    """A question to the rules: may `amount` (more) be spent? `lapsed`: holds that are thought away."""

    department: Department
    billing: Billing
    at: datetime
    card_id: str
    amount: int
    merchant: Merchant | None
    cardholder: str | None = None
    entry_mode: str | None = None
    payment: Payment | None = None
    increment: bool = False
    lapsed: frozenset[str] = frozenset()

    @property
    def charges(self) -> Charges:
        return self.billing.keys

    @property
    def held(self) -> int:
        """What this payment itself holds."""
        return self.payment.held if self.payment else 0

    @property
    def posted(self) -> int:
        return self.payment.posted if self.payment else 0

    def applies(self, rule: Rule) -> bool:
        """Whether a rule is for this question."""
        if not in_scope(rule, self.department, self.card_id, self.cardholder):
            return False
        if not isinstance(rule, SpendLimit):
            return True
        if self.department.subject(rule.per, self.card_id, self.cardholder) is None:
            return False
        return self.is_for(rule)

    def is_for(self, rule: SpendLimit) -> bool:
        """Whether a limit is for purchases like this one."""
        if rule.only is None:
            return True
        if self.increment and self.merchant is None:
            return False
        return matches(rule.only, self.merchant, self.entry_mode)

    def limits(self, window: str) -> Iterator[SpendLimit]:
        for rule in self.department.policy.rules:
            if isinstance(rule, SpendLimit) and rule.window == window and self.applies(rule):
                yield rule


def budgets_of(department: Department, card_id: str, cardholder: str | None) -> list[Budget]:
    """The budgets in which a payment counts, in the order of the charges."""

    def applies(budget: Budget) -> bool:
        if budget.level == "department":
            return True
        return department.subject(budget.level, card_id, cardholder) == budget.subject

    own = department.budgets["department"]
    others = [budget for budget in department.budgets.values() if budget is not own and applies(budget)]
    return [own, *sorted(others, key=lambda budget: (LEVELS.index(budget.level), budget.id))]


def charges_of(ask: Ask) -> Charges:
    """The periods in which a payment that is first seen with money now counts."""
    department = ask.department
    keys = [
        f"{budget.id}@{period_of(budget.calendar, ask.at).label}"
        for budget in budgets_of(department, ask.card_id, ask.cardholder)
    ]
    for rule in ask.limits("calendar"):
        if is_charged(rule) and rule.calendar:
            subject = department.subject(rule.per, ask.card_id, ask.cardholder)
            keys.append(f"rule:{rule.rule_id}:{subject}@{period_of(rule.calendar, ask.at).label}")
    if department.cap is not None:
        keys.append(f"company@{period_of(department.cap, ask.at).label}")
    return tuple(keys)


def charged(ask: Ask) -> Ask:
    """The question with the charges of its payment, or with those of its own time."""
    if ask.payment is not None and ask.payment.billing is not None:
        return replace(ask, billing=ask.payment.billing)
    return replace(ask, billing=replace(ask.billing, keys=charges_of(ask)))


# -- 1: the card


def card_rules(ask: Ask) -> Iterator[Finding]:
    card = ask.department.cards.get(ask.card_id)
    if card is None:
        if ask.department.policy.registered_cards_only:
            yield Finding(Said(ReasonCode.CARD_UNKNOWN))
        return
    if card.status == "canceled":
        yield Finding(Said(ReasonCode.CARD_CANCELED))
    if card.status == "frozen":
        yield Finding(Said(ReasonCode.CARD_FROZEN))
    if card.expires_on and local(ask.at, ask.department.zone).date() > card.expires_on:
        yield Finding(Said(ReasonCode.CARD_EXPIRED))
    use = ask.department.uses.get(ask.card_id)
    if ask.increment:
        return
    if card.single_use and use and use.used:
        yield Finding(Said(ReasonCode.CARD_USED))
    if ask.merchant is not None:
        first = use.first if use and card.lock_to_first else None
        lock = card.locked_to or (first and (first.id or first.name))
        if lock and not is_named(ask.merchant, lock):
            yield Finding(Said(ReasonCode.MERCHANT_LOCKED))


# -- 2: merchant and hours


def merchant_rules(ask: Ask) -> Iterator[Finding]:
    for rule in ask.department.policy.rules:
        if isinstance(rule, SpendLimit) or not ask.applies(rule):
            continue
        code = _refused(rule, ask)
        if code is not None:
            yield Finding(Said(code, rule=rule.rule_id, fraud=rule.fraud), rule.action)


def _refused(rule: Rule, ask: Ask) -> ReasonCode | None:
    named = ask.merchant is not None or not ask.increment
    match rule:
        case Block(what=what):
            return ReasonCode.BLOCKED if named and matches(what, ask.merchant, ask.entry_mode) else None
        case Allow(what=what):
            fits = matches(what, ask.merchant, ask.entry_mode)
            return ReasonCode.NOT_ALLOWED if named and not fits else None
        case ActiveHours():
            return None if within_hours(rule, ask.at) else ReasonCode.OUTSIDE_HOURS
    raise AssertionError(rule)


# -- 3 to 5: spend limits


def _too_much(code: ReasonCode, rule: SpendLimit, current: int, requested: int) -> Iterator[Finding]:
    limit = rule.amount or 0
    if current + requested > limit:
        said = Said(code, rule.rule_id, limit, current, requested, fraud=rule.fraud)
        yield Finding(said, rule.action, max(0, limit - current))


def _too_many(rule: SpendLimit, so_far: int) -> Iterator[Finding]:
    limit = rule.count or 0
    if so_far + 1 > limit:
        said = Said(
            ReasonCode.COUNT_EXCEEDED, rule.rule_id, count=so_far + 1, count_limit=limit, fraud=rule.fraud
        )
        yield Finding(said, rule.action)


def transaction_limits(ask: Ask) -> Iterator[Finding]:
    for rule in ask.limits("transaction"):
        if rule.amount is not None:
            yield from _too_much(ReasonCode.AMOUNT_TOO_LARGE, rule, ask.held + ask.posted, ask.amount)
        elif not ask.increment:
            yield from _too_many(rule, 0)


def counter_key(rule: SpendLimit, ask: Ask) -> tuple[str, str]:
    return rule.rule_id, ask.department.subject(rule.per, ask.card_id, ask.cardholder) or ""


def in_window(rule: SpendLimit, ask: Ask) -> list[Counted]:
    """What counts together with a request at `ask.at`, by the slots of a rolling window or by period."""
    counted = ask.department.counted.get(counter_key(rule, ask), [])
    if rule.window == "rolling":
        newest = max([slot_of(ask.at, rule.seconds or 1), *(one.slot for one in counted)])
        return [one for one in counted if one.slot >= newest - SLOTS]
    if rule.calendar is None:
        raise AssertionError(rule)
    newest_day = max([period_of(rule.calendar, ask.at).first, *(one.first for one in counted)])
    return [one for one in counted if one.first == newest_day]


def window_limits(ask: Ask) -> Iterator[Finding]:
    for rule in ask.department.policy.rules:
        if not isinstance(rule, SpendLimit) or rule.window == "transaction" or not ask.applies(rule):
            continue
        if rule.count is not None and not ask.increment:
            yield from _too_many(rule, len(in_window(rule, ask)))
        elif rule.amount is not None and not is_charged(rule):
            current = sum(one.amount for one in in_window(rule, ask))
            yield from _too_much(ReasonCode.LIMIT_EXCEEDED, rule, current, ask.amount)


def calendar_limits(ask: Ask) -> Iterator[Finding]:
    # A payment keeps its charges, whoever an increment names: whom a rule is for was asked at first.
    rules = {rule.rule_id: rule for rule in ask.department.policy.rules if is_charged(rule)}
    for key in ask.charges:
        name = key.rpartition("@")[0]
        if name.startswith("rule:") and (rule := rules.get(name.split(":", 2)[1])) and ask.is_for(rule):
            current = ask.department.used(key, ask.lapsed)
            yield from _too_much(ReasonCode.LIMIT_EXCEEDED, rule, current, ask.amount)


# -- 6 and 7: budgets, lease


def budget_rules(ask: Ask) -> Iterator[Finding]:
    for key in ask.charges:
        budget = ask.department.budgets.get(key.rpartition("@")[0])
        if budget is None:
            continue
        limit = ask.department.limit(budget, key, ask.billing.at) + budget.more(ask.at)
        tolerance = ask.department.tolerance(budget)
        current = ask.department.used(key, ask.lapsed)
        if current + ask.amount > limit + tolerance:
            said = Said(ReasonCode.BUDGET_EXCEEDED, budget.id, limit, current, ask.amount)
            yield Finding(said, room=max(0, limit + tolerance - current))
        elif current + ask.amount > limit:
            yield Finding(Said(ReasonCode.TOLERANCE_USED, budget.id, limit, current, ask.amount), "review")


def lease_rule(ask: Ask) -> Iterator[Finding]:
    for key in ask.charges:
        name, _, label = key.rpartition("@")
        if name == "company":
            lease = ask.department.leases.get(label, 0)
            current = ask.department.used(key, ask.lapsed)
            if current + ask.amount > lease:
                said = Said(ReasonCode.LEASE_EXCEEDED, "company", lease, current, ask.amount)
                yield Finding(said, room=max(0, lease - current))


ABOUT_CARD_AND_MERCHANT = (card_rules, merchant_rules)
ALL_RULES: tuple[Callable[[Ask], Iterator[Finding]], ...] = (
    *ABOUT_CARD_AND_MERCHANT,
    transaction_limits,
    window_limits,
    calendar_limits,
    budget_rules,
    lease_rule,
)


@dataclass(frozen=True)
class Verdict:
    """What the rules say. `room`: the largest amount that passes, when only amounts stand in the way."""

    reasons: tuple[Said, ...]
    reviews: tuple[Said, ...]
    shadows: tuple[Said, ...]
    room: int | None


def judge(ask: Ask, rules: tuple[Callable[[Ask], Iterator[Finding]], ...] = ALL_RULES) -> Verdict:
    """Ask every rule."""
    found = [finding for rule in rules for finding in rule(ask)]
    declines = [finding for finding in found if finding.action == "decline"]
    only_amounts = all(one.said.code in OF_AMOUNT and not one.said.fraud for one in declines)
    return Verdict(
        tuple(finding.said for finding in declines),
        tuple(finding.said for finding in found if finding.action == "review"),
        tuple(finding.said for finding in found if finding.action == "shadow"),
        min(one.room or 0 for one in declines) if declines and only_amounts else None,
    )
