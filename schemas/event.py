"""What all card events carry, and the parts that several of them share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.examples import Body
from schemas.ids import Identifier, Name, department_key
from schemas.money import Money
from schemas.names import folded

EVENT_VERSION = 1

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
# How the card met the terminal: ISO 8583 field 22, in words.
EntryMode = Literal["chip", "contactless", "magnetic_stripe", "manual", "ecommerce", "recurring"]

# What a payment turned out to be, and who found that out.
Label = Literal["fraud", "legitimate", "unsure"]
LabelSource = Literal["chargeback", "review", "customer"]

#: What a key may send: the words of its scopes.
SendScope = Literal[
    "authorizations:write",
    "budgets:write",
    "budgets:request",
    "budgets:approve",
    "policies:write",
    "cards:write",
    "ledger:correct",
    "caps:write",
]
Scopes = tuple[SendScope, ...]

#: What `Merchant.well_formed` asks, in words.
MERCHANT_FORM = "the name shows something, mcc is 4 digits, country 2 capitals"


def _code(pattern: str, length: int) -> msgspec.Meta:
    return msgspec.Meta(min_length=length, max_length=length, extra_json_schema={"pattern": pattern})


class Merchant(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who is paid. `mcc`: ISO 18245 category, 4 digits; `country`: ISO 3166-1 alpha-2; `id`: ISO 8583 field
    42, the acceptor's.

    Patterns stand in the JSON Schema; here they are `well_formed`, because msgspec's cost 0.7 us.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    mcc: Annotated[str, _code("^[0-9]{4}$", 4)] | None = None
    country: Annotated[str, _code("^[A-Z]{2}$", 2)] | None = None
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None

    @property
    def well_formed(self) -> bool:
        """Whether the name can be seen, and mcc and country are digits and capitals."""
        name, mcc, country = self.name, self.mcc, self.country
        if not "!" <= name[0] <= "~" and not folded(name):
            return False
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

    #: Any one of these lets a key send it over REST. None: only owners of partitions and the learner do.
    scopes: ClassVar[Scopes] = ()
    #: Members of its own with which it takes effect, for whoever looks how one is written.
    example: ClassVar[Body] = {}

    @property
    def key(self) -> str:
        return department_key(self.organization_id, self.department_id)

    @property
    def type(self) -> str:
        tag: str = self.__struct_config__.tag  # type: ignore[assignment]
        return tag

    # What a decision repeats of its event. None: an event of this type does not say so; one that does has a
    # member of this name, which takes the property's place.

    @property
    def authorization_id(self) -> str | None:
        """The payment that it is about."""
        return None

    @property
    def card_id(self) -> str | None:
        """The card that it is about."""
        return None

    @property
    def cardholder(self) -> str | None:
        """In whose hands the card was."""
        return None

    @property
    def merchant(self) -> Merchant | None:
        """Who is paid."""
        return None

    @property
    def entry_mode(self) -> EntryMode | None:
        """How the card met the terminal."""
        return None

    @property
    def actor(self) -> str | None:
        """Who did it, for what people do."""
        return None

    @property
    def amount(self) -> Money | int | None:
        """What it is about; `int`: in the minor units of its member `currency`."""
        return None

    @property
    def limit(self) -> Money | int | None:
        """What may be spent from here on."""
        return None

    @property
    def merchant_amount(self) -> Money | None:
        """The amount in the merchant's currency."""
        return None

    @property
    def rate(self) -> str | None:
        """From the merchant's currency to the department's."""
        return None


class Act(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What a person does. Who asks may change between a request and its repeat, what is asked may not."""

    actor: ShortText | None = None

    _not_content: ClassVar[frozenset[str]] = frozenset({"event_id", "occurred_at", "actor"})
