"""Whether the rate that a decision records explains its amount, from the text of the rules."""

from __future__ import annotations

import re
from fractions import Fraction

from schemas.decisions import Decision
from schemas.money import exponent

ALERT = "rate_mismatch"
_QUESTIONS = ("authorization.requested", "authorization.incremented")
_TOLD = ("authorization.advised", "clearing.presented", "refund.presented")
_RATE = re.compile(r"([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,2}))?")


def of_rate(decision: Decision) -> str | None:
    """What is wrong with how a decision that took effect treats its rate; None: nothing."""
    if decision.event_type in _QUESTIONS:
        return "answers a question whose amount and rate disagree" if disagrees(decision) else None
    if decision.event_type in _TOLD and disagrees(decision) is not (ALERT in decision.alerts):
        return (
            f"alerts {ALERT}, but amount and rate agree"
            if ALERT in decision.alerts
            else f"has no alert {ALERT}"
        )
    return None


def disagrees(decision: Decision) -> bool:
    """By more than rounding explains: of the rate's last digit, and of minor units of both currencies."""
    foreign, rate = decision.merchant_amount, decision.rate
    if foreign is None and rate is None:
        return False
    parts = _RATE.fullmatch(rate or "")
    if foreign is None or parts is None or decision.currency is None:
        return True
    whole, decimals, power = parts.groups()
    if not int(whole + decimals or "0"):
        return True
    try:
        unit = Fraction(10) ** (exponent(decision.currency) - exponent(foreign.currency))
    except ValueError:
        return True
    last = int(power or 0) - len(decimals)
    factor = int(whole + decimals) * Fraction(10) ** last
    leave = unit * (foreign.minor * Fraction(10) ** min(0, last) + factor) / 2 + 1
    return abs(foreign.minor * factor * unit - (decision.amount or 0)) > leave
