"""Simulations of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from api.client.call import Call, given, new_key
from api.client.generated.shared import EventDecision, Merchant, Money
from api.client.operations import Resource, S, operation


class SimulationsResource(Resource[S]):
    """Operations on simulations."""

    @operation
    def authorization(
        self,
        *,
        department_id: str | None = None,
        card_id: str | None = None,
        amount: Money | None = None,
        merchant: Merchant | None = None,
        cardholder: str | None = None,
        partial_allowed: bool | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a purchase."""
        return Call(
            "POST",
            "/v1/simulations/authorizations",
            EventDecision,
            body=given(
                department_id=department_id,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                cardholder=cardholder,
                partial_allowed=partial_allowed,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def increment(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate an increment."""
        return Call(
            "POST",
            "/v1/simulations/increments",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def clearing(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a clearing."""
        return Call(
            "POST",
            "/v1/simulations/clearings",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def reversal(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a reversal."""
        return Call(
            "POST",
            "/v1/simulations/reversals",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def refund(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a refund."""
        return Call(
            "POST",
            "/v1/simulations/refunds",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def dispute(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a dispute."""
        return Call(
            "POST",
            "/v1/simulations/disputes",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def expiry(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate an expiry."""
        return Call(
            "POST",
            "/v1/simulations/expiries",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def network_timeout(
        self,
        *,
        authorization_id: str | None = None,
        department_id: str | None = None,
        amount: Money | None = None,
        occurred_at: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Simulate a timeout of the network."""
        return Call(
            "POST",
            "/v1/simulations/network_timeouts",
            EventDecision,
            body=given(
                authorization_id=authorization_id,
                department_id=department_id,
                amount=amount,
                occurred_at=occurred_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )
