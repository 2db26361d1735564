"""Whether a request matches: the lists of a `Match` as look-ups in sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from schemas.controls import MCC_GROUPS, ActiveHours, Match
from schemas.event import EntryMode, Merchant
from schemas.names import folded
from schemas.terms import minute_of
from streams.core.calendar import local_s

DAY_S = 86_400


class Purchase(NamedTuple):
    """What rules may look at besides the amount. `merchant` None: an increment that names none.

    `millionths`: of a probability of fraud; -1: nobody says one.
    """

    at_s: int
    merchant: Merchant | None
    entry_mode: EntryMode | None
    millionths: int = -1


Test = Callable[[Purchase], bool]


@lru_cache(maxsize=256)
def codes_of(group: str) -> frozenset[str]:
    """All MCCs of a group."""
    ranges = MCC_GROUPS[group]
    return frozenset(f"{code:04d}" for first, last in ranges for code in range(first, last + 1))


def same_merchant(merchant: Merchant, locked: str) -> bool:
    """Whether `locked`, a name or an id, is this merchant."""
    return merchant.id == locked or folded(merchant.name) == folded(locked)


def compiled(what: Match) -> Test:
    """A test of one request. A request without merchant matches only where nothing of it is asked."""
    tests: list[Test] = []
    if what.mccs:
        tests.append(_mcc_in(frozenset(what.mccs)))
    if what.mcc_groups:
        tests.append(_mcc_in(frozenset().union(*map(codes_of, what.mcc_groups))))
    if what.merchants or what.merchants_containing:
        tests.append(_merchant_in(what))
    if what.countries:
        countries = frozenset(what.countries)
        tests.append(lambda asked: asked.merchant is not None and asked.merchant.country in countries)
    if what.entry_modes:
        modes = frozenset(what.entry_modes)
        tests.append(lambda asked: asked.entry_mode in modes)
    if len(tests) == 1:
        return tests[0]
    return lambda asked: all(test(asked) for test in tests)


def _mcc_in(codes: frozenset[str]) -> Test:
    return lambda asked: asked.merchant is not None and asked.merchant.mcc in codes


def _merchant_in(what: Match) -> Test:
    names = frozenset(map(folded, what.merchants))
    ids = frozenset(what.merchants)
    parts = tuple(map(folded, what.merchants_containing))

    def test(asked: Purchase) -> bool:
        merchant = asked.merchant
        if merchant is None:
            return False
        name = folded(merchant.name)
        return name in names or merchant.id in ids or any(part in name for part in parts)

    return test


def outside(hours: ActiveHours) -> Test:
    """A test that is true outside of the hours."""
    start, end = minute_of(hours.start) * 60, minute_of(hours.end) * 60
    length = (end - start) % DAY_S
    days, zone = frozenset(hours.days), hours.time_zone

    def test(asked: Purchase) -> bool:
        # The span that holds this moment, if any, began at the last `start` before it.
        since = local_s(asked.at_s, zone) - start
        day, into = divmod(since, DAY_S)
        # The epoch was a Thursday: ISO weekday 4.
        return into >= length or (day + 3) % 7 + 1 not in days

    return test
