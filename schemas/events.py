"""What processors and people send: the events of `spend.card-events.v1`.

One tagged union: `type` names the event, `version` its format. Unknown members are ignored, so a newer
producer does not break an older worker; a new meaning needs a new version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.ids import Identifier, Name, department_key
from schemas.money import Money, PositiveMoney

EVENT_VERSION = 1

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]


def _code(pattern: str, length: int) -> msgspec.Meta:
    return msgspec.Meta(min_length=length, max_length=length, extra_json_schema={"pattern": pattern})


class Merchant(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who is paid. `mcc`: ISO 18245 category, 4 digits; `country`: ISO 3166-1 alpha-2.

    Patterns stand in the JSON Schema; here they are `well_formed`, because msgspec's cost 0.7 us.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    mcc: Annotated[str, _code("^[0-9]{4}$", 4)] | None = None
    country: Annotated[str, _code("^[A-Z]{2}$", 2)] | None = None

    @property
    def well_formed(self) -> bool:
        """Whether mcc and country are digits and capitals."""
        mcc, country = self.mcc, self.country
        return (mcc is None or (mcc.isascii() and mcc.isdigit())) and (
            country is None or (country.isascii() and country.isalpha() and country.isupper())
        )


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True, gc=False):
    """What all events carry. `occurred_at` (RFC 3339 with offset) is the only time that rules see."""

    event_id: Identifier
    organization_id: Name
    department_id: Name
    occurred_at: Timestamp
    version: Literal[1] = 1

    #: Members that do not tell two events with one id apart: a repeat may be sent at another time.
    _not_content: ClassVar[frozenset[str]] = frozenset({"event_id", "occurred_at"})

    @property
    def key(self) -> str:
        return department_key(self.organization_id, self.department_id)

    @property
    def type(self) -> str:
        tag: str = self.__struct_config__.tag  # type: ignore[assignment]
        return tag


class BudgetSet(Event, tag="budget.set", frozen=True, kw_only=True, omit_defaults=True):
    """Creates the department's budget or changes it, from this event's place in the log on.

    `limit` is what may be authorized in each calendar month of `time_zone` (an IANA name).
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    limit: Money
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    period: Literal["month"] = "month"
    actor: ShortText | None = None

    # Who asks may change between a request and its repeat, what is asked may not.
    _not_content: ClassVar[frozenset[str]] = frozenset({"event_id", "occurred_at", "actor"})


class AuthorizationRequested(
    Event, tag="authorization.requested", frozen=True, kw_only=True, omit_defaults=True
):
    """A card is about to be charged; the answer is approved or declined."""

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant
    cardholder: ShortText | None = None


class AuthorizationReversed(
    Event, tag="authorization.reversed", frozen=True, kw_only=True, omit_defaults=True
):
    """The merchant gives back a hold: `amount` of it, or all that is left."""

    authorization_id: Identifier
    amount: PositiveMoney | None = None


class ClearingPresented(Event, tag="clearing.presented", frozen=True, kw_only=True, omit_defaults=True):
    """The network settles a payment. `final`: nothing more comes, so what is left of the hold lapses."""

    authorization_id: Identifier
    card_id: Identifier
    amount: PositiveMoney
    merchant: Merchant | None = None
    final: bool = True


class RefundPresented(Event, tag="refund.presented", frozen=True, kw_only=True, omit_defaults=True):
    """Money comes back; linked when `authorization_id` names the payment it belongs to."""

    card_id: Identifier
    amount: PositiveMoney
    authorization_id: Identifier | None = None
    merchant: Merchant | None = None


CardEvent = BudgetSet | AuthorizationRequested | AuthorizationReversed | ClearingPresented | RefundPresented
EVENT_TYPES: tuple[type[Event], ...] = (
    BudgetSet,
    AuthorizationRequested,
    AuthorizationReversed,
    ClearingPresented,
    RefundPresented,
)
