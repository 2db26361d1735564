"""Rule 2: the merchant, the hour and the score, in the policy's order."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.controls import ScoreLimit
from schemas.reasons import Reason, ReasonCode
from streams.core.matching import Purchase
from streams.core.rules.findings import Ask, Finding, Kind
from streams.core.rules.ruleset import Check
from streams.core.state import Department


def merchant(department: Department, ask: Ask) -> Iterator[Finding]:
    """Blocks that match, allow-lists that do not, hours that do not hold the time, likely fraud."""
    purchase = ask.purchase
    # An increment need not name the merchant again; its request did.
    named = purchase.merchant is not None or ask.kind is Kind.REQUEST
    for check in ask.rules.rule_set.checks:
        if not (named or not check.of_merchant) or not check.test(purchase):
            continue
        if check.budget is None or check.budget.speaks(department, purchase):
            yield Finding(_reason(check, purchase), check.rule.action)


def _reason(check: Check, purchase: Purchase) -> Reason:
    rule, told = check.rule, purchase.merchant
    if isinstance(rule, ScoreLimit):
        found, least = purchase.millionths / 1_000_000, rule.least / 1_000_000
        detail = f"a probability of fraud of {found:g}, where {least:g} is too much"
        if rule.a_day is not None:
            detail = f"a probability of fraud of {found:g}, one of the day's {rule.a_day} highest"
        return Reason(code=check.code, rule=rule.rule_id, detail=detail, fraud=rule.fraud)
    detail = f"rule '{rule.rule_id}'"
    if check.code is not ReasonCode.OUTSIDE_HOURS:
        of_merchant = [told.name, told.mcc, told.country] if told else []
        detail += f": {', '.join(filter(None, [*of_merchant, purchase.entry_mode]))}"
    return Reason(code=check.code, rule=rule.rule_id, detail=detail, fraud=rule.fraud)
