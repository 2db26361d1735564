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
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from typing import Final

from infra.demo.companies import DOLLARS, MERCHANTS, ODD_MERCHANTS, OFFICES, Office
from infra.demo.mischief import Mischief
from infra.demo.spending import SPAN, Cardholder, DepartmentSums, OpenHold, PlannedEvent, Spend
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
from schemas.terms import zone_of

DUPLICATES: Final = 0.05
UNUSUAL_MAX: Final = 12
# Of 100 events about 48 are requests and the rest follows from them; some more, to be long enough.
_REQUESTS_SHARE: Final = 0.50
# The model flags after 1,000 requests of a partition; what is planted comes late.
_UNUSUAL_FROM, _UNUSUAL_TO = 0.82, 0.92
# The rules that hold until a company sets its own: docs/rules.md, said once more here on purpose.
LARGE_AMOUNT: Final = 500_000
HOLD_DAYS: Final = 7
TRAVEL_DAYS: Final = 30
TRAVEL: Final = frozenset({"3058", "3357", "3509"})  # an airline, a car rental, a hotel


def generate(
    seed: int, events: int, until: datetime, *, partitions: int, tag: str = ""
) -> list[PlannedEvent]:
    """`events` records in the order in which they are sent; event times lie in the 28 days before `until`.

    `tag` is a suffix of all organization ids.
    """
    return _World(random.Random(seed), events, until, partitions, tag).play()


class _World:
    def __init__(self, rng: random.Random, events: int, until: datetime, partitions: int, tag: str) -> None:
        self.rng = rng
        self._events = events
        self._until = until
        self.start = until - SPAN
        self.partitions = partitions
        self.desks = [self._new_desk(office, tag) for office in OFFICES]
        self.planned: list[PlannedEvent] = []
        self._due: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._order = count()
        self._ids = count(1)

    def play(self) -> list[PlannedEvent]:
        spends = self._spends()
        self._set_limits(spends)
        for spend in spends:
            self.later(spend.at, lambda at, spend=spend: self._request(at, spend))  # type: ignore[misc]
        Mischief(self).plan(self._events)
        while self._due and len(self.planned) < self._events:
            at, _, act = heapq.heappop(self._due)
            act(at)
        return self.planned[: self._events]

    # -- who spends what and when

    def _new_desk(self, office: Office, tag: str) -> DepartmentSums:
        organization = office.organization + tag
        key = department_key(organization, office.id).encode()
        cards = [self._new_card(office, n) for n in range(max(3, round(office.weight * 0.9)))]
        return DepartmentSums(office, organization, partition_of(key, self.partitions), key, cards)

    def _new_card(self, office: Office, n: int) -> Cardholder:
        rng = self.rng
        return Cardholder(
            id=f"card_{office.organization[:3]}_{office.id[:4]}_{n:03d}",
            holder=f"employee{n:03d}@{office.organization}.example",
            factor=rng.lognormvariate(0, 0.35),
            hour=rng.gauss(13, 2),
            haunts=rng.sample(MERCHANTS, rng.randint(3, 6)),
        )

    def _spends(self) -> list[Spend]:
        """All requests, in time order."""
        rng = self.rng
        weights = list(accumulate(desk.office.weight for desk in self.desks))
        spends = []
        for _ in range(max(1, round(self._events * _REQUESTS_SHARE))):
            desk = self.desks[bisect(weights, rng.random() * weights[-1])]
            # Some cards are used daily, some once a month.
            card = desk.cards[min(int(rng.expovariate(3 / len(desk.cards))), len(desk.cards) - 1)]
            name, mcc, dollars = card.haunts[min(int(rng.expovariate(0.9)), len(card.haunts) - 1)]
            minor = self._minor(desk, dollars * card.factor * rng.lognormvariate(0, 0.3))
            spends.append(Spend(self._moment(desk, card), desk, card, Merchant(name=name, mcc=mcc), minor))
        spends.sort(key=lambda spend: spend.at)
        return self._with_unusual(spends)

    def _moment(self, desk: DepartmentSums, card: Cardholder) -> datetime:
        """Office hours where the department is, few at weekends."""
        rng = self.rng
        while True:
            day = self.start + timedelta(days=rng.uniform(0, SPAN.days))
            local = day.astimezone(zone_of(desk.office.zone))
            if local.weekday() >= 5 and rng.random() > 0.15:
                continue
            hour = min(max(rng.gauss(card.hour, 1.5), 6.0), 21.5)
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
            at = (midnight + timedelta(hours=hour)).astimezone(UTC).replace(microsecond=0)
            if self.start <= at < self._until:
                return at

    def _minor(self, desk: DepartmentSums, dollars: float) -> int:
        currency = desk.office.currency
        return max(1, round(dollars / DOLLARS[currency] * float(10 ** exponent(currency))))

    def _with_unusual(self, spends: list[Spend]) -> list[Spend]:
        """Plants what a model should see: merchants never seen, soon after another, far above the usual."""
        rng = self.rng
        hot = self.desks[0]
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
            spends.append(Spend(at, hot, victim.card, Merchant(name=name, mcc=mcc), minor, unusual=True))
        spends.sort(key=lambda spend: spend.at)
        return spends

    def _set_limits(self, spends: list[Spend]) -> None:
        asked: dict[tuple[bytes, str], int] = defaultdict(int)
        for spend in spends:
            asked[spend.desk.key, spend.desk.month(spend.at)] += spend.minor
        for desk in self.desks:
            month = max((total for (key, _), total in asked.items() if key == desk.key), default=100_000)
            # A round figure, as people set budgets.
            step = 10 ** max(0, len(str(month)) - 3)
            desk.limit = max(step, round(month * desk.office.room / step) * step)
            self.later(self.start, lambda at, desk=desk: self._budget(at, desk))  # type: ignore[misc]

    # -- what happens, in time order

    def later(self, at: datetime, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self._due, (at, next(self._order), act))

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids):07d}"

    def _emit(
        self,
        desk: DepartmentSums,
        event: Event,
        outcome: str,
        reason: str | None = None,
        *,
        unusual: bool = False,
    ) -> None:
        self.planned.append(
            PlannedEvent(
                desk.partition, desk.key, encode_event(event), outcome, reason, False, event.event_id, unusual
            )
        )
        if outcome != "rejected" and self.rng.random() < DUPLICATES:
            # Repeats come soon: a client that got no answer, a broker that delivers again.
            wait = timedelta(seconds=self.rng.expovariate(1 / 300))
            self.later(event.occurred_at + wait, lambda _: self._repeat(desk, event, outcome, reason))
        desk.recent = [*desk.recent[-20:], (event, outcome, reason)]

    def _repeat(self, desk: DepartmentSums, event: Event, outcome: str, reason: str | None) -> None:
        self.planned.append(
            PlannedEvent(desk.partition, desk.key, encode_event(event), outcome, reason, True, event.event_id)
        )

    def _budget(self, at: datetime, desk: DepartmentSums) -> None:
        office = desk.office
        event = BudgetSet(
            event_id=self.new_id("budget"),
            organization_id=desk.organization,
            department_id=office.id,
            occurred_at=at,
            name=office.name,
            limit=Money(desk.limit, office.currency),
            time_zone=office.zone,
        )
        self._emit(desk, event, "accepted")

    def _request(self, at: datetime, spend: Spend) -> None:
        desk, rng = spend.desk, self.rng
        desk.lapse(at)
        month = desk.month(at)
        authorization = self.new_id("auth")
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
        payment = OpenHold(month, held, reason is None, at + timedelta(days=days))
        desk.payments[authorization] = payment
        if reason is not None:
            self._emit(desk, event, "declined", reason, unusual=spend.unusual)
            return
        heapq.heappush(desk.lapsing, (payment.expires, authorization))
        desk.used[month] += spend.minor
        self._emit(desk, event, "approved", unusual=spend.unusual)
        for wait, act in self._course(rng, spend, authorization):
            self.later(at + wait, act)

    def _course(
        self, rng: random.Random, spend: Spend, authorization: str
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

    def _clear(self, at: datetime, spend: Spend, authorization: str, minor: int, final: bool) -> None:
        desk = spend.desk
        desk.lapse(at)
        payment = desk.payments[authorization]
        released = payment.held if final else min(payment.held, minor)
        payment.held -= released
        desk.used[payment.period] += minor - released
        event = ClearingPresented(
            event_id=self.new_id("clr"),
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

    def _reverse(self, at: datetime, spend: Spend, authorization: str, minor: int | None) -> None:
        desk = spend.desk
        desk.lapse(at)
        payment = desk.payments[authorization]
        amount = payment.held if minor is None else minor
        payment.held -= amount
        desk.used[payment.period] -= amount
        event = AuthorizationReversed(
            event_id=self.new_id("rev"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            amount=None if minor is None else PositiveMoney(minor, desk.office.currency),
        )
        self._emit(desk, event, "accepted")

    def _refund(self, at: datetime, spend: Spend, authorization: str) -> None:
        desk = spend.desk
        desk.lapse(at)
        minor = max(1, round(spend.minor * self.rng.choice((1.0, 0.5))))
        desk.used[desk.payments[authorization].period] -= minor
        event = RefundPresented(
            event_id=self.new_id("ref"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=authorization,
            card_id=spend.card.id,
            amount=PositiveMoney(minor, desk.office.currency),
            merchant=spend.merchant,
        )
        self._emit(desk, event, "accepted")
