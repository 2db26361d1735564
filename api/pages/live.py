"""What tells open pages that something has moved: one event with the newest position, and no data.

A page then asks for itself again, so that what it shows goes through the same functions and the same rights
as at first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse
from starlette.responses import Response, StreamingResponse

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.pages.route import Asked, PageRoute
from api.services import services_of
from api.stores.pulse import Pulse

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/live", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def follow_live(request: Request, asking: Asked) -> Response:
    """Server-sent events for as long as the page is open: `moved`, with the newest position."""
    pulse: Pulse = services_of(request).pulse

    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        async with aclosing(pulse.follow(asking.viewer.organization_id)) as positions:
            async for position in positions:
                yield ": here\n\n" if position is None else f"event: moved\ndata: {position}\n\n"

    return StreamingResponse(events(), media_type=EventSourceResponse.media_type)
