"""Refunds of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import EventDecision, Merchant, Money
from api.client.operations import Resource, S, listing, operation


class Refund(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Money that came back."""

    refund_id: str
    department_id: str
    authorization_id: str | None = None
    card_id: str | None = None
    amount: Money
    undone: Money
    occurred_at: datetime | None = None
    position: str


class Refunds(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of refunds, by id."""

    refunds: list[Refund]
    next: str | None = None


class RefundsResource(Resource[S]):
    """Operations on refunds."""

    @operation
    def of_authorization(
        self,
        authorization_id: str,
        *,
        amount: Money,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        card_id: str | None = None,
        refund_id: str | None = None,
        merchant: Merchant | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Refund a payment."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/refunds", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                card_id=card_id,
                amount=amount,
                refund_id=refund_id,
                merchant=merchant,
                merchant_amount=merchant_amount,
                rate=rate,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def create(
        self,
        *,
        department_id: str,
        card_id: str,
        amount: Money,
        occurred_at: datetime | str | None = None,
        authorization_id: str | None = None,
        refund_id: str | None = None,
        merchant: Merchant | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Refund without a payment."""
        return Call(
            "POST",
            "/v1/refunds",
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                card_id=card_id,
                amount=amount,
                authorization_id=authorization_id,
                refund_id=refund_id,
                merchant=merchant,
                merchant_amount=merchant_amount,
                rate=rate,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        *,
        department_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Refunds]:
        """List refunds."""
        return Call(
            "GET",
            "/v1/refunds",
            Refunds,
            query={"department_id": department_id, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "refunds", Refund)

    @operation
    def reverse(
        self,
        refund_id: str,
        *,
        department_id: str,
        occurred_at: datetime | str | None = None,
        amount: Money | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Take a refund back."""
        return Call(
            "POST",
            at("/v1/refunds/{}/reversals", refund_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, amount=amount),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def read(
        self,
        refund_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Refund]:
        """Look at a refund."""
        return Call(
            "GET",
            at("/v1/refunds/{}", refund_id),
            Refund,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )
