"""What a policy's rules match, and which policies make no sense."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from unicodedata import category, name, normalize
from zoneinfo import available_timezones

from schemas.controls import (
    MCC_GROUPS,
    ActiveHours,
    Allow,
    Block,
    Calendar,
    Match,
    Policy,
    Rule,
    SpendLimit,
)
from schemas.event import Merchant
from tests.model.book import Department
from tests.model.calendars import DAY, fits, local

#: The only countries that the histories know; "Q1" stands for all that do not exist.
COUNTRIES = ("DE", "FR", "JP", "US")
# What systems add to the database, and what it keeps for a zone that is not set.
ZONES = frozenset(
    name
    for name in available_timezones()
    if name not in ("localtime", "posixrules", "Factory") and not name.startswith(("posix/", "right/"))
)
#: A request has only one value of each of these.
EXCLUSIVE = ("mccs", "countries", "entry_modes")
LISTS = ("mccs", "mcc_groups", "merchants", "merchants_containing", "countries", "entry_modes")


def plain(text: str) -> str:
    """What a reader sees, without regard to case."""
    text = "".join(one for one in text if not is_unseen(one))
    for _ in range(3):
        text = normalize("NFKC", text).casefold()
    return " ".join(normalize("NFKC", text).split())


def is_unseen(one: str) -> bool:
    """Format characters, variation selectors, fillers, blanks, and what is free for more of them."""
    if one == "\u2065" or "\ufff0" <= one < "\ufff9" or "\U000e0000" <= one < "\U000e1000":
        return True
    names = ("VARIATION SELECTOR", "HANGUL FILLER", "COMBINING GRAPHEME JOINER", "KHMER VOWEL INHERENT")
    others = ("HANGUL CHOSEONG FILLER", "HANGUL JUNGSEONG FILLER", "HALFWIDTH HANGUL FILLER")
    blanks = ("BRAILLE PATTERN BLANK", "MUSICAL SYMBOL NULL NOTEHEAD")
    called = name(one, "")
    return category(one) == "Cf" or any(part in called for part in (*names, *others, *blanks))


def in_group(mcc: str | None, group: str) -> bool:
    return mcc is not None and any(first <= int(mcc) <= last for first, last in MCC_GROUPS[group])


def is_named(merchant: Merchant, text: str) -> bool:
    """Whether a rule's or a card's `text` is the merchant's exact id or its whole name."""
    return text == merchant.id or plain(text) == plain(merchant.name)


def matches(what: Match, merchant: Merchant | None, entry_mode: str | None) -> bool:
    """Whether a request has one of the values in each list that is given."""
    mcc = merchant.mcc if merchant else None
    country = merchant.country if merchant else None
    if what.mccs and mcc not in what.mccs:
        return False
    if what.mcc_groups and not any(in_group(mcc, group) for group in what.mcc_groups):
        return False
    if what.countries and country not in what.countries:
        return False
    if what.entry_modes and entry_mode not in what.entry_modes:
        return False
    if what.merchants or what.merchants_containing:
        if merchant is None:
            return False
        whole = any(is_named(merchant, text) for text in what.merchants)
        part = any(plain(text) in plain(merchant.name) for text in what.merchants_containing)
        return whole or part
    return True


def in_scope(rule: Rule, department: Department, card_id: str | None, cardholder: str | None) -> bool:
    scope = rule.scope
    return scope is None or department.subject(scope.level, card_id, cardholder) == scope.subject


def within_hours(rule: ActiveHours, at: datetime) -> bool:
    """Whether a span of the rule that began today or yesterday holds `at`."""
    now = local(at, rule.time_zone)
    clock = f"{now.hour:02}:{now.minute:02}"
    today, yesterday = now.isoweekday() in rule.days, (now - DAY).isoweekday() in rule.days
    if rule.end > rule.start:
        return today and rule.start <= clock < rule.end
    return (today and clock >= rule.start) or (yesterday and clock < rule.end)


def hold_days(policy: Policy, merchant: Merchant | None) -> int:
    """How many days a hold at this merchant is valid."""
    for group in sorted(policy.hold_days_by_group):
        if merchant and in_group(merchant.mcc, group):
            return policy.hold_days_by_group[group]
    return policy.hold_days


def validity(policy: Policy, merchant: Merchant | None) -> timedelta:
    return timedelta(days=hold_days(policy, merchant))


def different_people(levels: Sequence[tuple[str, ...]], others: frozenset[str] = frozenset()) -> bool:
    """Whether each level that names somebody can have a person of its own, none of `others`: tries all."""
    if not levels:
        return True
    first, *rest = levels
    if not first:
        return different_people(rest, others)
    return any(
        different_people(rest, others | {person}) for person in first if person and person not in others
    )


def makes_sense(policy: Policy) -> bool:
    """Whether docs/rules.md lets this policy be drafted."""
    ids = [rule.rule_id for rule in policy.rules]
    return (
        len(ids) == len(set(ids))
        and all(re.fullmatch("[A-Za-z0-9._-]+", name) for name in ids)
        and len({level.name for level in policy.approvals}) == len(policy.approvals)
        and different_people([level.approvers for level in policy.approvals])
        and all(group in MCC_GROUPS for group in policy.hold_days_by_group)
        and all(_rule_makes_sense(rule) for rule in policy.rules)
        and not any(_contradict(one, other) for one, other in combinations(policy.rules, 2))
    )


def _rule_makes_sense(rule: Rule) -> bool:
    match rule:
        case Block(what=what) | Allow(what=what):
            return bool(_names(what)) and _match_makes_sense(what)
        case ActiveHours():
            return (
                _is_time(rule.start)
                and _is_time(rule.end)
                and rule.start != rule.end
                and bool(rule.days)
                and rule.time_zone in ZONES
            )
        case SpendLimit():
            return _limit_makes_sense(rule)
        case _:
            raise AssertionError(rule)


def _limit_makes_sense(rule: SpendLimit) -> bool:
    return (
        (rule.amount is None) != (rule.count is None)
        and (rule.calendar is not None) == (rule.window == "calendar")
        and (rule.calendar is None or _calendar_makes_sense(rule.calendar))
        and (rule.seconds is not None) == (rule.window == "rolling")
        and not (rule.counts == "requested" and rule.amount is not None)
        and not (rule.window == "transaction" and rule.count not in (None, 0))
        and (rule.only is None or (bool(_names(rule.only)) and _match_makes_sense(rule.only)))
    )


def _calendar_makes_sense(calendar: Calendar) -> bool:
    return fits(calendar) and calendar.time_zone in ZONES


def _match_makes_sense(what: Match) -> bool:
    return (
        all(re.fullmatch("[0-9]{4}", mcc) for mcc in what.mccs)
        and all(group in MCC_GROUPS for group in what.mcc_groups)
        and all(country in COUNTRIES for country in what.countries)
        and all(map(plain, (*what.merchants, *what.merchants_containing)))
    )


def _is_time(text: str) -> bool:
    return re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text) is not None


def _names(what: Match) -> list[str]:
    """The lists that are given."""
    return [name for name in LISTS if getattr(what, name)]


def _contradict(one: Rule, other: Rule) -> bool:
    """Allow and block of the same value and nothing else, or two allows with nothing in common."""
    if not isinstance(one, (Allow, Block)) or not isinstance(other, (Allow, Block)):
        return False
    if one.scope != other.scope or {one.action, other.action} != {"decline"}:
        return False
    first, second = _names(one.what), _names(other.what)
    if isinstance(one, Allow) and isinstance(other, Allow):
        return any(name in first and name in second and not _common(one, other, name) for name in EXCLUSIVE)
    return (
        type(one) is not type(other) and len(first) == 1 and first == second and _common(one, other, first[0])
    )


def _common(one: Allow | Block, other: Allow | Block, name: str) -> bool:
    as_told = plain if name.startswith("merchants") else str
    values, others = getattr(one.what, name), getattr(other.what, name)
    return bool(set(map(as_told, values)) & set(map(as_told, others)))
