"""Disputes of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import EventDecision, Money
from api.client.operations import Resource, S, listing, operation


class Dispute(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a cardholder does not accept."""

    dispute_id: str
    department_id: str
    authorization_id: str
    status: str
    amount: Money
    provisional_credit: bool
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    position: str


class Disputes(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of disputes, by id."""

    disputes: list[Dispute]
    next: str | None = None


class DisputesResource(Resource[S]):
    """Operations on disputes."""

    @operation
    def open(
        self,
        authorization_id: str,
        *,
        dispute_id: str,
        amount: Money,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        provisional_credit: bool | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Dispute a payment."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/disputes", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                dispute_id=dispute_id,
                amount=amount,
                provisional_credit=provisional_credit,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def resolve(
        self,
        dispute_id: str,
        *,
        department_id: str,
        outcome: str,
        occurred_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """End a dispute."""
        return Call(
            "POST",
            at("/v1/disputes/{}/resolutions", dispute_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, outcome=outcome),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        *,
        status: str | None = None,
        department_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Disputes]:
        """List disputes."""
        return Call(
            "GET",
            "/v1/disputes",
            Disputes,
            query={"status": status, "department_id": department_id, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "disputes", Dispute)

    @operation
    def read(
        self,
        dispute_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Dispute]:
        """Look at a dispute."""
        return Call(
            "GET",
            at("/v1/disputes/{}", dispute_id),
            Dispute,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )
