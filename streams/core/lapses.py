"""Holds that lapse with time: which are due, and the department as it would be without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import takewhile

from schemas.effects import HoldReleased
from streams.core.state import Department

# What one decision may release: a record takes a megabyte, and the event itself needs its part of that.
# What is more lapses with the next event.
LAPSES_MAX = 500
LAPSE_BYTES_MAX = 250_000
# Of entries that are no longer true: so many are looked at for a decline, and dropped one by one.
OUTDATED_MAX = 1_000

Entry = tuple[int, str]  # expires_s, authorization id


def is_open(department: Department, entry: Entry) -> bool:
    """Whether the heap's entry is still true: a hold that was resolved or prolonged leaves one behind."""
    payment = department.payments.get(entry[1])
    return payment is not None and payment.held > 0 and payment.expires_s == entry[0]


def due(department: Department, clock_s: int) -> list[Entry]:
    """Open holds that lapse by `clock_s`, earliest first: as many as one decision may release."""
    heap = department.expiries
    if not heap or heap[0][0] > clock_s:
        return []
    return list(takewhile(lambda entry: entry[0] <= clock_s, next_to_lapse(department)))


def next_to_lapse(department: Department) -> Iterator[Entry]:
    """The open holds that one decision could release if it came late enough, earliest first.

    The first one always; the others while they are at most `LAPSES_MAX` and weigh at most `LAPSE_BYTES_MAX`.
    """
    left = LAPSE_BYTES_MAX
    for count, entry in enumerate(_open(department)):
        left -= weight(entry[1], department.payments[entry[1]].charges)
        if count == LAPSES_MAX or (count and left < 0):
            return
        yield entry


def weight(authorization_id: str, charges: Sequence[str]) -> int:
    """About how many bytes the release of a hold takes: in its effect, and in the balances after it."""
    names = len(authorization_id.encode()) + sum(len(charge.encode()) for charge in charges)
    return 150 + 2 * names + 100 * len(charges)


def _open(department: Department) -> Iterator[Entry]:
    """Open holds in the order in which they lapse.

    In a heap all that is due hangs together at its root, so this looks at little more than what it gives,
    and at entries that are no longer true, which are few or a quarter of all (`outdate`).
    """
    heap = department.expiries
    waiting: list[tuple[Entry, int]] = [(heap[0], 0)] if heap else []
    last: Entry | None = None
    while waiting:
        entry, at = heappop(waiting)
        if entry != last and is_open(department, entry):
            last = entry
            yield entry
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heappush(waiting, (heap[child], child))


@contextmanager
def without(department: Department, lapsing: Sequence[Entry]) -> Iterator[tuple[HoldReleased, ...]]:
    """The department as if these holds had lapsed, and the effects that say so; afterwards as it was.

    Changed and changed back: a copy of a department with a hundred thousand payments would cost a
    millisecond for each hold that lapses.
    """
    effects = tuple(
        HoldReleased(authorization_id=name, amount=payment.held, charges=payment.charges, cause="expiry")
        for _, name in lapsing
        for payment in (department.payments[name],)
    )
    for effect in effects:
        _move(department, effect, -effect.amount)
        department.payments[effect.authorization_id].held = 0
    closed = [department.payments[effect.authorization_id].closed for effect in effects]
    for effect in effects:
        department.payments[effect.authorization_id].closed = "expiry"
    try:
        yield effects
    finally:
        for effect, before in zip(effects, closed, strict=True):
            _move(department, effect, effect.amount)
            payment = department.payments[effect.authorization_id]
            payment.held, payment.closed = effect.amount, before


def _move(department: Department, effect: HoldReleased, amount: int) -> None:
    for charge in effect.charges:
        department.periods[charge].held += amount


def remember(department: Department, entry: Entry) -> None:
    """A hold was placed or prolonged."""
    heappush(department.expiries, entry)


def outdate(department: Department) -> None:
    """A hold was resolved or prolonged, and left its entry behind. They go when they are a quarter of all."""
    department.outdated += 1
    if department.outdated > OUTDATED_MAX and 4 * department.outdated > len(department.expiries):
        compact(department)


def drop_passed(department: Department) -> None:
    """Let go of the entries of what has lapsed or was resolved, up to the department's clock."""
    heap = department.expiries
    for _ in range(OUTDATED_MAX):
        if not heap or heap[0][0] > department.clock_s or is_open(department, heap[0]):
            return
        heappop(heap)
    compact(department)


def compact(department: Department) -> None:
    """Let go of all entries that are no longer true."""
    heap = [entry for entry in dict.fromkeys(department.expiries) if is_open(department, entry)]
    heapify(heap)
    department.expiries, department.outdated = heap, 0
