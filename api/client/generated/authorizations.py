"""Authorizations of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import Authorization, EventDecision, Merchant, Money, Reason, WouldPass
from api.client.operations import Resource, S, operation


class AuthorizationDecision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to an authorization request."""

    authorization_id: str
    department_id: str
    card_id: str
    outcome: str
    response_code: str
    reasons: list[Reason]
    review: bool
    reviews: list[Reason]
    shadows: list[Reason]
    amount: Money
    approved: Money
    would_pass: WouldPass | None = None
    position: str | None = None


class AuthorizationsResource(Resource[S]):
    """Operations on authorizations."""

    @operation
    def request(
        self,
        *,
        department_id: str,
        card_id: str,
        amount: Money,
        merchant: Merchant,
        cardholder: str | None = None,
        entry_mode: str | None = None,
        partial_allowed: bool | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        occurred_at: str | None = None,
        authorization_id: str | None = None,
        on_timeout: str | None = None,
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> Call[AuthorizationDecision]:
        """Ask for an authorization."""
        return Call(
            "POST",
            "/v1/authorizations",
            AuthorizationDecision,
            body=given(
                department_id=department_id,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                cardholder=cardholder,
                entry_mode=entry_mode,
                partial_allowed=partial_allowed,
                merchant_amount=merchant_amount,
                rate=rate,
                occurred_at=occurred_at,
                authorization_id=authorization_id,
                on_timeout=on_timeout,
            ),
            key=idempotency_key or new_key(),
            wait=wait,
        )

    @operation
    def read(
        self,
        authorization_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Authorization]:
        """Look up an authorization."""
        return Call(
            "GET",
            at("/v1/authorizations/{}", authorization_id),
            Authorization,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def increment(
        self,
        authorization_id: str,
        *,
        amount: Money,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        card_id: str | None = None,
        merchant: Merchant | None = None,
        entry_mode: str | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask for more."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/increments", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                entry_mode=entry_mode,
                merchant_amount=merchant_amount,
                rate=rate,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def advise(
        self,
        authorization_id: str,
        *,
        amount: Money,
        merchant: Merchant,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        card_id: str | None = None,
        approved: bool | None = None,
        cardholder: str | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Tell a stand-in's answer."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/advices", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                approved=approved,
                cardholder=cardholder,
                merchant_amount=merchant_amount,
                rate=rate,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def reverse(
        self,
        authorization_id: str,
        *,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        amount: Money | None = None,
        cause: str | None = None,
        request_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Give a hold back."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/reversals", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                amount=amount,
                cause=cause,
                request_id=request_id,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def expire(
        self,
        authorization_id: str,
        *,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Tell that it is no longer valid."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/expiries", authorization_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def clear(
        self,
        authorization_id: str,
        *,
        amount: Money,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        card_id: str | None = None,
        merchant: Merchant | None = None,
        final: bool | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Settle a payment."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/clearings", authorization_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                final=final,
                merchant_amount=merchant_amount,
                rate=rate,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def label(
        self,
        authorization_id: str,
        *,
        label: str,
        source: str,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Tell what a payment turned out to be."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/labels", authorization_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, label=label, source=source),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )
