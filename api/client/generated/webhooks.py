"""Webhooks of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.operations import Resource, S, listing, operation


class CreatedWebhookEndpoint(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An endpoint that was just made."""

    endpoint_id: str
    url: str
    description: str
    event_types: list[str]
    department_ids: list[str]
    status: str
    paused_reason: str | None = None
    created_at: datetime
    changed_at: datetime
    failing_since: datetime | None = None
    waiting: int
    secrets: list[WebhookSecret]
    secret: str | None = None


class RotatedWebhookSecret(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The secret that signs from now on."""

    secret: str
    secrets: list[WebhookSecret]


class WebhookAttempt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One POST and what came of it."""

    number: int
    at: datetime
    took_ms: int
    status_code: int | None = None
    error: str | None = None


class WebhookAttemptDetail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The same, with the beginning of the answer."""

    number: int
    at: datetime
    took_ms: int
    status_code: int | None = None
    error: str | None = None
    answer: str | None = None


class WebhookDeliveries(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of deliveries, newest first."""

    deliveries: list[WebhookDelivery]
    next: str | None = None


class WebhookDelivery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One event for one endpoint."""

    event_id: str
    event_type: str
    department_id: str | None = None
    status: str
    attempts: int
    created_at: datetime
    due_at: datetime | None = None
    ended_at: datetime | None = None
    last_attempt: WebhookAttempt | None = None


class WebhookDeliveryDetail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A delivery with all that was tried."""

    event_id: str
    event_type: str
    department_id: str | None = None
    status: str
    attempts: int
    created_at: datetime
    due_at: datetime | None = None
    ended_at: datetime | None = None
    last_attempt: WebhookAttempt | None = None
    gives_up_at: datetime | None = None
    event: dict[str, Any]
    attempt_log: list[WebhookAttemptDetail]


class WebhookEndpoint(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An endpoint, and how it stands."""

    endpoint_id: str
    url: str
    description: str
    event_types: list[str]
    department_ids: list[str]
    status: str
    paused_reason: str | None = None
    created_at: datetime
    changed_at: datetime
    failing_since: datetime | None = None
    waiting: int
    secrets: list[WebhookSecret]


class WebhookEndpoints(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All endpoints of the organization, oldest first."""

    endpoints: list[WebhookEndpoint]


class WebhookReplayed(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many deliveries wait again."""

    replayed: int
    more: bool


class WebhookSecret(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Since when a secret signs."""

    created_at: datetime
    expires_at: datetime | None = None


class WebhookTestEvent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The event that was queued."""

    event_id: str


class WebhooksResource(Resource[S]):
    """Operations on webhooks."""

    @operation
    def create(
        self,
        *,
        url: str,
        description: str | None = None,
        event_types: Sequence[str] | None = None,
        department_ids: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[CreatedWebhookEndpoint]:
        """Make an endpoint."""
        return Call(
            "POST",
            "/v1/webhooks",
            CreatedWebhookEndpoint,
            body=given(
                url=url, description=description, event_types=event_types, department_ids=department_ids
            ),
            key=idempotency_key or new_key(),
        )

    @operation
    def list(self) -> Call[WebhookEndpoints]:
        """List endpoints."""
        return Call("GET", "/v1/webhooks", WebhookEndpoints, reads=True)

    @operation
    def read(self, endpoint_id: str) -> Call[WebhookEndpoint]:
        """Look at an endpoint."""
        return Call("GET", at("/v1/webhooks/{}", endpoint_id), WebhookEndpoint, reads=True)

    @operation
    def change(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        event_types: Sequence[str] | None = None,
        department_ids: Sequence[str] | None = None,
        status: str | None = None,
        if_match: str | None = None,
    ) -> Call[WebhookEndpoint]:
        """Change an endpoint."""
        return Call(
            "PATCH",
            at("/v1/webhooks/{}", endpoint_id),
            WebhookEndpoint,
            body=given(
                url=url,
                description=description,
                event_types=event_types,
                department_ids=department_ids,
                status=status,
            ),
            if_match=if_match,
        )

    @operation
    def remove(self, endpoint_id: str, *, if_match: str | None = None) -> Call[None]:
        """Remove an endpoint."""
        return Call("DELETE", at("/v1/webhooks/{}", endpoint_id), None, if_match=if_match)

    @operation
    def rotate_secret(
        self, endpoint_id: str, *, overlap_s: int | None = None, idempotency_key: str | None = None
    ) -> Call[RotatedWebhookSecret]:
        """Rotate the secret."""
        return Call(
            "POST",
            at("/v1/webhooks/{}/secrets", endpoint_id),
            RotatedWebhookSecret,
            body=given(overlap_s=overlap_s),
            key=idempotency_key or new_key(),
        )

    @operation
    def send_test_event(
        self, endpoint_id: str, *, idempotency_key: str | None = None
    ) -> Call[WebhookTestEvent]:
        """Send a test event."""
        return Call(
            "POST",
            at("/v1/webhooks/{}/test-events", endpoint_id),
            WebhookTestEvent,
            key=idempotency_key or new_key(),
            accepted=True,
        )

    def _deliveries(
        self,
        endpoint_id: str,
        *,
        status: str | None = None,
        event_type: str | None = None,
        department_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Call[WebhookDeliveries]:
        """List deliveries."""
        return Call(
            "GET",
            at("/v1/webhooks/{}/deliveries", endpoint_id),
            WebhookDeliveries,
            query={
                "status": status,
                "event_type": event_type,
                "department_id": department_id,
                "since": since,
                "until": until,
                "after": after,
                "limit": limit,
            },
            reads=True,
        )

    deliveries = listing(_deliveries, "deliveries", WebhookDelivery)

    @operation
    def delivery(self, endpoint_id: str, event_id: str) -> Call[WebhookDeliveryDetail]:
        """Look at a delivery."""
        return Call(
            "GET",
            at("/v1/webhooks/{}/deliveries/{}", endpoint_id, event_id),
            WebhookDeliveryDetail,
            reads=True,
        )

    @operation
    def replay(self, endpoint_id: str, event_id: str) -> Call[WebhookReplayed]:
        """Send a delivery once more."""
        return Call(
            "POST",
            at("/v1/webhooks/{}/deliveries/{}/replay", endpoint_id, event_id),
            WebhookReplayed,
            accepted=True,
        )

    @operation
    def replay_span(
        self, endpoint_id: str, *, since: str, until: str, statuses: Sequence[str] | None = None
    ) -> Call[WebhookReplayed]:
        """Send the deliveries of a span once more."""
        return Call(
            "POST",
            at("/v1/webhooks/{}/replays", endpoint_id),
            WebhookReplayed,
            body=given(since=since, until=until, statuses=statuses),
            accepted=True,
        )
