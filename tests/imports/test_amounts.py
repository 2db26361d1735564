"""Texts of amounts: exact by the whole pattern, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.imports.amounts import BadAmount, decimal_text, minor_units
from infra.imports.mapping import Amount

PLAIN = Amount()
ENGLISH = Amount(thousands=",")
GERMAN = Amount(decimal=",", thousands=".")
COMMA = Amount(decimal=",")
FRENCH = Amount(decimal=",", thousands=" ")
SWISS = Amount(thousands="'")
INDIAN = Amount(thousands=",", grouping="indian")
BANK = Amount(thousands=",", refund="positive")


@pytest.mark.parametrize(
    ("text", "currency", "amount", "minor"),
    [
        ("12.50", "USD", PLAIN, 1250),
        ("12", "USD", PLAIN, 1200),
        (".5", "USD", PLAIN, 50),
        ("0012.50", "USD", PLAIN, 1250),
        ("12.5000", "USD", PLAIN, 1250),
        ("1.234", "BHD", PLAIN, 1234),
        ("500", "JPY", PLAIN, 500),
        ("+12.50", "USD", PLAIN, 1250),
        ("-12.50", "USD", PLAIN, -1250),
        ("- 12.50", "USD", PLAIN, -1250),
        ("\u221212.50", "USD", PLAIN, -1250),
        ("12.50-", "USD", PLAIN, -1250),
        ("12.50\u2212", "USD", PLAIN, -1250),
        ("(33.52)", "USD", PLAIN, -3352),
        ("($33.52)", "USD", PLAIN, -3352),
        ("$(33.52)", "USD", PLAIN, -3352),
        ("-$12.50", "USD", PLAIN, -1250),
        ("$-12.50", "CAD", PLAIN, -1250),
        ("12.50 EUR", "EUR", PLAIN, 1250),
        ("eur 12.50", "EUR", PLAIN, 1250),
        ("12.50\u00a0€", "EUR", PLAIN, 1250),
        ("£12.50", "GBP", PLAIN, 1250),
        ("US$12.50", "USD", PLAIN, 1250),
        ("12,50 zł", "PLN", COMMA, 1250),
        ("1,234.50", "USD", ENGLISH, 123450),
        ("1,234,567", "USD", ENGLISH, 123456700),
        ("1234.50", "USD", ENGLISH, 123450),
        ("1.234,50", "EUR", GERMAN, 123450),
        ("3.000", "EUR", GERMAN, 300000),
        ("-1.500", "EUR", GERMAN, -150000),
        ("1 234,50", "EUR", FRENCH, 123450),
        ("1\u202f234\u202f567,50", "EUR", FRENCH, 123456750),
        ("1'234.50", "CHF", SWISS, 123450),
        ("1’234.50", "CHF", SWISS, 123450),
        ("10000000000000.00", "USD", PLAIN, 10**15),
        ("1.234,56-", "EUR", GERMAN, -123456),
        ("(1,234)", "USD", ENGLISH, -123400),
        ("(EUR 1.234,56)", "EUR", GERMAN, -123456),
        ("1,234.50 CR", "USD", ENGLISH, -123450),  # card statements: credit is money back
        ("234.50CR", "USD", ENGLISH, -23450),
        ("45.00 DR", "USD", ENGLISH, 4500),
        ("$45.00 dr.", "USD", ENGLISH, 4500),
        ("45.00 Cr USD", "USD", ENGLISH, -4500),
        ("1,234.50 CR", "USD", BANK, 123450),  # likewise where purchases are negative
        ("45.00 DR", "USD", BANK, -4500),
        ("12.50 CRC", "CRC", ENGLISH, 1250),
        ("12.50 CR CRC", "CRC", ENGLISH, -1250),
        ("12.50 IDR", "IDR", ENGLISH, 1250),
        ("1,23,456.78", "INR", INDIAN, 12345678),
        ("₹12,34,56,789", "INR", INDIAN, 12345678900),
        ("1,234", "INR", INDIAN, 123400),
        ("12,345.5", "INR", INDIAN, 1234550),
        ("345.5", "INR", INDIAN, 34550),
        ("1,23,456.78 Cr", "INR", INDIAN, -12345678),
        ("1.234", "KWD", PLAIN, 1234),
        ("12.5", "KWD", PLAIN, 12500),
        ("1,234.567", "BHD", ENGLISH, 1234567),
        ("1.234.567", "CLP", GERMAN, 1234567),
        ("1,234.00", "JPY", ENGLISH, 1234),
        ("1234", "ISK", PLAIN, 1234),
    ],
)  # fmt: skip
def test_an_amount_is_exact(text: str, currency: str, amount: Amount, minor: int) -> None:
    assert minor_units(text, currency, amount) == minor


@pytest.mark.parametrize(
    ("text", "amount", "reason"),
    [
        ("3.000", COMMA, "is not a number"),
        ("19.90", COMMA, "is not a number"),
        ("19.90", GERMAN, "is not a number"),
        ("110.7", GERMAN, "is not a number"),
        ("1.2.3", GERMAN, "is not a number"),
        ("1,2,3", ENGLISH, "is not a number"),
        ("1,234.56.78", ENGLISH, "is not a number"),
        ("1,23,456.00", ENGLISH, "is not a number"),
        (",123", ENGLISH, "is not a number"),
        ("0,123", ENGLISH, "is not a number"),
        ("1,234 567", FRENCH, "is not a number"),
        ("1 234\u00a0567", FRENCH, "is not a number"),
        ("1234,567.00", ENGLISH, "is not a number"),
        ("1,234", PLAIN, "is not a number"),
        ("1_000", PLAIN, "is not a number"),
        ("1e5", PLAIN, "is not a number"),
        ("1E999999", PLAIN, "is not a number"),
        ("0x10", PLAIN, "is not a number"),
        ("NaN", PLAIN, "is not a number"),
        ("inf", PLAIN, "is not a number"),
        ("12.", PLAIN, "is not a number"),
        (".", PLAIN, "is not a number"),
        ("-", PLAIN, "is not a number"),
        ("()", PLAIN, "is not a number"),
        ("$", PLAIN, "is not a number"),
        ("(12.50", PLAIN, "is not a number"),
        ("１２.50", PLAIN, "is not a number"),
        ("١٢.٥٠", PLAIN, "is not a number"),
        ("१२", PLAIN, "is not a number"),
        ("12²", PLAIN, "is not a number"),
        ("12.50 EUR", PLAIN, "is not a number"),
        ("€12.50", PLAIN, "is not a number: it has €, the currency of the row is USD"),
        ("--12.50", PLAIN, "more than one sign"),
        ("-(12.50)", PLAIN, "more than one sign"),
        ("-12.50-", PLAIN, "more than one sign"),
        ("$12.50 USD", PLAIN, "more than one currency"),
        ("3.000", PLAIN, "may be 3000 or 3 and a fraction"),
        ("12.505", PLAIN, "may be 12505 or 12 and a fraction"),
        ("3,000", COMMA, "may be 3000 or 3 and a fraction"),
        ("12.5051", PLAIN, "has more digits than USD has (2)"),
        ("99999999999999999", PLAIN, "is larger than"),
        ("10000000000000.01", PLAIN, "is larger than"),
        ("9" * 5000, PLAIN, "is larger than"),
        ("-12.50 CR", ENGLISH, "more than one sign"),
        ("(12.50) CR", ENGLISH, "more than one sign"),
        ("12.50 CR DR", ENGLISH, "more than one sign"),
        ("CR", ENGLISH, "is not a number"),
        ("CR 12.50", ENGLISH, "is not a number"),
        ("12.50 CREDIT", ENGLISH, "is not a number"),
        ("12.50XCR", ENGLISH, "is not a number"),
        ("12.50 C", ENGLISH, "is not a number"),
        ("n/a", ENGLISH, "is not a number"),
        ("--", ENGLISH, "more than one sign"),
        ("#REF!", ENGLISH, "is not a number"),
        ("=A1+B1", ENGLISH, "is not a number"),
        ("12.50 + 3.00", ENGLISH, "is not a number"),
        ("12.50%", ENGLISH, "is not a number"),
        ("1.5k", ENGLISH, "is not a number"),
        ("12.50 dollars", ENGLISH, "is not a number"),
        ("2026-11-02", ENGLISH, "is not a number"),
        ("1,234.5,6", ENGLISH, "is not a number"),
        ("1,234,56", INDIAN, "is not a number"),
        ("123,456.78", INDIAN, "is not a number"),  # groups of three among groups of two
        ("1,234,567", INDIAN, "is not a number"),
        ("1,2,345", INDIAN, "is not a number"),
        ("1,23,456.78", Amount(), "under decimal '.' and thousands ''"),
    ],
)  # fmt: skip
def test_another_text_is_refused(text: str, amount: Amount, reason: str) -> None:
    with pytest.raises(BadAmount) as raised:
        minor_units(text, "USD", amount)
    assert reason in str(raised.value)
    assert len(str(raised.value)) < 250


@given(st.text(alphabet="0123456789.,'-−+()$€ _eE١２\u00a0", max_size=12), st.sampled_from([*"., '", ""]))
def test_what_is_read_is_what_the_digits_say(text: str, thousands: Literal["", ",", ".", " ", "'"]) -> None:
    """An oracle of its own: groups taken out, the sign that is left is the decimal one."""
    decimal: Literal[".", ","] = "," if thousands == "." else "."
    try:
        minor = minor_units(text, "USD", Amount(decimal=decimal, thousands=thousands))
    except BadAmount:
        return
    digits = "".join(letter for letter in text if letter in "0123456789" + decimal).replace(",", ".")
    assert abs(minor) == Decimal(digits) * 100
    assert (minor < 0) == (any(sign in text for sign in "-−(") and minor != 0)
    whole = text.partition(decimal)[0]
    if thousands and thousands in whole.strip(" -−+()$€\u00a0"):
        assert all(
            len(group.strip(" -−+()$€\u00a0")) == 3
            for group in whole.split(thousands)[1:]
            if group.strip(" -−+()$€")
        )


@given(st.integers(0, 10**15))
def test_indian_groups_come_back_and_never_by_the_other_grouping(minor: int) -> None:
    """An oracle of its own: the last three digits, then pairs from the right."""
    whole, cents = divmod(minor, 100)
    head, last = str(whole)[:-3], str(whole)[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    written = ",".join([*pairs, last]) + f".{cents:02d}"
    assert minor_units(written, "INR", INDIAN) == minor
    if len(pairs) > 1:
        with pytest.raises(BadAmount, match="is not a number"):
            minor_units(written, "INR", ENGLISH)


@given(st.integers(-(10**15), 10**15), st.sampled_from([ENGLISH, GERMAN, FRENCH, SWISS, PLAIN, COMMA]))
def test_every_amount_that_is_written_comes_back(minor: int, amount: Amount) -> None:
    whole, cents = divmod(abs(minor), 100)
    written = f"{whole:,}".replace(",", amount.thousands) + f"{amount.decimal}{cents:02d}"
    for text in (f"{written}", f"$ {written}", f"{written} USD"):
        assert minor_units(text, "USD", amount) == abs(minor)
    for text in (f"-{written}", f"{written}-", f"({written})", f"\u2212{written}", f"-${written}"):
        assert minor_units(text, "USD", amount) == -abs(minor)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(12.5, "12.5"), (33.520000000000003, "33.52"), (5812.0, "5812"),
     (1e15, "1000000000000000"), (0.07, "0.07")],
)  # fmt: skip
def test_number_cells_are_read_as_they_are_shown(cell: float, text: str) -> None:
    assert decimal_text(cell, ".") == text
