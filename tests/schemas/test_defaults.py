"""The default policy of each currency: a large amount is worth about as much everywhere."""

from __future__ import annotations

import pytest
from iso4217 import Currency

from schemas.controls import Policy, SpendLimit
from schemas.defaults import _LARGE, LARGE_AMOUNTS, NOT_KNOWN, default_policy
from schemas.money import MINOR_MAX, Money, exponent

#: Looked up apart from the table, at another time: only the magnitude must agree.
UNITS_FOR_A_DOLLAR = {
    "USD": "1",
    "EUR": "0.9",
    "GBP": "0.77",
    "CHF": "0.85",
    "KWD": "0.307",
    "BHD": "0.376",
    "OMR": "0.385",
    "JOD": "0.709",
    "TND": "3",
    "LYD": "5",
    "IQD": "1310",
    "JPY": "150",
    "KRW": "1400",
    "VND": "26000",
    "CLP": "950",
    "PYG": "7500",
    "ISK": "130",
    "UGX": "3650",
    "XAF": "590",
    "XOF": "590",
    "XPF": "108",
    "RWF": "1430",
    "GNF": "8650",
    "VUV": "120",
    "IDR": "16300",
    "HUF": "360",
    "INR": "86",
    "NGN": "1530",
    "COP": "4100",
    "ARS": "1300",
    "TRY": "39",
    "EGP": "50",
    "PKR": "282",
    "KZT": "520",
    "LBP": "89500",
    "UZS": "12600",
    "LAK": "21600",
    "MGA": "4500",
    "MXN": "19",
    "BRL": "5.6",
    "ZAR": "18",
    "CNY": "7.2",
    "PHP": "57",
    "TWD": "31",
    "THB": "33",
    "PLN": "3.8",
    "SEK": "9.8",
    "AED": "3.67",
}


def large(policy: Policy) -> int | None:
    amounts = [rule.amount for rule in policy.rules if isinstance(rule, SpendLimit) and rule.amount]
    assert len(amounts) <= 1
    return amounts[0] if amounts else None


@pytest.mark.parametrize("currency", UNITS_FOR_A_DOLLAR)
def test_a_large_amount_is_worth_about_5000_dollars(currency: str) -> None:
    amount = large(default_policy(currency))
    assert amount is not None
    dollars = float(Money(amount, currency).decimal()) / float(UNITS_FOR_A_DOLLAR[currency])
    assert 3_000 <= dollars <= 8_000


def test_every_currency_that_holds_amounts_is_known_or_said_not_to_be() -> None:
    known, unknown = set(LARGE_AMOUNTS), set(NOT_KNOWN)
    assert not known & unknown
    assert known | unknown == {each.code for each in Currency if each.exponent is not None}


@pytest.mark.parametrize("currency", LARGE_AMOUNTS)
def test_it_is_a_round_amount_of_whole_units(currency: str) -> None:
    amount = large(default_policy(currency))
    assert amount is not None and 0 < amount <= MINOR_MAX
    whole, rest = divmod(amount, 10 ** exponent(currency))
    assert rest == 0
    assert str(whole).rstrip("0") in set("123456789")


@pytest.mark.parametrize("currency", [*sorted(NOT_KNOWN), "XAU", "XXX", ""])
def test_without_a_magnitude_there_is_no_rule_for_amounts(currency: str) -> None:
    policy = default_policy(currency)
    assert large(policy) is None
    assert [rule.rule_id for rule in policy.rules] == ["many-in-a-minute"]


def test_no_currency_stands_in_two_rows_of_the_table() -> None:
    named = [code for row in _LARGE.values() for code in row.split()]
    assert len(named) == len(set(named))
