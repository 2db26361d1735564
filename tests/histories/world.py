"""From dice to records: events that look for the edges of what the model knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

import schemas.events as ev
from infra.verify.calendar import ends_s, seconds
from infra.verify.counters import SLOTS, Window
from infra.verify.state import Department, Payment, parts
from infra.verify.usage import Usage
from schemas.codec import encode_event
from schemas.money import Money, PositiveMoney
from tests.histories.catalog import Dice
from tests.histories.referee import Line, Referee

ORGANIZATION = "acme"
DEPARTMENTS = ("eng", "sales")  # with the treasury on partition 1 of 2; "ops" is on the other one
TREASURY = "_treasury"
PARTITION, PARTITIONS = 1, 2
STARTED_AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PAYMENTS = ("p1", "p2", "p3", "p4")
REFUNDS = ("r1", "r2")
DISPUTES = ("d1", "d2")
STEPS = (SECOND, 30 * SECOND, timedelta(0), HOUR, 9 * HOUR, DAY, 2 * DAY, 8 * DAY, 31 * DAY, 100 * DAY)
OFFSETS = (timedelta(0), -HOUR, -2 * DAY, -31 * DAY, HOUR, DAY, DAY + SECOND, -150 * DAY, SECOND / 2)
RATES = ("1.5", "0.905", "2", "0.0001")


class World:
    """Makes the next record of a history; what the verifier knows tells it where the edges are."""

    def __init__(self, referee: Referee) -> None:
        self.referee = referee
        self.now = STARTED_AT
        self.number = 0
        self.sent: list[ev.Event] = []

    # -- time

    def pass_time(self, dice: Dice, hurried: bool = False) -> None:
        """The broker's clock goes on: a little, far, or to the edge of something that is due."""
        kind = dice.roll(4)
        if hurried:
            self.now += dice.pick(STEPS[:3])
            return
        if kind:
            self.now += dice.pick(STEPS if kind == 1 else STEPS[:4])
            return
        edges = sorted(edge for edge in self._edges() if edge + SECOND > self.now)
        if edges:
            self.now = max(self.now, dice.pick(edges[:4]) + dice.pick((timedelta(0), -SECOND, SECOND)))

    def _edges(self) -> set[datetime]:
        at_s: set[int] = set()
        now_s = seconds(self.now)
        for (organization, name), department in self.referee.check.departments.items():
            at_s |= {p.expires_s for p in department.payments.values() if p.held}
            at_s |= {r.lapses_s for r in department.requests.values() if r.status == "waiting" and r.lapses_s}
            for known in department.delegations.values():
                at_s |= {known.starts_s, known.until_s}
            at_s |= set(_ends_of_windows(self.referee.usage(f"{organization}/{name}")))
            for budget in department.budgets.values():
                for starts_s, until_s, _ in budget.increases:
                    at_s |= {starts_s, until_s}
                end_s = ends_s(budget.calendar, now_s)
                at_s |= {end_s} if end_s is not None else set()
        return {datetime.fromtimestamp(edge, UTC) for edge in at_s}

    def _occurred(self, dice: Dice) -> datetime:
        if dice.roll(8):
            return self.now
        return self.now + dice.pick(OFFSETS)

    # -- parts of events

    def department(self, name: str) -> Department:
        return self.referee.department(f"{ORGANIZATION}/{name}")

    def payments(self, department: str) -> dict[str, Payment]:
        """Those that its owner knows."""
        found = self.department(department)
        return {name: payment for name, payment in found.payments.items() if found.known(name) is not None}

    def common(self, dice: Dice, name: str | None = None) -> dict[str, Any]:
        self.number += 1
        return {
            "event_id": f"e{self.number}",
            "organization_id": ORGANIZATION,
            "department_id": name or (DEPARTMENTS[1] if dice.once_in(8) else DEPARTMENTS[0]),
            "occurred_at": self._occurred(dice),
        }

    def payment(
        self, dice: Dice, common: dict[str, Any], wanted: Callable[[Payment], bool] = bool
    ) -> tuple[str, Payment | None]:
        """A payment's id, rather one that is known and `wanted`, and the payment if it is known."""
        known = self.payments(common["department_id"])
        fitting = [name for name, payment in known.items() if wanted(payment)] or list(known)
        name = dice.pick(fitting[-2:] if fitting and dice.roll(8) else PAYMENTS)
        return name, known.get(name)

    def amount(self, dice: Dice, around: int | None = None) -> PositiveMoney:
        """A small amount, or one at the edge of `around`."""
        if around is not None and dice.roll(3):
            minor = around + dice.pick((0, 1, -1))
        else:
            minor = dice.pick((100, 1, 40, 75, 150, 210, 499, 500, 1000, 6000))
        return PositiveMoney(max(1, minor), "EUR" if dice.once_in(80) else "USD")

    def room(self, dice: Dice, department: Department, card_id: str) -> int:
        """What is left of one of the budgets, limits or leases that are around."""
        keys = list(department.periods)
        if not keys:
            return 500
        key = dice.pick(keys)
        name, label = parts(key)
        budget = department.budgets.get(name)
        if budget is not None:
            more = budget.increase(seconds(self.now))
            limit = budget.limit + dice.pick((0, budget.tolerance)) + dice.pick((0, more))
        else:
            limit = department.leases.get(label, 300)
        return limit - department.periods[key].used

    def foreign(
        self, dice: Dice, amount: PositiveMoney, payment: Payment | None = None, always: bool = False
    ) -> dict[str, Any]:
        """Sometimes the merchant's amount in another currency, with a rate that is right or nearly so.

        Mostly in the currency in which this payment was asked for.
        """
        before = payment.foreign[0] if payment and payment.foreign else None
        if not always and dice.roll(2 if before else 3):
            return {}
        rate = dice.pick(RATES)
        currency = before if before and dice.roll(6) else dice.pick(("EUR", "JPY", "GBP", "USD"))
        shift = 100 if currency == "JPY" else 1
        asked = round(amount.minor / float(rate) / shift)
        given = {"merchant_amount": PositiveMoney(max(1, asked), currency), "rate": rate}
        spoiled = dice.roll(16)
        if spoiled == 15:
            given.pop(dice.pick(("rate", "merchant_amount")))
        elif spoiled == 14:
            given["rate"] = dice.pick(("0", "-1", "x", "NaN", "Infinity", "1e3"))
        elif spoiled == 13:
            given["merchant_amount"] = PositiveMoney(asked + 1 + dice.roll(3), currency)
        return given

    # -- records

    def line(self, event: ev.Event) -> Line:
        """The record of an event, as its producer sends it."""
        self.sent.append(event)
        return Line(self.now, event.key.encode(), encode_event(event))

    def again(self, dice: Dice) -> Line:
        """An event that was sent before, unchanged or with a little that is new."""
        if not self.sent:
            return self.broken(dice)
        event = dice.pick(self.sent[-12:])
        if dice.once_in(3):
            event = msgspec.structs.replace(event, occurred_at=self._occurred(dice))
        change: Callable[[ev.Event], ev.Event] = dice.pick(
            (lambda same: same, lambda same: same, _other_amount, _other_content, _other_type, _other_actor)
        )
        changed = change(event)
        return Line(self.now, changed.key.encode(), encode_event(changed))

    def broken(self, dice: Dice) -> Line:
        """A record that is no usable event."""
        common = self.common(dice)
        tick = ev.ClockTicked(**common)
        value: bytes | None = encode_event(tick)
        key: bytes | None = tick.key.encode()
        match dice.roll(11):
            case 0:
                value = None
            case 1:
                value = b"{"
            case 2:
                value = b"[]"
            case 3:
                value = b'{"type":"no.such"}'
            case 4:
                value = b'{"type":"clock.ticked","version":2}'
            case 5:
                value = b'{"type":"clock.ticked"}'
            case 6:
                key = None
            case 7:
                key = b"acme/other"
            case 8:
                other = msgspec.structs.replace(tick, department_id="ops")
                key, value = other.key.encode(), encode_event(other)
            case 9:
                number = dice.pick(("4111 1111 1111 1111", "5555.5555.5555.4444", "378282246310005"))
                value = encode_event(ev.CardFrozen(**common, card_id=number))
            case _:
                value = encode_event(
                    ev.VerificationRequested(
                        **common, card_id="card-1", merchant=ev.Merchant("x", "12a4", None)
                    )
                )
        return Line(self.now, key, value)


def _ends_of_windows(usage: Usage) -> Iterator[int]:
    """When what a rolling window has counted last counts no more, and a slot before: seconds since 1970."""
    for counter in usage.counters.values():
        if isinstance(counter, Window) and counter.newest:
            yield (counter.newest + SLOTS) * counter.size
            yield (counter.newest + SLOTS + 1) * counter.size


def _other_amount(event: ev.Event) -> ev.Event:
    name = "limit" if event.limit is not None else "amount"
    amount = getattr(event, name, None)
    if not isinstance(amount, Money):
        return event
    return msgspec.structs.replace(event, **{name: type(amount)(amount.minor + 1, amount.currency)})


def _other_content(event: ev.Event) -> ev.Event:
    for name in ("card_id", "authorization_id", "name", "policy_version", "final"):
        value = getattr(event, name, None)
        if isinstance(value, bool):
            return msgspec.structs.replace(event, **{name: not value})
        if isinstance(value, int):
            return msgspec.structs.replace(event, **{name: value + 1})
        if isinstance(value, str):
            return msgspec.structs.replace(event, **{name: f"{value}x"})
    return event


def _other_type(event: ev.Event) -> ev.Event:
    return ev.ClockTicked(
        event_id=event.event_id,
        organization_id=event.organization_id,
        department_id=event.department_id,
        occurred_at=event.occurred_at,
    )


def _other_actor(event: ev.Event) -> ev.Event:
    if "actor" not in event.__struct_fields__:
        return event
    return msgspec.structs.replace(event, actor="somebody else")
