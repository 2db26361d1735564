"""Settlement files as processors write them, made for the tests."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from pathlib import Path

import iso8583
from iso8583.specs import default_ascii

from infra.imports.mapping import Mapping, parse_mapping
from infra.imports.row import Unusable
from infra.reconciliation.files import open_settlement
from infra.reconciliation.lines import SettlementLine

TODAY = date(2026, 11, 28)

MAPPING = """
[columns]
time = "bought"
posted = "booked"
amount = "amount"
currency = "currency"
card = "card"
merchant = "merchant"
row_id = "arn"
authorization = "authorization"
[time]
zone = "UTC"
"""
HEADER = "arn,authorization,card,merchant,bought,booked,amount,currency\n"


def mapping(text: str = MAPPING) -> Mapping:
    return parse_mapping(text, "test", departments=False)


def read(
    path: Path, by: Mapping | None = None, today: date = TODAY
) -> tuple[list[SettlementLine], list[Unusable], dict[str, int]]:
    """Usable lines, refused ones, and the account."""
    with open_settlement(path, by, today) as settlement:
        found = list(settlement.lines)
        lines = [one for one in found if isinstance(one, SettlementLine)]
        refused = [one for one in found if isinstance(one, Unusable)]
        return lines, refused, dict(settlement.account)


def spec_1993() -> dict[str, dict[str, object]]:
    spec = deepcopy(dict(default_ascii))
    for name, kind, length in (("12", 0, 12), ("15", 0, 6), ("31", 2, 99), ("43", 2, 99)):
        spec[name].update(len_type=kind, max_len=length)
    return spec


def message(encoding: str = "ascii", **fields: str) -> bytes:
    """One message; `t` and the fields as f4="000000001250"."""
    named = {name.removeprefix("f"): text for name, text in fields.items()}
    spec = spec_1993() if named["t"][0] == "1" else deepcopy(dict(default_ascii))
    for one in spec.values():
        one.update(data_enc=encoding, len_enc=encoding)
    raw, _ = iso8583.encode(named, spec)
    return bytes(raw)


def batch(*messages: bytes, width: int = 4, end: bool = True) -> bytes:
    framed = b"".join(len(one).to_bytes(width, "big") + one for one in messages)
    return framed + (b"\0" * width if end else b"")


def entry(body: str) -> str:
    return f"<Ntry>{body}</Ntry>"


def camt(*entries: str, message_name: str = "BkToCstmrStmt", inner: str = "Stmt", head: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><{message_name}><{inner}>'
        f"<Id>S1</Id>{''.join(entries)}</{inner}></{message_name}></Document>"
    ).encode()


def ofx(*transactions: str, currency: str = "USD", account: str = "card-alice") -> bytes:
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\n"
        "COMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n\n"
        "<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><CCSTMTRS>"
        f"<CURDEF>{currency}<CCACCTFROM><ACCTID>{account}</CCACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20261101<DTEND>20261130{''.join(transactions)}</BANKTRANLIST>"
        "</CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>"
    ).encode()
