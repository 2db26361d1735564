"""What a decision moved: the only thing that state, bookings and read models are made of.

`charges` names the budget periods in which an amount counts, `BUDGET@PERIOD`: first that of the
department, then those of the narrower budgets, of limits with a calendar, and of the lease
(`company@PERIOD`). Amounts are minor units of the decision's currency, above zero unless said otherwise.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.controls import Calendar, Card, Level, Policy
from schemas.effect import Charges as Charges
from schemas.effect import Effect as Effect
from schemas.event import Label, LabelSource, Timestamp
from schemas.leases import CapChanged as CapChanged
from schemas.leases import LeaseAdded as LeaseAdded
from schemas.leases import LeaseAsked as LeaseAsked
from schemas.leases import LeaseGiven as LeaseGiven
from schemas.leases import LeaseGivenBack as LeaseGivenBack
from schemas.leases import LeaseRecallSent as LeaseRecallSent
from schemas.leases import LeaseTaken as LeaseTaken
from schemas.leases import ShardsSet as ShardsSet
from schemas.request_effects import DelegationGiven as DelegationGiven
from schemas.request_effects import DelegationTakenBack as DelegationTakenBack
from schemas.request_effects import IncreaseAsked as IncreaseAsked
from schemas.request_effects import IncreaseClosed as IncreaseClosed
from schemas.request_effects import IncreaseStep as IncreaseStep
from schemas.request_effects import RequestAsked as RequestAsked
from schemas.request_effects import RequestClosed as RequestClosed
from schemas.request_effects import RequestLapsed as RequestLapsed
from schemas.request_effects import RequestStep as RequestStep

# -- payments


class HoldPlaced(Effect, tag="hold_placed", frozen=True, kw_only=True):
    """`amount` more is kept until it is cleared, reversed or `expires_at`, that of the whole hold."""

    authorization_id: str
    amount: int
    charges: Charges
    expires_at: Timestamp


class HoldReleased(Effect, tag="hold_released", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` of the hold is no longer kept: given back, or replaced by a posting."""

    authorization_id: str
    amount: int
    charges: Charges
    cause: Literal["reversal", "timeout", "clearing", "expiry", "advice"]


class PaymentApproved(Effect, tag="payment_approved", frozen=True, kw_only=True, omit_defaults=True):
    """The decision's own authorization is approved, in part too; what was voided before is so no longer.

    `valid_days`: of its holds; `foreign`: currency and rate at which it clears. `advised`: by the network.
    """

    valid_days: int
    foreign: tuple[str, str] | None = None
    advised: bool = False


class PaymentDeclined(Effect, tag="payment_declined", frozen=True, kw_only=True, omit_defaults=True):
    """The decision's own authorization was asked for, and declined. `advised`: by the network."""

    advised: bool = False


class PaymentVoided(Effect, tag="payment_voided", frozen=True, kw_only=True, omit_defaults=True):
    """A timeout came before its request: when that comes it will be declined.

    `request_id`: the event id of that request; None: any that asks for this authorization.
    """

    authorization_id: str
    request_id: str | None = None


class Posted(Effect, tag="posted", frozen=True, kw_only=True):
    """`amount` is spent, without a known authorization too. `final`: the network says nothing more comes."""

    authorization_id: str
    amount: int
    charges: Charges
    final: bool


class FxDifference(Effect, tag="fx_difference", frozen=True, kw_only=True):
    """The rate has moved since the request: a clearing costs `amount` more (loss) or less (gain)."""

    authorization_id: str
    amount: int
    charges: Charges
    direction: Literal["loss", "gain"]


class PostingUndone(Effect, tag="posting_undone", frozen=True, kw_only=True):
    """All of one posting is taken back: what decision `of_seq` posted, its FX difference included.

    `amount`: posted, at the request's rate; `fx`: what came on top, below zero for a gain.
    """

    authorization_id: str
    amount: int
    charges: Charges
    of_seq: int
    fx: int = 0


class Refunded(Effect, tag="refunded", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` came back."""

    refund_id: str
    amount: int
    charges: Charges
    authorization_id: str | None = None


class RefundUndone(Effect, tag="refund_undone", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` of a refund was taken back by the merchant."""

    refund_id: str
    amount: int
    charges: Charges
    authorization_id: str | None = None


class DisputeStarted(Effect, tag="dispute_started", frozen=True, kw_only=True):
    """`amount` is disputed; `provisional`: the network has credited it for the time being.

    No budget moves yet: a provisional credit may be taken back.
    """

    dispute_id: str
    authorization_id: str
    amount: int
    provisional: bool


class DisputeClosed(Effect, tag="dispute_closed", frozen=True, kw_only=True):
    """The end of a dispute. Won: `amount` is no longer spent in `charges`."""

    dispute_id: str
    authorization_id: str
    amount: int
    charges: Charges
    provisional: bool
    outcome: Literal["won", "lost", "withdrawn"]


class PaymentLabelled(Effect, tag="payment_labelled", frozen=True, kw_only=True):
    """What a payment turned out to be. No rule asks for it: who learns from the log does."""

    authorization_id: str
    label: Label
    source: LabelSource


class ModelTaken(Effect, tag="model_taken", frozen=True, kw_only=True):
    """A model (schemas.boosted) scores the organization's requests in the partition from here on."""

    digest: str
    model: bytes


# -- what counts


class RollingCount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`value` more in the slot `slot` of a rolling window, whose slots last `width_s` seconds.

    `counter`: `RULE:SUBJECT`. `reach`: how many slots before the newest still count.
    """

    counter: str
    slot: int
    value: int
    width_s: int
    reach: int


class CalendarCount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`value` more in a calendar's period. `slot`: greater for a later one; `ends_s`: None: never."""

    counter: str
    slot: int
    value: int
    ends_s: int | None


class Counted(Effect, tag="counted", frozen=True, kw_only=True, omit_defaults=True):
    """What the request counts for in the windows of the policy that it was judged by."""

    rolling: tuple[RollingCount, ...] = ()
    calendar: tuple[CalendarCount, ...] = ()


class ScoreCounted(Effect, tag="score_counted", frozen=True, kw_only=True, omit_defaults=True):
    """A request's score counts for alert budgets: on `day` (since 1970, of the department), at this level.

    `alerts`: ids of the rules with such a budget that spoke about it.
    """

    day: int
    level: int
    alerts: tuple[str, ...] = ()


class PeriodOpened(Effect, tag="period_opened", frozen=True, kw_only=True, omit_defaults=True):
    """Something counts in a period for the first time: it begins with `limit`. `ends_at` absent: never."""

    charge: str
    limit: int
    ends_at: Timestamp | None = None


# -- what was set


class DepartmentOpened(Effect, tag="department_opened", frozen=True, kw_only=True):
    """The department's first decision. `policy`: version 0, in force until another one is."""

    policy: Policy


class BudgetChanged(Effect, tag="budget_changed", frozen=True, kw_only=True, omit_defaults=True):
    """A budget is this from here on; `limit` for each period of `calendar`, `period` and later ones."""

    budget_id: str
    period: str
    level: Level
    name: str
    limit: int
    calendar: Calendar
    subject: str | None = None
    tolerance: int = 0


class BudgetTakenAway(Effect, tag="budget_taken_away", frozen=True, kw_only=True):
    """A budget no longer limits."""

    budget_id: str


class BudgetIncreaseSet(Effect, tag="budget_increase_set", frozen=True, kw_only=True):
    """`amount` more while `starts_at` <= time < `ends_at`."""

    budget_id: str
    amount: int
    starts_at: Timestamp
    ends_at: Timestamp


class PolicyStored(Effect, tag="policy_stored", frozen=True, kw_only=True):
    """A draft, not yet in force."""

    policy_version: int
    policy: Policy


class PolicyTaken(Effect, tag="policy_taken", frozen=True, kw_only=True, omit_defaults=True):
    """This version is in force from here on. `policy`: of version 0; others were stored."""

    policy_version: int
    policy: Policy | None = None


class CardChanged(Effect, tag="card_changed", frozen=True, kw_only=True):
    """A registered card is this from here on."""

    card: Card


class CardUsed(Effect, tag="card_used", frozen=True, kw_only=True):
    """A card for one payment has had it."""

    card_id: str


class CardLocked(Effect, tag="card_locked", frozen=True, kw_only=True):
    """A card is for this merchant from here on: its id, or its name where it has none."""

    card_id: str
    merchant: str


Effects = (
    HoldPlaced
    | HoldReleased
    | PaymentApproved
    | PaymentDeclined
    | PaymentVoided
    | Posted
    | FxDifference
    | PostingUndone
    | Refunded
    | RefundUndone
    | DisputeStarted
    | DisputeClosed
    | PaymentLabelled
    | ModelTaken
    | Counted
    | ScoreCounted
    | PeriodOpened
    | DepartmentOpened
    | BudgetChanged
    | BudgetTakenAway
    | BudgetIncreaseSet
    | IncreaseAsked
    | IncreaseStep
    | IncreaseClosed
    | RequestAsked
    | RequestStep
    | RequestClosed
    | RequestLapsed
    | DelegationGiven
    | DelegationTakenBack
    | PolicyStored
    | PolicyTaken
    | CardChanged
    | CardUsed
    | CardLocked
    | CapChanged
    | ShardsSet
    | LeaseGiven
    | LeaseRecallSent
    | LeaseTaken
    | LeaseAsked
    | LeaseAdded
    | LeaseGivenBack
)

#: What only the state of a department is made of: no money moves, and nothing that people set.
REMEMBERED: frozenset[type[Effect]] = frozenset(
    {
        PaymentApproved,
        PaymentDeclined,
        Counted,
        ScoreCounted,
        PeriodOpened,
        DepartmentOpened,
        CardUsed,
        CardLocked,
    }
)
