"""OFX statements (1.x SGML and 2.x XML), by ofxtools' parser, which expands no entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from ofxtools.Parser import OFXTree

from infra.errors import SpendlogError
from infra.imports.row import BadRow, Unusable
from infra.reconciliation.lines import (
    SettlementFile,
    SettlementLine,
    card_token,
    currency_code,
    identifier,
    merchant_name,
    plausible,
    signed_minor,
)

# The parser holds the whole file as a tree, about ten times its size: 100,000 transactions are 25 MB.
OFX_BYTES_MAX: Final = 64 << 20
_STATEMENTS: Final = ("CCSTMTRS", "STMTRS")


@contextmanager
def open_ofx(path: Path) -> Iterator[SettlementFile]:
    """Its transactions. Raises SpendlogError: no OFX, without a statement, or too large."""
    account: Counter[str] = Counter()
    yield SettlementFile("ofx", _lines(_tree(path), account), account)


def _tree(path: Path) -> Element:
    content = path.read_bytes()
    if len(content) > OFX_BYTES_MAX:
        raise SpendlogError(
            f"{path} has {len(content):,} bytes, more than {OFX_BYTES_MAX:,}: ask for shorter periods"
        )
    head = content[:4096].upper()
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise SpendlogError(f"{path} declares a document type or entities, which is not read")
    if not content.rstrip().upper().endswith(b"</OFX>"):  # the parser closes what is open by itself
        raise SpendlogError(f"{path} is not whole OFX: it does not end with </OFX>. Fetch the file again")
    try:
        root = OFXTree().parse(BytesIO(content))
    except (SyntaxError, ValueError, AssertionError, AttributeError, LookupError) as error:
        # What the parser raises on broken files is of several kinds, and none says the line.
        said = " ".join(str(error).split())[:120]
        raise SpendlogError(f"{path} is not whole OFX ({said}): fetch the file again") from None
    if not _statements(root):
        raise SpendlogError(f"{path} is OFX without a statement (STMTRS, CCSTMTRS): ask for the transactions")
    return root


def _statements(root: Element) -> list[Element]:
    return [one for name in _STATEMENTS for one in root.iter(name)]


def _lines(root: Element, account: Counter[str]) -> Iterator[SettlementLine | Unusable]:
    number = 0
    for statement in _statements(root):
        currency = _text(statement, "CURDEF")
        card = _text(statement, "CCACCTFROM/ACCTID")
        for transaction in statement.iter("STMTTRN"):
            number += 1
            line: SettlementLine | Unusable
            try:
                line = _line(number, transaction, currency, card)
            except BadRow as bad:
                line = Unusable(number, f"transaction {number}: {bad}")
            account["refused" if isinstance(line, Unusable) else "used"] += 1
            yield line
    account["entries"] = number


def _line(number: int, of: Element, currency: str | None, card: str | None) -> SettlementLine:
    code = currency_code(_text(of, "CURRENCY/CURSYM") or currency)
    text = _text(of, "TRNAMT") or ""
    minor = signed_minor(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text, code)
    return SettlementLine(
        number=number,
        refund=minor > 0,  # a purchase takes from the account
        minor=abs(minor),
        currency=code,
        day=_day(of, "DTPOSTED") or _missing_day(),
        bought=_day(of, "DTUSER"),
        reference=identifier(_text(of, "FITID"), "FITID"),
        authorization=identifier(_text(of, "REFNUM"), "REFNUM"),
        card=card_token(card),
        merchant=merchant_name(_text(of, "NAME") or _text(of, "PAYEE/NAME") or _text(of, "MEMO")),
    )


def _missing_day() -> date:
    raise BadRow("DTPOSTED is missing: a transaction says when it was booked")


def _day(of: Element, name: str) -> date | None:
    """The day that is written; its time and zone are the bank's own."""
    text = _text(of, name)
    if text is None:
        return None
    digits = text[:8]
    try:
        if not (digits.isascii() and digits.isdigit() and len(digits) == 8):
            raise ValueError
        return plausible(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])), name)
    except BadRow:
        raise
    except ValueError:
        raise BadRow(f"{name} {text[:40]!r} does not begin with a date (YYYYMMDD)") from None


def _text(of: Element, place: str) -> str | None:
    found = of.find(place)
    text = (found.text or "").strip() if found is not None else ""
    return text or None
