"""Cases of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import (
    EventDecision,
    Money,
    Reason,
    Score,
    TransactionDetail,
    TransactionMerchant,
)
from api.client.operations import Resource, S, listing, operation


class Case(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A payment that the model flagged, or that a rule wants somebody to look at."""

    case_id: str
    organization_id: str
    department_id: str
    status: str
    reopened: bool
    amount: Money
    payment_status: str
    card_id: str | None = None
    cardholder: str | None = None
    merchant: TransactionMerchant | None = None
    created_at: datetime | None = None
    flagged: bool
    score: Score | None = None
    reviews: list[Reason]
    label: CaseLabel | None = None
    assignment: CaseAssignment | None = None
    position: str


class CaseAssignment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who looks into a case."""

    assignee: str
    assigned_by: str
    assigned_at: datetime


class CaseDetail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A case with the whole life of its payment."""

    case_id: str
    organization_id: str
    department_id: str
    status: str
    reopened: bool
    amount: Money
    payment_status: str
    card_id: str | None = None
    cardholder: str | None = None
    merchant: TransactionMerchant | None = None
    created_at: datetime | None = None
    flagged: bool
    score: Score | None = None
    reviews: list[Reason]
    label: CaseLabel | None = None
    assignment: CaseAssignment | None = None
    position: str
    transaction: TransactionDetail


class CaseLabel(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a payment turned out to be, by its latest label."""

    label: str
    source: str
    actor: str | None = None
    at: datetime | None = None


class Cases(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of cases."""

    cases: list[Case]
    next: str | None = None


class CasesResource(Resource[S]):
    """Operations on cases."""

    def _list(
        self,
        *,
        order: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        status: str | None = None,
        department_id: str | None = None,
        assignee: str | None = None,
        assigned: bool | None = None,
        label: str | None = None,
        score_min: float | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Cases]:
        """List cases."""
        return Call(
            "GET",
            "/v1/cases",
            Cases,
            query={
                "order": order,
                "after": after,
                "limit": limit,
                "status": status,
                "department_id": department_id,
                "assignee": assignee,
                "assigned": assigned,
                "label": label,
                "score_min": score_min,
            },
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "cases", Case)

    @operation
    def read(
        self,
        case_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[CaseDetail]:
        """Look at a case."""
        return Call(
            "GET",
            at("/v1/cases/{}", case_id),
            CaseDetail,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def assign(
        self,
        case_id: str,
        *,
        assignee: str | None,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Case]:
        """Name who looks into a case."""
        return Call(
            "PUT",
            at("/v1/cases/{}/assignment", case_id),
            Case,
            body={"assignee": assignee, **given(department_id=department_id)},
            wait=wait,
            position=position,
        )

    @operation
    def decide(
        self,
        case_id: str,
        *,
        label: str,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Decide a case."""
        return Call(
            "POST",
            at("/v1/cases/{}/decisions", case_id),
            EventDecision,
            body=given(label=label, department_id=department_id),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )
