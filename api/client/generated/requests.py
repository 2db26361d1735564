"""Requests of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import ApprovalRequest, ApprovalRequests, EventDecision, Money
from api.client.operations import Resource, S, listing, operation


class RequestsResource(Resource[S]):
    """Operations on requests."""

    @operation
    def create_card(
        self,
        *,
        department_id: str,
        request_id: str,
        card: Mapping[str, Any],
        limit: Money,
        occurred_at: datetime | str | None = None,
        period: str | None = None,
        time_zone: str | None = None,
        reason: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask for a new card."""
        return Call(
            "POST",
            "/v1/card-requests",
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                request_id=request_id,
                card=card,
                limit=limit,
                period=period,
                time_zone=time_zone,
                reason=reason,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def create_budget(
        self,
        *,
        department_id: str,
        name: str,
        limit: Mapping[str, Any],
        request_id: str,
        occurred_at: datetime | str | None = None,
        level: str | None = None,
        subject: str | None = None,
        budget_id: str | None = None,
        tolerance: int | None = None,
        period: str | None = None,
        time_zone: str | None = None,
        start_day: int | None = None,
        start_month: int | None = None,
        reason: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask for a budget."""
        return Call(
            "POST",
            "/v1/budget-requests",
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                name=name,
                limit=limit,
                level=level,
                subject=subject,
                budget_id=budget_id,
                tolerance=tolerance,
                period=period,
                time_zone=time_zone,
                start_day=start_day,
                start_month=start_month,
                request_id=request_id,
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
        """Approve a request."""
        return Call(
            "POST",
            at("/v1/requests/{}/approvals", request_id),
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
        """Refuse a request."""
        return Call(
            "POST",
            at("/v1/requests/{}/refusals", request_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, reason=reason),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        *,
        department_id: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        asked_by: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[ApprovalRequests]:
        """List requests."""
        return Call(
            "GET",
            "/v1/requests",
            ApprovalRequests,
            query={
                "department_id": department_id,
                "kind": kind,
                "status": status,
                "asked_by": asked_by,
                "after": after,
                "limit": limit,
            },
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "requests", ApprovalRequest)

    @operation
    def read(
        self,
        request_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[ApprovalRequest]:
        """Look at a request."""
        return Call(
            "GET",
            at("/v1/requests/{}", request_id),
            ApprovalRequest,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )
