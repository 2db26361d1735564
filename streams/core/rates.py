"""A merchant's amount in another currency: whether its rate explains the amount in the department's."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from schemas.decisions import Alert
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationRequested,
    ClearingPresented,
    RefundPresented,
)
from schemas.money import MINOR_MAX, Money, exponent
from schemas.reasons import Reason, ReasonCode
from streams.core.case import Rejected

# Two digits of exponent: Decimal itself takes 1e999999, which no sum with it survives.
_RATE = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,2})?")
_HALF = Decimal("0.5")

Asked = AuthorizationRequested | AuthorizationIncremented
Settled = AuthorizationAdvised | ClearingPresented | RefundPresented


def check_rate(event: Asked) -> None:
    """A question that contradicts itself can be asked again, right. Raises Rejected."""
    wrong = _contradiction(event)
    if wrong is not None:
        raise Rejected(wrong.code, wrong.detail)


def rate_alerts(event: Settled) -> tuple[Alert, ...]:
    """What has happened is recorded; where amount and rate disagree somebody is alerted."""
    return ("rate_mismatch",) if _contradiction(event) is not None else ()


def at_rate(foreign: Money, into: str, rate: str) -> int:
    """Minor units of `into` at a rate that was checked before, half-even; 0: none that could be posted."""
    converted = int(
        (Decimal(foreign.minor) * _factor(foreign.currency, into, rate)).to_integral_value(ROUND_HALF_EVEN)
    )
    return converted if converted <= MINOR_MAX else 0


def _contradiction(event: Asked | Settled) -> Reason | None:
    """What rounding does not explain: more than half a unit of the rate's last digit, half a minor unit of
    the merchant's currency, and one of the department's (which some cut and others round)."""
    foreign, rate, amount = event.merchant_amount, event.rate, event.amount
    if foreign is None and rate is None:
        return None
    if foreign is None or rate is None:
        return Reason(code=ReasonCode.WRONG_RATE, detail="merchant_amount and rate go together")
    if not _RATE.fullmatch(rate) or not Decimal(rate):
        detail = f"{rate!r} is not a decimal number above zero, such as 1.0834"
        return Reason(code=ReasonCode.WRONG_RATE, detail=detail)
    try:
        factor = _factor(foreign.currency, amount.currency, rate)
    except ValueError as unknown:
        return Reason(code=ReasonCode.UNKNOWN_CURRENCY, detail=f"merchant_amount: {unknown}")
    converted = foreign.minor * factor
    explained = foreign.minor * _half_a_digit(rate) * factor / Decimal(rate) + factor / 2 + 1
    if abs(converted - amount.minor) <= explained:
        return None
    detail = (
        f"{foreign} at {rate} is {converted:.2f} minor units give or take {explained:.2f}, not {amount.minor}"
    )
    return Reason(code=ReasonCode.WRONG_RATE, detail=detail)


def _factor(currency: str, into: str, rate: str) -> Decimal:
    """Minor units of `into` for one of `currency`. Raises ValueError for a currency without minor unit."""
    return Decimal(rate).scaleb(exponent(into) - exponent(currency))


def _half_a_digit(rate: str) -> Decimal:
    """Of the last digit as written; 1E3 is a whole number, not one of thousands."""
    digits = Decimal(rate).as_tuple().exponent
    assert isinstance(digits, int)
    return _HALF.scaleb(min(0, digits))
