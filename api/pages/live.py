"""What tells open pages that something has moved: the newest positions, and no data; or the part of a page
that many look at, drawn for all of them at once.

A page that is only told asks for itself again, so that what it shows goes through the same functions and
rights as at first. What is drawn for many goes through them once, in the name of one of those who reach as
far; whoever's rights have changed begins anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.people import Person
from api.access.reach import BY_ROUTE
from api.access.security import caller_of, needs
from api.http.problems import Problem
from api.pages.overview import OverviewPicture
from api.pages.route import Asked, PageRoute
from api.pages.viewer import Viewer
from api.resources.feed import EventStream
from api.stores.moves import OpenPage

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/live", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def follow_live(
    request: Request,
    asking: Asked,
    since: Annotated[int | None, Query(ge=0)] = None,
    of: Literal["overview"] | None = None,
) -> Response:
    """Server-sent events for as long as the page is open and the session holds: `moved`, with positions; or
    `part`, with what stands in the page's place for it.

    `since`: when the page was drawn, in milliseconds; what has moved after it is told at once. `of`: a page
    that is drawn for many.
    """
    viewer, feed = asking.viewer, asking.services.feed
    # A card of one's own may be of any department.
    whole = viewer.only_own(Scope.AUTHORIZATIONS_READ)
    drawn = of == "overview" and viewer.may(Scope.BUDGETS_READ)
    open_page = OpenPage(
        viewer.organization_id,
        None if whole else viewer.departments(Scope.AUTHORIZATIONS_READ),
        since,
        f"session {viewer.caller.session_id}",
        _as_before(request, viewer),
        OverviewPicture(asking) if drawn else None,
    )
    return EventStream(feed.open(open_page), partial(feed.shut, open_page))


def _as_before(request: Request, viewer: Viewer) -> Callable[[], Awaitable[bool]]:
    """Whether the session holds, and its person may still do what he might when the page was opened."""

    async def check() -> bool:
        try:
            caller = await caller_of(request)
        except Problem:
            return False
        before = viewer.caller
        return isinstance(caller, Person) and (caller.role, caller.departments) == (
            before.role,
            before.departments,
        )

    return check
