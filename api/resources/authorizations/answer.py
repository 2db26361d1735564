"""One payment as it stands."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from api.http.types import MoneyOut, Output, money
from api.resources.reasons import ReasonOut, WouldPassOut, reason_out, would_pass_out
from schemas import decisions, reasons
from schemas.authorizations import Authorization, Status
from schemas.events import Merchant


class MerchantOut(Output):
    """Who is paid."""

    model_config = ConfigDict(title="MerchantView")

    name: str
    mcc: str | None = None
    country: str | None = None
    id: str | None = None


class ContributionOut(Output):
    """One feature's share in a score; `words`: what it says, such as 9 × what the card pays here."""

    model_config = ConfigDict(title="Contribution")

    feature: str
    value: float
    weight: float
    words: str = ""


class ScoreOut(Output):
    """What the model said before the decision: a probability of fraud, or 0 usual to 1 unusual."""

    model_config = ConfigDict(title="Score")

    value: float
    model: str
    version: str
    flagged: bool
    reasons: list[ContributionOut]


class AuthorizationOut(Output):
    """One payment as it stands at `position`. held = authorized + incremented - reversed - expired - what
    clearings released; what it cost is posted - refunded - recovered."""

    model_config = ConfigDict(title="Authorization")

    authorization_id: str
    organization_id: str
    department_id: str
    status: Status
    response_code: str | None = Field(
        description="ISO 8583 field 39 of the answer to its request; null: no request came, but a clearing, "
        "an advice or a timeout",
        examples=["00", "61"],
    )
    card_id: str | None
    cardholder: str | None
    merchant: MerchantOut | None
    merchant_amount: MoneyOut | None = Field(description="what the merchant asked for in another currency")
    rate: str | None = Field(examples=["1.0834"])
    occurred_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None = Field(description="when what is held lapses")
    requested: MoneyOut
    approved: MoneyOut = Field(description="by the answer to its request: all, a part, or 0")
    authorized: MoneyOut = Field(description="by its first approval or advice")
    incremented: MoneyOut = Field(description="by later ones")
    reversed: MoneyOut = Field(description="given back by reversals, timeouts and advices")
    expired: MoneyOut = Field(description="lapsed")
    held: MoneyOut
    posted: MoneyOut = Field(description="settled, less corrections")
    refunded: MoneyOut
    disputed: MoneyOut = Field(description="in open and in won disputes")
    recovered: MoneyOut = Field(description="in won disputes")
    reasons: list[ReasonOut]
    reviews: list[ReasonOut]
    shadows: list[ReasonOut] = Field(
        description="what rules with the action `shadow` would have said of its request"
    )
    alerts: list[str]
    would_pass: WouldPassOut | None
    flagged: bool
    score: ScoreOut | None
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


def authorization_out(found: Authorization) -> AuthorizationOut:
    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=found.currency)

    foreign = found.merchant_amount
    outcome = outcome_of(found)
    return AuthorizationOut(
        authorization_id=found.authorization_id,
        organization_id=found.organization_id,
        department_id=found.department_id,
        status=found.status,
        response_code=reasons.response_code(outcome, found.reasons) if found.requested else None,
        card_id=found.card_id,
        cardholder=found.cardholder,
        merchant=_merchant_out(found.merchant) if found.merchant else None,
        merchant_amount=money(foreign.minor, foreign.currency) if foreign else None,
        rate=found.rate,
        occurred_at=found.occurred_at,
        updated_at=found.updated_at,
        expires_at=found.expires_at,
        requested=of(found.requested),
        approved=of(approved_by(found, outcome)),
        authorized=of(found.authorized),
        incremented=of(found.incremented),
        reversed=of(found.reversed),
        expired=of(found.expired),
        held=of(found.held),
        posted=of(found.posted),
        refunded=of(found.refunded),
        disputed=of(found.disputed),
        recovered=of(found.recovered),
        reasons=[reason_out(reason) for reason in found.reasons],
        reviews=[reason_out(reason) for reason in found.reviews],
        shadows=[reason_out(reason) for reason in found.shadows],
        alerts=list(found.alerts),
        would_pass=would_pass_out(found.would_pass, found.currency),
        flagged=found.flagged,
        score=score_out(found.score) if found.score else None,
        position=f"{found.partition}:{found.seq}",
    )


def outcome_of(found: Authorization) -> reasons.Outcome:
    """That of its request; the status may say something else by now, as after a clearing of a decline."""
    if found.approved is not None:
        return reasons.Outcome.PARTIALLY_APPROVED
    # The reasons are those of the request's own decision; an approval in full has none.
    return reasons.Outcome.DECLINED if found.reasons else reasons.Outcome.APPROVED


def approved_by(found: Authorization, outcome: reasons.Outcome) -> int:
    """Minor units that the answer to its request approved."""
    if outcome is reasons.Outcome.DECLINED:
        return 0
    return found.requested if found.approved is None else found.approved


def _merchant_out(merchant: Merchant) -> MerchantOut:
    return MerchantOut(name=merchant.name, mcc=merchant.mcc, country=merchant.country, id=merchant.id)


def score_out(score: decisions.Score) -> ScoreOut:
    return ScoreOut(
        value=score.value,
        model=score.model,
        version=score.version,
        flagged=score.flagged,
        reasons=[
            ContributionOut(feature=part.feature, value=part.value, weight=part.weight, words=part.words)
            for part in score.reasons
        ],
    )
