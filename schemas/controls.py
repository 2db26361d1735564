"""What a company may say about spending: calendars, budgets' levels, cards, rules and policies.

Pure data, as it stands in events and decisions. What the rules mean is in docs/rules.md; `streams.core`
applies them, and refuses a policy that contradicts itself.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from schemas.event import EntryMode, ShortText
from schemas.ids import Identifier, Name
from schemas.money import MinorUnits

PeriodKind = Literal["day", "week", "month", "quarter", "year", "lifetime"]
#: What a budget may belong to, from the widest to the narrowest.
Level = Literal["department", "team", "card", "employee"]
LEVELS: tuple[Level, ...] = ("department", "team", "card", "employee")
#: Longest validity of a hold that a policy may give, in days: a hold must lapse while it is remembered.
HOLD_DAYS_MAX = 60
#: Longest time that a policy may let a request wait, in days: it must lapse while it is remembered.
REQUEST_DAYS_MAX = 60
#: How many budgets there may be on one team, card or employee (and on the department itself), and in all.
#: Each that applies to a payment is named in all its decisions.
BUDGETS_A_SUBJECT_MAX = 20
BUDGETS_MAX = 10_000
#: How many increases of one budget are remembered, each for 120 days after its end.
INCREASES_MAX = 1_000

Texts = Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=500)]


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How time is cut into periods, in the IANA zone `time_zone`.

    `start_day`: first day of a month, quarter or year (1-28), or of a week (ISO weekday 1-7);
    `start_month`: first month of a year, or of the first quarter (1-12).
    """

    period: PeriodKind = "month"
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    start_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1
    start_month: Annotated[int, msgspec.Meta(ge=1, le=12)] = 1


class BudgetTerms(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What a budget is: `limit` and `tolerance` in minor units, for each period of `calendar`."""

    budget_id: str
    level: Level
    name: str
    limit: int
    calendar: Calendar
    subject: str | None = None
    tolerance: int = 0


class RuleScope(msgspec.Struct, frozen=True, gc=False):
    """One team, card or employee."""

    level: Literal["team", "card", "employee"]
    subject: Identifier


class Match(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Requests that have one of the values in EACH list that is given; an empty list asks nothing.

    `merchants`: whole name or id; `merchants_containing`: part of the name; both without regard to case
    and to runs of spaces, and one of the two is enough. A request that does not tell its MCC, country or
    entry mode matches no list of them.
    """

    mccs: Texts = ()
    mcc_groups: Texts = ()
    merchants: Texts = ()
    merchants_containing: Texts = ()
    countries: Texts = ()
    entry_modes: Annotated[tuple[EntryMode, ...], msgspec.Meta(max_length=6)] = ()


Action = Literal["decline", "review", "shadow"]


class Rule(msgspec.Struct, frozen=True, tag_field="rule", omit_defaults=True, kw_only=True, gc=False):
    """A rule of a policy. `scope`: only for this team, card or employee; all cards, if absent.

    `action`: decline; approve with review; or shadow: only record what the rule would have said. `fraud`: the
    answer is suspected fraud (59), and no part of the amount is approved.
    """

    rule_id: Name
    scope: RuleScope | None = None
    action: Action = "decline"
    fraud: bool = False


class Block(Rule, tag="block", frozen=True, kw_only=True, omit_defaults=True):
    """Requests that match are declined."""

    what: Match


class Allow(Rule, tag="allow", frozen=True, kw_only=True, omit_defaults=True):
    """Requests that do not match are declined."""

    what: Match


class ActiveHours(Rule, tag="active_hours", frozen=True, kw_only=True, omit_defaults=True):
    """Requests outside of these hours are declined. `start`, `end`: HH:MM in `time_zone`; `end` is outside.

    An `end` at or before `start` is on the next day. `days`: ISO weekdays on which the span starts.
    """

    start: Annotated[str, msgspec.Meta(min_length=5, max_length=5)]
    end: Annotated[str, msgspec.Meta(min_length=5, max_length=5)]
    days: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...], msgspec.Meta(max_length=7)] = (
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    )
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"


class SpendLimit(Rule, tag="spend_limit", frozen=True, kw_only=True, omit_defaults=True):
    """At most `amount` minor units, or `count` requests, in each `window`; for each `per` its own.

    window "transaction": one payment, its increments included. "rolling": any `seconds` seconds.
    Else: each period of `calendar`. `counts`: approved requests, or all that were asked (count only).
    `only`: other requests are neither counted nor limited.
    """

    window: Literal["transaction", "calendar", "rolling"]
    amount: MinorUnits | None = None
    count: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    per: Level = "card"
    calendar: Calendar | None = None
    seconds: Annotated[int, msgspec.Meta(ge=1, le=60 * 86_400)] | None = None
    counts: Literal["approved", "requested"] = "approved"
    only: Match | None = None


class ScoreLimit(Rule, tag="score_limit", frozen=True, kw_only=True, omit_defaults=True):
    """Requests whose probability of fraud is `least` millionths or more; shadow, unless it says otherwise.

    As the organization's published model says before the decision. Without such a model it says nothing.
    `a_day`: never more than so many of them on a day of the department, and those with the highest scores, as
    far as the days before tell.
    """

    least: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    a_day: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    action: Action = "shadow"


Rules = Block | Allow | ActiveHours | SpendLimit | ScoreLimit


# Hotels, car rentals and airlines settle weeks after they ask; card networks give them about 30 days.
TRAVEL_HOLD_DAYS = {"airline": 30, "car_rental": 30, "hotel": 30}


class ApprovalLevel(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One approval that a request for `above` minor units or more needs: an increase, or a limit.

    `approvers`: who may give it; anybody but who has asked or approved before, if empty.
    """

    name: Name
    above: MinorUnits = 0
    approvers: Texts = ()


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """All rules of a department, in the order in which they are looked at.

    `hold_days`: how long a hold is valid; `hold_days_by_group`: other validities for groups of MCCs.
    `registered_cards_only`: a card that was never set is declined as unknown. `approvals`: levels that a
    request goes through, in this order; one by anybody else, if empty. `request_days`: nobody may answer one
    any more that was asked so many days ago. `label_won_disputes`: a payment whose dispute is won was fraud,
    and models learn so.
    """

    rules: Annotated[tuple[Rules, ...], msgspec.Meta(max_length=200)] = ()
    hold_days: Annotated[int, msgspec.Meta(ge=1, le=HOLD_DAYS_MAX)] = 7
    hold_days_by_group: Annotated[
        dict[Name, Annotated[int, msgspec.Meta(ge=1, le=HOLD_DAYS_MAX)]], msgspec.Meta(max_length=50)
    ] = msgspec.field(default_factory=lambda: dict(TRAVEL_HOLD_DAYS))
    registered_cards_only: bool = False
    approvals: Annotated[tuple[ApprovalLevel, ...], msgspec.Meta(max_length=10)] = ()
    label_won_disputes: bool = False
    request_days: Annotated[int, msgspec.Meta(ge=1, le=REQUEST_DAYS_MAX)] = 30


CardStatus = Literal["active", "frozen", "canceled"]
LastFour = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$", max_length=4)]


class Card(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A card that was registered. `card_id` is the processor's token, never a number.

    `expires_on`: last day on which it is valid, in the time zone of the department's budget. `locked_to`:
    the only merchant (name or id); `lock_to_first`: the first merchant that is approved becomes it.
    `single_use`: one approval, then it is used up. `last_four`: last digits of its number, for people to tell
    it from others; no rule looks at them.
    """

    card_id: Identifier
    employee: ShortText | None = None
    team: Name | None = None
    expires_on: date | None = None
    single_use: bool = False
    locked_to: ShortText | None = None
    lock_to_first: bool = False
    status: CardStatus = "active"
    last_four: LastFour | None = None


# Ranges of MCCs (ISO 18245; the travel ranges are those of the card networks), first and last included.
MCC_GROUPS: dict[str, tuple[tuple[int, int], ...]] = {
    "airline": ((3000, 3350), (4511, 4511)),
    "car_rental": ((3351, 3500), (7512, 7513), (7519, 7519)),
    "hotel": ((3501, 3999), (7011, 7012)),
    "travel": ((4112, 4112), (4121, 4121), (4131, 4131), (4411, 4411), (4722, 4722), (4789, 4789)),
    "restaurant": ((5811, 5814),),
    "grocery": ((5411, 5411), (5422, 5422), (5441, 5441), (5451, 5451), (5462, 5462), (5499, 5499)),
    "fuel": ((5541, 5542), (5983, 5983)),
    "electronics": ((5045, 5045), (5732, 5732), (5734, 5734)),
    "software": ((5734, 5734), (5815, 5818), (7372, 7372)),
    "office": ((5044, 5044), (5111, 5111), (5943, 5943)),
    "advertising": ((7311, 7311),),
    "cash": ((6010, 6012), (6051, 6051), (4829, 4829)),
    "gambling": ((7800, 7802), (7995, 7995), (9406, 9406)),
    "adult": ((5967, 5967), (7273, 7273), (7297, 7297)),
    "alcohol": ((5813, 5813), (5921, 5921)),
    "health": ((5912, 5912), (8011, 8099)),
}
