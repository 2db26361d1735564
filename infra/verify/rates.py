"""Whether a rate explains an amount, and what an amount is at a rate, from the text of the rules."""

from __future__ import annotations

import re
from fractions import Fraction

from schemas.decisions import Decision
from schemas.money import MINOR_MAX, Money, exponent
from schemas.reasons import ReasonCode

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
    """Whether the decision's rate does not explain its amount."""
    if decision.merchant_amount is None and decision.rate is None:
        return False
    amount = Money(decision.amount or 0, decision.currency or "")
    return wrong_rate(amount, decision.merchant_amount, decision.rate) is not None


def wrong_rate(amount: Money, foreign: Money | None, rate: str | None) -> ReasonCode | None:
    """Why `foreign` at `rate` is not `amount`; None: it is, as far as rounding explains.

    Rounding of the rate's last digit, and of minor units of both currencies.
    """
    if foreign is None and rate is None:
        return None
    read = _read(rate or "")
    if foreign is None or read is None:
        return ReasonCode.WRONG_RATE
    factor, last = read
    try:
        unit = Fraction(10) ** (exponent(amount.currency) - exponent(foreign.currency))
    except ValueError:
        return ReasonCode.UNKNOWN_CURRENCY
    leave = unit * (foreign.minor * Fraction(10) ** min(0, last) + factor) / 2 + 1
    return ReasonCode.WRONG_RATE if abs(foreign.minor * factor * unit - amount.minor) > leave else None


def at_rate(foreign: Money, rate: str, currency: str, otherwise: int) -> int:
    """Minor units of `currency`, half-even; `otherwise` where that is none, or more than a posting takes."""
    read = _read(rate)
    if read is None:
        return otherwise
    unit = Fraction(10) ** (exponent(currency) - exponent(foreign.currency))
    worth = round(foreign.minor * read[0] * unit)  # of a Fraction: half to even
    return worth if 0 < worth <= MINOR_MAX else otherwise


def _read(rate: str) -> tuple[Fraction, int] | None:
    """The rate and its last digit's power of ten; None: it is no number above zero."""
    parts = _RATE.fullmatch(rate)
    if parts is None:
        return None
    whole, decimals, power = parts.groups()
    last = int(power or 0) - len(decimals)
    number = int(whole + decimals or "0")
    return (number * Fraction(10) ** last, last) if number else None
