"""The processor's settlement file of TechCorp's month, with what one finds in such files."""

from __future__ import annotations

import csv
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from api.client import Client
from infra.demo.month import CURRENCY
from infra.errors import SpendlogError
from infra.imports.mapping import parse_mapping
from infra.reconciliation.sending import send_file, spooled
from schemas.event import Event
from schemas.events import ClearingPresented, RefundPresented

MAPPING: Final = """\
# Which column of settlement.csv means what: docs/imports.md
[columns]
row_id = "arn"
time = "bought"
posted = "booked"
card = "card"
merchant = "merchant"
amount = "amount"
currency = "currency"

[time]
zone = "UTC"
"""
_LINES_MIN: Final = 6
_BOOKED_WITHIN_S: Final = 120.0
_HEADER: Final = ("arn", "booked", "bought", "card", "merchant", "amount", "currency")


class SettledLine(NamedTuple):
    """A line as the processor writes it. `minor`: below zero came back."""

    arn: str
    booked: str
    bought: str
    card: str
    merchant: str
    minor: int

    def cells(self) -> tuple[str, ...]:
        sign, whole = "-" * (self.minor < 0), abs(self.minor)
        return (*self[:5], f"{sign}{whole // 100}.{whole % 100:02d}", CURRENCY)


class SettlementFiles(NamedTuple):
    """`sent`: to be matched at once; `kept`: for whoever tries the page; `mapping`: reads both."""

    sent: Path
    kept: Path
    mapping: Path


def settled_lines(events: Iterable[Event], since: datetime, until: datetime) -> list[SettledLine]:
    """What was settled in that time: one line is not there, one is there twice, one is higher by a tip that
    nobody told, and one is of a purchase that nobody asked for."""
    lines = [
        _line(event)
        for event in events
        if isinstance(event, ClearingPresented | RefundPresented) and since <= event.occurred_at < until
    ]
    if len(lines) < _LINES_MIN:
        return lines
    lines[1] = lines[1]._replace(minor=lines[1].minor + 500)
    stranger = lines[3]._replace(arn=f"arn-of-nobody-{since:%m%d}", merchant="Skyline Parking", minor=2_800)
    return [*lines[:-2], lines[-1], lines[0], stranger]


def _line(event: ClearingPresented | RefundPresented) -> SettledLine:
    minor = event.amount.minor if isinstance(event, ClearingPresented) else -event.amount.minor
    day = f"{event.occurred_at:%Y-%m-%d}"
    merchant = event.merchant.name if event.merchant else ""
    return SettledLine(event.event_id or "", day, day, event.card_id, merchant, minor)


def write_files(folder: Path, events: Sequence[Event], now: datetime) -> SettlementFiles:
    """Of the month until a week ago, and of the week until yesterday."""
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    week_ago = midnight - timedelta(days=7)
    folder.mkdir(parents=True, exist_ok=True)
    found = SettlementFiles(*(folder / name for name in ("month.csv", "week.csv", "settlement.toml")))
    for file, since, until in (
        (found.sent, week_ago - timedelta(days=60), week_ago),
        (found.kept, week_ago, midnight),
    ):
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(_HEADER)
            writer.writerows(line.cells() for line in settled_lines(events, since, until))
    found.mapping.write_text(MAPPING, encoding="utf-8")
    return found


def send_settlement(api: Client, files: SettlementFiles) -> dict[str, Any]:
    """As `spendlog reconcile` does; how it stands when it is matched. Raises SpendlogError."""
    mapping = parse_mapping(MAPPING, files.mapping.name, departments=False)
    with spooled(files.sent, mapping, datetime.now(UTC).date(), lambda _: None) as found:
        return send_file(api, found, {"name": files.sent.name}, lambda _: None)


def wait_in_books(postgres: str, last: Mapping[int, int]) -> None:
    """Until the ledger has the decisions on these card events (partition -> offset). Raises SpendlogError."""
    until_s = clock.monotonic() + _BOOKED_WITHIN_S
    with psycopg.connect(postgres, autocommit=True) as connection:
        while True:
            found = connection.execute("SELECT partition, max(source_offset) FROM decision GROUP BY 1")
            booked: dict[int, int] = dict(found.fetchall())
            if all(booked.get(partition, -1) >= offset for partition, offset in last.items()):
                return
            if clock.monotonic() > until_s:
                raise SpendlogError(f"the month is not booked after {_BOOKED_WITHIN_S:.0f} s: see the logs")
            clock.sleep(0.1)
