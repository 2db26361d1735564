"""Holds that lapse with time: which are due, and the department as it would be without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

from schemas.effects import HoldReleased
from streams.core.expiries import Entry
from streams.core.state import Department, Payment

# What one decision may release: a record takes a megabyte, and the event itself needs its part of that.
# What is more lapses with the next event.
LAPSES_MAX = 500
LAPSE_BYTES_MAX = 250_000


def due(department: Department, clock_s: int) -> list[Entry]:
    """Open holds that lapse by `clock_s`, earliest first: as many as one decision may release."""
    earliest_s = department.expiries.earliest_s()
    if earliest_s is None or earliest_s > clock_s:
        return []
    return list(takewhile(lambda entry: entry[0] <= clock_s, next_to_lapse(department)))


def next_to_lapse(department: Department) -> Iterator[Entry]:
    """The open holds that one decision could release if it came late enough, earliest first.

    The first one always; the others while they are at most `LAPSES_MAX` and weigh at most `LAPSE_BYTES_MAX`.
    """
    left = LAPSE_BYTES_MAX
    for count, entry in enumerate(department.expiries):
        left -= weight(entry[1], _open(department, entry[1]).charges)
        if count == LAPSES_MAX or (count and left < 0):
            return
        yield entry


def _open(department: Department, authorization_id: str) -> Payment:
    payment = department.payments.get(authorization_id)
    assert payment is not None, "what has a hold is remembered"
    return payment


def weight(authorization_id: str, charges: Sequence[str]) -> int:
    """About how many bytes the release of a hold takes: in its effect, and in the balances after it."""
    names = len(authorization_id.encode()) + sum(len(charge.encode()) for charge in charges)
    return 150 + 2 * names + 100 * len(charges)


@contextmanager
def without(department: Department, lapsing: Sequence[Entry]) -> Iterator[tuple[HoldReleased, ...]]:
    """The department as if these holds had lapsed, and the effects that say so; afterwards as it was.

    Changed and changed back: a copy of a department with a hundred thousand payments would cost a
    millisecond for each hold that lapses.
    """
    payments = [_open(department, name) for _, name in lapsing]
    effects = tuple(
        HoldReleased(authorization_id=name, amount=payment.held, charges=payment.charges, cause="expiry")
        for (_, name), payment in zip(lapsing, payments, strict=True)
    )
    before = [(payment.held, payment.closed, payment.bucket) for payment in payments]
    for effect, payment in zip(effects, payments, strict=True):
        _move(department, effect, -effect.amount)
        # Remembered from this event on, however long ago the last one about it was.
        payment.held, payment.closed, payment.bucket = 0, "expiry", department.latest_bucket
    try:
        yield effects
    finally:
        for effect, payment, was in zip(effects, payments, before, strict=True):
            _move(department, effect, effect.amount)
            payment.held, payment.closed, payment.bucket = was


def _move(department: Department, effect: HoldReleased, amount: int) -> None:
    for charge in effect.charges:
        period = department.periods.get(charge)
        assert period is not None, "what is held is held in a period"
        period.held += amount
