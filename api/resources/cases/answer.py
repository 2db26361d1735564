"""A case as it is shown: the payment, why somebody should look at it, who does, and what was found."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from api.http.paging import NEXT
from api.http.types import MoneyOut, Output
from api.resources.authorizations.answer import ScoreOut, score_out
from api.resources.reasons import ReasonOut, reason_out
from api.resources.transactions.answer import (
    TransactionDetailOut,
    TransactionMerchantOut,
    TransactionStatus,
    transaction_out,
)
from api.stores.cases import Assignment, FoundCase
from schemas.cases import CaseStatus
from schemas.event import Label, LabelSource


class CaseLabelOut(Output):
    """What a payment turned out to be, by its latest label."""

    model_config = ConfigDict(title="CaseLabel")

    label: Label
    source: LabelSource = Field(description="a chargeback, whoever looked into it, or the customer")
    actor: str | None = Field(description="who said so", examples=["carol@techcorp.com"])
    at: datetime | None


class CaseAssignmentOut(Output):
    """Who looks into a case."""

    model_config = ConfigDict(title="CaseAssignment")

    assignee: str = Field(description="an e-mail address, or a key's actor", examples=["carol@techcorp.com"])
    assigned_by: str = Field(examples=["carol@techcorp.com"])
    assigned_at: datetime


class CaseOut(Output):
    """A payment that the model flagged, or that a rule wants somebody to look at."""

    model_config = ConfigDict(title="Case")

    case_id: str = Field(description="that of its payment", examples=["auth_7f3a"])
    organization_id: str
    department_id: str
    status: CaseStatus
    reopened: bool = Field(
        description="open though it was labelled: a later label contradicts what was found, or a rule wants "
        "somebody to look again"
    )
    amount: MoneyOut = Field(description="what the payment comes to now")
    payment_status: TransactionStatus
    card_id: str | None
    cardholder: str | None
    merchant: TransactionMerchantOut | None
    created_at: datetime | None = Field(description="when the payment was first heard of")
    flagged: bool = Field(description="by the model")
    score: ScoreOut | None = Field(description="the model's, with its reasons in words")
    reviews: list[ReasonOut] = Field(description="what rules want somebody to look at")
    label: CaseLabelOut | None = Field(description="the latest; null: none yet")
    assignment: CaseAssignmentOut | None = Field(description="null: nobody looks into it")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class CaseListOut(Output):
    """A page of cases."""

    model_config = ConfigDict(title="Cases")

    cases: list[CaseOut]
    next: str | None = Field(description=NEXT)


class CaseDetailOut(CaseOut):
    """A case with the whole life of its payment."""

    model_config = ConfigDict(title="CaseDetail")

    transaction: TransactionDetailOut


def case_out(found: FoundCase) -> CaseOut:
    payment = found.payment
    shown = transaction_out(payment)
    label = payment.label
    assert payment.case is not None
    return CaseOut(
        case_id=payment.authorization_id,
        organization_id=payment.organization_id,
        department_id=payment.department_id,
        status=payment.case,
        reopened=payment.case == "open" and label is not None and label.label != "unsure",
        amount=shown.amount,
        payment_status=shown.status,
        card_id=payment.card_id,
        cardholder=payment.cardholder,
        merchant=shown.merchant,
        created_at=payment.created_at,
        flagged=payment.flagged,
        score=score_out(payment.score) if payment.score else None,
        reviews=[reason_out(reason) for reason in payment.reviews],
        label=None
        if label is None
        else CaseLabelOut(label=label.label, source=label.source, actor=label.actor, at=label.at),
        assignment=assignment_out(found.assignment),
        position=shown.position,
    )


def assignment_out(found: Assignment | None) -> CaseAssignmentOut | None:
    if found is None:
        return None
    return CaseAssignmentOut(
        assignee=found.assignee, assigned_by=found.assigned_by, assigned_at=found.assigned_at
    )
