"""What card networks and processors send: the life of an authorization.

Amounts are in the budget's currency. `merchant_amount` is what the merchant asked for in another currency
and `rate` the decimal number it was multiplied with; both or neither.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.event import Act, EntryMode, Event, Label, LabelSource, Merchant, Scopes, ShortText
from schemas.examples import ADVISED, HOTEL, PAYMENT, Body, usd
from schemas.ids import Identifier
from schemas.money import PositiveMoney

Rate = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class AuthorizationRequested(
    Event, tag="authorization.requested", frozen=True, kw_only=True, omit_defaults=True
):
    """A card is about to be charged; the answer is approved or declined.

    `partial_allowed`: part of the amount may be approved.
    """

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {
        **PAYMENT,
        "amount": usd(60_000),
        "merchant": HOTEL,
        "entry_mode": "ecommerce",
        "partial_allowed": True,
    }

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant
    cardholder: ShortText | None = None
    entry_mode: EntryMode | None = None
    partial_allowed: bool = False
    merchant_amount: PositiveMoney | None = None
    rate: Rate | None = None


class AuthorizationIncremented(
    Event, tag="authorization.incremented", frozen=True, kw_only=True, omit_defaults=True
):
    """The merchant asks for `amount` more on an approved authorization; answered like a request."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {**PAYMENT, "amount": usd(15_000)}

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant | None = None
    entry_mode: EntryMode | None = None
    merchant_amount: PositiveMoney | None = None
    rate: Rate | None = None


class AuthorizationAdvised(Event, tag="authorization.advised", frozen=True, kw_only=True, omit_defaults=True):
    """The network has answered in our place (stand-in): what it tells is recorded, whatever the limits say.

    `amount`: what is authorized in all from now on. `approved` False: it was declined.
    """

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {**ADVISED, "amount": usd(20_000), "merchant": HOTEL}

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant
    approved: bool = True
    cardholder: ShortText | None = None
    merchant_amount: PositiveMoney | None = None
    rate: Rate | None = None


class AuthorizationReversed(
    Event, tag="authorization.reversed", frozen=True, kw_only=True, omit_defaults=True
):
    """The merchant gives back a hold: `amount` of it, or all that is left.

    cause "timeout": who asked was told that there is no answer in time, so an approval must not stand,
    whether the request comes before or after this. `request_id`: the event id of the request that timed
    out, so that no other one with this authorization id is undone; absent: whichever has it.

    Raises:
        ValueError: a `request_id` with another cause.
    """

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"authorization_id": "auth_7f3a", "amount": usd(5_000)}

    authorization_id: Identifier
    amount: PositiveMoney | None = None
    cause: Literal["merchant", "timeout"] = "merchant"
    request_id: Identifier | None = None

    def __post_init__(self) -> None:
        if self.request_id is not None and self.cause != "timeout":
            raise ValueError("`request_id` is only for cause timeout")


class AuthorizationExpired(Event, tag="authorization.expired", frozen=True, kw_only=True, omit_defaults=True):
    """The network says that an authorization is no longer valid: what is left of its hold lapses."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"authorization_id": "auth_9c1e"}

    authorization_id: Identifier


class ClearingPresented(Event, tag="clearing.presented", frozen=True, kw_only=True, omit_defaults=True):
    """The network settles a payment. `final`: nothing more comes, so what is left of the hold lapses."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {**PAYMENT, "amount": usd(70_000), "final": True}

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant | None = None
    final: bool = True
    merchant_amount: PositiveMoney | None = None
    rate: Rate | None = None


class RefundPresented(Event, tag="refund.presented", frozen=True, kw_only=True, omit_defaults=True):
    """Money comes back; linked when `authorization_id` names the payment it belongs to.

    `refund_id`: the event's own id, if absent.
    """

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {**PAYMENT, "amount": usd(10_000), "refund_id": "ref_20"}

    card_id: Identifier
    amount: PositiveMoney
    authorization_id: Identifier | None = None
    refund_id: Identifier | None = None
    merchant: Merchant | None = None
    merchant_amount: PositiveMoney | None = None
    rate: Rate | None = None


class RefundReversed(Event, tag="refund.reversed", frozen=True, kw_only=True, omit_defaults=True):
    """The merchant takes a refund back: `amount` of it, or all that is left."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"refund_id": "ref_20"}

    refund_id: Identifier
    amount: PositiveMoney | None = None


class DisputeOpened(Event, tag="dispute.opened", frozen=True, kw_only=True, omit_defaults=True):
    """The cardholder disputes `amount` of what was settled. `provisional_credit`: it is credited at once."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {
        "dispute_id": "dis_3",
        "authorization_id": "auth_7f3a",
        "amount": usd(70_000),
        "provisional_credit": True,
    }

    dispute_id: Identifier
    authorization_id: Identifier
    amount: PositiveMoney
    provisional_credit: bool = False


class DisputeResolved(Event, tag="dispute.resolved", frozen=True, kw_only=True, omit_defaults=True):
    """How a dispute ended. Withdrawn and lost move the same money."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"dispute_id": "dis_3", "outcome": "withdrawn"}

    dispute_id: Identifier
    outcome: Literal["won", "lost", "withdrawn"]


class AuthorizationLabelled(Act, tag="authorization.labelled", frozen=True, kw_only=True, omit_defaults=True):
    """What a payment turned out to be, days or weeks after it: models learn from this, no money moves.

    `source`: a chargeback (of the network), a review (by whoever looks into it) or the customer. A later
    label takes the place of an earlier one; "unsure" takes it back.
    """

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"authorization_id": "auth_7f3a", "label": "fraud", "source": "chargeback"}

    authorization_id: Identifier
    label: Label
    source: LabelSource


class VerificationRequested(
    Event, tag="verification.requested", frozen=True, kw_only=True, omit_defaults=True
):
    """A zero-amount account verification: would this card be good at this merchant? Nothing is held."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"card_id": "card_ada", "merchant": HOTEL}

    card_id: Identifier
    merchant: Merchant
    cardholder: ShortText | None = None
    entry_mode: EntryMode | None = None


class BalanceInquired(Event, tag="balance.inquired", frozen=True, kw_only=True, omit_defaults=True):
    """What may this card still spend now?"""

    scopes: ClassVar[Scopes] = ("authorizations:write",)
    example: ClassVar[Body] = {"card_id": "card_ada"}

    card_id: Identifier
    cardholder: ShortText | None = None


class ClockTicked(Event, tag="clock.ticked", frozen=True, kw_only=True, omit_defaults=True):
    """Time has come to `occurred_at` without other traffic: what is due by then happens."""

    scopes: ClassVar[Scopes] = ("authorizations:write",)


#: An event is one of these, of `schemas.administration.Administration`, or of `schemas.requests.Requests`.
PaymentMessage = (
    AuthorizationRequested
    | AuthorizationIncremented
    | AuthorizationAdvised
    | AuthorizationReversed
    | AuthorizationExpired
    | ClearingPresented
    | RefundPresented
    | RefundReversed
    | DisputeOpened
    | DisputeResolved
    | AuthorizationLabelled
    | VerificationRequested
    | BalanceInquired
    | ClockTicked
)
