"""What a request counts for in the windows of the policy by which it was judged."""

from __future__ import annotations

from schemas.effects import CalendarCount, Counted, RollingCount
from streams.core.rules import Ask, Kind


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
