"""A seeded stream of card events as companies make them, with the answer that each must get.

Pure and deterministic: the same seed, count, moment and tag give the same bytes. The expected answers come
from sums of its own (30 lines, nothing of `streams`), so the demo can compare every single decision.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.codec import encode_event
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    ClearingPresented,
    Event,
    Merchant,
    RefundPresented,
)
from schemas.ids import department_key
from schemas.money import Money, PositiveMoney, exponent
from schemas.partitions import partition_of
from schemas.reasons import ReasonCode

SPAN: Final = timedelta(days=28)
DUPLICATES: Final = 0.05
UNUSUAL_MAX: Final = 12
# Of 100 events about 48 are requests and the rest follows from them; some more, to be long enough.
_REQUESTS_SHARE: Final = 0.50
# The model flags after 1,000 requests of a partition; what is planted comes late.
_UNUSUAL_FROM, _UNUSUAL_TO = 0.82, 0.92


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


class Office(NamedTuple):
    """A department. `weight`: its share of requests; `room`: its limit in months of its own spending."""

    organization: str
    id: str
    name: str
    currency: str
    zone: str
    weight: float
    room: float


OFFICES: Final = (
    # One hot department, as in real exports: 62 % of a city council's purchases are of one of 14.
    Office("northwind", "field-service", "Field Service", "USD", "America/Chicago", 65, 0.88),
    Office("northwind", "logistics", "Logistics", "USD", "America/Chicago", 9, 1.4),
    Office("northwind", "marketing", "Marketing", "USD", "America/Chicago", 5, 0.7),
    Office("northwind", "it", "IT", "USD", "America/Chicago", 4, 1.5),
    Office("helix-labs", "research", "Research", "EUR", "Europe/Berlin", 7, 1.3),
    Office("helix-labs", "clinical-trials", "Clinical Trials", "EUR", "Europe/Berlin", 4, 0.75),
    Office("helix-labs", "administration", "Administration", "EUR", "Europe/Berlin", 2, 1.6),
    Office("castle-arts", "productions", "Productions", "GBP", "Europe/London", 5, 1.2),
    Office("castle-arts", "front-of-system", "Front of RunningSystem", "GBP", "Europe/London", 3, 1.5),
    Office("kita-denki", "sales", "営業部", "JPY", "Asia/Tokyo", 4, 1.3),
    Office("kita-denki", "engineering", "技術部", "JPY", "Asia/Tokyo", 2, 1.1),
)

# Merchant, ISO 18245 category, usual amount in US dollars.
MERCHANTS: Final = (
    ("Shell", "5541", 62),
    ("Uber", "4121", 24),
    ("Delta Air Lines", "3058", 410),
    ("Marriott", "3509", 245),
    ("Staples", "5943", 48),
    ("Amazon Business", "5969", 71),
    ("Home Depot", "5200", 118),
    ("Grainger", "5085", 190),
    ("AWS", "7372", 640),
    ("GitHub", "7372", 84),
    ("Blue Bottle Coffee", "5814", 14),
    ("Chipotle", "5814", 31),
    ("FedEx", "4215", 57),
    ("Hertz", "3357", 176),
    ("Sigma-Aldrich", "5047", 330),
    ("Screwfix", "5251", 43),
    ("Pret A Manger", "5814", 12),
    ("Eurostar", "4112", 150),
)
ODD_MERCHANTS: Final = (
    ("Lucky Star Casino", "7995"),
    ("Bijou Brennan", "5944"),
    ("CoinGate", "6051"),
    ("Night Owl Electronics", "5732"),
)
# The rules that hold until a company sets its own: docs/rules.md, said once more here on purpose.
LARGE_AMOUNT: Final = 500_000
HOLD_DAYS: Final = 7
TRAVEL_DAYS: Final = 30
TRAVEL: Final = frozenset({"3058", "3357", "3509"})  # an airline, a car rental, a hotel

_DOLLARS: Final = {"USD": 1.0, "EUR": 1.1, "GBP": 1.3, "JPY": 0.0067}


@dataclass(slots=True)
class _Card:
    """A cardholder's habits: where, how much, when."""

    id: str
    holder: str
    factor: float
    hour: float
    haunts: list[tuple[str, str, int]]


@dataclass(slots=True)
class _Payment:
    period: str
    held: int
    approved: bool
    expires: datetime


@dataclass(slots=True)
class _Desk:
    """One department's own sums."""

    office: Office
    organization: str
    partition: int
    key: bytes
    cards: list[_Card]
    limit: int = 0
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    payments: dict[str, _Payment] = field(default_factory=dict)
    recent: list[tuple[Event, str, str | None]] = field(default_factory=list)
    lapsing: list[tuple[datetime, str]] = field(default_factory=list)

    def lapse(self, at: datetime) -> None:
        """What was never cleared lapses with the first event after its validity."""
        while self.lapsing and self.lapsing[0][0] <= at:
            payment = self.payments[heapq.heappop(self.lapsing)[1]]
            self.used[payment.period] -= payment.held
            payment.held = 0

    def month(self, at: datetime) -> str:
        return at.astimezone(ZoneInfo(self.office.zone)).strftime("%Y-%m")


class _Spend(NamedTuple):
    """A request before it is decided. `minor`: minor units of the department's currency."""

    at: datetime
    desk: _Desk
    card: _Card
    merchant: Merchant
    minor: int
    unusual: bool = False


def generate(
    seed: int, events: int, until: datetime, *, partitions: int, tag: str = ""
) -> list[PlannedEvent]:
    """`events` records in the order in which they are sent; event times lie in the 28 days before `until`.

    `tag` is a suffix of all organization ids.
    """
    return _World(random.Random(seed), events, until, partitions, tag).play()


class _World:
    def __init__(self, rng: random.Random, events: int, until: datetime, partitions: int, tag: str) -> None:
        self._rng = rng
        self._events = events
        self._until = until
        self._start = until - SPAN
        self._partitions = partitions
        self._desks = [self._new_desk(office, tag) for office in OFFICES]
        self._planned: list[PlannedEvent] = []
        self._due: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._order = count()
        self._ids = count(1)

    def play(self) -> list[PlannedEvent]:
        spends = self._spends()
        self._set_limits(spends)
        for spend in spends:
            self._later(spend.at, lambda at, spend=spend: self._request(at, spend))  # type: ignore[misc]
        self._plan_mischief()
        while self._due and len(self._planned) < self._events:
            at, _, act = heapq.heappop(self._due)
            act(at)
        return self._planned[: self._events]

    # -- who spends what and when

    def _new_desk(self, office: Office, tag: str) -> _Desk:
        organization = office.organization + tag
        key = department_key(organization, office.id).encode()
        cards = [self._new_card(office, n) for n in range(max(3, round(office.weight * 0.9)))]
        return _Desk(office, organization, partition_of(key, self._partitions), key, cards)

    def _new_card(self, office: Office, n: int) -> _Card:
        rng = self._rng
        return _Card(
            id=f"card_{office.organization[:3]}_{office.id[:4]}_{n:03d}",
            holder=f"employee{n:03d}@{office.organization}.example",
            factor=rng.lognormvariate(0, 0.35),
            hour=rng.gauss(13, 2),
            haunts=rng.sample(MERCHANTS, rng.randint(3, 6)),
        )

    def _spends(self) -> list[_Spend]:
        """All requests, in time order."""
        rng = self._rng
        weights = list(accumulate(desk.office.weight for desk in self._desks))
        spends = []
        for _ in range(max(1, round(self._events * _REQUESTS_SHARE))):
            desk = self._desks[bisect(weights, rng.random() * weights[-1])]
            # Some cards are used daily, some once a month.
            card = desk.cards[min(int(rng.expovariate(3 / len(desk.cards))), len(desk.cards) - 1)]
            name, mcc, dollars = card.haunts[min(int(rng.expovariate(0.9)), len(card.haunts) - 1)]
            minor = self._minor(desk, dollars * card.factor * rng.lognormvariate(0, 0.3))
            spends.append(_Spend(self._moment(desk, card), desk, card, Merchant(name=name, mcc=mcc), minor))
        spends.sort(key=lambda spend: spend.at)
        return self._with_unusual(spends)

    def _moment(self, desk: _Desk, card: _Card) -> datetime:
        """Office hours where the department is, few at weekends."""
        rng = self._rng
        while True:
            day = self._start + timedelta(days=rng.uniform(0, SPAN.days))
            local = day.astimezone(ZoneInfo(desk.office.zone))
            if local.weekday() >= 5 and rng.random() > 0.15:
                continue
            hour = min(max(rng.gauss(card.hour, 1.5), 6.0), 21.5)
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
            at = (midnight + timedelta(hours=hour)).astimezone(UTC).replace(microsecond=0)
            if self._start <= at < self._until:
                return at

    def _minor(self, desk: _Desk, dollars: float) -> int:
        currency = desk.office.currency
        return max(1, round(dollars / _DOLLARS[currency] * float(10 ** exponent(currency))))

    def _with_unusual(self, spends: list[_Spend]) -> list[_Spend]:
        """Plants what a model should see: merchants never seen, soon after another, far above the usual."""
        rng = self._rng
        hot = self._desks[0]
        late = [
            spend
            for spend in spends[int(len(spends) * _UNUSUAL_FROM) : int(len(spends) * _UNUSUAL_TO)]
            if spend.desk is hot
        ]
        victims = rng.sample(late, min(len(late), UNUSUAL_MAX, max(1, self._events // 400)))
        for n, victim in enumerate(victims):
            name, mcc = ODD_MERCHANTS[n % len(ODD_MERCHANTS)]
            at = victim.at + timedelta(minutes=rng.uniform(1, 4))
            minor = self._minor(hot, victim.card.factor * rng.uniform(900, 2400))
            spends.append(_Spend(at, hot, victim.card, Merchant(name=name, mcc=mcc), minor, unusual=True))
        spends.sort(key=lambda spend: spend.at)
        return spends

    def _set_limits(self, spends: list[_Spend]) -> None:
        asked: dict[tuple[bytes, str], int] = defaultdict(int)
        for spend in spends:
            asked[spend.desk.key, spend.desk.month(spend.at)] += spend.minor
        for desk in self._desks:
            month = max((total for (key, _), total in asked.items() if key == desk.key), default=100_000)
            # A round figure, as people set budgets.
            step = 10 ** max(0, len(str(month)) - 3)
            desk.limit = max(step, round(month * desk.office.room / step) * step)
            self._later(self._start, lambda at, desk=desk: self._budget(at, desk))  # type: ignore[misc]

    # -- what happens, in time order

    def _later(self, at: datetime, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self._due, (at, next(self._order), act))

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids):07d}"

    def _emit(
        self, desk: _Desk, event: Event, outcome: str, reason: str | None = None, *, unusual: bool = False
    ) -> None:
        self._planned.append(
            PlannedEvent(
                desk.partition, desk.key, encode_event(event), outcome, reason, False, event.event_id, unusual
            )
        )
        if outcome != "rejected" and self._rng.random() < DUPLICATES:
            # Repeats come soon: a client that got no answer, a broker that delivers again.
            wait = timedelta(seconds=self._rng.expovariate(1 / 300))
            self._later(event.occurred_at + wait, lambda _: self._repeat(desk, event, outcome, reason))
        desk.recent = [*desk.recent[-20:], (event, outcome, reason)]

    def _repeat(self, desk: _Desk, event: Event, outcome: str, reason: str | None) -> None:
        self._planned.append(
            PlannedEvent(desk.partition, desk.key, encode_event(event), outcome, reason, True, event.event_id)
        )

    def _budget(self, at: datetime, desk: _Desk) -> None:
        office = desk.office
        event = BudgetSet(
            event_id=self._id("budget"),
            organization_id=desk.organization,
            department_id=office.id,
            occurred_at=at,
            name=office.name,
            limit=Money(desk.limit, office.currency),
            time_zone=office.zone,
        )
        self._emit(desk, event, "accepted")

    def _request(self, at: datetime, spend: _Spend) -> None:
        desk, rng = spend.desk, self._rng
        desk.lapse(at)
        month = desk.month(at)
        authorization = self._id("auth")
        event = AuthorizationRequested(
            event_id=f"req-{authorization}",
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            card_id=spend.card.id,
            cardholder=spend.card.holder,
            amount=PositiveMoney(spend.minor, desk.office.currency),
            merchant=spend.merchant,
        )
        # The order of the reasons: a large amount is looked at before the budget.
        reason = "amount_too_large" if spend.minor > LARGE_AMOUNT else None
        if reason is None and desk.used[month] + spend.minor > desk.limit:
            reason = "budget_exceeded"
        days = TRAVEL_DAYS if spend.merchant.mcc in TRAVEL else HOLD_DAYS
        held = 0 if reason else spend.minor
        payment = _Payment(month, held, reason is None, at + timedelta(days=days))
        desk.payments[authorization] = payment
        if reason is not None:
            self._emit(desk, event, "declined", reason, unusual=spend.unusual)
            return
        heapq.heappush(desk.lapsing, (payment.expires, authorization))
        desk.used[month] += spend.minor
        self._emit(desk, event, "approved", unusual=spend.unusual)
        for wait, act in self._course(rng, spend, authorization):
            self._later(at + wait, act)

    def _course(
        self, rng: random.Random, spend: _Spend, authorization: str
    ) -> Iterator[tuple[timedelta, Callable[[datetime], None]]]:
        """What follows an approval."""
        minor, soon, luck = spend.minor, timedelta(hours=rng.uniform(6, 72)), rng.random()

        def clear(share: float, final: bool) -> Callable[[datetime], None]:
            return lambda at: self._clear(at, spend, authorization, max(1, round(minor * share)), final)

        def reverse(share: float | None) -> Callable[[datetime], None]:
            amount = None if share is None else max(1, round(minor * share))
            return lambda at: self._reverse(at, spend, authorization, amount)

        if luck < 0.76:
            yield soon, clear(1.0, True)
        elif luck < 0.83:  # a hotel, a pump: less than was held
            yield soon, clear(rng.uniform(0.5, 0.97), True)
        elif luck < 0.88:  # two shipments
            yield soon, clear(0.4, False)
            yield soon + timedelta(hours=20), clear(0.6, True)
        elif luck < 0.93:  # a tip: more than was held
            yield soon, clear(rng.uniform(1.02, 1.2), True)
        elif luck < 0.96:
            yield timedelta(hours=rng.uniform(0.1, 5)), reverse(None)
        elif luck < 0.97 and minor > 10:
            yield timedelta(hours=1), reverse(0.3)
            yield soon, clear(0.7, True)
        if luck < 0.03:
            yield (
                soon + timedelta(days=rng.uniform(0.5, 4)),
                lambda at: self._refund(at, spend, authorization),
            )

    def _clear(self, at: datetime, spend: _Spend, authorization: str, minor: int, final: bool) -> None:
        desk = spend.desk
        desk.lapse(at)
        payment = desk.payments[authorization]
        released = payment.held if final else min(payment.held, minor)
        payment.held -= released
        desk.used[payment.period] += minor - released
        event = ClearingPresented(
            event_id=self._id("clr"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            card_id=spend.card.id,
            amount=PositiveMoney(minor, desk.office.currency),
            merchant=spend.merchant,
            final=final,
        )
        self._emit(desk, event, "accepted")

    def _reverse(self, at: datetime, spend: _Spend, authorization: str, minor: int | None) -> None:
        desk = spend.desk
        desk.lapse(at)
        payment = desk.payments[authorization]
        amount = payment.held if minor is None else minor
        payment.held -= amount
        desk.used[payment.period] -= amount
        event = AuthorizationReversed(
            event_id=self._id("rev"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            amount=None if minor is None else PositiveMoney(minor, desk.office.currency),
        )
        self._emit(desk, event, "accepted")

    def _refund(self, at: datetime, spend: _Spend, authorization: str) -> None:
        desk = spend.desk
        desk.lapse(at)
        minor = max(1, round(spend.minor * self._rng.choice((1.0, 0.5))))
        desk.used[desk.payments[authorization].period] -= minor
        event = RefundPresented(
            event_id=self._id("ref"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            card_id=spend.card.id,
            amount=PositiveMoney(minor, desk.office.currency),
            merchant=spend.merchant,
        )
        self._emit(desk, event, "accepted")

    # -- what should not be sent

    def _plan_mischief(self) -> None:
        kinds = (
            self._broken_json,
            self._unknown_version,
            self._wrong_partition,
            self._negative_amount,
            self._unknown_department,
            self._id_conflict,
            self._second_request,
        )
        each = max(1, self._events // 1000)
        for kind in kinds:
            for _ in range(each):
                desk = self._rng.choice(self._desks)
                at = self._start + timedelta(days=self._rng.uniform(3, SPAN.days * 0.8))
                self._later(at.replace(microsecond=0), lambda at, kind=kind, desk=desk: kind(at, desk))  # type: ignore[misc]

    def _sample(self, at: datetime, desk: _Desk) -> AuthorizationRequested:
        return AuthorizationRequested(
            event_id=self._id("odd"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=self._id("oddauth"),
            card_id=desk.cards[0].id,
            amount=PositiveMoney(100, desk.office.currency),
            merchant=Merchant(name="Staples", mcc="5943"),
        )

    def _reject(self, desk: _Desk, value: bytes, reason: ReasonCode, *, partition: int | None = None) -> None:
        at = desk.partition if partition is None else partition
        self._planned.append(PlannedEvent(at, desk.key, value, "rejected", reason.value))

    def _broken_json(self, at: datetime, desk: _Desk) -> None:
        self._reject(desk, encode_event(self._sample(at, desk))[:-20], ReasonCode.UNDECODABLE)

    def _unknown_version(self, at: datetime, desk: _Desk) -> None:
        self._reject(desk, self._with(at, desk, version=2), ReasonCode.UNSUPPORTED_VERSION)

    def _negative_amount(self, at: datetime, desk: _Desk) -> None:
        amount = {"minor": -500, "currency": desk.office.currency}
        self._reject(desk, self._with(at, desk, amount=amount), ReasonCode.INVALID_EVENT)

    def _with(self, at: datetime, desk: _Desk, **members: object) -> bytes:
        return msgspec.json.encode({**msgspec.to_builtins(self._sample(at, desk)), **members})

    def _wrong_partition(self, at: datetime, desk: _Desk) -> None:
        if self._partitions > 1:
            elsewhere = (desk.partition + 1) % self._partitions
            value = encode_event(self._sample(at, desk))
            self._reject(desk, value, ReasonCode.WRONG_PARTITION, partition=elsewhere)

    def _unknown_department(self, at: datetime, desk: _Desk) -> None:
        event = msgspec.structs.replace(self._sample(at, desk), department_id="nobody")
        key = event.key.encode()
        partition = partition_of(key, self._partitions)
        reason = ReasonCode.UNKNOWN_DEPARTMENT.value
        self._planned.append(PlannedEvent(partition, key, encode_event(event), "rejected", reason))

    def _id_conflict(self, at: datetime, desk: _Desk) -> None:
        """A known event id with another amount."""
        for event, _, _ in reversed(desk.recent):
            if isinstance(event, AuthorizationRequested):
                amount = PositiveMoney(event.amount.minor + 1, event.amount.currency)
                other = msgspec.structs.replace(event, amount=amount)
                self._reject(desk, encode_event(other), ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT)
                return

    def _second_request(self, at: datetime, desk: _Desk) -> None:
        """A known authorization under a new event id."""
        for event, _, _ in reversed(desk.recent):
            if isinstance(event, AuthorizationRequested):
                other = msgspec.structs.replace(event, event_id=self._id("odd"))
                self._reject(desk, encode_event(other), ReasonCode.AUTHORIZATION_EXISTS)
                return
