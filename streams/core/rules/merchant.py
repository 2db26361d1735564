"""Rule 2: the merchant and the hour, in the policy's order."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.reasons import Reason, ReasonCode
from streams.core.matching import Purchase
from streams.core.rules.findings import Ask, Finding, Kind
from streams.core.rules.ruleset import Check
from streams.core.state import Department


def merchant(department: Department, ask: Ask) -> Iterator[Finding]:
    """Blocks that match, allow-lists that do not, hours that do not hold the time."""
    purchase = ask.purchase
    # An increment need not name the merchant again; its request did.
    named = purchase.merchant is not None or ask.kind is Kind.REQUEST
    for check in ask.rules.rule_set.checks:
        if (named or not check.of_merchant) and check.test(purchase):
            yield Finding(_reason(check, purchase), check.rule.action)


def _reason(check: Check, purchase: Purchase) -> Reason:
    rule, told = check.rule, purchase.merchant
    detail = f"rule '{rule.rule_id}'"
    if check.code is not ReasonCode.OUTSIDE_HOURS:
        of_merchant = [told.name, told.mcc, told.country] if told else []
        detail += f": {', '.join(filter(None, [*of_merchant, purchase.entry_mode]))}"
    return Reason(code=check.code, rule=rule.rule_id, detail=detail, fraud=rule.fraud)
