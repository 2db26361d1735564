"""What speaks against a request: the rules of docs/rules.md once more, from what the log says alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from infra.verify.alerts import allows
from infra.verify.cards import against_card
from infra.verify.controls import (
    Ceiling,
    Purchase,
    ceiling,
    in_scope,
    is_for,
    matches,
    rule_of,
)
from infra.verify.counters import Counter, is_counted
from infra.verify.hours import holds
from infra.verify.state import COMPANY, RULE, Department, parts
from infra.verify.usage import Usage
from schemas.administration import TREASURY
from schemas.controls import Action, ActiveHours, Allow, Block, ScoreLimit, SpendLimit
from schemas.effects import Charges
from schemas.reasons import Reason, ReasonCode

Taken = Mapping[str, int]


class Question(NamedTuple):
    """What a card asks: `amount` minor units for a payment that counts in `charges`.

    `limits`: the rules that look at it, with whom they limit. `held`, `posted`: what the payment had
    before. `verifies`: nothing but whether the card is good. `taken`: minor units that a charge held less
    than the department's totals say, when it was asked.
    """

    organization_id: str
    currency: str
    purchase: Purchase
    amount: int
    limits: Sequence[tuple[SpendLimit, str]] = ()
    charges: Charges = ()
    held: int = 0
    posted: int = 0
    increments: bool = False
    verifies: bool = False
    taken: Taken = MappingProxyType({})


class Verdict:
    """Reasons, reviews and shadows in the order of the rules. `room`: the most that no limit declines."""

    __slots__ = ("reasons", "reviews", "room", "shadows")

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.reviews: list[Reason] = []
        self.shadows: list[Reason] = []
        self.room = 2**63

    def say(self, action: Action, reason: Reason) -> None:
        if action == "decline":
            self.reasons.append(reason)
        elif action == "review":
            self.reviews.append(reason)
        else:
            self.shadows.append(reason)

    @property
    def only_amounts(self) -> bool:
        """Whether less might pass: nothing but the amount is wrong, and nobody suspects fraud."""
        return all(reason.code in _AMOUNTS and not reason.fraud for reason in self.reasons)


_AMOUNTS = (
    ReasonCode.AMOUNT_TOO_LARGE,
    ReasonCode.LIMIT_EXCEEDED,
    ReasonCode.BUDGET_EXCEEDED,
    ReasonCode.LEASE_EXCEEDED,
)


def judge(department: Department, usage: Usage, asked: Question) -> Verdict:
    """All that speaks against it, in the order of the rules 1 to 7."""
    verdict = Verdict()
    for reason in against_card(department, usage, asked.purchase, increments=asked.increments):
        verdict.say("decline", reason)
    _lists_and_hours(verdict, department, usage, asked)
    if asked.verifies:
        return verdict
    _transactions(verdict, asked)
    for rule, subject in asked.limits:
        if is_counted(rule) and not (asked.increments and rule.count is not None):
            _counted(verdict, asked, rule, subject, usage.counter(rule, subject))
    _charged_rules(verdict, department, asked)
    _budgets(verdict, department, asked)
    return verdict


def _lists_and_hours(verdict: Verdict, department: Department, usage: Usage, asked: Question) -> None:
    purchase = asked.purchase
    for rule in department.policy.rules:
        code = None
        if isinstance(rule, ActiveHours):
            if not holds(rule, purchase.at_s):
                code = ReasonCode.OUTSIDE_HOURS
        elif isinstance(rule, ScoreLimit):
            if allows(rule, department, usage.scores, purchase.at_s, purchase.millionths):
                code = ReasonCode.FRAUD_LIKELY
        elif purchase.merchant is None:
            continue  # an increment that names nobody is not asked where it is
        elif isinstance(rule, Block):
            if matches(rule.what, purchase):
                code = ReasonCode.BLOCKED
        elif isinstance(rule, Allow) and not matches(rule.what, purchase):
            code = ReasonCode.NOT_ALLOWED
        if code is not None and in_scope(department, purchase, rule):
            verdict.say(rule.action, Reason(code=code, rule=rule.rule_id, fraud=rule.fraud))


def _transactions(verdict: Verdict, asked: Question) -> None:
    for rule, _ in asked.limits:
        if rule.window != "transaction":
            continue
        if rule.amount is None:
            if not asked.increments:
                verdict.say(rule.action, _too_many(rule, "every card", "a payment", 1))
            continue
        _at_most(verdict, asked, rule, ReasonCode.AMOUNT_TOO_LARGE, asked.posted, asked.held)


def _counted(verdict: Verdict, asked: Question, rule: SpendLimit, subject: str, counter: Counter) -> None:
    requests, amount = counter.so_far(asked.purchase.at_s)
    period = f"any {rule.seconds} s" if rule.calendar is None else f"a {rule.calendar.period}"
    if rule.count is None:
        _at_most(verdict, asked, rule, ReasonCode.LIMIT_EXCEEDED, amount, 0, subject, period)
    elif requests + 1 > rule.count:
        verdict.say(rule.action, _too_many(rule, subject, period, requests + 1))


def _too_many(rule: SpendLimit, subject: str, period: str, count: int) -> Reason:
    return Reason(
        code=ReasonCode.COUNT_EXCEEDED,
        rule=rule.rule_id,
        subject=subject,
        period=period,
        count=count,
        count_limit=rule.count,
        fraud=rule.fraud,
    )


def _at_most(
    verdict: Verdict,
    asked: Question,
    rule: SpendLimit,
    code: ReasonCode,
    posted: int,
    held: int,
    subject: str | None = None,
    period: str | None = None,
) -> None:
    """A rule that allows `rule.amount` in all, of which `posted` and `held` are gone."""
    allowed, current = rule.amount or 0, posted + held
    if rule.action == "decline":
        verdict.room = min(verdict.room, allowed - current)
    if current + asked.amount > allowed:
        reason = Reason(
            code=code,
            rule=rule.rule_id,
            subject=subject,
            period=period,
            currency=asked.currency,
            limit=allowed,
            posted=posted,
            held=held,
            requested=asked.amount,
            fraud=rule.fraud,
        )
        verdict.say(rule.action, reason)


# -- what is charged


def fits(department: Department, asked: Question) -> bool:
    """Whether there is room in all periods in which it would count."""
    verdict = Verdict()
    _charged_rules(verdict, department, asked)
    _budgets(verdict, department, asked)
    return not verdict.reasons


def _charged_rules(verdict: Verdict, department: Department, asked: Question) -> None:
    for charge in asked.charges:
        what, period = parts(charge)
        rule = rule_of(department, what) if what.startswith(RULE) else None
        if rule is None or not is_for(rule, asked.purchase):
            continue
        subject = what.removeprefix(RULE).partition(":")[2]
        reason = _fits(verdict, department, asked, charge, Ceiling(rule.amount or 0))
        if reason is not None:
            told = replace(
                reason,
                code=ReasonCode.LIMIT_EXCEEDED,
                rule=rule.rule_id,
                subject=subject,
                period=period,
                fraud=rule.fraud,
            )
            verdict.say("decline", told)


def _budgets(verdict: Verdict, department: Department, asked: Question) -> None:
    """Budgets in the order of the charges, the lease last."""
    for charge in asked.charges:
        what, period = parts(charge)
        allowed = None if what.startswith(RULE) else ceiling(department, charge, asked.purchase)
        reason = None if allowed is None else _fits(verdict, department, asked, charge, allowed)
        if reason is None:
            continue
        if what == COMPANY:
            of_company = department.lender == TREASURY
            subject = asked.organization_id if of_company else department.lender
            code = ReasonCode.LEASE_EXCEEDED
        else:
            subject, code = department.budgets[what].name, reason.code
        told = replace(reason, code=code, rule=what, subject=subject, period=period)
        verdict.say("review" if code is ReasonCode.TOLERANCE_USED else "decline", told)


def _fits(
    verdict: Verdict, department: Department, asked: Question, charge: str, allowed: Ceiling
) -> Reason | None:
    """None, if what is asked fits into the charged period, or the numbers of a reason."""
    totals = department.periods.get(charge)
    posted, held = (totals.posted, totals.held) if totals else (0, 0)
    if asked.taken:
        held -= asked.taken.get(charge, 0)
    left = allowed.limit - max(0, posted) - held
    verdict.room = min(verdict.room, left + allowed.tolerance)
    if asked.amount <= left:
        return None
    within = asked.amount <= left + allowed.tolerance
    return Reason(
        code=ReasonCode.TOLERANCE_USED if within else ReasonCode.BUDGET_EXCEEDED,
        currency=asked.currency,
        limit=allowed.limit,
        posted=posted,
        held=held,
        requested=asked.amount,
    )
