"""Plays the rows of an export: requests in time order, each approved one cleared on its posting date.

A processor clears what was approved, so the player must know each answer before it sends the clearing.
One by one that would be a round trip for each row. So: requests go in windows; a window's decisions are
read; clearings that are due before the window's first request go ahead of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console

from infra.demo.stream import Tally
from infra.imports.budgets import Budgets
from infra.imports.months import month_of, month_start
from infra.imports.refunds import link_refunds
from infra.imports.row import Row
from infra.running.log import DecisionWatch, EventSender
from infra.running.steps import counting
from infra.running.system import RunningSystem
from schemas.codec import UndecodableEvent, decode_event, encode_event
from schemas.controls import HOLD_DAYS_MAX, Policy
from schemas.decisions import Decision
from schemas.entrance import YEARS
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

# A round trip for each window: 2,000 rows make it cheap. A week keeps clearings close to their place in time.
WINDOW_ROWS_MAX: Final = 2_000
WINDOW_SPAN_MAX: Final = timedelta(days=7)
_FIRST: Final = datetime(YEARS[0], 1, 1, tzinfo=UTC)
_UNREAD: Final = "the system could not read its event; the dead letters say why"


@dataclass(slots=True)
class Result:
    """Rows by what became of them. Refused ones and held ones: line -> reason."""

    decided: int = 0
    rejected: dict[int, str] = field(default_factory=dict)
    cleared: int = 0
    held: dict[int, str] = field(default_factory=dict)  # approved, but the clearing was refused
    held_minor: dict[tuple[str, str], int] = field(default_factory=dict)  # department's name, currency
    linked: int = 0
    setup_refused: dict[str, str] = field(default_factory=dict)  # event id of a budget or policy -> reason
    under: set[str] = field(default_factory=set)  # event ids of what decided rows are under

    @property
    def missing(self) -> list[str]:
        """Budgets and policies that rows were decided without. Those of a month to come miss nobody."""
        return [
            f"{event_id}: {reason}"
            for event_id, reason in self.setup_refused.items()
            if event_id in self.under
        ]


class ExportPlayer:
    """Sends rows and clearings; knows every answer. `rows`: in time order."""

    def __init__(self, rows: Sequence[Row], zone: str, factor: float, system: RunningSystem) -> None:
        self.tally = Tally()
        self.result = Result()
        self.links = link_refunds(rows)
        self._rows = rows
        self._house = system
        self._zone = zone
        self._budgets = Budgets(rows, zone, factor)
        self._sender = EventSender(system.endpoints.kafka)
        self._answers: dict[str, tuple[Outcome, str]] = {}  # event id -> outcome, reason
        self._months: set[tuple[str, str, str]] = set()
        self._with_policy: set[tuple[str, str]] = set()
        self._due: list[tuple[datetime, int, Row]] = []
        self._clearing: dict[str, Row] = {}  # event id -> the row whose clearing was sent
        self._cleared: set[str] = set()  # ids of rows
        self._partitions: dict[str, tuple[bytes, int]] = {}

    @property
    def organizations(self) -> list[str]:
        return sorted({row.organization + self._house.tag for row in self._rows})

    def decided(self, decision: Decision, read_s: float) -> None:
        self.tally.add(decision)
        if decision.event_id is not None:
            reason = sentence(decision.reasons[0]) if decision.outcome is Outcome.REJECTED else ""
            self._answers[decision.event_id] = (decision.outcome, reason)

    def play(self, watch: DecisionWatch, console: Console) -> None:
        refunded = {refund: purchase.id for refund, purchase in self.links.purchases.items()}
        with counting(console, "rows decided", len(self._rows), "rows") as bar:
            for window in windows(self._rows, refunded):
                for row in window:
                    self._clear_until(row.at)
                    self._send_row(row)
                watch.wait(self._sender.flush(), self._house.require_alive)
                self._settle(window)
                bar.update(self.result.decided + len(self.result.rejected))
            self._clear_until(None)
            watch.wait(self._sender.flush(), self._house.require_alive)
            self._settle(())

    def _send(self, event: Event) -> str | None:
        """Sends what the system can read; else returns why it cannot."""
        try:
            value = encode_event(event)
            decode_event(value)
        except (UndecodableEvent, UnicodeEncodeError) as bad:
            return f"it makes no event: {getattr(bad, 'detail', bad)}"
        key = event.key
        place = self._partitions.get(key)
        if place is None:
            encoded = key.encode()
            place = self._partitions[key] = (encoded, partition_of(encoded, self._house.partitions))
        self._sender.send(place[1], place[0], value)
        return None

    def _send_row(self, row: Row) -> None:
        self._set_budget(row)
        refused = self._send(self._refund(row) if row.refund else self._request(row))
        if refused:
            self._answers[f"row-{row.id}"] = (Outcome.REJECTED, refused)

    def _set_budget(self, row: Row) -> None:
        """Before a department's first row in a month."""
        month = month_of(row.at, self._zone)
        if (row.organization, row.department, month) in self._months:
            return
        self._months.add((row.organization, row.department, month))
        department = (row.organization, row.department)
        budget = BudgetSet(
            event_id=_budget_id(row, month),
            organization_id=row.organization + self._house.tag,
            department_id=row.department,
            occurred_at=self._start(month),
            name=row.department_name,
            limit=Money(self._budgets.limit(department, month), row.currency),
            time_zone=self._zone,
        )
        events: list[Event] = [budget]
        if department not in self._with_policy:
            self._with_policy.add(department)
            events.append(self._policy(row, month))
        for event in events:
            if refused := self._send(event):
                self.result.setup_refused[event.event_id] = refused

    def _start(self, month: str) -> datetime:
        """January 2000 begins in 1999 in the east, when there are no events yet."""
        return max(month_start(month, self._zone), _FIRST)

    def _policy(self, row: Row, month: str) -> Event:
        """Budgets are what an export is played for: no other rule, and holds that last."""
        return PolicyDrafted(
            event_id=_policy_id(row),
            organization_id=row.organization + self._house.tag,
            department_id=row.department,
            occurred_at=self._start(month),
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
            authorization_id=self._linked(row),
            merchant=Merchant(name=row.merchant, mcc=row.mcc),
        )

    def _linked(self, refund: Row) -> str | None:
        """The purchase that it gives back, if that was approved and settled."""
        purchase = self.links.purchases.get(refund.id)
        if purchase is None:
            return None
        if purchase.id not in self._cleared:
            self.links.unlinked["its purchase was not approved, or not cleared"] += 1
            return None
        self.result.linked += 1
        return purchase.id

    def _clear_until(self, at: datetime | None) -> None:
        """Send the clearings that are due at `at`; all of them with None."""
        while self._due and (at is None or self._due[0][0] <= at):
            posted_at, _, row = heapq.heappop(self._due)
            event_id = f"clear-{row.id}"
            self._clearing[event_id] = row
            clearing = ClearingPresented(
                event_id=event_id,
                organization_id=row.organization + self._house.tag,
                department_id=row.department,
                occurred_at=posted_at,
                authorization_id=row.id,
                card_id=row.card,
                amount=PositiveMoney(row.minor, row.currency),
            )
            self._cleared.add(row.id)
            if refused := self._send(clearing):
                self._answers[event_id] = (Outcome.REJECTED, refused)

    def _settle(self, window: Sequence[Row]) -> None:
        """Count the answers; what was approved is due for clearing. An answer without an id is a refusal."""
        unread = (Outcome.REJECTED, _UNREAD)
        for row in window:
            outcome, reason = self._answers.pop(f"row-{row.id}", unread)
            if outcome is Outcome.REJECTED:
                self.result.rejected[row.line] = reason
                continue
            self.result.decided += 1
            self.result.under |= {_budget_id(row, month_of(row.at, self._zone)), _policy_id(row)}
            if outcome is Outcome.APPROVED:
                heapq.heappush(self._due, (row.posted_at, row.line, row))
        for event_id, row in self._clearing.items():
            outcome, reason = self._answers.pop(event_id, unread)
            if outcome is Outcome.REJECTED:
                self._hold(row, reason)
            else:
                self.result.cleared += 1
        self._clearing.clear()
        for event_id, (outcome, reason) in self._answers.items():  # of budgets and policies
            if outcome is Outcome.REJECTED:
                self.result.setup_refused[event_id] = reason
        self._answers.clear()

    def _hold(self, row: Row, reason: str) -> None:
        self._cleared.discard(row.id)
        self.result.held[row.line] = f"approved and held, its clearing was refused: {reason}"
        what = (row.department_name, row.currency)
        self.result.held_minor[what] = self.result.held_minor.get(what, 0) + row.minor


def _budget_id(row: Row, month: str) -> str:
    return f"budget-{row.department}-{month}"


def _policy_id(row: Row) -> str:
    return f"policy-{row.department}"


def windows(rows: Sequence[Row], refunded: Mapping[str, str] | None = None) -> Iterator[Sequence[Row]]:
    """Stretches of rows in time order, bounded in number and in time.

    `refunded`: refund's id -> its purchase's. The two are never in one window: the purchase is to be
    answered, and cleared, first.
    """
    links = refunded or {}
    start = 0
    inside: set[str] = set()
    for n, row in enumerate(rows):
        if (
            n - start >= WINDOW_ROWS_MAX
            or row.at - rows[start].at > WINDOW_SPAN_MAX
            or _in(links, row, inside)
        ):
            yield rows[start:n]
            start = n
            inside.clear()
        inside.add(row.id)
    if start < len(rows):
        yield rows[start:]


def _in(links: Mapping[str, str], row: Row, inside: Collection[str]) -> bool:
    return row.refund and links.get(row.id) in inside
