"""ISO 20022 account reports: camt.053 (statement) and camt.054 (notification), all their versions.

An entry with several transactions is as many lines. Read as a stream: an entry is forgotten when it is read.
What declares a document type is refused before anything is expanded (defusedxml).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

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

_MESSAGES: Final = ("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
_DEPTH_MAX: Final = 40  # the schemas nest 15 deep
# Where a transaction says which it is, the most telling first: the acquirer's reference, then the bank's.
_REFERENCES: Final = ("Refs/Prtry/Ref", "Refs/AcctSvcrRef", "Refs/TxId", "Refs/InstrId")
_REFERENCES_OF_ENTRY: Final = ("AcctSvcrRef", "NtryRef")
_AUTHORIZATIONS: Final = ("Refs/EndToEndId",)
_NO_REFERENCE: Final = "NOTPROVIDED"
_MERCHANTS: Final = (
    "RltdPties/Cdtr/Pty/Nm", "RltdPties/Cdtr/Nm", "RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm",
    "CardTx/POI/Id/Nm", "RmtInf/Ustrd", "AddtlTxInf",
)  # fmt: skip
_CARDS: Final = ("CardTx/Card/PlainCardData/PAN", "CardTx/Card/MskdPAN", "RltdPties/DbtrAcct/Id/Othr/Id")


@contextmanager
def open_camt(path: Path) -> Iterator[SettlementFile]:
    """Its booked entries. Raises SpendlogError while the lines are taken: no XML, or no camt."""
    with path.open("rb") as file:
        account: Counter[str] = Counter()
        yield SettlementFile("camt", _lines(path, file, account), account)


def _lines(path: Path, file: BinaryIO, account: Counter[str]) -> Iterator[SettlementLine | Unusable]:
    entries = 0
    try:
        for entry in _entries(path, file):
            entries += 1
            for line in _of_entry(entries, entry, account):
                account["refused" if isinstance(line, Unusable) else "used"] += 1
                yield line
    except DefusedXmlException as unsafe:
        raise SpendlogError(
            f"{path} declares a document type or entities ({type(unsafe).__name__}), which no camt file has "
            f"and which is not read: ask the bank for the plain message"
        ) from None
    except ParseError as error:
        raise SpendlogError(
            f"{path} is not whole XML: {error}; {entries:,} entries were read before. Fetch the file again"
        ) from None
    account["entries"] = entries


def _entries(path: Path, file: BinaryIO) -> Iterator[Element]:
    """Each `Ntry`; its namespace is dropped and what was read is let go."""
    stack: list[Element] = []
    known = False
    for happened, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        if happened == "start":
            element.tag = _local(element.tag)
            known = known or element.tag in _MESSAGES
            stack.append(element)
            if len(stack) > _DEPTH_MAX:
                raise SpendlogError(f"{path} nests deeper than {_DEPTH_MAX} elements: it is no camt message")
            if len(stack) == 3 and not known:
                raise SpendlogError(
                    f"{path} is XML with <{element.tag}>, none of camt.053 and camt.054: ask for one of them"
                )
            continue
        stack.pop()
        inside = any(outer.tag == "Ntry" for outer in stack)
        if element.tag == "Ntry" and not inside:
            yield element
        if not inside:
            element.clear()
            if stack:
                stack[-1].remove(element)
    if not known:
        raise SpendlogError(f"{path} is XML, but none of camt.053 and camt.054: ask for one of them")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _of_entry(number: int, entry: Element, account: Counter[str]) -> Iterator[SettlementLine | Unusable]:
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status not in (None, "BOOK"):
        account["not booked"] += 1
        return
    parts = entry.findall("NtryDtls/TxDtls") or [entry]
    for n, part in enumerate(parts, start=1):
        where = f"entry {number}" + (f", transaction {n}" if len(parts) > 1 else "")
        try:
            yield _line(number, entry, part, alone=len(parts) == 1)
        except BadRow as bad:
            yield Unusable(number, f"{where}: {bad}")


def _line(number: int, entry: Element, part: Element, *, alone: bool) -> SettlementLine:
    amount = _amount(entry, part, alone=alone)
    currency = currency_code(amount.get("Ccy"))
    minor = signed_minor(amount.text, currency)
    if minor < 0:
        raise BadRow(f"Amt {amount.text} has a sign: CdtDbtInd says the direction")
    way = _text(part, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    if way not in ("DBIT", "CRDT"):
        raise BadRow(f"CdtDbtInd is {way or 'missing'}: it must be DBIT or CRDT")
    # Several transactions of one entry would all have its reference.
    reference = _first(part, _REFERENCES) or (_first(entry, _REFERENCES_OF_ENTRY) if alone else None)
    return SettlementLine(
        number=number,
        refund=way == "CRDT",
        minor=minor,
        currency=currency,
        day=_day(entry, "BookgDt") or _day(entry, "ValDt") or _missing_day(),
        bought=_day(part, "RltdDts/TxDtTm", whole=True),
        reference=identifier(reference, "reference"),
        authorization=identifier(_first(part, _AUTHORIZATIONS), "EndToEndId"),
        card=card_token(_first(part, _CARDS) or _first(entry, _CARDS)),
        merchant=merchant_name(_first(part, _MERCHANTS) or _text(entry, "AddtlNtryInf")),
    )


def _amount(entry: Element, part: Element, *, alone: bool) -> Element:
    """The amount in the account's currency: that of the transaction, or the entry's where there is one."""
    for place in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = part.find(place)
        if found is not None:
            return found
    whole = entry.find("Amt")
    if whole is None or not alone:
        raise BadRow("Amt is missing: each transaction of an entry needs its own")
    return whole


def _missing_day() -> date:
    raise BadRow("BookgDt is missing: a booked entry says when it was booked")


def _day(of: Element, place: str, *, whole: bool = False) -> date | None:
    """The date at `place`, as `Dt` or `DtTm` below it, or as its text (`whole`)."""
    text = _text(of, place) if whole else _text(of, f"{place}/Dt") or _text(of, f"{place}/DtTm")
    if text is None:
        return None
    try:
        return plausible(date.fromisoformat(text[:10]), place)
    except ValueError as bad:
        raise (
            bad if isinstance(bad, BadRow) else BadRow(f"{place} {text[:40]!r} is not a date (YYYY-MM-DD)")
        ) from None


def _text(of: Element, place: str) -> str | None:
    found = of.find(place)
    text = (found.text or "").strip() if found is not None else ""
    return text or None


def _first(of: Element, places: tuple[str, ...]) -> str | None:
    return next((text for place in places if (text := _text(of, place)) not in (None, _NO_REFERENCE)), None)
