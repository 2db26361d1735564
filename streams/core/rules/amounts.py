"""Rules 3 and 4: one payment's amount; counts, and amounts that are counted in a window."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.controls import SpendLimit
from schemas.reasons import Reason, ReasonCode
from streams.core.rules.findings import Ask, Finding, Kind
from streams.core.state import Department
from streams.core.windows import total


def transaction(department: Department, ask: Ask) -> Iterator[Finding]:
    """More in one payment than a limit lets, what is held and posted of it included."""
    for rule, only in ask.rules.rule_set.transaction:
        if only is not None and not only(ask.purchase):
            continue
        if rule.amount is None:
            if ask.kind is Kind.REQUEST:
                yield Finding(_count_reason(rule, "every card", 0, "a payment"), rule.action)
        elif ask.already + ask.amount > rule.amount:
            why = Reason(
                code=ReasonCode.AMOUNT_TOO_LARGE,
                rule=rule.rule_id,
                currency=department.currency,
                limit=rule.amount,
                posted=ask.posted,
                held=ask.already - ask.posted,
                requested=ask.amount,
                fraud=rule.fraud,
            )
            yield Finding(why, rule.action, rule.amount - ask.already)


def windows(department: Department, ask: Ask) -> Iterator[Finding]:
    """More requests, or a larger sum, in a window than a limit lets. An increment is no request more."""
    purchase, rules = ask.purchase, ask.rules
    for window, key in zip(rules.rule_set.windows, rules.counter_keys, strict=True):
        if window.only is not None and not window.only(purchase):
            continue
        rule = window.rule
        counter = department.counters.get(key)
        so_far = total(counter, window.slot(purchase.at_s), window.slots_before)
        subject = rules.subjects[rule.per] or ""
        if rule.amount is None:
            if so_far >= window.count and ask.kind is Kind.REQUEST:
                yield Finding(_count_reason(rule, subject, so_far, span(rule)), rule.action)
        elif so_far + ask.amount > rule.amount:
            why = Reason(
                code=ReasonCode.LIMIT_EXCEEDED,
                rule=rule.rule_id,
                subject=subject,
                period=span(rule),
                currency=department.currency,
                limit=rule.amount,
                posted=so_far,
                held=0,
                requested=ask.amount,
                fraud=rule.fraud,
            )
            yield Finding(why, rule.action, rule.amount - so_far)


def span(rule: SpendLimit) -> str:
    """A window's length in words."""
    if rule.seconds is not None:
        return f"any {rule.seconds} s"
    return f"a {rule.calendar.period}" if rule.calendar else "a payment"


def _count_reason(rule: SpendLimit, subject: str, so_far: int, period: str) -> Reason:
    return Reason(
        code=ReasonCode.COUNT_EXCEEDED,
        rule=rule.rule_id,
        subject=subject,
        period=period,
        count=so_far + 1,
        count_limit=rule.count,
        fraud=rule.fraud,
    )
