"""Deliveries: what became of each, and sending one or a span of them once more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paging import LINK, Paged
from api.http.preferences import MEMBERS_ONCE
from api.http.types import Moment
from api.resources.replies import reply
from api.resources.webhooks.acts import REPLAYED_MAX, DeliveryFilters
from api.resources.webhooks.bodies import (
    ReplayedOut,
    WebhookDeliveryDetailOut,
    WebhookDeliveryListOut,
    WebhookReplayIn,
)
from api.resources.webhooks.webhook_endpoints import EndpointId, OwnWebhooks, answers
from schemas.webhooks import DeliveryStatus

router = APIRouter(prefix="/v1/webhooks/{endpoint_id}", tags=["webhooks"], route_class=KeyedRoute)

EventId = Annotated[str, Path(max_length=64, description="the event's id", examples=["evt_3_1042_0"])]


@router.get(
    "/deliveries",
    summary="List deliveries",
    response_model=WebhookDeliveryListOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_deliveries(
    webhooks: OwnWebhooks,
    endpoint_id: EndpointId,
    page: Paged,
    status: Annotated[DeliveryStatus | None, Query(description="only these; all, if absent")] = None,
    event_type: Annotated[str | None, Query(max_length=64, description="only this type")] = None,
    department_id: Annotated[str | None, Query(max_length=64, description="only of this department")] = None,
    since: Annotated[Moment | None, Query(description="queued at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="queued before this time")] = None,
) -> Response:
    """Newest first, each with its last attempt. Those that have ended are kept for 30 days."""
    filters = DeliveryFilters(status, event_type, department_id, since, until)
    body = await webhooks.deliveries(endpoint_id, page, filters)
    return reply(body, 200, **page.link(body.next))


@router.get(
    "/deliveries/{event_id}",
    summary="Look at a delivery",
    response_model=WebhookDeliveryDetailOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "With its body and all attempts."),
)
async def read_delivery(webhooks: OwnWebhooks, endpoint_id: EndpointId, event_id: EventId) -> Response:
    """What was sent, when, and what came back."""
    return reply(await webhooks.delivery(endpoint_id, event_id))


@router.post(
    "/deliveries/{event_id}/replay",
    status_code=202,
    summary="Send a delivery once more",
    response_model=ReplayedOut,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(202, "It waits to be sent."),
)
async def replay_delivery(webhooks: OwnWebhooks, endpoint_id: EndpointId, event_id: EventId) -> Response:
    """Whatever became of it. With the same event id, so the receiver knows it; a repeat does no harm."""
    await webhooks.replay(endpoint_id, event_id)
    return reply(ReplayedOut(replayed=1, more=False), 202)


@router.post(
    "/replays",
    status_code=202,
    summary="Send the deliveries of a span once more",
    response_model=ReplayedOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(202, "They wait to be sent.", writes=True),
)
async def replay_span(body: WebhookReplayIn, webhooks: OwnWebhooks, endpoint_id: EndpointId) -> Response:
    """Oldest first, up to 10,000 at a time. Failed and dropped ones unless `statuses` says otherwise."""
    replayed = await webhooks.replay_span(endpoint_id, body)
    return reply(ReplayedOut(replayed=replayed, more=replayed >= REPLAYED_MAX), 202)
