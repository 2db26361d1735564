"""Plays a card export: requests in time order, each approved one cleared on its posting date.

A processor clears what was approved, so the player must know each answer before it sends the clearing.
One by one that would be a round trip for each row. So: requests go in windows; a window's decisions are
read; clearings that are due before the next window's first request go ahead of it.
"""

from __future__ import annotations

import csv
import heapq
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from infra.demo import books, summary
from infra.demo.budgets import Budgets
from infra.demo.checks import Checks
from infra.demo.house import House, wait_until_booked
from infra.demo.kafka import Sender, Watch, end_offsets
from infra.demo.mapping import Mapping
from infra.demo.rows import (
    Row,
    Unusable,
    month_of,
    month_start,
    open_text,
    read_header,
    read_lines,
    read_rows,
)
from infra.demo.steps import counting
from infra.demo.stream import Tally
from infra.errors import SpendlogError
from schemas.codec import encode_event
from schemas.controls import HOLD_DAYS_MAX, Policy
from schemas.decisions import Decision
from schemas.events import (
    AuthorizationRequested,
    BudgetSet,
    ClearingPresented,
    Event,
    Merchant,
    PolicyDrafted,
    RefundPresented,
)
from schemas.money import Money, PositiveMoney
from schemas.partitions import partition_of
from schemas.reasons import Outcome, sentence
from schemas.topics import DEAD_LETTERS

# A round trip for each window: 2,000 rows make it cheap. A week keeps clearings close to their place in time.
WINDOW_ROWS_MAX: Final = 2_000
WINDOW_SPAN_MAX: Final = timedelta(days=7)
LISTED_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Export:
    """What to play, and how. `reject_file` None: in the data folder."""

    path: Path
    mapping: Mapping
    budget_factor: float = 1.25
    limit_rows: int | None = None
    reject_file: Path | None = None


@dataclass(slots=True)
class Result:
    """Rows by what became of them; each row is in one of the first three."""

    decided: int = 0
    rejected: dict[int, str] = field(default_factory=dict)  # line -> reason
    unusable: int = 0
    cleared: int = 0
    clearings_refused: int = 0


def play_export(export: Export, house: House, console: Console, checks: Checks) -> None:
    """Reads the file, plays it, prints what became of it.

    Raises:
        SpendlogError: the file or the reject file cannot be used, or the system stalls.
    """
    console.rule(f"[bold]{escape(export.path.name)}", align="left")
    reject_file = export.reject_file or house.data_dir / "rejects.csv"
    header = read_header(export.path, export.mapping)
    result = Result()
    with _reject_writer(reject_file, header) as rejects:
        rows = _read(export, rejects, result, console)
        dead_letters_from = end_offsets(house.endpoints.kafka, DEAD_LETTERS.name)
        player = Player(rows, export, house, result)
        with Watch(house.endpoints.kafka, player.decided) as watch:
            started_s = time.monotonic()
            player.play(watch, console)
            played_s = time.monotonic() - started_s
            booked_s = wait_until_booked(house, watch, console)
            events = watch.count
        _write_rejected(export, result.rejected, rejects)
    _show(export, house, player, console, checks, dead_letters_from)
    _check_rows(result, len(rows), reject_file, console, checks)
    summary.check_books(checks, house)
    summary.check_log(console, checks, house)
    console.rule("[bold]Speed, here and now", align="left")
    console.print(
        f"  {len(rows):,} rows as {events:,} events in {played_s:.1f} s: {len(rows) / played_s:,.0f} rows/s, "
        f"{events / played_s:,.0f} decisions/s; the last booking {booked_s:.1f} s later",
        highlight=False,
    )


def _read(export: Export, rejects: Any, result: Result, console: Console) -> list[Row]:
    """All usable rows in time order; the others go to the reject file and the first of them to the screen."""
    rows: list[Row] = []
    kinds: Counter[str] = Counter()
    first: list[Unusable] = []
    started_s = time.monotonic()
    with console.status("reading"):
        for found in read_rows(export.path, export.mapping, export.limit_rows):
            if isinstance(found, Row):
                rows.append(found)
                continue
            result.unusable += 1
            kinds[_kind(found.reason)] += 1
            first += [found] if len(first) < LISTED_MAX else []
            rejects.writerow([found.line, found.reason, *found.fields])
    if not rows:
        raise SpendlogError(
            f"{export.path} has no usable row; the first: {first[0].reason if first else 'none at all'}"
        )
    rows.sort(key=lambda row: (row.at, row.line))
    took_s = time.monotonic() - started_s
    console.print(
        f"✓ read: {len(rows):,} usable rows, {result.unusable:,} not, in {took_s:.1f} s", highlight=False
    )
    for kind, count in kinds.most_common():
        console.print(f"  {count:>8,} × {escape(kind)}", highlight=False)
    for found in first:
        console.print(
            f"    line {found.line}: {escape(found.reason)}", style="dim", highlight=False, soft_wrap=True
        )
    return rows


def _kind(reason: str) -> str:
    """The reason without what is particular to the row."""
    return re.sub(r"'.*?'|\b\d[\d.,-]*\b", "…", reason)


class Player:
    """Sends rows and clearings; knows every answer."""

    def __init__(self, rows: Sequence[Row], export: Export, house: House, result: Result) -> None:
        self.tally = Tally()
        self._rows = rows
        self._house = house
        self._result = result
        self._zone = export.mapping.time.zone
        self._budgets = Budgets(rows, self._zone, export.budget_factor)
        self._sender = Sender(house.endpoints.kafka)
        self._answers: dict[str, tuple[Outcome, str]] = {}  # event id -> outcome, reason
        self._months: set[tuple[str, str, str]] = set()
        self._with_policy: set[tuple[str, str]] = set()
        self._currencies: dict[tuple[str, str], str] = {}
        self._due: list[tuple[datetime, int, Row]] = []
        self._partitions: dict[str, tuple[bytes, int]] = {}

    @property
    def organizations(self) -> list[str]:
        return sorted({row.organization + self._house.tag for row in self._rows})

    def decided(self, decision: Decision, read_s: float) -> None:
        self.tally.add(decision)
        if decision.event_id is not None:
            reason = sentence(decision.reasons[0]) if decision.outcome is Outcome.REJECTED else ""
            self._answers[decision.event_id] = (decision.outcome, reason)

    def play(self, watch: Watch, console: Console) -> None:
        with counting(console, "rows decided", len(self._rows), "rows") as bar:
            for window in windows(self._rows):
                self._clear_until(window[0].at)
                for row in window:
                    self._send_row(row)
                watch.wait(self._sender.flush(), self._house.require_alive)
                self._settle(window)
                bar.update(self._result.decided + len(self._result.rejected))
            self._clear_until(None)
            watch.wait(self._sender.flush(), self._house.require_alive)
            self._forget_clearings()

    def _send(self, event: Event) -> None:
        key = event.key
        place = self._partitions.get(key)
        if place is None:
            encoded = key.encode()
            place = self._partitions[key] = (encoded, partition_of(encoded, self._house.partitions))
        self._sender.send(place[1], place[0], encode_event(event))

    def _send_row(self, row: Row) -> None:
        self._set_budget(row)
        self._send(self._refund(row) if row.refund else self._request(row))

    def _set_budget(self, row: Row) -> None:
        """Before a department's first row in a month."""
        month = month_of(row.at, self._zone)
        if (row.organization, row.department, month) in self._months:
            return
        self._months.add((row.organization, row.department, month))
        department = (row.organization, row.department)
        # A budget has one currency: that of the department's first row. Rows in another are refused.
        currency = self._currencies.setdefault(department, row.currency)
        self._send(
            BudgetSet(
                event_id=f"budget-{row.department}-{month}",
                organization_id=row.organization + self._house.tag,
                department_id=row.department,
                occurred_at=month_start(month, self._zone),
                name=row.department_name,
                limit=Money(self._budgets.limit(department, month), currency),
                time_zone=self._zone,
            )
        )
        if department not in self._with_policy:
            self._with_policy.add(department)
            self._send(self._policy(row, month))

    def _policy(self, row: Row, month: str) -> Event:
        """Budgets are what an export is played for: no other rule, and holds that last."""
        return PolicyDrafted(
            event_id=f"policy-{row.department}",
            organization_id=row.organization + self._house.tag,
            department_id=row.department,
            occurred_at=month_start(month, self._zone),
            policy=Policy(hold_days=HOLD_DAYS_MAX, hold_days_by_group={}),
            activate=True,
        )

    def _request(self, row: Row) -> Event:
        return AuthorizationRequested(
            event_id=f"row-{row.id}",
            organization_id=row.organization + self._house.tag,
            department_id=row.department,
            occurred_at=row.at,
            authorization_id=row.id,
            card_id=row.card,
            amount=PositiveMoney(row.minor, row.currency),
            merchant=Merchant(name=row.merchant, mcc=row.mcc),
        )

    def _refund(self, row: Row) -> Event:
        return RefundPresented(
            event_id=f"row-{row.id}",
            organization_id=row.organization + self._house.tag,
            department_id=row.department,
            occurred_at=row.at,
            card_id=row.card,
            amount=PositiveMoney(row.minor, row.currency),
            merchant=Merchant(name=row.merchant, mcc=row.mcc),
        )

    def _clear_until(self, at: datetime | None) -> None:
        """Send the clearings that are due at `at`; all of them with None."""
        self._forget_clearings()
        while self._due and (at is None or self._due[0][0] <= at):
            posted_at, _, row = heapq.heappop(self._due)
            self._result.cleared += 1
            self._send(
                ClearingPresented(
                    event_id=f"clear-{row.id}",
                    organization_id=row.organization + self._house.tag,
                    department_id=row.department,
                    occurred_at=posted_at,
                    authorization_id=row.id,
                    card_id=row.card,
                    amount=PositiveMoney(row.minor, row.currency),
                )
            )

    def _settle(self, window: Iterable[Row]) -> None:
        """Count the window's answers; what was approved is due for clearing."""
        for row in window:
            outcome, reason = self._answers.pop(f"row-{row.id}")
            if outcome is Outcome.REJECTED:
                self._result.rejected[row.line] = reason
                continue
            self._result.decided += 1
            if outcome is Outcome.APPROVED:
                heapq.heappush(self._due, (row.posted_at, row.line, row))

    def _forget_clearings(self) -> None:
        """Of budgets and clearings nothing is wanted but that they took effect."""
        refused = sum(outcome is Outcome.REJECTED for outcome, _ in self._answers.values())
        self._result.clearings_refused += refused
        self._answers.clear()


def windows(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Stretches of rows in time order, bounded in number and in time."""
    start = 0
    for n, row in enumerate(rows):
        if n - start >= WINDOW_ROWS_MAX or row.at - rows[start].at > WINDOW_SPAN_MAX:
            yield rows[start:n]
            start = n
    if start < len(rows):
        yield rows[start:]


@contextmanager
def _reject_writer(path: Path, header: Sequence[str]) -> Iterator[Any]:
    """CSV: line, reason and the row as it stands in the export."""
    try:
        # Bytes that were no text go out as they came in.
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "reason", *header])
            yield writer
    except OSError as error:
        raise SpendlogError(f"the reject file {path} cannot be written: {error.strerror}") from None


def _write_rejected(export: Export, rejected: dict[int, str], rejects: Any) -> None:
    """The rows that the system refused: looked up in the file again, for most often there are none."""
    if not rejected:
        return
    with open_text(export.path, export.mapping.file.encoding) as text:
        for line, fields in read_lines(text, export.mapping.file.delimiter):
            if line in rejected and not isinstance(fields, str):
                rejects.writerow([line, rejected[line], *fields])


def _show(
    export: Export,
    house: House,
    player: Player,
    console: Console,
    checks: Checks,
    dead_letters_from: dict[int, int],
) -> None:
    dead_letters = summary.dead_letters_since(house.endpoints.kafka, dead_letters_from)
    summary.show_decisions(console, player.tally, dead_letters, checks)
    summary.show_flagged(console, player.tally)
    summary.show_bookings(console, house)
    console.rule(
        f"[bold]Declines by department, budget = {export.budget_factor:g} × mean of the 3 months before",
        align="left",
    )
    table = summary.new_table("department", "requests", "declined", "share", "declined amount", left=1)
    requests = declines = 0
    for organization in player.organizations:
        for name, asked, declined, minor, currency in books.query(
            house.endpoints.postgres, "declines", organization=organization
        ):
            requests, declines = requests + asked, declines + declined
            amount = summary.money(minor, currency) if minor else ""
            table.add_row(escape(name), f"{asked:,}", f"{declined:,}", f"{declined / asked:.1%}", amount)
    table.add_row(
        "all", f"{requests:,}", f"{declines:,}", f"{declines / max(requests, 1):.1%}", "", style="bold"
    )
    console.print(table)


def _check_rows(result: Result, usable: int, reject_file: Path, console: Console, checks: Checks) -> None:
    listed = result.unusable + len(result.rejected)
    rows = usable + result.unusable
    checks.expect(
        "every row is decided or listed",
        rows == result.decided + len(result.rejected) + result.unusable,
        f"{rows:,} rows = {result.decided:,} decided + {len(result.rejected):,} refused + "
        f"{result.unusable:,} unusable",
    )
    checks.expect(
        "only approved requests were cleared, and every clearing was taken",
        not result.clearings_refused,
        f"{result.cleared:,} clearings",
    )
    for line, reason in list(result.rejected.items())[:LISTED_MAX]:
        console.print(
            f"  refused: line {line}: {escape(reason)}", style="dim", highlight=False, soft_wrap=True
        )
    if listed:
        console.print(f"  {listed:,} rows are in {reject_file}", soft_wrap=True, highlight=False)
