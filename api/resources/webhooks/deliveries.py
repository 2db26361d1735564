"""Deliveries: what became of each, and sending one or a span of them once more."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import FieldError, Problem, invalid_request
from api.http.types import Moment
from api.resources.replies import reply
from api.resources.webhooks.endpoints import EndpointId, answers, unknown_endpoint
from api.resources.webhooks.models import (
    ReplayedOut,
    WebhookDeliveryDetailOut,
    WebhookDeliveryListOut,
    WebhookDeliveryOut,
    WebhookReplayIn,
)
from api.services import services_of
from schemas.webhooks import DeliveryStatus

router = APIRouter(prefix="/v1/webhooks/{endpoint_id}", tags=["webhooks"], route_class=KeyedRoute)

REPLAYED_MAX = 10_000  # of one request
_ENDED = ["delivered", "failed", "dropped"]

EventId = Annotated[str, Path(max_length=64, description="the event's id", examples=["evt_3_1042_0"])]


@router.get(
    "/deliveries",
    summary="List deliveries",
    response_model=WebhookDeliveryListOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_deliveries(
    request: Request,
    caller: Caller,
    endpoint_id: EndpointId,
    page: Paged,
    status: Annotated[DeliveryStatus | None, Query(description="only these; all, if absent")] = None,
    event_type: Annotated[str | None, Query(max_length=64, description="only this type")] = None,
    department_id: Annotated[str | None, Query(max_length=64, description="only of this department")] = None,
    since: Annotated[Moment | None, Query(description="queued at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="queued before this time")] = None,
) -> Response:
    """Newest first, each with its last attempt. Those that have ended are kept for 30 days."""
    key = page.key(tuple[int])
    asked = {"event_type": event_type, "department_id": department_id}
    _require_storable(endpoint_id, *asked.values())
    row = await services_of(request).webhooks.ask(
        "deliveries",
        organization_id=caller.organization_id,
        endpoint_id=endpoint_id,
        status=status,
        since=since,
        until=until,
        before=key[0] if key else None,
        rows_max=page.rows_max,
        **asked,
    )
    if not row or not row["known"]:
        raise unknown_endpoint()
    rows, last = page.split(row["deliveries"])
    following = page.cursor(last["ordinal"]) if last else None
    body = WebhookDeliveryListOut(
        deliveries=[WebhookDeliveryOut(**_shown(one)) for one in rows], next=following
    )
    return reply(body, 200, **page.link(following))


@router.get(
    "/deliveries/{event_id}",
    summary="Look at a delivery",
    response_model=WebhookDeliveryDetailOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "With its body and all attempts."),
)
async def read_delivery(
    request: Request, caller: Caller, endpoint_id: EndpointId, event_id: EventId
) -> Response:
    """What was sent, when, and what came back."""
    _require_storable(endpoint_id, event_id)
    row = await services_of(request).webhooks.ask(
        "delivery", organization_id=caller.organization_id, endpoint_id=endpoint_id, event_id=event_id
    )
    if row is None:
        raise _unknown_delivery()
    found = _shown(row)
    log = found["attempt_log"]
    if found["status"] != "pending":
        found["gives_up_at"] = None
    event = msgspec.json.decode(found.pop("body"))
    return reply(WebhookDeliveryDetailOut(**found, event=event, last_attempt=log[-1] if log else None))


@router.post(
    "/deliveries/{event_id}/replay",
    status_code=202,
    summary="Send a delivery once more",
    response_model=ReplayedOut,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(202, "It waits to be sent."),
)
async def replay_delivery(
    request: Request, caller: Caller, endpoint_id: EndpointId, event_id: EventId
) -> Response:
    """Whatever became of it. With the same event id, so the receiver knows it; a repeat does no harm."""
    _require_storable(endpoint_id, event_id)
    asked: dict[str, Any] = {"since": None, "until": None, "statuses": [*_ENDED, "pending"], "rows_max": 1}
    row = await services_of(request).webhooks.ask(
        "replay",
        organization_id=caller.organization_id,
        endpoint_id=endpoint_id,
        event_id=event_id,
        **asked,
    )
    if not row or not row["replayed"]:
        raise _unknown_delivery()
    return reply(ReplayedOut(replayed=1, more=False), 202)


@router.post(
    "/replays",
    status_code=202,
    summary="Send the deliveries of a span once more",
    response_model=ReplayedOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(202, "They wait to be sent.", writes=True),
)
async def replay_span(
    body: WebhookReplayIn, request: Request, caller: Caller, endpoint_id: EndpointId
) -> Response:
    """Oldest first, up to 10,000 at a time. Failed and dropped ones unless `statuses` says otherwise."""
    _require_storable(endpoint_id)
    if body.since >= body.until:
        wrong = FieldError(field="body.until", code="empty_span", message="must be later than `since`")
        raise invalid_request([wrong])
    row = await services_of(request).webhooks.ask(
        "replay",
        organization_id=caller.organization_id,
        endpoint_id=endpoint_id,
        event_id=None,
        since=body.since,
        until=body.until,
        statuses=body.statuses,
        rows_max=REPLAYED_MAX,
    )
    if not row or not row["known"]:
        raise unknown_endpoint()
    replayed = row["replayed"]
    return reply(ReplayedOut(replayed=replayed, more=replayed >= REPLAYED_MAX), 202)


def _shown(row: Any) -> dict[str, Any]:
    """A row, without what is no member of an answer."""
    found = {name: value for name, value in row.items() if name != "ordinal"}
    if found["status"] != "pending":
        found["due_at"] = None
    return found


def _require_storable(*texts: str | None) -> None:
    if not all(storable(text) for text in texts if text):
        raise unknown_endpoint()


def _unknown_delivery() -> Problem:
    return Problem(
        404, "unknown_delivery", "There is no such delivery; those that ended are kept for 30 days."
    )
