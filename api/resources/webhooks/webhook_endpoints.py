"""Endpoints: made, listed, changed, removed; their secrets rotated; tried with a test event."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import Caller, KeyedRoute, needs
from api.http.conditions import ETAG, IfMatch, tagged
from api.http.preferences import MEMBERS_ONCE, WithIdempotencyKey
from api.http.problems import responses
from api.resources import replies
from api.resources.replies import REPLAYED_HEADER, reply
from api.resources.webhooks.acts import Webhooks, tag_of
from api.resources.webhooks.bodies import (
    NewWebhookEndpointOut,
    RotatedSecretOut,
    WebhookEndpointChangeIn,
    WebhookEndpointIn,
    WebhookEndpointListOut,
    WebhookEndpointOut,
    WebhookRotationIn,
    WebhookTestEventOut,
)
from api.services import services_of

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=KeyedRoute)

EndpointId = Annotated[
    str, Path(max_length=64, description="the endpoint's id", examples=["whe_9f86d081884c7d659a2f"])
]


async def _webhooks(request: Request, caller: Caller) -> Webhooks:
    return Webhooks(services_of(request), caller.organization_id, request)


OwnWebhooks = Annotated[Webhooks, Depends(_webhooks)]


def answers(
    status: int,
    description: str,
    *,
    headers: dict[str, Any] | None = None,
    writes: bool = False,
    also: int | None = None,
) -> dict[int | str, dict[str, Any]]:
    """What a route answers, in OpenAPI's words. `writes`: it has a body; `also`: one more problem."""
    told: dict[str, Any] = {"description": description} | ({"headers": headers} if headers else {})
    problems = responses(400, 401, 403, 404, 422, 500, 503, *([413, 415] if writes else []))
    return {status: told, **problems, **(responses(also) if also else {})}


@router.post(
    "",
    status_code=201,
    summary="Make an endpoint",
    response_model=NewWebhookEndpointOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(201, "Made.", headers=replies.REPLAYED | ETAG, writes=True, also=409),
)
async def create_endpoint(
    body: WebhookEndpointIn, webhooks: OwnWebhooks, key: WithIdempotencyKey
) -> Response:
    """Its secret is in this answer and in no other. It is told what happens from now on."""
    made, secret = await webhooks.create(body, key)
    answer = NewWebhookEndpointOut(**made.model_dump(), secret=secret)
    headers = tagged(tag_of(made)) | ({} if secret else {REPLAYED_HEADER: "true"})
    return reply(answer, 201, **headers)


@router.get(
    "",
    summary="List endpoints",
    response_model=WebhookEndpointListOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "All of them."),
)
async def list_endpoints(webhooks: OwnWebhooks) -> Response:
    """How each stands: what waits for it, since when it fails, why it is paused."""
    return reply(WebhookEndpointListOut(endpoints=await webhooks.endpoints()))


@router.get(
    "/{endpoint_id}",
    summary="Look at an endpoint",
    response_model=WebhookEndpointOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "How it stands.", headers=ETAG),
)
async def read_endpoint(webhooks: OwnWebhooks, endpoint_id: EndpointId) -> Response:
    """How it stands: what waits for it, since when it fails, why it is paused."""
    return _shown(await webhooks.endpoint(endpoint_id))


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    response_model=WebhookEndpointOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(200, "As it is now.", headers=ETAG, writes=True, also=412),
)
async def change_endpoint(
    body: WebhookEndpointChangeIn,
    webhooks: OwnWebhooks,
    endpoint_id: EndpointId,
    if_match: IfMatch = None,
) -> Response:
    """With `If-Match` only if nobody changed it since. What is queued already goes to the new URL."""
    return _shown(await webhooks.change(endpoint_id, body, if_match))


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    summary="Remove an endpoint",
    response_class=Response,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(204, "It is no more, nor is what waited for it.", also=412),
)
async def remove_endpoint(
    webhooks: OwnWebhooks, endpoint_id: EndpointId, if_match: IfMatch = None
) -> Response:
    """With its secrets and its deliveries; to stop sending for a while, set it `paused` instead."""
    await webhooks.remove(endpoint_id, if_match)
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/secrets",
    status_code=201,
    summary="Rotate the secret",
    response_model=RotatedSecretOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(201, "The new secret.", writes=True, also=409),
)
async def rotate_secret(
    body: WebhookRotationIn, webhooks: OwnWebhooks, endpoint_id: EndpointId, key: WithIdempotencyKey
) -> Response:
    """Both secrets sign each delivery until the overlap ends. A repeat is refused: it was shown once."""
    return reply(await webhooks.rotate(endpoint_id, body.overlap_s, key), 201)


@router.post(
    "/{endpoint_id}/test-events",
    status_code=202,
    summary="Send a test event",
    response_model=WebhookTestEventOut,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True),
    responses=answers(202, "Queued; its delivery says what came of it."),
)
async def send_test_event(
    webhooks: OwnWebhooks, endpoint_id: EndpointId, key: WithIdempotencyKey
) -> Response:
    """An event `webhook.test`, whatever types are named. A paused endpoint gets it when it goes on."""
    return reply(WebhookTestEventOut(event_id=await webhooks.send_test(endpoint_id, key)), 202)


def _shown(found: WebhookEndpointOut) -> Response:
    return reply(found, 200, **tagged(tag_of(found)))
