"""What tells open pages that something has moved: the newest positions, and no data.

A page then asks for itself again, so that what it shows goes through the same functions and the same rights
as at first.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs, still_valid
from api.pages.route import Asked, PageRoute
from api.resources.feed import EventStream
from api.stores.moves import OpenPage

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/live", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def follow_live(
    request: Request, asking: Asked, since: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """Server-sent events for as long as the page is open and the session holds: `moved`, with positions.

    `since`: when the page was drawn, in milliseconds; what has moved after it is told at once.
    """
    viewer, feed = asking.viewer, asking.services.feed
    # A card of one's own may be of any department.
    whole = viewer.only_own(Scope.AUTHORIZATIONS_READ)
    open_page = OpenPage(
        viewer.organization_id,
        None if whole else viewer.departments(Scope.AUTHORIZATIONS_READ),
        since,
        f"session {viewer.caller.session_id}",
        still_valid(request),
    )
    return EventStream(feed.open(open_page), partial(feed.shut, open_page))
