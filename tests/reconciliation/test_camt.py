"""camt.053 and camt.054: entries and their transactions; bombs and broken files are refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from infra.errors import SpendlogError
from tests.reconciliation.writing import camt, entry, read

PLAIN = entry(
    "<NtryRef>n1</NtryRef><Amt Ccy='EUR'>12.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
    "<BookgDt><Dt>2026-11-04</Dt></BookgDt><AcctSvcrRef>arn-1</AcctSvcrRef>"
    "<NtryDtls><TxDtls><Refs><EndToEndId>auth-1</EndToEndId></Refs>"
    "<RltdPties><Cdtr><Pty><Nm>Café Europa</Nm></Pty></Cdtr></RltdPties>"
    "<CardTx><Card><PlainCardData><PAN>card-a</PAN></PlainCardData></Card></CardTx>"
    "<RltdDts><TxDtTm>2026-11-02T10:00:00+01:00</TxDtTm></RltdDts></TxDtls></NtryDtls>"
)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "statement.xml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["BkToCstmrStmt/Stmt", "BkToCstmrDbtCdtNtfctn/Ntfctn"])
def test_an_entry_is_a_line(tmp_path: Path, name: str) -> None:
    message, inner = name.split("/")
    (line,), refused, account = read(write(tmp_path, camt(PLAIN, message_name=message, inner=inner)))
    assert (line.number, line.minor, line.currency, line.refund) == (1, 1250, "EUR", False)
    assert (line.day, line.bought) == (date(2026, 11, 4), date(2026, 11, 2))
    assert (line.card, line.merchant, line.authorization) == ("card-a", "Café Europa", "auth-1")
    assert (refused, account) == ([], {"used": 1, "entries": 1})


def test_an_entry_of_several_transactions_is_as_many_lines(tmp_path: Path) -> None:
    parts = "".join(
        f"<TxDtls><Refs><TxId>t{n}</TxId></Refs><Amt Ccy='USD'>{n}.00</Amt></TxDtls>" for n in (1, 2)
    )
    text = entry(
        "<Amt Ccy='USD'>3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>"
        f"<BookgDt><DtTm>2026-11-04T23:30:00Z</DtTm></BookgDt><NtryDtls>{parts}</NtryDtls>"
    )
    lines, _, account = read(write(tmp_path, camt(text)))
    assert [(one.number, one.reference, one.minor, one.refund) for one in lines] == [
        (1, "t1", 100, True),
        (1, "t2", 200, True),
    ]
    assert account == {"used": 2, "entries": 1}


def test_what_is_not_booked_is_counted_and_is_no_line(tmp_path: Path) -> None:
    pending = PLAIN.replace("BOOK", "PDNG")
    lines, _, account = read(write(tmp_path, camt(PLAIN, pending)))
    assert (len(lines), account) == (1, {"used": 1, "not booked": 1, "entries": 2})


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (">12.50<", ">twelve<", "is not a decimal number"),
        (">12.50<", ">12.505<", "more digits than EUR"),
        (">12.50<", ">0<", "amount is zero"),
        (">12.50<", ">-12.50<", "has a sign"),
        (">12.50<", ">NaN<", "is not a decimal number"),
        (">12.50<", f">{'9' * 39}<", "larger than"),
        ("'EUR'", "'EUX'", "EUX"),
        ("DBIT", "BOTH", "DBIT or CRDT"),
        ("2026-11-04", "2026-02-30", "not a date"),
        ("2026-11-04", "0001-01-01", "outside of the years"),
        ("<BookgDt><Dt>2026-11-04</Dt></BookgDt>", "", "BookgDt is missing"),
        (">arn-1<", ">4111111111111111<", "card number"),
    ],
)
def test_an_entry_that_cannot_be_used_says_its_place_and_field(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in PLAIN
    lines, (refused,), _ = read(write(tmp_path, camt(PLAIN.replace(old, new), PLAIN)))
    assert len(lines) == 1
    assert refused.reason.startswith("entry 1: ")
    assert reason in refused.reason


def test_a_card_number_is_no_card_and_is_nowhere_kept(tmp_path: Path) -> None:
    (line,), _, _ = read(write(tmp_path, camt(PLAIN.replace("card-a", "4111111111111111"))))
    assert line.card is None
    assert "4111" not in str(line)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>', PLAIN),
        ('<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">', PLAIN),
        ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>', PLAIN.replace("arn-1", "&f;")),
        ("<!DOCTYPE Document>", PLAIN),
    ],
)
def test_a_document_type_is_refused_before_anything_is_expanded(tmp_path: Path, head: str, body: str) -> None:
    with pytest.raises(SpendlogError, match="declares a document type"):
        read(write(tmp_path, camt(body, head=head)))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (camt(PLAIN)[:-30], "not whole XML"),
        (camt(PLAIN, "<Ntry>" * 50), "nests deeper"),
        (b"<?xml version='1.0'?><html><body><p/></body></html>", "none of camt"),
        (b"<?xml version='1.0'?><Document/>", "none of camt"),
        (camt(PLAIN.replace("arn-1", "&undefined;")), "not whole XML"),
    ],
)
def test_a_broken_file_is_refused_as_a_whole(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(SpendlogError, match=match):
        read(write(tmp_path, content))
