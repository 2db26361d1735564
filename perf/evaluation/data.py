"""Labelled requests from a file: CSV (also gzip) or Parquet."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from infra.errors import SpendlogError

# What each member is called in files; the first that is there is taken.
COLUMNS = {
    "at": ("event_time", "TX_DATETIME", "occurred_at"),
    "card": ("card", "CUSTOMER_ID", "card_id"),
    "merchant": ("merchant", "TERMINAL_ID", "merchant_name"),
    "amount": ("amount_minor", "TX_AMOUNT_MINOR"),
    "fraud": ("label", "TX_FRAUD", "fraud"),
    "kind": ("label_type", "TX_FRAUD_SCENARIO", "kind"),
    "department": ("department", "department_id"),
    "mcc": ("mcc", "merchant_mcc"),
}
OPTIONAL = {"kind", "department", "mcc"}
NOON_S = 43_200
DAY_S = 86_400


class LabelledRequest(NamedTuple):
    """One request. `kind`: of misuse, for the report alone."""

    at_s: int
    department: str
    card: str
    merchant: str
    mcc: str | None
    amount: int
    fraud: bool
    kind: str


def read(path: Path, *, noon: bool, limit: int | None = None) -> list[LabelledRequest]:
    """The requests in order of time; refunds (amounts of zero and below) are left out.

    `noon`: every one is put at noon of its day, in the order of the file's times, for files whose hours are
    invented or tell too much. `limit`: only the first so many.

    Raises:
        SpendlogError: the file cannot be read, or lacks a column.
    """
    try:
        rows = sorted(_rows(path), key=lambda row: row.at_s)
    except (OSError, ValueError, KeyError) as error:
        raise SpendlogError(f"{path}: {error}") from None
    if not rows:
        raise SpendlogError(f"{path}: no request with an amount above zero is in it")
    if noon:
        rows = [row._replace(at_s=row.at_s // DAY_S * DAY_S + NOON_S) for row in rows]
    return rows[:limit]


def _rows(path: Path) -> Iterator[LabelledRequest]:
    for row in _parquet(path) if path.suffix == ".parquet" else _csv(path):
        found = {name: _first(row, name, path) for name in COLUMNS}
        amount = int(found["amount"])
        if amount <= 0:
            continue
        mcc = str(found["mcc"] or "").strip()
        yield LabelledRequest(
            _seconds(found["at"]),
            str(found["department"] or "all"),
            str(found["card"]),
            str(found["merchant"]),
            mcc.zfill(4) if mcc.isdigit() and int(mcc) else None,
            amount,
            int(found["fraud"]) == 1,
            str(found["kind"] or ""),
        )


def _first(row: dict[str, Any], name: str, path: Path) -> Any:
    for column in COLUMNS[name]:
        if column in row:
            return row[column]
    if name in OPTIONAL:
        return None
    raise SpendlogError(f"{path}: no column {' or '.join(COLUMNS[name])}; it has {', '.join(row)}")


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open("rt") as file:
        yield from csv.DictReader(file)


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    if find_spec("pyarrow") is None:
        raise SpendlogError(f"{path}: Parquet needs pyarrow (pip install pyarrow); CSV needs nothing")
    table = import_module("pyarrow.parquet").read_table(path)
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _seconds(moment: Any) -> int:
    """Whole seconds since the epoch; a time without an offset is UTC. Fractions of any length are cut."""
    if not isinstance(moment, datetime):
        text = str(moment)
        moment = datetime.fromisoformat(text[:19] if "." in text else text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
