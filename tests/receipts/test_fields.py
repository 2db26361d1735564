"""What is read of a receipt's words, as a table of texts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from infra.receipts.fields import ReceiptReading, read
from infra.receipts.text_rows import PrintedWord
from schemas.money import Money

CASES = [
    block
    for block in re.split(r"\n\n+", Path(__file__).with_name("readings.txt").read_text())
    if "=>" in block
]
RECEIVED = date(2026, 3, 15)


def words_of(rows: list[str]) -> list[PrintedWord]:
    """Each run of a row where it would stand in a picture of letters 10 wide and 20 high."""
    return [
        PrintedWord(run[0], 10.0 * run.start(), 40.0 * number, 10.0 * run.end(), 40.0 * number + 20.0)
        for number, row in enumerate(rows)
        for run in re.finditer(r"\S+(?: \S+)*", row)
    ]


def shown(reading: ReceiptReading) -> str:
    total = "-" if reading.total is None else str(reading.total.decimal()) + " " + reading.total.currency
    tax = "-" if reading.tax is None else str(reading.tax.decimal())
    told = f"{total}, {reading.day or '-'}, {reading.merchant or '-'}, tax {tax}"
    return told + ", guessed" * (reading.total is not None and reading.total_guessed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.splitlines()[0].strip("# "))
def test_a_receipt_is_read(case: str) -> None:
    *lines, expected = (line for line in case.splitlines() if not line.startswith("#"))
    reading = read(words_of(lines), received=RECEIVED, home_currency="USD")
    assert shown(reading) == expected.removeprefix("=> ")


@pytest.mark.parametrize(
    ("written", "day", "other"),
    [
        ("03/04/2026", date(2026, 3, 4), None),  # 3 April is to come
        ("02/03/2026", date(2026, 2, 3), date(2026, 3, 2)),
        ("13/02/2026", date(2026, 2, 13), None),
        ("02-13-26", date(2026, 2, 13), None),
        ("14MAR26", date(2026, 3, 14), None),
        ("Mar 14 '26", date(2026, 3, 14), None),
        ("14/03/202613:45", date(2026, 3, 14), None),
        ("Exp 12/28  14. Februar 2026", date(2026, 2, 14), None),
        ("2026-03-14T10:00", date(2026, 3, 14), None),
        ("31/02/2026", None, None),
        ("01/01/2019", None, None),  # too old to be meant
    ],
)
def test_a_day_is_read(written: str, day: date | None, other: date | None) -> None:
    reading = read(words_of(["Shop", written, "Total  $3.00"]), received=RECEIVED, home_currency="USD")
    assert (reading.day, reading.day_other) == (day, other)


@pytest.mark.parametrize(
    ("written", "minor", "currency"),
    [
        ("EUR 1.234,56", 123456, "EUR"),
        ("1.234,56 €", 123456, "EUR"),
        ("$1,234.56", 123456, "USD"),
        ("US$ 1,234.56", 123456, "USD"),
        ("S1,234.56", 123456, "USD"),
        ("A$15.00", 1500, "AUD"),
        ("120,00 kr", 12000, "SEK"),
        ("R$ 12,00", 1200, "BRL"),
        ("HUF 4 500", 4500_00, "HUF"),
        ("₩12,000", 12000, "KRW"),
        ("99.90 zł", 9990, "PLN"),
        ("12.34", 1234, "USD"),
    ],
)
def test_an_amount_is_read(written: str, minor: int, currency: str) -> None:
    reading = read(words_of(["Shop", f"Total  {written}"]), received=RECEIVED, home_currency="USD")
    assert reading.total == Money(minor, currency)
    assert ("*" in reading.currencies) == (written == "12.34")
