"""Whether a policy says anything that cannot be meant: unknown names, missing parts, contradictions.

The core refuses such a policy (`invalid_policy`); whoever sends one to many departments asks here first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations

import msgspec
from babel import Locale

from schemas.approvers import listed, shortage
from schemas.controls import MCC_GROUPS, ActiveHours, Allow, Block, Match, Policy, Rule, SpendLimit
from schemas.ids import is_name
from schemas.names import folded
from schemas.terms import check_calendar, is_time_zone, minute_of, no_time_zone

# A request has one value of these at most; groups overlap, and a merchant may have a name and an id.
EXCLUSIVE = ("mccs", "countries", "entry_modes")


def contradiction(policy: Policy) -> str | None:
    """The first thing that is wrong, as `FIELD: reason`; None when nothing is."""
    return next(faults(policy), None)


def digest(policy: Policy) -> str:
    """16 hex digits that tell policies apart by content: alike for the same rules in the same order."""
    content = msgspec.json.encode(policy, order="deterministic")
    return hashlib.sha256(content).hexdigest()[:16]


def faults(policy: Policy) -> Iterator[str]:
    """All that is wrong, each as `FIELD: reason`."""
    seen: set[str] = set()
    for n, rule in enumerate(policy.rules):
        at = f"rules[{n}]"
        if rule.rule_id in seen:
            yield f"{at}.rule_id: '{rule.rule_id}' stands twice"
        seen.add(rule.rule_id)
        if not is_name(rule.rule_id):
            yield f"{at}.rule_id: '{rule.rule_id}' has other than letters, digits, dots, underscores, hyphens"
        yield from (f"{at}.{fault}" for fault in _of_rule(rule))
    names = [level.name for level in policy.approvals]
    yield from (f"approvals: level '{name}' stands twice" for name in names if names.count(name) > 1)
    yield from _of_levels(policy)
    for group in policy.hold_days_by_group:
        if group not in MCC_GROUPS:
            yield f"hold_days_by_group: {_unknown_group(group)}"
    yield from _contradictions(policy)


def _of_levels(policy: Policy) -> Iterator[str]:
    """Nobody approves twice, so levels need different people.

    A larger amount has the levels of a smaller one and more: if all of them can be approved, any can.
    """
    short = shortage([level.approvers for level in policy.approvals])
    if short is None:
        return
    at = f"approvals[{short.levels[-1]}].approvers"
    names = listed([f"'{policy.approvals[index].name}'" for index in short.levels])
    if short.people:
        yield f"{at}: {names} need {len(short.levels)} people, but name only {listed(short.people)}"
    else:
        yield f"{at}: {names} names nobody who could be told; leave the list empty for anybody"


def _of_rule(rule: Rule) -> Iterator[str]:
    match rule:
        case Block() | Allow():
            yield from (f"what{fault}" for fault in _of_match(rule.what))
        case ActiveHours():
            yield from _of_hours(rule)
        case SpendLimit():
            yield from _of_limit(rule)


def _of_hours(rule: ActiveHours) -> Iterator[str]:
    for name, text in (("start", rule.start), ("end", rule.end)):
        try:
            minute_of(text)
        except ValueError as wrong:
            yield f"{name}: {wrong}"
    if rule.start == rule.end:
        yield "end: the same as start, so no time or all of it; leave the rule out, or block"
    if not rule.days:
        yield "days: none, so nothing could ever pass"
    if not is_time_zone(rule.time_zone):
        yield f"time_zone: {no_time_zone(rule.time_zone)}"


def _of_limit(rule: SpendLimit) -> Iterator[str]:
    if (rule.amount is None) is (rule.count is None):
        yield "amount, count: one of the two"
    if (rule.window == "calendar") is not (rule.calendar is not None):
        yield "calendar: for the window 'calendar', and only for it"
    if (rule.window == "rolling") is not (rule.seconds is not None):
        yield "seconds: for the window 'rolling', and only for it"
    if rule.counts == "requested" and rule.amount is not None:
        yield "counts: only approved amounts can be summed up"
    if rule.window == "transaction" and rule.count:
        yield "count: one payment counts one; only 0 says something"
    if rule.calendar is not None:
        if not is_time_zone(rule.calendar.time_zone):
            yield f"calendar.time_zone: {no_time_zone(rule.calendar.time_zone)}"
        wrong = check_calendar(rule.calendar)
        if wrong:
            yield f"calendar.{wrong}"
    if rule.only is not None:
        yield from (f"only{fault}" for fault in _of_match(rule.only))


def _of_match(what: Match) -> Iterator[str]:
    if not any(getattr(what, name) for name in Match.__struct_fields__):
        yield ": names nothing, so it would match everything"
    for mcc in what.mccs:
        if len(mcc) != 4 or not (mcc.isascii() and mcc.isdigit()):
            yield f".mccs: {mcc!r} is not 4 digits"
    for group in what.mcc_groups:
        if group not in MCC_GROUPS:
            yield f".mcc_groups: {_unknown_group(group)}"
    for country in what.countries:
        if country not in _countries():
            yield f".countries: {country!r} is not a country of ISO 3166-1 (two capitals)"
    for text in (*what.merchants, *what.merchants_containing):
        if not folded(text):
            yield ".merchants: an empty name"


def _unknown_group(group: str) -> str:
    return f"{group!r} is not one of {', '.join(sorted(MCC_GROUPS))}"


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    territories: Iterable[str] = map(str, Locale("en").territories)
    return frozenset(code for code in territories if len(code) == 2 and code.isalpha()) - {
        "ZZ",
        "EU",
        "UN",
        "EZ",
    }


def _contradictions(policy: Policy) -> Iterator[str]:
    """Among rules of one scope that decline: allowed and blocked alike, or allowed by none."""
    plain = [(n, rule) for n, rule in enumerate(policy.rules) if isinstance(rule, Allow | Block)]
    for (n, one), (m, other) in combinations(plain, 2):
        if one.scope != other.scope or one.action != "decline" or other.action != "decline":
            continue
        if isinstance(one, Allow) and isinstance(other, Allow):
            for name in EXCLUSIVE:
                if not (getattr(one.what, name) and getattr(other.what, name)):
                    continue
                if not _values(one.what, name) & _values(other.what, name):
                    yield f"rules[{m}].what.{name}: nothing that rules[{n}] allows, so nothing could pass"
        elif type(one) is not type(other):
            yield from _both_ways(n, one, m, other)


def _both_ways(n: int, one: Allow | Block, m: int, other: Allow | Block) -> Iterator[str]:
    # With conditions on other lists too, a block is an exception from what is allowed, and meant.
    if len(_lists(one.what)) == len(_lists(other.what)) == 1 and _lists(one.what) == _lists(other.what):
        name = _lists(one.what)[0]
        both = _values(one.what, name) & _values(other.what, name)
        if both:
            yield f"rules[{m}].what.{name}: {min(both)!r} is allowed and blocked, see rules[{n}]"


def _lists(what: Match) -> list[str]:
    return [name for name in Match.__struct_fields__ if getattr(what, name)]


def _values(what: Match, name: str) -> frozenset[str]:
    values = getattr(what, name)
    return frozenset(map(folded, values)) if name.startswith("merchants") else frozenset(values)
