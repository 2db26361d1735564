"""A policy's rules, one on each indented line below its `policy` line.

```
block no-gambling    group gambling,cash  country KP  fraud
allow only-software  mcc 5734,7372  for team:platform
hours office         08:00-18:00 days mon-fri zone Europe/Berlin
limit lunch          USD 15.00 each day per card  only group restaurant
limit big            USD 5,000.00 each transaction  review
limit velocity       count 3 in 60 seconds requested per employee  shadow
score likely-fraud   from 0.2  decline
approval manager     above USD 500.00 by lead@x.com,boss@x.com
hold 5 days
hold hotel 14 days
registered cards only
requests lapse after 10 days
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from infra.stories import values
from infra.stories.story import LEVEL_WORDS
from infra.stories.tokens import WordReader
from schemas.controls import (
    TRAVEL_HOLD_DAYS,
    ActiveHours,
    Allow,
    ApprovalLevel,
    Block,
    Calendar,
    Match,
    Policy,
    Rules,
    RuleScope,
    ScoreLimit,
    SpendLimit,
)

_MATCHES: Final = {
    "mcc": "mccs",
    "group": "mcc_groups",
    "merchant": "merchants",
    "containing": "merchants_containing",
    "country": "countries",
    "entry": "entry_modes",
}
_LISTS: Final = "values, such as DE,US"
_COMMON: Final = ("for", "review", "shadow", "fraud")
_WINDOWS: Final = ("transaction", "calendar", "rolling")
_LIMIT_WORDS: Final = (
    "each",
    "lifetime",
    "zone",
    "start",
    "in",
    "window",
    "per",
    "count",
    "requested",
    "only",
)


class PolicyReader:
    """Takes one line after the other; `policy` is what they said."""

    def __init__(self) -> None:
        self._rules: list[Rules] = []
        self._settings: dict[str, Any] = {}
        self._groups: dict[str, int] = {}
        self._approvals: list[ApprovalLevel] = []

    @property
    def policy(self) -> Policy:
        groups = TRAVEL_HOLD_DAYS | self._groups
        return Policy(
            rules=tuple(self._rules),
            hold_days_by_group=groups,
            approvals=tuple(self._approvals),
            **self._settings,
        )

    def read(self, reader: WordReader) -> None:
        """Raises StoryError where the line is no rule."""
        word = reader.one_of((*_KINDS, "approval", "hold", "registered", "requests", "won"), "a rule")
        if word == "hold":
            self._hold(reader)
        elif word == "approval":
            self._approvals.append(_approval(reader))
        elif word == "registered":
            reader.need("cards", "only")
            self._settings["registered_cards_only"] = True
        elif word == "requests":
            reader.need("lapse", "after")
            self._settings["request_days"] = values.whole(reader, "a number of days")
            reader.need("day" if reader.peek() == "day" else "days")
        elif word == "won":
            reader.need("disputes", "label")
            self._settings["label_won_disputes"] = True
        else:
            self._rules.append(_KINDS[word](reader))
        if reader.peek() is not None:
            reader.fail(reader.next(""), "the end of the rule")

    def _hold(self, reader: WordReader) -> None:
        text = reader.peek() or ""
        group = None if values.is_whole(text) else reader.text("a number of days, or an MCC group")
        days = values.whole(reader, "a number of days")
        reader.need("day" if reader.peek() == "day" else "days")
        if group is None:
            self._settings["hold_days"] = days
        else:
            self._groups[group] = days


def _approval(reader: WordReader) -> ApprovalLevel:
    said: dict[str, Any] = {"name": reader.text("the level's name")}
    while reader.peek() is not None:
        if reader.one_of(("above", "by"), "above which amount, or by whom") == "above":
            said["above"] = values.money(reader).minor
        else:
            said["approvers"] = values.text_list(reader, "persons, such as lead@x.com,boss@x.com")
    return ApprovalLevel(**said)


def _common(reader: WordReader, word: str, said: dict[str, Any]) -> None:
    if word == "for":
        text = reader.next("a scope, such as team:platform")
        level, colon, subject = text.text.partition(":")
        if not colon or level not in LEVEL_WORDS[1:]:
            reader.fail(text, "a scope, such as team:platform, card:card-1 or employee:bob@x.com")
        said["scope"] = RuleScope(level, subject)  # type: ignore[arg-type]  # it is one of the levels
    elif word in ("review", "shadow"):
        said["action"] = word
    else:
        said["fraud"] = True


def _match(reader: WordReader, word: str, said: dict[str, Any]) -> None:
    said[_MATCHES[word]] = values.text_list(reader, _LISTS)


def _block_or_allow(kind: type[Block | Allow]) -> Callable[[WordReader], Rules]:
    def read(reader: WordReader) -> Rules:
        said: dict[str, Any] = {"rule_id": reader.text("the rule's id")}
        what: dict[str, Any] = {}
        while reader.peek() is not None:
            word = reader.one_of((*_MATCHES, *_COMMON), "what it matches, or its scope")
            if word in _MATCHES:
                _match(reader, word, what)
            else:
                _common(reader, word, said)
        return kind(what=Match(**what), **said)

    return read


def _hours(reader: WordReader) -> Rules:
    said: dict[str, Any] = {"rule_id": reader.text("the rule's id")}
    span = reader.next("a span of hours, such as 08:00-18:00")
    first, dash, last = span.text.partition("-")
    if not dash:
        reader.fail(span, "a span of hours, such as 08:00-18:00")
    said |= {"start": first, "end": last}
    while reader.peek() is not None:
        match reader.one_of(("days", "zone", *_COMMON), "its days, zone or scope"):
            case "days":
                said["days"] = values.weekdays(reader)
            case "zone":
                said["time_zone"] = reader.text("a time zone")
            case word:
                _common(reader, word, said)
    return ActiveHours(**said)


def _score(reader: WordReader) -> Rules:
    said: dict[str, Any] = {"rule_id": reader.text("the rule's id")}
    reader.need("from")
    said["least"] = int(values.number(reader, "a probability of fraud, such as 0.2") * 1_000_000)
    while reader.peek() is not None:
        word = reader.one_of(("decline", "a-day", *_COMMON), "what then, how many a day, or its scope")
        if word == "decline":
            said["action"] = word
        elif word == "a-day":
            said["a_day"] = values.whole(reader, "a number of alerts")
        else:
            _common(reader, word, said)
    return ScoreLimit(**said)


def _limit(reader: WordReader) -> Rules:
    said: dict[str, Any] = {"rule_id": reader.text("the rule's id")}
    calendar: dict[str, Any] = {}
    only: dict[str, Any] | None = None
    while (text := reader.peek()) is not None:
        if values.is_currency(text):
            said["amount"] = values.money(reader).minor
            continue
        matches = () if only is None else tuple(_MATCHES)
        word = reader.one_of((*_LIMIT_WORDS, *_COMMON, *matches), "an amount, a count, a window or a scope")
        if word == "only":
            only = {}
        elif word in _MATCHES and only is not None:
            _match(reader, word, only)
        elif word in _COMMON:
            _common(reader, word, said)
        else:
            _limit_word(reader, word, said, calendar)
    if calendar:
        said["calendar"] = Calendar(**calendar)
        said.setdefault("window", "calendar")
    said.setdefault("window", "rolling" if "seconds" in said else "transaction")
    return SpendLimit(**said, only=None if only is None else Match(**only))


def _limit_word(reader: WordReader, word: str, said: dict[str, Any], calendar: dict[str, Any]) -> None:
    match word:
        case "each" if reader.skip("transaction"):
            said["window"] = "transaction"
        case "each":
            calendar["period"] = reader.one_of(values.PERIODS, "a period, or transaction")
        case "lifetime":
            calendar["period"] = "lifetime"
        case "zone":
            calendar["time_zone"] = reader.text("a time zone")
        case "start":
            calendar["start_day"], calendar["start_month"] = values.start(reader)
        case "in":
            said["seconds"] = int(values.duration(reader).total_seconds())
        case "window":
            said["window"] = reader.one_of(_WINDOWS, "a window")
        case "per":
            said["per"] = reader.one_of(LEVEL_WORDS, "whose limit it is")
        case "count":
            said["count"] = values.whole(reader, "a number of requests")
        case _:
            said["counts"] = "requested"


_KINDS: Final[Mapping[str, Callable[[WordReader], Rules]]] = {
    "block": _block_or_allow(Block),
    "allow": _block_or_allow(Allow),
    "hours": _hours,
    "limit": _limit,
    "score": _score,
}
assert set(_MATCHES.values()) == set(Match.__struct_fields__), "a member of Match has no word"
assert get_args(Rules) == (Block, Allow, ActiveHours, SpendLimit, ScoreLimit), "a kind of rule has no word"
