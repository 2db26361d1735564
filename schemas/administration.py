"""What people set: budgets, policies, cards, corrections, and the company's cap with its leases."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import msgspec

from schemas.boosted import MODEL_BYTES_MAX
from schemas.controls import Calendar, Card, LastFour, Level, PeriodKind, Policy
from schemas.event import Act, Event, Scopes, ShortText, Timestamp
from schemas.examples import POLICY, Body, usd
from schemas.ids import Identifier, Name
from schemas.money import MINOR_MAX, CurrencyCode, MinorUnits, Money, PositiveMinorUnits, PositiveMoney
from schemas.reasons import DEPARTMENT

BudgetId = Annotated[str, msgspec.Meta(min_length=1, max_length=220)]


class BudgetAct(Act, frozen=True, kw_only=True, omit_defaults=True):
    """What a budget shall be: `limit` in each period, `tolerance` minor units more with review.

    `level` and `subject` say whose it is. `budget_id`: `department`, or `LEVEL:SUBJECT`, if absent; give one
    to have several budgets on one subject.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    limit: Money
    level: Level = "department"
    subject: Identifier | None = None
    budget_id: BudgetId | None = None
    tolerance: MinorUnits = 0
    period: PeriodKind = "month"
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    start_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1
    start_month: Annotated[int, msgspec.Meta(ge=1, le=12)] = 1

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.period, self.time_zone, self.start_day, self.start_month)

    @property
    def id(self) -> str:
        if self.budget_id is not None:
            return self.budget_id
        return DEPARTMENT if self.subject is None else f"{self.level}:{self.subject}"


class BudgetSet(BudgetAct, tag="budget.set", frozen=True, kw_only=True, omit_defaults=True):
    """Creates a budget or changes it, from this event's place in the log on.

    `limit` is what may be authorized in each period; `tolerance` minor units more are approved with review.
    `level` and `subject` say whose it is. `budget_id`: `department`, or `LEVEL:SUBJECT`, if absent; give one
    to have several budgets on one subject. A department exists from its budget `department` on. `shard_of`:
    refused until a lease of that department is there, so that a shard never approves without one.
    """

    scopes: ClassVar[Scopes] = ("budgets:write",)
    example: ClassVar[Body] = {"name": "Engineering", "limit": usd(5_000_000), "tolerance": 50_000}

    shard_of: Name | None = None


class BudgetRemoved(Act, tag="budget.removed", frozen=True, kw_only=True, omit_defaults=True):
    """A budget no longer limits. The budget `department` cannot be removed."""

    scopes: ClassVar[Scopes] = ("budgets:write",)
    example: ClassVar[Body] = {"budget_id": "team:platform"}

    budget_id: BudgetId


class BudgetIncreased(Act, tag="budget.increased", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` more from `starts_at` (now, if absent) until `ends_at`, which is outside; then as before."""

    scopes: ClassVar[Scopes] = ("budgets:write",)
    example: ClassVar[Body] = {"amount": usd(250_000), "ends_at": "2099-12-31T23:00:00Z"}

    amount: PositiveMoney
    ends_at: Timestamp
    starts_at: Timestamp | None = None
    budget_id: BudgetId = DEPARTMENT


class PolicyDrafted(Act, tag="policy.drafted", frozen=True, kw_only=True, omit_defaults=True):
    """A new version of the department's policy; its number is in the decision.

    `activate`: it is in force at once.
    """

    scopes: ClassVar[Scopes] = ("policies:write",)
    example: ClassVar[Body] = {"policy": POLICY}

    policy: Policy
    activate: bool = False


class PolicyActivated(Act, tag="policy.activated", frozen=True, kw_only=True, omit_defaults=True):
    """A drafted version is in force from this event's place in the log on; 0 is the default policy."""

    scopes: ClassVar[Scopes] = ("policies:write",)
    example: ClassVar[Body] = {"policy_version": 1}

    policy_version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ModelPublished(Act, tag="model.published", frozen=True, kw_only=True, omit_defaults=True):
    """A model that scores the organization's requests in this partition, from this place in the log on.

    `model`: its JSON (schemas.boosted), in base64; `digest`: SHA-256 of that JSON, hexadecimal. Written by
    the learner only.
    """

    model: Annotated[bytes, msgspec.Meta(min_length=2, max_length=MODEL_BYTES_MAX)]
    digest: Annotated[str, msgspec.Meta(min_length=64, max_length=64)]


class CardSet(Act, tag="card.set", frozen=True, kw_only=True, omit_defaults=True):
    """Registers a card or changes it; its status and what it was used for stay as they are."""

    scopes: ClassVar[Scopes] = ("cards:write",)
    example: ClassVar[Body] = {
        "card": {"card_id": "card_ada", "employee": "Ada Lovelace", "team": "platform"}
    }

    card: Card


class CardFrozen(Act, tag="card.frozen", frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is approved until it is unfrozen. What is held stays held; clearings settle."""

    scopes: ClassVar[Scopes] = ("cards:write",)
    example: ClassVar[Body] = {"card_id": "card_ada"}

    card_id: Identifier


class CardUnfrozen(Act, tag="card.unfrozen", frozen=True, kw_only=True, omit_defaults=True):
    """A frozen card is active again."""

    scopes: ClassVar[Scopes] = ("cards:write",)
    example: ClassVar[Body] = {"card_id": "card_ada"}

    card_id: Identifier


class CardCanceled(Act, tag="card.canceled", frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is approved any more, for ever."""

    scopes: ClassVar[Scopes] = ("cards:write",)
    example: ClassVar[Body] = {"card_id": "card_ada"}

    card_id: Identifier


class CardReplaced(Act, tag="card.replaced", frozen=True, kw_only=True, omit_defaults=True):
    """A card was lost, stolen or worn out: `new_card_id` takes its place, and it is canceled.

    The new one is active and has its employee, team and limits of use; `expires_on` and `last_four` are its
    own. Budgets and rules that name the old card stay with that.
    """

    scopes: ClassVar[Scopes] = ("cards:write",)
    example: ClassVar[Body] = {"card_id": "card_bo", "new_card_id": "card_bo_2", "last_four": "4243"}

    card_id: Identifier
    new_card_id: Identifier
    expires_on: date | None = None
    last_four: LastFour | None = None


class PostingReversed(Act, tag="posting.reversed", frozen=True, kw_only=True, omit_defaults=True):
    """A clearing was booked wrongly (twice, say): the posting of decision `seq` is undone, once.

    `seq`: of the decision, in this department's partition, that posted to `authorization_id`.
    """

    scopes: ClassVar[Scopes] = ("ledger:correct",)
    example: ClassVar[Body] = {
        "authorization_id": "auth_7f3a",
        "seq": 1042,
        "reason": "presented twice by the processor",
    }

    authorization_id: Identifier
    seq: Annotated[int, msgspec.Meta(ge=0, le=MINOR_MAX)]
    reason: ShortText | None = None


# -- leases: a treasury grants them on the company's cap, a department that is split on its own budget

TREASURY = "_treasury"  # no department may have this name: it must begin with a letter or digit


class CapSet(Act, tag="cap.set", frozen=True, kw_only=True, omit_defaults=True):
    """What all departments together may authorize in each period. `department_id` is `_treasury`.

    `departments`: who takes part; they approve only what they hold a lease on. None may be taken off again.
    """

    scopes: ClassVar[Scopes] = ("caps:write",)
    example: ClassVar[Body] = {"limit": usd(20_000_000), "departments": ["engineering", "sales"]}

    limit: Money
    departments: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=200)]
    calendar: Calendar = Calendar()


class DepartmentSplit(Act, tag="department.split", frozen=True, kw_only=True, omit_defaults=True):
    """The department lends its own budget to `shards`, departments that take over cards of it.

    They approve only what they hold a lease on; none may be taken off again. docs/decisions/0046.
    """

    scopes: ClassVar[Scopes] = ("caps:write",)
    example: ClassVar[Body] = {"shards": ["engineering-1", "engineering-2"]}

    shards: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=200)]


class LeaseRequested(Event, tag="lease.requested", frozen=True, kw_only=True, omit_defaults=True):
    """To who lends, treasury or department: `department` needs `needed` minor units more of `period`.

    Written by its owner only.
    """

    department: Name
    period: ShortText
    needed: PositiveMinorUnits


class LeaseGranted(Event, tag="lease.granted", frozen=True, kw_only=True, omit_defaults=True):
    """To a department: `amount` more of the cap's `period` is its own. Written by the owner of `lender` only.

    `amount` 0 tells it that there is a cap from now on. `lender`: treasury, or department that is split.
    """

    calendar: Calendar
    period: ShortText
    amount: MinorUnits
    currency: CurrencyCode
    lender: ShortText = TREASURY


class LeaseRecalled(Event, tag="lease.recalled", frozen=True, kw_only=True, omit_defaults=True):
    """To a department: another one needs money; give back what is not used of `period`."""

    period: ShortText


class LeaseReturned(Event, tag="lease.returned", frozen=True, kw_only=True, omit_defaults=True):
    """To who lends: `department` gives back `amount` of its lease. Written by its owner only.

    `amount` 0: it has nothing to give.
    """

    department: Name
    period: ShortText
    amount: MinorUnits


#: An event is one of these, of `schemas.messages.PaymentMessage`, or of `schemas.requests.Requests`.
Administration = (
    BudgetSet
    | BudgetRemoved
    | BudgetIncreased
    | PolicyDrafted
    | PolicyActivated
    | ModelPublished
    | CardSet
    | CardFrozen
    | CardUnfrozen
    | CardCanceled
    | CardReplaced
    | PostingReversed
    | CapSet
    | DepartmentSplit
    | LeaseRequested
    | LeaseGranted
    | LeaseRecalled
    | LeaseReturned
)
