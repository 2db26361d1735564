"""A rate that was rounded explains its amount, however it was rounded; a wrong one does not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.events import ClearingPresented
from schemas.money import PositiveMoney, exponent
from streams.core.rates import rate_alerts

CURRENCIES = ("USD", "EUR", "JPY", "KRW", "BHD", "KWD", "IDR")


def clearing(amount: PositiveMoney, foreign: PositiveMoney | None, rate: str | None) -> ClearingPresented:
    return ClearingPresented(
        event_id="c",
        organization_id="techcorp",
        department_id="engineering",
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        authorization_id="A1",
        card_id="card-1",
        amount=amount,
        merchant_amount=foreign,
        rate=rate,
    )


@given(
    into=st.sampled_from(CURRENCIES),
    currency=st.sampled_from(CURRENCIES),
    foreign=st.integers(1, 10**12),
    rate=st.decimals(Decimal("0.000001"), Decimal(100_000), places=9),
    digits=st.integers(1, 9),
    by=st.sampled_from((ROUND_HALF_EVEN, ROUND_HALF_UP)),
    cut=st.sampled_from((ROUND_HALF_EVEN, ROUND_DOWN)),
)
def test_a_rounded_rate_explains_its_amount(
    into: str, currency: str, foreign: int, rate: Decimal, digits: int, by: str, cut: str
) -> None:
    exact = (foreign * rate).scaleb(exponent(into) - exponent(currency))
    minor = int(exact.to_integral_value(cut))
    assume(0 < minor <= 10**15)
    told = Context(prec=digits, rounding=by).plus(rate)
    assume(told.adjusted() - len(told.as_tuple().digits) + 1 <= 0)  # not rounded to tens
    amounts = PositiveMoney(minor, into), PositiveMoney(foreign, currency)
    for written in (f"{told:f}", f"{told:E}"):
        assert rate_alerts(clearing(*amounts, written)) == ()


@pytest.mark.parametrize(
    ("amount", "into", "foreign", "currency", "rate"),
    [
        (36_170_50, "USD", 50_000_000, "KRW", "0.00072441"),  # a digit wrong
        (36_170_50, "USD", 50_000_000, "KRW", "1382.34"),  # the inverse
        (50_000_000, "KRW", 36_170_50, "USD", "0.00072341"),
        (36_170_50, "USD", 5_000_000_000, "KRW", "0.00072341"),  # won have no hundredths
        (1_00, "BHD", 26_50, "USD", "0.0377"),  # dinars have thousandths
        (110_00, "USD", 100_00, "EUR", "1E3"),
        (110_00, "USD", 100_00, "EUR", "1_10"),
        (110_00, "USD", 100_00, "EUR", "١.١"),  # digits of another script
        (110_00, "USD", 100_00, "EUR", " 1.10"),
        (110_00, "USD", 100_00, "EUR", "+1.10"),
        (110_00, "USD", 100_00, "EUR", "1e999999999"),
        (110_00, "USD", 100_00, "EUR", "Infinity"),
        (110_00, "USD", 100_00, "EUR", "sNaN"),
        (110_00, "USD", 100_00, "EUR", "0.000"),
        (110_00, "USD", 100_00, "XAU", "1.10"),
    ],
)
def test_what_no_rounding_explains_is_alerted(
    amount: int, into: str, foreign: int, currency: str, rate: str
) -> None:
    event = clearing(PositiveMoney(amount, into), PositiveMoney(foreign, currency), rate)
    assert rate_alerts(event) == ("rate_mismatch",)


@pytest.mark.parametrize("written", ["1.1", "1.10", "1.1000", ".11E1", "11e-1", "1.1E+0", "0.0011E3"])
def test_a_rate_may_be_written_in_several_ways(written: str) -> None:
    event = clearing(PositiveMoney(110_00, "USD"), PositiveMoney(100_00, "EUR"), written)
    assert rate_alerts(event) == ()
