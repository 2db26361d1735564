"""What tells open pages that something has moved: one event with the newest position, and no data.

A page then asks for itself again, so that what it shows goes through the same functions and the same rights
as at first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse
from starlette.responses import Response, StreamingResponse

from api.access.keys import Scope
from api.access.security import needs
from api.http.door import Share
from api.http.problems import Problem
from api.pages.route import Asked, PageRoute
from api.services import services_of
from api.stores.pulse import Pulse

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LISTENERS_MAX: Final = 2_000


@router.get("/live", openapi_extra=needs(Scope.BUDGETS_READ, Scope.AUTHORIZATIONS_READ))
async def follow_live(request: Request, asking: Asked) -> Response:
    """Server-sent events for as long as the page is open: `moved`, with the newest position."""
    pulse: Pulse = services_of(request).pulse
    if pulse.listeners >= _LISTENERS_MAX:
        raise Problem(503, "too_many_listeners", "Too many open pages.", headers={"Retry-After": "30"})
    # It is answered, and goes on: no longer one of the requests that this process is busy with.
    share: Share | None = request.scope["state"].pop("share", None)
    if share is not None:
        share.left(0.0, served=False)

    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        async with aclosing(pulse.follow(asking.viewer.organization_id)) as positions:
            async for position in positions:
                yield ": here\n\n" if position is None else f"event: moved\ndata: {position}\n\n"

    return StreamingResponse(events(), media_type=EventSourceResponse.media_type)
