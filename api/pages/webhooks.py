"""Webhooks: endpoints, what was sent to each and what came back, and sending it once more."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.budgets import department_names
from api.pages.forms import ShownOnce, once, show_once, valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.words import DELIVERY_STATES
from api.resources.webhooks.acts import REPLAYED_MAX, DeliveryFilters, Webhooks
from api.resources.webhooks.bodies import (
    WebhookEndpointChangeIn,
    WebhookEndpointIn,
    WebhookEndpointOut,
    WebhookReplayIn,
)
from schemas.webhooks import TYPES, DeliveryStatus

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Many = Annotated[list[str], Form()]

ROWS: Final = 50
#: The groups of types, each with its types and when they are sent.
GROUPS: Final = {
    group: [(name, words) for name, words in TYPES.items() if name.startswith(f"{group}.")]
    for group in dict.fromkeys(name.partition(".")[0] for name in TYPES)
}
#: How long an old secret may sign beside the new one.
OVERLAPS: Final = (
    (86_400, "for a day"),
    (3_600, "for an hour"),
    (7 * 86_400, "for a week"),
    (0, "not at all"),
)
SPANS: Final = ((1, "of the last day"), (7, "of the last week"), (30, "of the last 30 days"))


def _told(
    url: Annotated[str, Form(max_length=2_000)] = "",
    description: Annotated[str, Form(max_length=200)] = "",
    event_types: Many = [],  # noqa: B006  # FastAPI copies it
    department_ids: Many = [],  # noqa: B006
) -> dict[str, Any]:
    """What the form of an endpoint says, for the models of `api.resources.webhooks` to judge."""
    return {
        "url": url.strip(),
        "description": description.strip(),
        "event_types": event_types,
        "department_ids": department_ids,
    }


Told = Annotated[dict[str, Any], Depends(_told)]


def _webhooks(asking: Asking) -> Webhooks:
    return Webhooks(asking.services, asking.viewer.organization_id, asking.request)


@router.get("/webhooks", openapi_extra=needs(Scope.WEBHOOKS_READ))
async def show_webhooks(asking: Asked) -> Response:
    return page(asking.request, "webhooks", endpoints=await _webhooks(asking).endpoints())


@router.get("/webhooks/new", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def show_new_webhook(asking: Asked) -> Response:
    return await _form(asking, WebhookEndpointIn.model_construct(url=""))


async def _form(
    asking: Asking, told: Any, *, endpoint: WebhookEndpointOut | None = None, wrong: str = ""
) -> Response:
    """The form of a new endpoint, or of `endpoint`, filled in with what is or was `told`."""
    return page(
        asking.request,
        "webhook_form",
        status=422 if wrong else 200,
        told=told,
        endpoint=endpoint,
        wrong=wrong,
        groups=GROUPS,
        departments=await department_names(asking),
        key=secrets.token_hex(16),
    )


def _secret(asking: Asking, endpoint: WebhookEndpointOut, secret: str | None) -> Response:
    here = f"/webhooks/{quote(endpoint.endpoint_id, safe='')}"
    shown = ShownOnce(
        title="The endpoint's secret",
        words="With it your receiver checks that an event is from here, as Standard Webhooks says: "
        "standardwebhooks.com.",
        secret=secret,
        above=(("Webhooks", "/webhooks"), (endpoint.description or endpoint.url, here)),
        after=("To the endpoint", here),
        kept="Keep it where your receiver keeps its secrets; a lost one is rotated, not found.",
        instead="This endpoint was made before, and its secret shown then. If it was lost, rotate it.",
    )
    return show_once(asking.request, shown)


@router.post("/webhooks/new", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def make_webhook(asking: Asked, key: Annotated[str, Form(max_length=64)], told: Told) -> Response:
    try:
        body = valid(lambda: WebhookEndpointIn.model_validate(told))
        made, secret = await _webhooks(asking).create(body, once(key))
    except Problem as problem:
        if problem.status_code not in (409, 422):
            raise
        return await _form(asking, told, wrong=words_of(problem))
    return _secret(asking, made, secret)


@router.get("/webhooks/{endpoint_id}", openapi_extra=needs(Scope.WEBHOOKS_READ))
async def show_webhook(
    asking: Asked,
    endpoint_id: str,
    status: DeliveryStatus | None = None,
    event_type: str = "",
    after: str | None = None,
) -> Response:
    """How it stands, and its deliveries. The list asks for itself again while something waits."""
    webhooks = _webhooks(asking)
    query = tuple(
        (name, value) for name, value in (("status", status or ""), ("event_type", event_type)) if value
    )
    found = await webhooks.endpoint(endpoint_id)
    listed = await webhooks.deliveries(
        endpoint_id,
        Page(after, ROWS, f"/webhooks/{endpoint_id}", query),
        DeliveryFilters(status=status, event_type=event_type or None),
    )
    return page(
        asking.request,
        "webhook",
        endpoint=found,
        listed=listed,
        chosen_status=status or "",
        event_type=event_type,
        types=TYPES,
        chips=[("", "All"), *((name, mark.word) for name, mark in DELIVERY_STATES.items())],
        overlaps=OVERLAPS,
        spans=SPANS,
        key=secrets.token_hex(16),
    )


@router.get("/webhooks/{endpoint_id}/change", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def show_webhook_form(asking: Asked, endpoint_id: str) -> Response:
    found = await _webhooks(asking).endpoint(endpoint_id)
    return await _form(asking, found, endpoint=found)


@router.post("/webhooks/{endpoint_id}/change", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def change_webhook(asking: Asked, endpoint_id: str, told: Told) -> Response:
    webhooks = _webhooks(asking)
    found = await webhooks.endpoint(endpoint_id)
    try:
        await webhooks.change(endpoint_id, valid(lambda: WebhookEndpointChangeIn.model_validate(told)))
    except Problem as problem:
        if problem.status_code != 422:
            raise
        return await _form(asking, told, endpoint=found, wrong=words_of(problem))
    return back(f"/webhooks/{endpoint_id}", done="Changed. What is sent from now on goes by it.")


Act = Literal["pause", "activate", "remove", "test", "replay"]


@router.post("/webhooks/{endpoint_id}", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def act_on_webhook(
    asking: Asked,
    endpoint_id: str,
    act: Annotated[Act, Form()],
    key: Annotated[str, Form(max_length=64)] = "",
    days: Annotated[int, Form(ge=1, le=30)] = 1,
) -> Response:
    """`days`: of a replay, back from now."""
    webhooks, here = _webhooks(asking), f"/webhooks/{endpoint_id}"
    if act == "remove":
        await webhooks.remove(endpoint_id)
        return back("/webhooks", done="Removed, with its secrets and what waited for it.")
    if act == "test":
        event_id = await webhooks.send_test(endpoint_id, once(key))
        return back(f"{here}/deliveries/{event_id}", done="A test event is on its way.")
    if act == "replay":
        now = datetime.now(UTC)
        body = WebhookReplayIn(since=now - timedelta(days=days), until=now)
        count = await webhooks.replay_span(endpoint_id, body)
        more = " There are more: ask again." if count >= REPLAYED_MAX else ""
        return back(here, done=f"{count:,} deliveries wait to be sent again.{more}")
    status: Literal["paused", "active"] = "paused" if act == "pause" else "active"
    await webhooks.change(endpoint_id, WebhookEndpointChangeIn(status=status))
    words = "Paused: what happens waits for it." if act == "pause" else "Active: what waited goes out now."
    return back(here, done=words)


@router.post("/webhooks/{endpoint_id}/secret", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True))
async def rotate_webhook_secret(
    asking: Asked,
    endpoint_id: str,
    key: Annotated[str, Form(max_length=64)],
    overlap_s: Annotated[int, Form(ge=0, le=7 * 86_400)] = 86_400,
) -> Response:
    webhooks = _webhooks(asking)
    rotated = await webhooks.rotate(endpoint_id, overlap_s, once(key))
    return _secret(asking, await webhooks.endpoint(endpoint_id), rotated.secret)


@router.get("/webhooks/{endpoint_id}/deliveries/{event_id}", openapi_extra=needs(Scope.WEBHOOKS_READ))
async def show_delivery(asking: Asked, endpoint_id: str, event_id: str) -> Response:
    webhooks = _webhooks(asking)
    endpoint = await webhooks.endpoint(endpoint_id)
    found = await webhooks.delivery(endpoint_id, event_id)
    return page(
        asking.request,
        "delivery",
        endpoint=endpoint,
        found=found,
        types=TYPES,
        body=msgspec.json.format(msgspec.json.encode(found.event), indent=2).decode(),
    )


@router.post(
    "/webhooks/{endpoint_id}/deliveries/{event_id}", openapi_extra=needs(Scope.WEBHOOKS_WRITE, recent=True)
)
async def replay_delivery(asking: Asked, endpoint_id: str, event_id: str) -> Response:
    await _webhooks(asking).replay(endpoint_id, event_id)
    return back(
        f"/webhooks/{endpoint_id}/deliveries/{event_id}", done="It waits to be sent again, with the same id."
    )
