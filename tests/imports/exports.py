"""A small card export, as text."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

from infra.imports.mapping import Mapping
from infra.imports.row import Row, Unusable
from infra.imports.rows import read_rows

HEADER = "id,department,card,merchant,mcc,amount,time,posted,currency"

MAPPING = """
[columns]
department = "department"
card = "card"
amount = "amount"
time = "time"
merchant = "merchant"
row_id = "id"
mcc = "mcc"
posted = "posted"
currency = "currency"

[time]
zone = "Europe/London"

[amount]
unit = "major"

[constants]
organization = "city"
"""


def mapping(text: str = MAPPING) -> Mapping:
    return msgspec.toml.decode(text, type=Mapping)


def line(
    id_: str = "r1",
    department: str = "Housing",
    card: str = "card_1",
    merchant: str = "Screwfix",
    mcc: str = "5251",
    amount: str = "12.50",
    time: str = "2019-01-07 09:00:00",
    posted: str = "",
    currency: str = "GBP",
) -> str:
    return ",".join((id_, department, card, merchant, mcc, amount, time, posted, currency))


def write(folder: Path, *lines: str, header: str = HEADER, name: str = "export.csv") -> Path:
    path = folder / name
    text = "\n".join([header, *lines]) + "\n"
    encoded = text.encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(encoded) if name.endswith(".gz") else encoded)
    return path


def read(path: Path, text: str = MAPPING, limit_rows: int | None = None) -> list[Row | Unusable]:
    return list(read_rows(path, mapping(text), limit_rows))


def one(folder: Path, written: str, text: str = MAPPING) -> Row | Unusable:
    (found,) = read(write(folder, written), text)
    return found
