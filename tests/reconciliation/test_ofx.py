"""OFX statements: transactions in their order, in SGML and XML."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from infra.errors import SpendlogError
from tests.reconciliation.writing import ofx, read

PURCHASE = (
    "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261104120000[-5:EST]<DTUSER>20261102<TRNAMT>-12.50<FITID>arn-1"
    "<REFNUM>auth-1<NAME>Dell</STMTTRN>"
)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "statement.ofx"
    path.write_bytes(content)
    return path


def test_a_transaction_is_a_line(tmp_path: Path) -> None:
    refund = PURCHASE.replace("-12.50", "12,50").replace("arn-1", "arn-2")
    (first, second), refused, account = read(write(tmp_path, ofx(PURCHASE, refund)))
    assert (first.number, first.minor, first.currency, first.refund) == (1, 1250, "USD", False)
    assert (first.day, first.bought) == (date(2026, 11, 4), date(2026, 11, 2))
    assert (first.reference, first.authorization, first.merchant) == ("arn-1", "auth-1", "Dell")
    assert first.card == "card-alice"
    assert (second.minor, second.refund, second.reference) == (1250, True, "arn-2")
    assert (refused, account) == ([], {"used": 2, "entries": 2})


def test_the_number_of_a_card_is_not_kept(tmp_path: Path) -> None:
    (line,), _, _ = read(write(tmp_path, ofx(PURCHASE, account="4111111111111111")))
    assert line.card is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("-12.50", "-1,234.50", "not a decimal number"),
        ("-12.50", "-12.505", "more digits"),
        ("-12.50", "0.00", "zero"),
        ("-12.50", "x", "not a decimal number"),
        ("20261104120000[-5:EST]", "2026110", "does not begin with a date"),
        ("20261104120000[-5:EST]", "20261131", "does not begin with a date"),
        ("<DTPOSTED>20261104120000[-5:EST]", "", "DTPOSTED is missing"),
        ("arn-1", "4111-1111-1111-1111", "card number"),
    ],
)
def test_a_transaction_that_cannot_be_used_says_its_place_and_field(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in PURCHASE
    lines, (refused,), _ = read(write(tmp_path, ofx(PURCHASE, PURCHASE.replace(old, new))))
    assert (len(lines), refused.line) == (1, 2)
    assert refused.reason.startswith("transaction 2: ")
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (ofx(PURCHASE)[:-60], "not whole OFX|without a statement"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "not whole OFX"),
        (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><?OFX OFXHEADER="200"?><OFX></OFX>',
            "declares a document type",
        ),
        (
            ofx().replace(b"CCSTMTRS", b"OTHER"),
            "without a statement",
        ),
    ],
)
def test_a_broken_file_is_refused_as_a_whole(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(SpendlogError, match=match):
        read(write(tmp_path, content))
