"""The policy that is in force until a department has one of its own: version 0, by its currency."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Final

from schemas.controls import Policy, SpendLimit
from schemas.money import exponent

# Whole units worth about 5,000 US dollars, to one digit. Only the magnitude matters, so the table is reviewed
# and changed by hand, never fetched: see docs/decisions/0018. Rates of the end of 2025.
_LARGE: Final = {
    2_000: "BHD KWD OMR",
    4_000: "CHF EUR FKP GBP GIP JOD KYD SHP",
    5_000: "BMD BSD PAB USD",
    7_000: "BND CAD SGD",
    8_000: "AUD BAM",
    9_000: "AWG AZN NZD XCG",
    10_000: "BBD BYN BZD FJD GEL TND TOP WST XCD",
    20_000: "AED ILS MYR PEN PGK PLN QAR RON SAR TMT",
    30_000: "BOB BRL DKK LYD TTD",
    40_000: "CNY GTQ HKD MOP SBD SVC",
    50_000: "MAD NOK SEK TJS",
    60_000: "GHS",
    70_000: "BWP SCR",
    80_000: "ERN MDL MVR",
    90_000: "LSL MXN NAD SZL ZAR",
    100_000: "CZK HNL SLE STN ZMW",
    200_000: "EGP MRU MUR NIO SRD THB TRY TWD UAH UYU",
    300_000: "AFN DOP MKD MZN PHP",
    400_000: "ALL BTN GMD INR KGS RUB",
    500_000: "CVE RSD XPF",
    600_000: "BDT ISK KES VUV",
    700_000: "DZD HTG NPR",
    800_000: "ETB JMD JPY",
    900_000: "DJF LRD",
    1_000_000: "GYD PKR YER",
    2_000_000: "AMD HUF KMF LKR",
    3_000_000: "CRC KZT SOS XAF XOF",
    5_000_000: "AOA CLP",
    7_000_000: "ARS IQD KRW NGN RWF",
    9_000_000: "MWK",
    10_000_000: "BIF CDF MMK TZS",
    20_000_000: "COP KHR MGA MNT UGX",
    40_000_000: "GNF PYG",
    60_000_000: "UZS",
    80_000_000: "IDR",
    100_000_000: "LAK VND",
    400_000_000: "LBP",
}

# Currencies whose magnitude nobody can say: official and market rates apart by a digit, or falling by one
# within a year; and units of account, in which nobody pays. They have no rule for a large amount.
NOT_KNOWN: Final = frozenset(
    [
        "CUP",
        "IRR",
        "KPW",
        "SDG",
        "SSP",
        "SYP",
        "VED",
        "VES",
        "ZWG",
        "BOV",
        "CHE",
        "CHW",
        "CLF",
        "COU",
        "MXV",
        "USN",
        "UYI",
        "UYW",
        "XAD",
    ]
)

# Minor units by currency.
LARGE_AMOUNTS: Final = MappingProxyType(
    {
        currency: whole * 10 ** exponent(currency)
        for whole, currencies in _LARGE.items()
        for currency in currencies.split()
    }
)


@lru_cache(maxsize=512)
def default_policy(currency: str) -> Policy:
    """Version 0 of a department of this currency; without a rule for amounts where the table has none."""
    many = SpendLimit(
        rule_id="many-in-a-minute",
        window="rolling",
        seconds=60,
        count=10,
        counts="requested",
        action="review",
        fraud=True,
    )
    amount = LARGE_AMOUNTS.get(currency)
    if amount is None:
        return Policy(rules=(many,))
    large = SpendLimit(rule_id="large-amount", window="transaction", amount=amount, fraud=True)
    return Policy(rules=(large, many))
