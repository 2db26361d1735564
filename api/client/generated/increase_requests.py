"""IncreaseRequests of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import ApprovalRequest, ApprovalRequests, EventDecision, Money
from api.client.operations import Resource, S, listing, operation


class IncreaseRequestsResource(Resource[S]):
    """Operations on increase requests."""

    @operation
    def create(
        self,
        *,
        department_id: str,
        request_id: str,
        amount: Money,
        ends_at: datetime | str,
        occurred_at: datetime | str | None = None,
        starts_at: datetime | str | None = None,
        budget_id: str | None = None,
        reason: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask for an increase."""
        return Call(
            "POST",
            "/v1/increase-requests",
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                request_id=request_id,
                amount=amount,
                ends_at=ends_at,
                starts_at=starts_at,
                budget_id=budget_id,
                reason=reason,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def approve(
        self,
        request_id: str,
        *,
        department_id: str,
        occurred_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Approve an increase."""
        return Call(
            "POST",
            at("/v1/increase-requests/{}/approvals", request_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def refuse(
        self,
        request_id: str,
        *,
        department_id: str,
        occurred_at: datetime | str | None = None,
        reason: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Refuse an increase."""
        return Call(
            "POST",
            at("/v1/increase-requests/{}/refusals", request_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, reason=reason),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        organization_id: str,
        department_id: str,
        *,
        status: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[ApprovalRequests]:
        """List requests for an increase."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/increase-requests", organization_id, department_id),
            ApprovalRequests,
            query={"status": status, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "requests", ApprovalRequest)

    @operation
    def read(
        self,
        request_id: str,
        organization_id: str,
        department_id: str,
        *,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[ApprovalRequest]:
        """Look at a request for an increase."""
        return Call(
            "GET",
            at(
                "/v1/organizations/{}/departments/{}/increase-requests/{}",
                organization_id,
                department_id,
                request_id,
            ),
            ApprovalRequest,
            wait=wait,
            position=position,
            reads=True,
        )
