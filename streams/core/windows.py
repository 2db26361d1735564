"""Counters of requests and amounts in rolling windows and calendar periods.

A counter is a flat list `[total, slot, sum, slot, sum, ...]`, oldest first: a ring of at most 61 slots that
holds only those in which something happened, and their total. Slots are numbers in event time, so replay
counts as live did.
"""

from __future__ import annotations

from schemas.controls import SpendLimit

# A window covers its newest slot and the 60 before it: at least the whole window, at most a sixtieth more.
SLOTS_BEFORE = 60


def slot_width_s(seconds: int) -> int:
    """Seconds of one slot of a rolling window."""
    return -(-seconds // SLOTS_BEFORE)


def reach(rule: SpendLimit) -> int:
    """How many slots before the newest still count."""
    return SLOTS_BEFORE if rule.seconds is not None else 0


def total(counter: list[int] | None, slot: int, slots_before: int) -> int:
    """What counts for a request at `slot`."""
    if not counter:
        return 0
    newest = counter[-2]
    oldest = (slot if slot > newest else newest) - slots_before
    if counter[1] >= oldest:
        return counter[0]
    pairs = zip(counter[1::2], counter[2::2], strict=True)
    return sum(value for at, value in pairs if at >= oldest)


def add(counter: list[int], slot: int, slots_before: int, value: int) -> None:
    """Count `value` at `slot`, and forget what no longer can count. A calendar has one slot: the newest."""
    if not counter:
        counter += (value, slot, value)
        return
    newest = counter[-2]
    if slot < newest and slots_before:
        _insert(counter, slot, slots_before, value)
        return
    counter[0] += value
    if slot <= newest:
        counter[-1] += value
        return
    oldest = slot - slots_before
    while len(counter) > 1 and counter[1] < oldest:
        counter[0] -= counter[2]
        del counter[1:3]
    counter += (slot, value)


def _insert(counter: list[int], slot: int, slots_before: int, value: int) -> None:
    if slot < counter[-2] - slots_before:
        return
    counter[0] += value
    at = len(counter)
    while at > 1 and counter[at - 2] > slot:
        at -= 2
    if at > 1 and counter[at - 2] == slot:
        counter[at - 1] += value
    else:
        counter[at:at] = [slot, value]
