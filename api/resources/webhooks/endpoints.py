"""Endpoints: made, listed, changed, removed; their secrets rotated; tried with a test event."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import Caller, KeyedRoute, needs
from api.asking.idempotency import Use
from api.http.conditions import ANY, ETAG, IfMatch, changed_since, tagged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE, WithIdempotencyKey
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.resources import replies
from api.resources.replies import REPLAYED_HEADER, reply
from api.resources.webhooks.models import (
    NewWebhookEndpointOut,
    RotatedSecretOut,
    WebhookEndpointChangeIn,
    WebhookEndpointIn,
    WebhookEndpointListOut,
    WebhookEndpointOut,
    WebhookRotationIn,
    WebhookTestEventOut,
)
from api.services import Services, services_of
from schemas.webhooks import ENDPOINTS_MAX, SECRET_PREFIX, SECRETS_MAX, TEST_TYPE, url_fault

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=KeyedRoute)

SECRET_BYTES = 32

EndpointId = Annotated[
    str, Path(max_length=64, description="the endpoint's id", examples=["whe_9f86d081884c7d659a2f"])
]


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
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(201, "Made.", headers=replies.REPLAYED | ETAG, writes=True, also=409),
)
async def create_endpoint(
    body: WebhookEndpointIn, request: Request, caller: Caller, key: WithIdempotencyKey
) -> Response:
    """Its secret is in this answer and in no other. It is told what happens from now on."""
    services, organization = services_of(request), caller.organization_id
    _require_url(services, body.url)
    endpoint_id = f"whe_{key.digest(organization)[:20]}"
    secret = new_secret()

    async def make() -> int:
        row = await services.webhooks.ask(
            "create",
            organization_id=organization,
            endpoint_id=endpoint_id,
            **body.model_dump(),
            secret=secret,
            endpoints_max=ENDPOINTS_MAX,
        )
        return int(row["made"]) if row else 0

    content = f"webhook {body.model_dump_json()}"
    _, made = await services.claimed(key.event_id(organization), content, make)
    found = await _find(services, organization, endpoint_id)
    if not found:
        words = f"There are {ENDPOINTS_MAX} endpoints, as many as may be. Remove one that is not needed."
        raise Problem(409, "too_many_endpoints", words)
    answer = NewWebhookEndpointOut(**found, secret=secret if made else None)
    headers = tagged(_tag(answer)) | ({} if made else {REPLAYED_HEADER: "true"})
    return reply(answer, 201, **headers)


@router.get(
    "",
    summary="List endpoints",
    response_model=WebhookEndpointListOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "All of them."),
)
async def list_endpoints(request: Request, caller: Caller) -> Response:
    """How each stands: what waits for it, since when it fails, why it is paused."""
    row = await services_of(request).webhooks.ask(
        "endpoints", organization_id=caller.organization_id, endpoint_id=None
    )
    found = row["endpoints"] if row else []
    return reply(WebhookEndpointListOut(endpoints=[WebhookEndpointOut(**one) for one in found]))


@router.get(
    "/{endpoint_id}",
    summary="Look at an endpoint",
    response_model=WebhookEndpointOut,
    openapi_extra=needs(Scope.WEBHOOKS_READ),
    responses=answers(200, "How it stands.", headers=ETAG),
)
async def read_endpoint(request: Request, caller: Caller, endpoint_id: EndpointId) -> Response:
    """How it stands: what waits for it, since when it fails, why it is paused."""
    return await _shown(services_of(request), caller.organization_id, endpoint_id)


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    response_model=WebhookEndpointOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(200, "As it is now.", headers=ETAG, writes=True, also=412),
)
async def change_endpoint(
    body: WebhookEndpointChangeIn,
    request: Request,
    caller: Caller,
    endpoint_id: EndpointId,
    if_match: IfMatch = None,
) -> Response:
    """With `If-Match` only if nobody changed it since. What is queued already goes to the new URL."""
    services, organization = services_of(request), caller.organization_id
    if body.url is not None:
        _require_url(services, body.url)
    found = await _existing(services, organization, endpoint_id)
    row = await services.webhooks.ask(
        "change",
        organization_id=organization,
        endpoint_id=endpoint_id,
        seen=_seen(if_match),
        **body.model_dump(),
    )
    if not row or not row["changed"]:
        raise changed_since(_tag(found))
    return await _shown(services, organization, endpoint_id)


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    summary="Remove an endpoint",
    response_class=Response,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(204, "It is no more, nor is what waited for it.", also=412),
)
async def remove_endpoint(
    request: Request, caller: Caller, endpoint_id: EndpointId, if_match: IfMatch = None
) -> Response:
    """With its secrets and its deliveries; to stop sending for a while, set it `paused` instead."""
    services, organization = services_of(request), caller.organization_id
    found = await _existing(services, organization, endpoint_id)
    row = await services.webhooks.ask(
        "remove", organization_id=organization, endpoint_id=endpoint_id, seen=_seen(if_match)
    )
    if not row or not row["removed"]:
        raise changed_since(_tag(found))
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/secrets",
    status_code=201,
    summary="Rotate the secret",
    response_model=RotatedSecretOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(201, "The new secret.", writes=True, also=409),
)
async def rotate_secret(
    body: WebhookRotationIn,
    request: Request,
    caller: Caller,
    endpoint_id: EndpointId,
    key: WithIdempotencyKey,
) -> Response:
    """Both secrets sign each delivery until the overlap ends. A repeat is refused: it was shown once."""
    services, organization = services_of(request), caller.organization_id
    await _existing(services, organization, endpoint_id)
    secret = new_secret()

    use = await services.memory.claim(key.event_id(organization), f"rotate {endpoint_id} {body.overlap_s}")
    if use is Use.REPEAT:
        words = "This rotation was made, and its secret shown then. If it was lost, rotate with another key."
        raise Problem(409, "already_rotated", words)
    try:
        await services.webhooks.ask(
            "rotate",
            organization_id=organization,
            endpoint_id=endpoint_id,
            secret=secret,
            overlap_s=body.overlap_s,
            secrets_max=SECRETS_MAX,
        )
    except Problem:
        await services.memory.release(key.event_id(organization))
        raise
    found = await _existing(services, organization, endpoint_id)
    return reply(RotatedSecretOut(secret=secret, secrets=found.secrets), 201)


@router.post(
    "/{endpoint_id}/test-events",
    status_code=202,
    summary="Send a test event",
    response_model=WebhookTestEventOut,
    openapi_extra=needs(Scope.WEBHOOKS_WRITE),
    responses=answers(202, "Queued; its delivery says what came of it."),
)
async def send_test_event(
    request: Request, caller: Caller, endpoint_id: EndpointId, key: WithIdempotencyKey
) -> Response:
    """An event `webhook.test`, whatever types are named. A paused endpoint gets it when it goes on."""
    services, organization = services_of(request), caller.organization_id
    event_id = f"evt_test_{key.digest(organization)[:20]}"
    body = {
        "id": event_id,
        "type": TEST_TYPE,
        "timestamp": datetime.now(UTC),
        "organization_id": organization,
        "department_id": None,
        "position": None,
        "data": {"endpoint_id": endpoint_id},
    }
    row = await services.webhooks.ask(
        "test_event",
        organization_id=organization,
        endpoint_id=endpoint_id,
        event_id=event_id,
        event_type=TEST_TYPE,
        body=msgspec.json.encode(body).decode(),
    )
    if not row or not row["known"]:
        raise unknown_endpoint()
    return reply(WebhookTestEventOut(event_id=event_id), 202)


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def unknown_endpoint() -> Problem:
    return Problem(404, "unknown_endpoint", "There is no such endpoint.")


def _require_url(services: Services, url: str) -> None:
    if fault := url_fault(url, local=services.settings.webhooks_allow_local):
        raise invalid_request([FieldError(field="body.url", code="url_not_allowed", message=fault)])


async def _find(services: Services, organization: str, endpoint_id: str) -> dict[str, Any] | None:
    if not storable(endpoint_id):
        return None
    row = await services.webhooks.ask("endpoints", organization_id=organization, endpoint_id=endpoint_id)
    return row["endpoints"][0] if row and row["endpoints"] else None


async def _existing(services: Services, organization: str, endpoint_id: str) -> WebhookEndpointOut:
    """Raises Problem 404."""
    found = await _find(services, organization, endpoint_id)
    if found is None:
        raise unknown_endpoint()
    return WebhookEndpointOut(**found)


async def _shown(services: Services, organization: str, endpoint_id: str) -> Response:
    found = await _existing(services, organization, endpoint_id)
    return reply(found, 200, **tagged(_tag(found)))


def _tag(endpoint: WebhookEndpointOut) -> str:
    return f"{endpoint.changed_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


def _seen(if_match: str | None) -> datetime | None:
    """The moment that a tag is made of; None: whatever it is."""
    if if_match is None or if_match == ANY:
        return None
    try:
        return datetime.strptime(if_match, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        raise changed_since(None) from None
