"""Asking for an authorization, and its answer."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictStr

from api.http.types import (
    DepartmentName,
    Input,
    Moment,
    MoneyOut,
    Output,
    PaymentId,
    PendingOut,
    PositiveMoneyIn,
    Text,
)
from api.resources.reasons import ReasonOut, WouldPassOut
from schemas.card_numbers import WORDS, refused
from schemas.event import EntryMode, Merchant
from schemas.money import PositiveMoney
from schemas.names import folded


def _shows_something(name: str) -> str:
    if not folded(name):
        raise ValueError("shows nothing: spaces and invisible characters are no name")
    return name


def _no_number(member: str, text: str) -> str:
    if refused(text, member):
        raise ValueError(WORDS)
    return text


class MerchantIn(Input):
    """Who is paid."""

    model_config = ConfigDict(title="Merchant")

    name: Annotated[Text, AfterValidator(_shows_something)] = Field(
        min_length=1, max_length=200, examples=["Blue Bottle Coffee"]
    )
    mcc: StrictStr | None = Field(
        default=None, pattern="^[0-9]{4}$", description="ISO 18245 category", examples=["5814"]
    )
    country: StrictStr | None = Field(
        default=None, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["US"]
    )
    id: Annotated[StrictStr, AfterValidator(partial(_no_number, "id"))] | None = Field(
        default=None,
        pattern="^[!-~]([ -~]{0,62}[!-~])?$",
        description="card acceptor id, ISO 8583 field 42",
        examples=["000445189000124"],
    )


class AuthorizationIn(Input):
    """A card is about to be charged."""

    model_config = ConfigDict(title="AuthorizationRequest")

    department_id: DepartmentName
    card_id: Text = Field(
        min_length=1,
        max_length=128,
        description="the processor's token, never a number",
        examples=["card_ada"],
    )
    amount: PositiveMoneyIn = Field(description="in the budget's currency")
    merchant: MerchantIn
    cardholder: Text | None = Field(default=None, max_length=200, examples=["Ada Lovelace"])
    entry_mode: EntryMode | None = Field(default=None, description="ISO 8583 field 22, in words")
    partial_allowed: StrictBool = Field(default=False, description="part of the amount may be approved")
    merchant_amount: PositiveMoneyIn | None = Field(
        default=None,
        description="what the merchant asked for in another currency; goes with `rate`",
        examples=[None],
    )
    rate: Annotated[StrictStr, AfterValidator(partial(_no_number, "rate"))] | None = Field(
        default=None,
        pattern=r"^[0-9]{1,15}(\.[0-9]{1,15})?$",
        description="what `merchant_amount` was multiplied with; a decimal number",
        examples=[None],
    )
    occurred_at: Moment | None = Field(default=None, description="when it happened; now, if absent")
    authorization_id: PaymentId | None = Field(
        default=None,
        description="the processor's id of this payment; derived from the Idempotency-Key, if absent",
    )
    on_timeout: Literal["pending", "decline"] = Field(
        default="pending",
        description="what to answer when there is no decision within the wait. `pending`: 202, which claims "
        "nothing. `decline`: declined with response code 91, once Kafka has the reversal that makes it true",
    )


class DecisionOut(Output):
    """The answer to an authorization request: the same, byte for byte, for every repeat of it."""

    model_config = ConfigDict(title="AuthorizationDecision")

    authorization_id: str
    department_id: str
    card_id: str
    outcome: Literal["approved", "partially_approved", "declined"]
    response_code: str = Field(description="ISO 8583 field 39", examples=["00", "10", "61"])
    reasons: list[ReasonOut]
    review: bool = Field(description="approved, and somebody should look at it", examples=[False])
    reviews: list[ReasonOut] = Field(description="what to look at", examples=[[]])
    shadows: list[ReasonOut] = Field(
        description="what rules with the action `shadow` would have said; they change no answer",
        examples=[[]],
    )
    amount: MoneyOut
    approved: MoneyOut = Field(description="what is held for it: all, a part, or 0")
    would_pass: WouldPassOut | None = Field(
        description="of a decline for lack of money: what would pass", examples=[None]
    )
    position: str | None = Field(
        description="`partition:seq` of the first decision; null where the answer is that there was none "
        "in time (deadline_missed)",
        examples=["3:1042"],
    )


class AuthorizationPendingOut(PendingOut):
    """No answer yet; `Location` will have it."""

    model_config = ConfigDict(title="AuthorizationPending")

    authorization_id: str
    department_id: str
    event_id: str = Field(description="names it in a timeout: `request_id` of `authorization.reversed`")


def merchant_of(merchant: MerchantIn) -> Merchant:
    return Merchant(name=merchant.name, mcc=merchant.mcc, country=merchant.country, id=merchant.id)


def positive(money: PositiveMoneyIn) -> PositiveMoney:
    return PositiveMoney(money.minor, money.currency)
