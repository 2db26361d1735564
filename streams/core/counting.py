"""What a request counts for in the windows of the policy by which it was judged."""

from __future__ import annotations

from schemas.effects import CalendarCount, Counted, RollingCount, ScoreCounted
from schemas.reasons import ReasonCode
from streams.core.rules import PASSED, Ask, Kind, Verdict
from streams.core.rules.alert_budget import day_of
from streams.core.score_levels import level_of


def counts(ask: Ask, amount: int | None) -> tuple[Counted, ...]:
    """`amount`: what was approved of it, in minor units; None: it was declined. Empty: nothing counts."""
    rules, purchase = ask.rules, ask.purchase
    if not rules.counter_keys:
        return ()
    rolling: tuple[RollingCount, ...] = ()
    calendar: tuple[CalendarCount, ...] = ()
    for window, key in zip(rules.rule_set.windows, rules.counter_keys, strict=True):
        rule = window.rule
        if amount is None and rule.counts == "approved":
            continue
        if window.only is not None and not window.only(purchase):
            continue
        value = (amount or 0) if rule.amount is not None else int(ask.kind is Kind.REQUEST)
        if not value:
            continue
        slot = window.slot(purchase.at_s)
        if window.clock is None:
            rolling += (RollingCount(key, slot, value, window.width_s, window.slots_before),)
        else:
            calendar += (CalendarCount(key, slot, value, window.clock.ends_s(purchase.at_s)),)
    if not rolling and not calendar:
        return ()
    return (Counted(rolling=rolling, calendar=calendar),)


def score_counted(ask: Ask, verdict: Verdict = PASSED) -> tuple[ScoreCounted, ...]:
    """Of a request that was judged so. Empty: it has no probability, or no rule has a budget of alerts."""
    rule_set, purchase = ask.rules.rule_set, ask.purchase
    if not rule_set.budgeted or purchase.millionths < 0:
        return ()
    alerts = tuple(
        [
            reason.rule
            for reason in (*verdict.reasons, *verdict.reviews, *verdict.shadows)
            if reason.code is ReasonCode.FRAUD_LIKELY and reason.rule in rule_set.budgeted
        ]
    )
    day = day_of(purchase.at_s, rule_set.zone)
    return (ScoreCounted(day=day, level=level_of(purchase.millionths), alerts=alerts),)
