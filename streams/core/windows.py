"""Counters of requests and amounts in rolling windows and calendar periods.

A counter is a flat list `[slot, sum, slot, sum, ...]`, oldest first: a ring of at most 61 slots that holds
only those in which something happened. Slots are numbers in event time, so replay counts as live did.
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
    if len(counter) == 2:
        return counter[1] if newest >= oldest else 0
    if counter[0] >= oldest:
        return sum(counter[1::2])
    return sum(value for at, value in zip(counter[::2], counter[1::2], strict=True) if at >= oldest)


def add(counter: list[int], slot: int, slots_before: int, value: int) -> None:
    """Count `value` at `slot`, and forget what no longer can count. A calendar has one slot: the newest."""
    if counter and slot < counter[-2]:
        if not slots_before:
            counter[-1] += value
            return
        _insert(counter, slot, slots_before, value)
        return
    if counter and slot == counter[-2]:
        counter[-1] += value
        return
    oldest = slot - slots_before
    stale = 0
    while stale < len(counter) and counter[stale] < oldest:
        stale += 2
    del counter[:stale]
    counter += (slot, value)


def _insert(counter: list[int], slot: int, slots_before: int, value: int) -> None:
    if slot < counter[-2] - slots_before:
        return
    at = len(counter)
    while at and counter[at - 2] > slot:
        at -= 2
    if at and counter[at - 2] == slot:
        counter[at - 1] += value
    else:
        counter[at:at] = [slot, value]
