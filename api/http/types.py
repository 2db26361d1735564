"""What models of all themes are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from schemas.card_numbers import no_card_number
from schemas.entrance import YEARS, cut_moment, plain
from schemas.ids import NAME_PATTERN
from schemas.money import MINOR_MAX, exponent

_MOMENT = "must be an RFC 3339 text with an offset, for example 2026-03-01T12:00:00Z"


def _known_currency(code: str) -> str:
    exponent(code)
    return code


def _rfc3339(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(_MOMENT)
    try:
        # msgspec's, because it reads the events of Kafka: both entrances must take the same texts.
        return msgspec.convert(cut_moment(value), datetime)
    except msgspec.ValidationError:
        raise PydanticCustomError("datetime_from_date_parsing", _MOMENT) from None


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must have an offset, for example Z or +02:00")
    return moment


def in_years(moment: datetime) -> datetime:
    """`moment` in UTC. Raises ValueError outside of the years that the API takes."""
    if moment.year not in YEARS:
        raise ValueError(f"must be in the years {YEARS.start} to {YEARS[-1]}")
    return moment.astimezone(UTC)


Currency = Annotated[
    StrictStr,
    Field(pattern="^[A-Z]{3}$", description="ISO 4217 code", examples=["USD"]),
    AfterValidator(_known_currency),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_rfc3339, json_schema_input_type=str),
    Field(description="RFC 3339 with offset", examples=["2026-03-01T12:00:00Z"]),
    AfterValidator(_aware),
    AfterValidator(in_years),
]
DepartmentName = Annotated[
    StrictStr, Field(pattern=NAME_PATTERN, examples=["engineering"]), AfterValidator(no_card_number)
]
PaymentId = Annotated[
    StrictStr,
    Field(
        min_length=1, max_length=128, description="any text; in paths percent-encoded", examples=["auth_7f3a"]
    ),
    AfterValidator(plain),
    AfterValidator(no_card_number),
]
Text = Annotated[StrictStr, AfterValidator(plain), AfterValidator(no_card_number)]


class Input(BaseModel):
    # A member that nobody reads is a typing error: better refused than ignored.
    model_config = ConfigDict(extra="forbid", frozen=True)


class PositiveMoneyIn(Input):
    """An amount above zero."""

    model_config = ConfigDict(title="PositiveMoney")

    minor: StrictInt = Field(
        gt=0, le=MINOR_MAX, description="minor units: cents, pence, yen", examples=[600000]
    )
    currency: Currency


class LimitIn(Input):
    """An amount from zero."""

    model_config = ConfigDict(title="Limit")

    minor: StrictInt = Field(
        ge=0, le=MINOR_MAX, description="minor units: cents, pence, yen", examples=[5000000]
    )
    currency: Currency


class Output(BaseModel):
    model_config = ConfigDict(frozen=True)


class MoneyOut(Output):
    """An amount; negative only where it is what is left."""

    model_config = ConfigDict(title="Money")

    minor: int = Field(description="minor units: cents, pence, yen", examples=[600000])
    currency: str = Field(examples=["USD"])


class PendingOut(Output):
    """Not decided within the wait. Neither approved nor declined."""

    model_config = ConfigDict(title="Pending")

    status: Literal["pending"] = "pending"
    recorded: bool = Field(
        description="true: the event is in the log and will be decided. false: whether it is in the log is "
        "not known; repeat the request with the same Idempotency-Key until it is answered"
    )
    detail: str


def money(minor: int | None, currency: str | None) -> MoneyOut | None:
    """None where either is not known."""
    return None if minor is None or currency is None else MoneyOut(minor=minor, currency=currency)
