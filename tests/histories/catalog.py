"""Cards, merchants, calendars, rules and policies out of which histories are made. Few, so that they meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec

from schemas.controls import (
    ActiveHours,
    Allow,
    ApprovalLevel,
    Block,
    Calendar,
    Card,
    Match,
    Policy,
    Rules,
    RuleScope,
    ScoreLimit,
    SpendLimit,
)
from schemas.event import Merchant

T = TypeVar("T")


class Dice:
    """Bytes that Hypothesis drew; each choice takes one, and 0 is the plainest choice."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = drawn
        self._next = 0

    def roll(self, sides: int) -> int:
        value = self._drawn[self._next % len(self._drawn)]
        self._next += 1
        return value % sides

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.roll(len(choices))]

    def once_in(self, sides: int) -> bool:
        return self.roll(sides) == sides - 1


CARDS = ("card-1", "card-2", "card-3")
TEAMS = ("blue", "red")
EMPLOYEES = ("ann", "bob")
HOLDERS = (None, "ann", "bob@acme.example")
ENTRY_MODES: tuple[Any, ...] = (None, "chip", "ecommerce")
MERCHANTS = (
    Merchant("Edeka", "5411", "DE", "m-1"),
    Merchant("Grand  HOTEL", "7011", "US", "m-2"),
    Merchant("Cafe Grand", "5812", "FR"),
    Merchant("edeka", "5499", "DE"),
    Merchant("Kiosk"),
)
ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Asia/Tokyo")
CALENDARS = (
    Calendar("month", "Europe/Berlin"),
    Calendar("day", "Europe/Berlin"),
    Calendar("week", "UTC"),
    Calendar("month", "America/New_York", start_day=15),
    Calendar("quarter", "UTC"),
    Calendar("year", "Asia/Tokyo"),
    Calendar("lifetime"),
    Calendar("week", "Asia/Tokyo", start_day=7),
    Calendar("quarter", "Europe/Berlin", start_day=10, start_month=2),
    Calendar("year", "UTC", start_day=28, start_month=11),
)
MISFITS = (
    Calendar("week", start_day=8),
    Calendar("lifetime", start_day=2),
    Calendar("day", start_month=2),
)
GROCER, HOTEL = Match(mccs=("5411",)), Match(mcc_groups=("hotel", "airline"))

#: The rules of which policies are put together. Those of one row have the same id.
RULES: tuple[tuple[Rules, ...], ...] = (
    (
        SpendLimit(rule_id="size", window="transaction", amount=300),
        SpendLimit(rule_id="size", window="transaction", amount=200),
        SpendLimit(rule_id="size", window="transaction", amount=250, fraud=True),
        SpendLimit(rule_id="size", window="transaction", amount=100, action="review", only=GROCER),
        SpendLimit(rule_id="size", window="transaction", count=0, only=HOTEL),
        SpendLimit(rule_id="size", window="transaction", amount=99, action="shadow"),
    ),
    (
        SpendLimit(rule_id="pace", window="rolling", seconds=60, count=1, per="department"),
        SpendLimit(rule_id="pace", window="rolling", seconds=3600, count=2, counts="requested"),
        SpendLimit(rule_id="pace", window="rolling", seconds=90, count=1, per="department", action="review"),
        SpendLimit(rule_id="pace", window="rolling", seconds=86_400, count=1, per="employee", fraud=True),
    ),
    (
        SpendLimit(rule_id="roll", window="rolling", seconds=3600, amount=250),
        SpendLimit(rule_id="roll", window="rolling", seconds=7 * 86_400, amount=400, per="team"),
        SpendLimit(rule_id="roll", window="rolling", seconds=600, amount=150, action="shadow"),
        SpendLimit(rule_id="roll", window="rolling", seconds=61, amount=150, per="department", only=GROCER),
    ),
    (
        SpendLimit(rule_id="often", window="calendar", calendar=Calendar("day", "Europe/Berlin"), count=2),
        SpendLimit(
            rule_id="often", window="calendar", calendar=Calendar("month"), count=2, counts="requested"
        ),
        SpendLimit(
            rule_id="often", window="calendar", calendar=Calendar("week"), count=1, per="team", only=GROCER
        ),
    ),
    (
        SpendLimit(rule_id="daily", window="calendar", calendar=Calendar("day", "Asia/Tokyo"), amount=300),
        SpendLimit(rule_id="daily", window="calendar", calendar=Calendar("day", "Asia/Tokyo"), amount=200),
        SpendLimit(
            rule_id="daily",
            window="calendar",
            calendar=Calendar("month"),
            amount=400,
            per="employee",
            fraud=True,
        ),
        SpendLimit(
            rule_id="daily", window="calendar", calendar=Calendar("week"), amount=350, per="team", only=HOTEL
        ),
        SpendLimit(
            rule_id="daily", window="calendar", calendar=Calendar("lifetime"), amount=500, per="department"
        ),
        SpendLimit(
            rule_id="daily", window="calendar", calendar=Calendar("week"), amount=150, action="shadow"
        ),
        SpendLimit(
            rule_id="daily",
            window="calendar",
            calendar=Calendar("day", "Europe/Berlin"),
            amount=150,
            scope=RuleScope("card", "card-1"),
            action="review",
        ),
    ),
    (
        Block(rule_id="block", what=HOTEL),
        Block(rule_id="block", what=Match(merchants=("EDEKA",)), scope=RuleScope("team", "blue")),
        Block(rule_id="block", what=Match(countries=("US",), entry_modes=("ecommerce",)), action="review"),
        Block(rule_id="block", what=Match(merchants_containing=("grand",)), fraud=True),
        Block(rule_id="block", what=Match(countries=("DE",)), action="shadow"),
        Block(rule_id="block", what=Match(merchants=("M-2", "m-1"), merchants_containing=("grand hotel",))),
    ),
    (
        Allow(rule_id="allow", what=Match(countries=("DE", "US"))),
        Allow(rule_id="allow", what=Match(mccs=("5411", "5812")), scope=RuleScope("employee", "ann")),
        Allow(rule_id="allow", what=Match(entry_modes=("chip",)), action="review"),
    ),
    (
        ActiveHours(rule_id="hours", start="08:00", end="18:00", time_zone="Europe/Berlin"),
        ActiveHours(rule_id="hours", start="22:00", end="06:00", days=(5, 6), time_zone="Asia/Tokyo"),
        ActiveHours(rule_id="hours", start="09:00", end="17:30", days=(1, 2, 3, 4, 5), action="review"),
    ),
    (
        ScoreLimit(rule_id="score", least=1),
        ScoreLimit(rule_id="score", least=200_000, action="review"),
        ScoreLimit(rule_id="score", least=500, action="decline", scope=RuleScope("employee", "ann")),
        ScoreLimit(rule_id="score", least=500, a_day=2, action="review"),
        ScoreLimit(rule_id="score", least=1, a_day=1, action="decline"),
    ),
)


APPROVALS: tuple[tuple[ApprovalLevel, ...], ...] = (
    (),
    (ApprovalLevel("lead"), ApprovalLevel("finance", 100, ("cat", "dan"))),
    (ApprovalLevel("lead", 200, ("ann", "bob")),),
    (ApprovalLevel("lead", 0, ("ann",)), ApprovalLevel("all"), ApprovalLevel("chief", 400, ("dan",))),
    (
        ApprovalLevel("all"),
        ApprovalLevel("finance", 100, ("cat", "dan")),
        ApprovalLevel("chief", 0, ("cat",)),
    ),
)


def policy(dice: Dice) -> Policy:
    """A policy of up to four rules, in any order."""
    rules: dict[str, Rules] = {}
    for _ in range(dice.roll(4) + 1):
        rule = dice.pick(dice.pick(RULES))
        rules.setdefault(rule.rule_id, rule)
    return Policy(
        rules=tuple(rules.values()),
        hold_days=dice.pick((7, 1, 2, 30)),
        hold_days_by_group=dice.pick(({}, {"hotel": 30}, {"grocery": 3, "hotel": 10, "airline": 5})),
        registered_cards_only=dice.once_in(6),
        approvals=dice.pick(APPROVALS),
        request_days=dice.pick((30, 1, 2, 60)),
    )


_HOUR = SpendLimit(rule_id="pace", window="rolling", seconds=3600, count=1)
_DAY = SpendLimit(rule_id="often", window="calendar", calendar=Calendar("day", "Europe/Berlin"), count=1)
VELOCITY: tuple[tuple[Rules, ...], ...] = (
    (_HOUR,),
    (msgspec.structs.replace(_HOUR, count=2),),
    (_HOUR, SpendLimit(rule_id="roll", window="rolling", seconds=600, amount=70)),
    (SpendLimit(rule_id="roll", window="rolling", seconds=600, amount=60), _DAY),
    (msgspec.structs.replace(_DAY, count=2, counts="requested"), msgspec.structs.replace(_HOUR, fraud=True)),
    (SpendLimit(rule_id="pace", window="rolling", seconds=7 * 86_400, count=2, counts="requested"),),
)


def velocity(dice: Dice) -> Policy:
    """A policy that looks at nothing but windows; all are much alike."""
    return Policy(rules=dice.pick(VELOCITY), hold_days_by_group={})


def _limit(**given: Any) -> Policy:
    return Policy(rules=(SpendLimit(**{"rule_id": "limit", "window": "transaction", **given}),))


def _hours(**given: Any) -> Policy:
    return Policy(rules=(ActiveHours(**{"rule_id": "hours", "start": "08:00", "end": "18:00", **given}),))


def _block(**given: Any) -> Policy:
    return Policy(rules=(Block(rule_id="block", what=Match(**given)),))


def _two(one: Rules, other: Rules) -> Policy:
    return Policy(rules=(one, other))


def _levels(*approvers: tuple[str, ...], above: int = 0) -> Policy:
    """The last level is for requests `above`."""
    *others, last = (ApprovalLevel(f"level-{n}", approvers=names) for n, names in enumerate(approvers))
    return Policy(approvals=(*others, msgspec.structs.replace(last, above=above)))


_MONTH = Calendar("month")
#: Policies that make no sense, and next to each kind some that do.
ODD_POLICIES: tuple[Policy, ...] = (
    _two(Block(rule_id="one", what=GROCER), Block(rule_id="one", what=HOTEL)),
    _limit(),
    _limit(amount=1, count=0),
    _limit(count=1),
    _limit(count=0),
    _limit(amount=5, calendar=_MONTH),
    _limit(amount=5, window="calendar"),
    _limit(amount=5, window="calendar", calendar=Calendar("week", start_day=9)),
    _limit(amount=5, window="calendar", calendar=Calendar("day", "Mars/Olympus")),
    _limit(amount=5, window="rolling"),
    _limit(amount=5, seconds=60),
    _limit(amount=5, window="rolling", seconds=60, counts="requested"),
    _limit(count=5, window="rolling", seconds=60, counts="requested", only=Match()),
    _limit(amount=5, only=Match(mccs=("54",))),
    _limit(amount=5, fraud=True),
    _block(),
    _block(mccs=("541",)),
    _block(mccs=("54a1",)),
    _block(mcc_groups=("casino",)),
    _block(countries=("Q1",)),
    _hours(end="08:00"),
    _hours(start="8:00x"),
    _hours(start="24:00"),
    _hours(days=()),
    _hours(time_zone="Mars/Olympus"),
    _two(Allow(rule_id="a", what=GROCER), Block(rule_id="b", what=GROCER)),
    _two(Allow(rule_id="a", what=GROCER), Block(rule_id="b", what=Match(mccs=("5411", "5812")))),
    _two(Allow(rule_id="a", what=GROCER), Block(rule_id="b", what=Match(mccs=("5812",)))),
    _two(Allow(rule_id="a", what=GROCER), Allow(rule_id="b", what=Match(mccs=("5812",)))),
    _two(Allow(rule_id="a", what=GROCER), Allow(rule_id="b", what=Match(mccs=("5812", "5411")))),
    _two(Allow(rule_id="a", what=GROCER), Allow(rule_id="b", what=HOTEL)),
    _two(Allow(rule_id="a", what=GROCER), Block(rule_id="b", what=GROCER, scope=RuleScope("card", "card-1"))),
    _two(Allow(rule_id="a", what=GROCER), Block(rule_id="b", what=Match(mccs=("5411",), countries=("DE",)))),
    _two(
        Allow(rule_id="a", what=Match(merchants=("Edeka",))),
        Block(rule_id="b", what=Match(merchants=("EDEKA",))),
    ),
    _two(
        Allow(rule_id="a", what=Match(merchants=("Edeka",))),
        Allow(rule_id="b", what=Match(merchants=("m-1",))),
    ),
    _two(Allow(rule_id="a", what=HOTEL), Allow(rule_id="b", what=Match(mcc_groups=("grocery",)))),
    _two(
        Allow(rule_id="a", what=Match(countries=("DE",), mccs=("5411",))),
        Allow(rule_id="b", what=Match(countries=("US",))),
    ),
    _block(merchants=(" ",)),
    Policy(rules=(Block(rule_id="a:b", what=GROCER),)),
    Policy(hold_days_by_group={"casino": 3}),
    Policy(approvals=(ApprovalLevel("lead"), ApprovalLevel("lead", 100))),
    _levels(("ann",), ("ann",)),
    _levels(("ann",), (), ("ann", "ann"), above=100),
    _levels(("ann", "bob"), (), ("ann",)),
    _levels(("ann", "bob"), ("bob", "cat"), ("cat", "ann"), ("bob", "ann")),
    _levels(("ann", "bob"), ("bob", "cat"), ("cat", "ann"), ("bob", "dan")),
    _levels(("",)),
    _levels(("", "ann")),
)

_CARDS: tuple[Callable[[str], Card], ...] = (
    lambda card: Card(card_id=card, employee="ann", team="blue"),
    lambda card: Card(card_id=card, employee="bob@acme.example", team="red"),
    lambda card: Card(card_id=card),
    lambda card: Card(card_id=card, team="blue", single_use=True),
    lambda card: Card(card_id=card, employee="bob", lock_to_first=True),
    lambda card: Card(card_id=card, locked_to="m-1"),
    lambda card: Card(card_id=card, locked_to="M-2"),
    lambda card: Card(card_id=card, locked_to="grand hotel", employee="ann"),
    lambda card: Card(card_id=card, expires_on=date(2026, 11, 30), team="red"),
    lambda card: Card(card_id=card, expires_on=date(2026, 12, 31), employee="ann", team="blue"),
)
_ODD_CARDS: tuple[Callable[[str], Card], ...] = (
    lambda card: Card(card_id=card, status="frozen"),
    lambda card: Card(card_id=card, locked_to="Edeka", lock_to_first=True),
)


def card(dice: Dice) -> Card:
    """A card with one of the things that a card may have."""
    return dice.pick(_ODD_CARDS if dice.once_in(12) else _CARDS)(dice.pick(CARDS))
