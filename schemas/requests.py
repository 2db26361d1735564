"""Requests that people approve: what is asked for, the answers, and who stands in for whom meanwhile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.administration import BudgetAct, BudgetId
from schemas.controls import Calendar, Card, PeriodKind
from schemas.event import Act, Scopes, ShortText, Timestamp
from schemas.examples import Body, usd
from schemas.ids import Identifier
from schemas.money import PositiveMoney
from schemas.reasons import DEPARTMENT

#: More of a budget for a while; a new card with a budget of its own; a budget, or another limit of one.
RequestKind = Literal["increase", "card", "budget"]
#: Longest absence that somebody may be stood in for, and how many people of a department are at a time.
DELEGATION_DAYS_MAX = 366
DELEGATIONS_MAX = 1_000

Person = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class IncreaseRequested(Act, tag="increase.requested", frozen=True, kw_only=True, omit_defaults=True):
    """Somebody (`actor`) asks for an increase; it is set when all levels of the policy have approved it.

    `starts_at`: when the last approval is given, if absent.
    """

    scopes: ClassVar[Scopes] = ("budgets:request",)
    example: ClassVar[Body] = {
        "request_id": "inc_7",
        "amount": usd(100_000),
        "ends_at": "2099-12-31T23:00:00Z",
        "reason": "the conference in March",
    }

    request_id: Identifier
    amount: PositiveMoney
    ends_at: Timestamp
    starts_at: Timestamp | None = None
    budget_id: BudgetId = DEPARTMENT
    reason: ShortText | None = None


class CardRequested(Act, tag="card.requested", frozen=True, kw_only=True, omit_defaults=True):
    """Somebody (`actor`) asks for a new card that may spend `limit` in each period.

    With the last approval the card is registered, and `limit` becomes the budget of that card. The levels are
    those for an amount of `limit`.
    """

    scopes: ClassVar[Scopes] = ("budgets:request",)
    example: ClassVar[Body] = {
        "request_id": "req_card",
        "card": {"card_id": "card_fair", "employee": "Ada Lovelace"},
        "limit": usd(20_000),
        "reason": "the trade fair",
    }

    request_id: Identifier
    card: Card
    limit: PositiveMoney
    period: PeriodKind = "month"
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    reason: ShortText | None = None

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.period, self.time_zone)


class BudgetRequested(BudgetAct, tag="budget.requested", frozen=True, kw_only=True, omit_defaults=True):
    """Somebody (`actor`) asks for a budget, or for another limit of one; set with the last approval.

    The levels are those for an amount of `limit`.
    """

    scopes: ClassVar[Scopes] = ("budgets:request",)
    example: ClassVar[Body] = {
        "request_id": "req_budget",
        "name": "Platform",
        "level": "team",
        "subject": "platform",
        "limit": usd(300_000),
        "reason": "cloud",
    }

    request_id: Identifier
    reason: ShortText | None = None


class RequestApproved(Act, tag="request.approved", frozen=True, kw_only=True, omit_defaults=True):
    """`actor` approves a request at the level it has reached, for himself or for whom he stands in for."""

    scopes: ClassVar[Scopes] = ("budgets:approve",)
    example: ClassVar[Body] = {"request_id": "req_card"}

    request_id: Identifier


class RequestRefused(Act, tag="request.refused", frozen=True, kw_only=True, omit_defaults=True):
    """`actor`, who might approve it or has asked for it, ends a request."""

    scopes: ClassVar[Scopes] = ("budgets:approve", "budgets:request")
    example: ClassVar[Body] = {"request_id": "req_budget", "reason": "next quarter"}

    request_id: Identifier
    reason: ShortText | None = None


class IncreaseApproved(
    RequestApproved, tag="increase.approved", frozen=True, kw_only=True, omit_defaults=True
):
    """As `request.approved`, of a request for an increase and of no other."""

    scopes: ClassVar[Scopes] = ("budgets:approve",)
    example: ClassVar[Body] = {"request_id": "inc_7"}


class IncreaseRefused(RequestRefused, tag="increase.refused", frozen=True, kw_only=True, omit_defaults=True):
    """As `request.refused`, of a request for an increase and of no other."""

    scopes: ClassVar[Scopes] = ("budgets:approve", "budgets:request")
    example: ClassVar[Body] = {"request_id": "inc_8", "reason": "next quarter"}


class DelegationSet(Act, tag="delegation.set", frozen=True, kw_only=True, omit_defaults=True):
    """While `absent` is away, from `starts_at` (now, if absent) until `until`, `delegate` answers for him.

    What `absent` might answer, and nothing that `delegate` has asked for. One delegate at a time; set again,
    it is another. By `absent` or somebody else, never by `delegate` himself.
    """

    scopes: ClassVar[Scopes] = ("budgets:approve",)
    example: ClassVar[Body] = {
        "absent": "ada@example.com",
        "delegate": "bob@example.com",
        "until": "2099-12-31T23:00:00Z",
    }

    absent: Person
    delegate: Person
    until: Timestamp
    starts_at: Timestamp | None = None


class DelegationEnded(Act, tag="delegation.ended", frozen=True, kw_only=True, omit_defaults=True):
    """`absent` is back: nobody stands in for him any more."""

    scopes: ClassVar[Scopes] = ("budgets:approve",)
    example: ClassVar[Body] = {"absent": "ada@example.com"}

    absent: Person


#: An event is one of these, or of the two unions that `schemas.events` names beside it.
Requests = (
    IncreaseRequested
    | IncreaseApproved
    | IncreaseRefused
    | CardRequested
    | BudgetRequested
    | RequestApproved
    | RequestRefused
    | DelegationSet
    | DelegationEnded
)
