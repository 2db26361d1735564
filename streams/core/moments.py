"""What would pass: the largest amount now, and the first moment at which all of it does.

Found by asking the same rules on changed inputs, not by a second set of rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from schemas.decisions import Relief, WouldPass
from streams.core.calendar import moment_of
from streams.core.lapses import Entry, next_to_lapse, without
from streams.core.rules import Ask, assess, headroom, tallies_of
from streams.core.state import COMPANY, Department

# Each is one more look at the rules, on declines only.
MOMENTS_MAX = 8
_HOLD, _PERIOD, _INCREASE = range(3)
_BECAUSE = ("hold_expires", "period_starts", "increase_starts")

Moment = tuple[int, int, str]  # at, kind, subject: holds first, then by id


def would_pass(department: Department, ask: Ask, at_s: int) -> WouldPass:
    """For a request declined for nothing but its amount. `at_s`: the later of its time and the clock."""
    return WouldPass(max(0, passing(department, ask)), _later(department, ask, at_s))


def passing(department: Department, ask: Ask) -> int:
    """The largest amount that passes now: 0 when none does. Asked of the rules, not only computed."""
    room = headroom(department, ask)
    if room < 1:
        return 0
    return room if not assess(department, ask._replace(amount=room)).reasons else 0


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
    charges = ask.plan.charges_for(purchase)
    with without(department, lapsing):
        return not assess(department, ask._replace(purchase=purchase, charges=charges)).reasons


def _moments(department: Department, ask: Ask, at_s: int, holds: Sequence[Entry]) -> Iterator[Moment]:
    yield from ((at, _HOLD, name) for at, name in holds if at > at_s)
    for line, *_ in tallies_of(department, ask):
        if line is None:
            continue
        ends = line.clock.ends_s(ask.purchase.at_s)
        if ends is not None and ends > at_s:
            yield ends, _PERIOD, line.id
        yield from ((start, _INCREASE, line.id) for start, _, _ in line.increases if start > at_s)


def _never(department: Department, ask: Ask) -> bool:
    """More than a limit itself: no moment helps, unless increases or leases make room above it."""
    at_s = ask.purchase.at_s
    for line, id_, _, period, _ in tallies_of(department, ask):
        if line is None or line.increases or line.id == COMPANY:
            continue
        limit = line.fixed if line.fixed is not None else line.initial
        if ask.amount <= limit + line.tolerance:
            continue
        if line.clock.label(at_s) != line.clock.label(department.clock_s):
            return False  # it comes late: more than one period may lie between
        ends = line.clock.ends_s(at_s)
        following = None if ends is None else department.periods.get(f"{id_}@{line.clock.label(ends)}")
        known = [found for found in (period, following) if found is not None]
        if line.fixed is None:
            limit = max([limit, *(found.limit for found in known)])
        if ask.amount > limit + line.tolerance:
            return True
    return False
