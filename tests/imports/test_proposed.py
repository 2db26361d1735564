"""Exports as the products write them, read by the mapping that is proposed: right, listed, or doubted."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.imports.check import check
from infra.imports.mapping import parse_mapping
from infra.imports.propose import propose

CHASE = """Transaction Date,Post Date,Description,Category,Type,Amount,Memo
11/02/2026,11/03/2026,"AMZN Mktp US*2K4",Shopping,Sale,-45.90,
11/13/2026,11/14/2026,"DELTA AIR 0062",Travel,Sale,-1250.00,
11/15/2026,11/15/2026,"Payment Thank You-Mobile",,Payment,5000.00,
11/16/2026,11/17/2026,"AMZN Mktp US*2K4",Shopping,Return,45.90,
"""
BREX = """Initiated At,Status,Merchant,Original Amount,Original Currency,Billing Amount,Billing Currency
2026-11-02,Completed,Hotel Osaka,30000,JPY,198.50,USD
2026-11-04,Declined,Dell,900,USD,900.00,USD
"""
REVOLUT = """Date started (UTC),Type,State,Description,Card number,Orig currency,Orig amount,\
Payment currency,Amount,Fee,Fee currency
2026-11-02,CARD_PAYMENT,COMPLETED,Uber,416598******1234,EUR,23.10,GBP,-20.00,0.00,GBP
2026-11-03,CARD_PAYMENT,DECLINED,Dell,416598******1235,GBP,900.00,GBP,-900.00,0.00,GBP
2026-11-04,TOPUP,COMPLETED,Payment from ACME,416598******1235,GBP,5000.00,GBP,5000.00,0.00,GBP
2026-11-05,CARD_REFUND,COMPLETED,Uber,416598******1234,EUR,23.10,GBP,20.00,0.00,GBP
2026-11-06,CARD_PAYMENT,REVERTED,Uber,416598******1234,EUR,23.10,GBP,-20.00,0.00,GBP
"""
PAIRS = """Transaction Date,Merchant,Transaction Amount,Transaction Currency,Billing Amount,Billing Currency
2026-11-02,Hotel Osaka,30000,JPY,198.50,USD
2026-11-03,Aldi,10.00,EUR,11.20,USD
"""
DATEV = """"EXTF";700;21;"Buchungsstapel";13;20261128120000;;"RE";"";"";1001;10001;20260101;4
Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;Basis-Umsatz;WKZ Basis-Umsatz;\
Belegdatum;Buchungstext
1234,50;"S";"EUR";;;;02.11.2026;"Dell"
45,90;"H";"EUR";;;;03.11.2026;"Amazon"
12345,00;"S";"EUR";;;;14.11.2026;"Saturn"
"""
UBS = """Abschlussdatum;Währung;Belastung;Gutschrift;Saldo;Beschreibung1
2026-11-02;CHF;-45.90;;954.10;Migros
2026-11-03;CHF;;45.90;1000.00;Migros
2026-11-04;CHF;-1'234.50;;-234.50;Digitec
"""
STATEMENT = """Date,Description,Amount
02 Nov 2026,DELL,"1,234.50"
03 Nov 2026,DELL,"1,234.50 CR"
04 Nov 2026,SHELL,45.00 DR
"""
HDFC = """Date,Narration,Withdrawal Amt.,Deposit Amt.,Closing Balance
13/11/26,IRCTC,"1,23,456.78",,"9,00,000.00"
14/11/26,IRCTC,,"1,23,456.78","10,23,456.78"
"""
QUICKBOOKS = """ACME Inc.,,,,,
Transaction List by Date,,,,,
,,,,,
Date,Transaction Type,Num,Name,Split,Amount
11/02/2026,Expense,,Dell,Office,"1,234.50"
11/03/2026,Credit Card Credit,,Dell,Office,"-1,234.50"
11/14/2026,Credit Card Payment,,Chase,Checking,"5,000.00"
TOTAL,,,,,"$6,000.00"

"Wednesday, Nov 04, 2026 10:15:00 AM GMT-8 - Accrual Basis",,,,,
"""
EXPENSIFY = """Timestamp,Merchant,Amount,MCC,Original Currency,Original Amount
2026-11-02 00:00:00,Uber,23.10,4121,EUR,20.00
2026-11-03 00:00:00,"Hotel ""Ritz"", Paris",1200.00,7011,EUR,"1,040.00"
"""
PLEO = """Date,Team,Merchant,Amount,Currency,Settled amount,Settled currency,Type
13/11/2026,Ops,IKEA,"1.234,50",SEK,"118,20",EUR,Card purchase
14/11/2026,Ops,IKEA,"20,00",EUR,"20,00",EUR,Card purchase
15/11/2026,Ops,IKEA,"-118,20",EUR,"-118,20",EUR,Refund
"""
WISE = """Date,Amount,Currency,Running Balance,Merchant,Card Last Four Digits,Total fees,Exchange To Amount
13-11-2026,-12.50,EUR,987.50,Rewe,1234,0,
14-11-2026,-13.50,EUR,974.00,Aldi,1234,0,
15-11-2026,1000.00,EUR,1974.00,,,0,
"""


@pytest.mark.parametrize(
    ("content", "rows", "listed", "doubts"),
    [
        (CHASE, ["-45.90 USD", "-1250.00 USD", "+45.90 USD"], [4], ["left out are Payment", "so those are"]),
        (BREX, ["-198.50 USD"], [3], ["or is it 'Original Amount'?", "left out are Declined"]),
        (REVOLUT, ["-20.00 GBP", "+20.00 GBP"], [3, 4, 6], ["left out are TOPUP", "DECLINED, REVERTED"]),
        (PAIRS, ["-198.50 USD", "-11.20 USD"], [], ["or is it 'Transaction Amount'?"]),
        (DATEV, ["-1234.50 EUR", "+45.90 EUR", "-12345.00 EUR"], [], ["or is it 'Basis-Umsatz'?"]),
        (UBS, ["-45.90 CHF", "+45.90 CHF", "-1234.50 CHF"], [], ["purchases have a minus"]),
        (STATEMENT, ["-1234.50 USD", "+1234.50 USD", "-45.00 USD"], [], ["nothing in the file says it"]),
        (HDFC, ["-123456.78 USD", "+123456.78 USD"], [], ["nothing in the file says it"]),
        (QUICKBOOKS, ["-1234.50 USD", "+1234.50 USD"], [7, 8, 10], ["left out are Credit Card Payment"]),
        (EXPENSIFY, ["-23.10 USD", "-1200.00 USD"], [], ["nothing in the file says it", "'Original Amount'"]),
        (PLEO, ["-118.20 EUR", "-20.00 EUR", "+118.20 EUR"], [], ["or is it 'Amount'?"]),
        (WISE, ["-12.50 EUR", "-13.50 EUR"], [4], ["so those are the purchases"]),
    ],
)  # fmt: skip
def test_an_export_is_read_as_it_is_meant(
    tmp_path: Path, content: str, rows: list[str], listed: list[int], doubts: list[str]
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(content)
    text = propose(path)
    checks = "\n".join(part for part in text.splitlines() if "# CHECK" in part)
    for doubt in doubts:
        assert doubt in checks
    reading = check(path, parse_mapping(text, "proposed")).reading
    found = sorted(reading.rows, key=lambda row: row.line)
    assert [f"{'+' if row.refund else '-'}{row.minor / 100:.2f} {row.currency}" for row in found] == rows
    assert sorted(reading.listed) == listed


OWN = """
[columns]
time = "Date"
merchant = "Merchant"
amount = "{amount}"
currency = "{currency}"

[time]
zone = "UTC"

[constants]
department = "Ops"
card = "c1"
"""
MANY = """Date,Merchant,Transaction Amount,Transaction Currency,Billing Amount,Billing Currency,Status,Type
2026-11-02,Hotel,198.50,USD,198.50,USD,Completed,x
2026-11-03,Hotel,198.50,USD,198.50,USD,Declined,x
2026-11-04,Bank,-900.00,USD,-900.00,USD,Completed,x
"""


@pytest.mark.parametrize(
    ("amount", "currency", "more", "warning"),
    [
        ("Transaction Amount", "Billing Currency", "", "seems to be 'Transaction Currency', not 'Billing"),
        ("Billing Amount", "Transaction Currency", "", "seems to be 'Billing Currency', not 'Transaction"),
        ("Billing Amount", "Billing Currency", "", "column 'Status' says Completed, Declined: all of them"),
        ("Billing Amount", "Billing Currency", "", "1 of 1 refunds fit no purchase"),
        ("Billing Amount", "Billing Currency", "", "the largest is line 4, USD 900.00"),
        ("Billing Amount", "Billing Currency", '[budget_currency]\nOpps = "EUR"', "has 'Opps', and no row"),
    ],
)  # fmt: skip
def test_what_a_mapping_overlooks_is_warned_of(
    tmp_path: Path, amount: str, currency: str, more: str, warning: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(MANY)
    found = check(path, parse_mapping(OWN.format(amount=amount, currency=currency) + more, "m")).warnings
    assert any(warning in one for one in found), found


def test_what_a_mapping_says_itself_is_not_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(MANY.replace("-900.00,USD,-900.00,USD,Completed", "9.00,USD,9.00,USD,Completed"))
    own = OWN.format(amount="Billing Amount", currency="Billing Currency")
    text = own + '\n[[only]]\ncolumn = "Status"\nvalues = ["Completed"]\n'
    assert check(path, parse_mapping(text, "m")).warnings == []
