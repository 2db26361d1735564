"""Cards, departments and purchases of the demo, with sums of their own."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from infra.demo.companies import Office
from schemas.event import Merchant
from schemas.events import Event
from schemas.terms import zone_of

SPAN: Final = timedelta(days=28)


class PlannedEvent(NamedTuple):
    """A record to send, and what must become of it. `reason`: the first reason's code."""

    partition: int
    key: bytes | None
    value: bytes
    outcome: str
    reason: str | None = None
    duplicate: bool = False
    event_id: str | None = None
    unusual: bool = False


@dataclass(slots=True)
class Cardholder:
    """A cardholder's habits: where, how much, when."""

    id: str
    holder: str
    factor: float
    hour: float
    haunts: list[tuple[str, str, int]]


@dataclass(slots=True)
class OpenHold:
    period: str
    held: int
    approved: bool
    expires: datetime


@dataclass(slots=True)
class DepartmentSums:
    """One department's own sums."""

    office: Office
    organization: str
    partition: int
    key: bytes
    cards: list[Cardholder]
    limit: int = 0
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    payments: dict[str, OpenHold] = field(default_factory=dict)
    recent: list[tuple[Event, str, str | None]] = field(default_factory=list)
    lapsing: list[tuple[datetime, str]] = field(default_factory=list)

    def lapse(self, at: datetime) -> None:
        """What was never cleared lapses with the first event after its validity."""
        while self.lapsing and self.lapsing[0][0] <= at:
            payment = self.payments[heapq.heappop(self.lapsing)[1]]
            self.used[payment.period] -= payment.held
            payment.held = 0

    def month(self, at: datetime) -> str:
        return at.astimezone(zone_of(self.office.zone)).strftime("%Y-%m")


class Spend(NamedTuple):
    """A request before it is decided. `minor`: minor units of the department's currency."""

    at: datetime
    desk: DepartmentSums
    card: Cardholder
    merchant: Merchant
    minor: int
    unusual: bool = False
