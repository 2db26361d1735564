"""What would pass: the largest amount now, and the first moment at which all of it does.

Found by asking the same rules on changed inputs, not by a second set of rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from schemas.decisions import Relief, WouldPass
from streams.core.calendar import moment_of
from streams.core.expiries import Entry
from streams.core.lapses import next_to_lapse, without
from streams.core.rules import Ask, Verdict, judge
from streams.core.rules.allowances import usages
from streams.core.state import COMPANY, Department

# Each is one more look at the rules, on declines only.
MOMENTS_MAX = 8
_HOLD, _PERIOD, _INCREASE = range(3)
_BECAUSE = ("hold_expires", "period_starts", "increase_starts")

Moment = tuple[int, int, str]  # at, kind, subject: holds first, then by id


def would_pass(department: Department, ask: Ask, verdict: Verdict, at_s: int) -> WouldPass | None:
    """For a request declined for nothing but its amount; else None.

    `at_s`: the later of its time and the clock.
    """
    if verdict.room is None:
        return None
    return WouldPass(max(0, verdict.room), _later(department, ask, at_s))


def _later(department: Department, ask: Ask, at_s: int) -> Relief | None:
    if _never(department, ask):
        return None
    # As an event of that moment would find it: it releases as many holds as one decision may.
    holds = list(next_to_lapse(department))
    moments = sorted(_moments(department, ask, at_s, holds))
    for at, group in islice(groupby(moments, lambda moment: moment[0]), MOMENTS_MAX):
        _, kind, subject = next(group)
        if _passes(department, ask, at, [entry for entry in holds if entry[0] <= at]):
            return Relief(moment_of(at), _BECAUSE[kind], subject)  # type: ignore[arg-type]
    return None


def _passes(department: Department, ask: Ask, at_s: int, lapsing: Sequence[Entry]) -> bool:
    """Whether all of it passes at that moment, when nothing else happens until then."""
    purchase = ask.purchase._replace(at_s=at_s)
    charges = ask.rules.charges_for(purchase)
    with without(department, lapsing):
        return not judge(department, ask._replace(purchase=purchase, charges=charges)).reasons


def _moments(department: Department, ask: Ask, at_s: int, holds: Sequence[Entry]) -> Iterator[Moment]:
    yield from ((at, _HOLD, name) for at, name in holds if at > at_s)
    for allowance, *_ in usages(department, ask):
        ends = allowance.clock.ends_s(ask.purchase.at_s)
        if ends is not None and ends > at_s:
            yield ends, _PERIOD, allowance.id
        yield from ((start, _INCREASE, allowance.id) for start, _, _ in allowance.increases if start > at_s)


def _never(department: Department, ask: Ask) -> bool:
    """More than a limit itself: no moment helps, unless increases or leases make room above it."""
    at_s = ask.purchase.at_s
    for allowance, id_, _, period, _ in usages(department, ask):
        if allowance.increases or allowance.id == COMPANY:
            continue
        limit = allowance.fixed if allowance.fixed is not None else allowance.initial
        if ask.amount <= limit + allowance.tolerance:
            continue
        clock = allowance.clock
        if clock.label(at_s) != clock.label(department.clock_s):
            return False  # it comes late: more than one period may lie between
        ends = clock.ends_s(at_s)
        following = None if ends is None else department.periods.get(f"{id_}@{clock.label(ends)}")
        known = [found for found in (period, following) if found is not None]
        if allowance.fixed is None:
            limit = max([limit, *(found.limit for found in known)])
        if ask.amount > limit + allowance.tolerance:
            return True
    return False
