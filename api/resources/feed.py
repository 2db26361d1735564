"""The live feed: decisions of the caller's organization as server-sent events, as they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import EventSourceResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import keys
from api.access.security import Caller, KeyedRoute, needs, still_valid
from api.http.problems import FieldError, invalid_request, responses
from api.services import services_of
from api.stores.feed import Interest, Listener, is_feed_id
from api.stores.pace import views_away
from api.stores.redis import RedisAway
from schemas.reasons import Outcome

PATH: Final = "/v1/feed"

router = APIRouter(tags=["feed"], route_class=KeyedRoute)

_EVENT: Final = (
    'id: 1764338400000-0\ndata: {"position":"3:1042","outcome":"declined","event_type":'
    '"authorization.requested","reason":"budget_exceeded","department":"engineering","amount":70000,'
    '"currency":"USD"}\n\n'
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events until the client goes: each with an `id` and a decision in short as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENT}},
    }
}


@router.get(
    PATH,
    summary="Listen to decisions as they are made",
    response_class=Response,
    openapi_extra=needs(keys.Scope.FEED_READ),
    responses=_STREAM | responses(400, 401, 403, 422, 500, 503),
)
async def listen(
    request: Request,
    caller: Caller,
    department_id: Annotated[str | None, Query(max_length=64, description="only of this one")] = None,
    outcome: Annotated[Outcome | None, Query(description="only these")] = None,
    last_event_id: Annotated[
        str | None,
        Header(description="go on after this event; browsers send it by themselves", max_length=64),
    ] = None,
) -> Response:
    """Server-sent events, as `EventSource` of a browser reads them: `data` is a decision in short.

    After a break, `Last-Event-ID` brings what came meanwhile; `event: gap` says that some of it is no longer
    there. A comment comes every 15 s. Who does not read is dropped. At least once: `position` tells a repeat.
    """
    services = services_of(request)
    if last_event_id is not None and not is_feed_id(last_event_id):
        words = "is no id of this feed; send the last `id` as it came"
        wrong = FieldError(field="header.last-event-id", code="malformed_event_id", message=words)
        raise invalid_request([wrong])
    if getattr(request.state, "is_head", False):
        return EventSourceResponse(iter(()))
    departments = None if department_id is None else frozenset({department_id})
    interest = Interest(caller.organization_id, departments, outcome)
    listener = Listener(interest, caller.id, still_valid(request))
    try:
        stream = await services.feed.listen(listener, last_event_id)
    except RedisAway as away:
        raise views_away({"redis": str(away)}) from None
    return EventStream(stream, partial(services.feed.leave, listener))


class EventStream(EventSourceResponse):
    """A stream after which somebody is told, however it ends."""

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
