"""What the API takes and gives. Amounts: integers of minor units with a currency. Times: RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr

from api.texts import no_card_number, plain
from schemas import decisions, reasons
from schemas.authorizations import Authorization, Status
from schemas.events import Merchant
from schemas.ids import NAME_PATTERN
from schemas.money import MINOR_MAX, exponent

_YEARS = range(2000, 2101)


def _known_currency(code: str) -> str:
    exponent(code)
    return code


def _rfc3339(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 text with an offset, for example 2026-03-01T12:00:00Z")
    return value


def _in_range(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"must be in the years {_YEARS.start} to {_YEARS[-1]}")
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
    AfterValidator(lambda moment: _aware(moment)),
    AfterValidator(_in_range),
]
DepartmentName = Annotated[StrictStr, Field(pattern=NAME_PATTERN, examples=["engineering"])]
# What stands in a path without quoting; the log itself would take any 128 characters.
PaymentId = Annotated[StrictStr, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$", examples=["auth_7f3a"])]
Text = Annotated[StrictStr, AfterValidator(plain), AfterValidator(no_card_number)]


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must have an offset, for example Z or +02:00")
    return moment


class _Input(BaseModel):
    # A member that nobody reads is a typing error: better refused than ignored.
    model_config = ConfigDict(extra="forbid", frozen=True)


class PositiveMoneyIn(_Input):
    """An amount above zero."""

    model_config = ConfigDict(title="PositiveMoney")

    minor: StrictInt = Field(
        gt=0, le=MINOR_MAX, description="minor units: cents, pence, yen", examples=[600000]
    )
    currency: Currency


class LimitIn(_Input):
    """An amount from zero."""

    model_config = ConfigDict(title="Limit")

    minor: StrictInt = Field(
        ge=0, le=MINOR_MAX, description="minor units: cents, pence, yen", examples=[5000000]
    )
    currency: Currency


class MerchantIn(_Input):
    """Who is paid."""

    model_config = ConfigDict(title="Merchant")

    name: Text = Field(min_length=1, max_length=200, examples=["Blue Bottle Coffee"])
    mcc: StrictStr | None = Field(
        default=None, pattern="^[0-9]{4}$", description="ISO 18245 category", examples=["5814"]
    )
    country: StrictStr | None = Field(
        default=None, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["US"]
    )


class AuthorizationIn(_Input):
    """A card is about to be charged."""

    model_config = ConfigDict(title="AuthorizationRequest")

    department_id: DepartmentName
    card_id: Text = Field(
        min_length=1,
        max_length=128,
        description="the processor's token, never a number",
        examples=["card_ada"],
    )
    amount: PositiveMoneyIn
    merchant: MerchantIn
    cardholder: Text | None = Field(default=None, max_length=200, examples=["Ada Lovelace"])
    occurred_at: Moment | None = Field(default=None, description="when it happened; now, if absent")
    authorization_id: PaymentId | None = Field(
        default=None,
        description="the processor's id of this payment; derived from the Idempotency-Key, if absent",
    )


class BudgetIn(_Input):
    """A department's budget as it shall be from now on."""

    model_config = ConfigDict(title="BudgetRequest")

    name: Text = Field(min_length=1, max_length=100, examples=["Engineering"])
    limit: LimitIn
    time_zone: Text = Field(
        default="UTC", min_length=1, max_length=64, description="IANA name", examples=["America/New_York"]
    )
    period: Literal["month"] = "month"


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True)


class MoneyOut(_Output):
    """An amount; negative only where it is what is left."""

    model_config = ConfigDict(title="Money")

    minor: int = Field(description="minor units: cents, pence, yen", examples=[600000])
    currency: str = Field(examples=["USD"])


class ReasonOut(_Output):
    """Why, in a code for programs, a sentence for people, and the numbers of both."""

    model_config = ConfigDict(title="Reason")

    code: str = Field(examples=["budget_exceeded"])
    message: str
    limit: MoneyOut | None = None
    posted: MoneyOut | None = None
    held: MoneyOut | None = None
    current: MoneyOut | None = Field(default=None, description="posted + held")
    available: MoneyOut | None = Field(default=None, description="limit - current")
    requested: MoneyOut | None = None


class DecisionOut(_Output):
    """The answer to an authorization request: the same, byte for byte, for every repeat of it."""

    model_config = ConfigDict(title="AuthorizationDecision")

    authorization_id: str
    department_id: str
    card_id: str
    outcome: Literal["approved", "declined"]
    response_code: str = Field(description="ISO 8583 field 39", examples=["00", "61"])
    reasons: list[ReasonOut]
    amount: MoneyOut
    position: str = Field(description="`partition:seq` of the first decision", examples=["3:1042"])


class PendingOut(_Output):
    """Not decided within the wait. Neither approved nor declined."""

    model_config = ConfigDict(title="Pending")

    status: Literal["pending"] = "pending"
    recorded: bool = Field(
        description="true: the event is in the log and will be decided. false: whether it is in the log is "
        "not known; repeat the request with the same Idempotency-Key until it is answered"
    )
    detail: str


class AuthorizationPendingOut(PendingOut):
    """No answer yet; `Location` will have it."""

    model_config = ConfigDict(title="AuthorizationPending")

    authorization_id: str
    department_id: str


class MerchantOut(_Output):
    """Who is paid."""

    model_config = ConfigDict(title="MerchantView")

    name: str
    mcc: str | None = None
    country: str | None = None


class ContributionOut(_Output):
    """One feature's share in a score."""

    model_config = ConfigDict(title="Contribution")

    feature: str
    value: float
    weight: float


class ScoreOut(_Output):
    """What the model said before the decision: 0 usual to 1 unusual."""

    model_config = ConfigDict(title="Score")

    value: float
    model: str
    version: str
    flagged: bool
    reasons: list[ContributionOut]


class AuthorizationOut(_Output):
    """One payment as it stands at `position`."""

    model_config = ConfigDict(title="Authorization")

    authorization_id: str
    organization_id: str
    department_id: str
    status: Status
    response_code: str = Field(description="ISO 8583 field 39 of its decision", examples=["00", "61"])
    card_id: str | None
    cardholder: str | None
    merchant: MerchantOut | None
    occurred_at: datetime | None
    updated_at: datetime | None
    requested: MoneyOut
    held: MoneyOut
    posted: MoneyOut
    refunded: MoneyOut
    reasons: list[ReasonOut]
    alerts: list[str]
    flagged: bool
    score: ScoreOut | None
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class BudgetOut(_Output):
    """A department's month. limit = posted + held + available; available is below zero when networks
    settled more than was held."""

    model_config = ConfigDict(title="Budget")

    organization_id: str
    department_id: str
    name: str
    time_zone: str
    currency: str
    period: str = Field(description="month in the budget's time zone", examples=["2026-03"])
    limit: MoneyOut
    posted: MoneyOut
    held: MoneyOut
    available: MoneyOut
    position: str = Field(
        description="`partition:seq` of the last decision that is in it", examples=["3:1042"]
    )


class BudgetSetOut(_Output):
    """The budget that is now in force."""

    model_config = ConfigDict(title="BudgetSet")

    organization_id: str
    department_id: str
    name: str
    time_zone: str
    period: Literal["month"]
    limit: MoneyOut
    position: str = Field(description="`partition:seq` from which on it holds", examples=["3:1042"])


class BudgetPendingOut(PendingOut):
    """Not in force yet, as far as is known."""

    model_config = ConfigDict(title="BudgetPending")

    organization_id: str
    department_id: str


def reason_out(reason: reasons.Reason) -> ReasonOut:
    def money(minor: int | None) -> MoneyOut | None:
        if minor is None or reason.currency is None:
            return None
        return MoneyOut(minor=minor, currency=reason.currency)

    known = reason.limit is not None
    return ReasonOut(
        code=reason.code.value,
        message=reasons.sentence(reason),
        limit=money(reason.limit),
        posted=money(reason.posted),
        held=money(reason.held),
        current=money(reason.current) if known else None,
        available=money(reason.available),
        requested=money(reason.requested),
    )


def merchant_of(merchant: MerchantIn) -> Merchant:
    return Merchant(name=merchant.name, mcc=merchant.mcc, country=merchant.country)


def authorization_out(found: Authorization) -> AuthorizationOut:
    def money(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=found.currency)

    outcome = reasons.Outcome.DECLINED if found.status is Status.DECLINED else reasons.Outcome.APPROVED
    merchant = found.merchant
    return AuthorizationOut(
        authorization_id=found.authorization_id,
        organization_id=found.organization_id,
        department_id=found.department_id,
        status=found.status,
        response_code=reasons.response_code(outcome, found.reasons),
        card_id=found.card_id,
        cardholder=found.cardholder,
        merchant=MerchantOut(name=merchant.name, mcc=merchant.mcc, country=merchant.country)
        if merchant
        else None,
        occurred_at=found.occurred_at,
        updated_at=found.updated_at,
        requested=money(found.requested),
        held=money(found.held),
        posted=money(found.posted),
        refunded=money(found.refunded),
        reasons=[reason_out(reason) for reason in found.reasons],
        alerts=list(found.alerts),
        flagged=found.score is not None and found.score.flagged,
        score=_score_out(found.score) if found.score else None,
        position=f"{found.partition}:{found.seq}",
    )


def _score_out(score: decisions.Score) -> ScoreOut:
    return ScoreOut(
        value=score.value,
        model=score.model,
        version=score.version,
        flagged=score.flagged,
        reasons=[
            ContributionOut(feature=part.feature, value=part.value, weight=part.weight)
            for part in score.reasons
        ],
    )
