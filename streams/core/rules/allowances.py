"""Rules 5 to 7: what is left in each charged period of a limit with a calendar, a budget, or the lease."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.reasons import Reason, ReasonCode
from streams.core.rules.findings import Ask, Finding
from streams.core.rules.ruleset import Allowance
from streams.core.state import Department, Period


def calendars(department: Department, ask: Ask) -> Iterator[Finding]:
    """A policy's limits with a calendar and an amount."""
    return _exceeded(department, ask, ReasonCode.LIMIT_EXCEEDED)


def budgets(department: Department, ask: Ask) -> Iterator[Finding]:
    """Budgets, in the order of the charges: above the limit within the tolerance somebody only looks."""
    return _exceeded(department, ask, ReasonCode.BUDGET_EXCEEDED)


def lease(department: Department, ask: Ask) -> Iterator[Finding]:
    """The department's share of the company's cap."""
    return _exceeded(department, ask, ReasonCode.LEASE_EXCEEDED)


class Usage(NamedTuple):
    """A charged period of an allowance that is in force. `period` None: nothing was in it yet.

    `limit`: with the increases in force; tolerance aside.
    """

    allowance: Allowance
    id: str
    label: str
    period: Period | None
    limit: int

    @property
    def left(self) -> int:
        """What may still be spent without the tolerance; below zero when all is used up."""
        return self.limit - (self.period.used if self.period is not None else 0)


def usages(department: Department, ask: Ask) -> Iterator[Usage]:
    """Of all that the ask would count in, at its moment. A budget or rule that is gone limits nothing."""
    periods, at_s = department.periods, ask.purchase.at_s
    for key, allowance, id_, label in ask.charges.parts:
        if allowance is not None and allowance.applies(ask.purchase):
            period = periods.get(key)
            yield Usage(allowance, id_, label, period, allowance.limit(period, at_s))


def _exceeded(department: Department, ask: Ask, code: ReasonCode) -> Iterator[Finding]:
    for usage in usages(department, ask):
        allowance, left = usage.allowance, usage.left
        if allowance.code is not code or ask.amount <= left:
            continue
        if ask.amount <= left + allowance.tolerance:
            yield Finding(_reason(department, usage, ask, ReasonCode.TOLERANCE_USED), "review", left)
        else:
            yield Finding(_reason(department, usage, ask, code), room=left + allowance.tolerance)


def _reason(department: Department, usage: Usage, ask: Ask, code: ReasonCode) -> Reason:
    allowance, period, rule = usage.allowance, usage.period, usage.allowance.rule
    return Reason(
        code=code,
        subject=allowance.name if rule is None else usage.id.removeprefix(f"{allowance.id}:"),
        rule=rule.rule_id if rule is not None else allowance.id,
        period=usage.label,
        currency=department.currency,
        limit=usage.limit,
        posted=period.posted if period is not None else 0,
        held=period.held if period is not None else 0,
        requested=ask.amount,
        fraud=rule.fraud if rule is not None else False,
    )
