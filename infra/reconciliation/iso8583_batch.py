"""Batches of ISO 8583 messages: each with its length before it, in two bytes or four (VBS), big endian.

Versions 1987 and 1993, in ASCII or EBCDIC (cp500), bitmaps in binary or as hexadecimal text: told by the
first message. Presentments (x2xx) are lines; reversals and chargebacks of them (x4xx) bring money back, as a
processing code 20 to 29 does; what administers the file (x5xx, x6xx, x8xx) is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import iso8583
from iso4217 import Currency
from iso8583.specs import default as STANDARD

from infra.errors import SpendlogError
from infra.imports.row import BadRow, Unusable
from infra.reconciliation.lines import (
    SettlementFile,
    SettlementLine,
    bounded,
    card_token,
    currency_code,
    identifier,
    merchant_name,
    plausible,
)

Spec = dict[str, dict[str, Any]]

_MESSAGE_BYTES_MAX: Final = 8192
_ADMINISTRATIVE: Final = frozenset("5678")
# Field -> (kind of its length: 0 fixed, else digits of it; largest length), where 1993 is not as 1987.
_OF_1993: Final = {
    "12": (0, 12), "13": (0, 4), "15": (0, 6), "16": (0, 4), "17": (0, 4), "22": (0, 12), "24": (0, 3),
    "25": (0, 4), "26": (0, 4), "28": (0, 6), "29": (0, 3), "30": (0, 24), "31": (2, 99), "43": (2, 99),
    "55": (3, 255), "56": (2, 35), "71": (0, 8), "72": (3, 999), "94": (2, 11), "93": (2, 11),
}  # fmt: skip


@contextmanager
def open_batch(path: Path, today: date) -> Iterator[SettlementFile]:
    """Its messages. `today`: dates of 1987 have no year, theirs is the last that is not ahead of it.

    Raises:
        SpendlogError: while the lines are taken: a message does not end where its length says.
    """
    with path.open("rb") as file:
        account: Counter[str] = Counter()
        yield SettlementFile("iso8583", _lines(path, file, today, account), account)


def looks_like_batch(start: bytes) -> bool:
    """Whether a file begins with a length and a message type."""
    return any(_type_of(start[width:]) is not None for width in (2, 4))


def _type_of(message: bytes) -> str | None:
    """The message type, decoded; None where the bytes are none."""
    for encoding in ("ascii", "cp500"):
        text = message[:4].decode(encoding, "replace")
        if len(text) == 4 and text.isascii() and text.isdigit() and text[0] in "01" and text[1] in "12345678":
            return text
    return None


def _messages(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Messages in their order; one of no bytes ends the batch.

    Raises:
        SpendlogError: a length is none, or the file ends within a message.
    """
    start = file.read(8)
    width = 2 if _type_of(start[2:]) is not None else 4
    file.seek(0)
    number = at = 0
    while head := file.read(width):
        number += 1
        length = int.from_bytes(head, "big")
        if not length and len(head) == width:
            return
        message = file.read(length) if length <= _MESSAGE_BYTES_MAX else b""
        if len(head) < width or len(message) < length:
            raise SpendlogError(
                f"{path}: message {number}, at byte {at}, says {length:,} bytes and the file does not have "
                f"them (or they are more than {_MESSAGE_BYTES_MAX:,}): it is cut off, or blocked by 1,014 "
                f"bytes, which must be undone first"
            )
        at += width + length
        yield message


def _lines(
    path: Path, file: BinaryIO, today: date, account: Counter[str]
) -> Iterator[SettlementLine | Unusable]:
    for number, message in enumerate(_messages(path, file), start=1):
        account["entries"] += 1
        line: SettlementLine | Unusable | None
        try:
            line = _line(number, message, today)
        except BadRow as bad:
            line = Unusable(number, f"message {number}: {bad}")
        except iso8583.DecodeError as error:
            line = Unusable(number, f"message {number}: field {error.field}: {error.msg}")
        if line is None:
            account["administrative"] += 1
            continue
        account["refused" if isinstance(line, Unusable) else "used"] += 1
        yield line


def _line(number: int, message: bytes, today: date) -> SettlementLine | None:
    kind = _type_of(message)
    if kind is None:
        raise BadRow("it does not begin with a message type")
    if kind[1] in _ADMINISTRATIVE:
        return None
    if kind[1] not in "24":
        raise BadRow(f"message type {kind} is no presentment (x2xx) and no reversal (x4xx)")
    fields, _ = iso8583.decode(message, _spec(kind, message))
    minor, currency = _amount(fields)
    booked, bought = _days(fields, kind, today)
    return SettlementLine(
        number=number,
        refund=(kind[1] == "4") != fields.get("3", "00").startswith("2"),
        minor=minor,
        currency=currency,
        day=booked,
        bought=bought,
        reference=identifier(fields.get("31") if kind[0] == "1" else fields.get("37"), "field 31 or 37"),
        authorization=identifier(fields.get("37"), "field 37"),
        card=card_token(fields.get("2")),
        merchant=merchant_name(fields.get("43", "")[:25].partition("\\")[0] or fields.get("42")),
    )


@lru_cache(maxsize=16)
def _spec_of(version: str, encoding: str, hexadecimal: bool) -> Spec:
    spec: Spec = deepcopy(dict(STANDARD))
    for field in spec.values():
        if field["data_enc"] != "b":
            field["data_enc"] = encoding
        field["len_enc"] = encoding
    for bitmap in ("p", "1"):
        spec[bitmap].update(data_enc=encoding if hexadecimal else "b", max_len=16 if hexadecimal else 8)
    if version == "1":
        for name, (kind, length) in _OF_1993.items():
            spec[name].update(len_type=kind, max_len=length)
    return spec


def _spec(kind: str, message: bytes) -> Spec:
    encoding = "ascii" if message[:1].isdigit() else "cp500"
    bitmap = message[4:20].decode(encoding, "replace")
    hexadecimal = len(bitmap) == 16 and all(letter in "0123456789ABCDEFabcdef" for letter in bitmap)
    return _spec_of(kind[0], encoding, hexadecimal)


def _amount(fields: dict[str, str]) -> tuple[int, str]:
    """What the cardholder was billed (fields 6 and 51), else what was paid (4 and 49)."""
    amount, code = ("6", "51") if "6" in fields else ("4", "49")
    text = fields.get(amount, "")
    if not (text.isascii() and text.isdigit()):
        raise BadRow(f"field {amount}, the amount, is {text[:20]!r}: it must be twelve digits")
    return bounded(int(text)), _currency(fields.get(code, ""), code)


@lru_cache(maxsize=512)
def _currency(code: str, field: str) -> str:
    """The letters of a currency that is named by them, or by its number (840)."""
    text = code
    if code.isascii() and code.isdigit():
        text = next((one.code for one in Currency if one.number == int(code)), "")
        if not text:
            raise BadRow(f"field {field}, the currency, is {code}: no number of ISO 4217")
    return currency_code(text.strip())


def _days(fields: dict[str, str], kind: str, today: date) -> tuple[date, date | None]:
    """When it was booked, and when it was bought. 1993: YYMMDD; 1987: MMDD without a year."""
    local = fields.get("12" if kind[0] == "1" else "13", "")
    settled = fields.get("15", "")
    bought = _date(local, "12 or 13", kind, today) if local else None
    booked = _date(settled, "15", kind, today) if settled else bought
    if booked is None:
        raise BadRow("field 15, 12 or 13 is missing: a date is needed")
    return booked, bought


def _date(text: str, field: str, kind: str, today: date) -> date:
    try:
        if not (text.isascii() and text.isdigit()):
            raise ValueError
        if kind[0] == "1":
            return plausible(date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6])), f"field {field}")
        return _in_last_year(int(text[:2]), int(text[2:4]), today)
    except BadRow:
        raise
    except ValueError:
        raise BadRow(f"field {field}, a date, is {text[:12]!r}: it must be {_shape(kind)}") from None


def _shape(kind: str) -> str:
    return "YYMMDD" if kind[0] == "1" else "MMDD"


def _in_last_year(month: int, day: int, today: date) -> date:
    """The last such day that is not after tomorrow, as clocks of others may be ahead."""
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if (found - today).days <= 1:
            return found
    raise ValueError
