"""From one organization to another of the same person, without signing in again where that is safe."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from api.access import cookie
from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, PageRoute
from api.resources.access.sessions import origin_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/organizations", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def show_organizations(asking: Asked) -> Response:
    """Those that the viewer belongs to; the one he is in, too."""
    found = await asking.services.sessions.organizations_of(asking.viewer.caller)
    return page(asking.request, "organizations", organizations=found)


@router.post("/organizations", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def go_over(asking: Asked, organization: Annotated[str, Form(max_length=64)]) -> Response:
    """Into another one: at once, or by signing in there."""
    viewer, sessions, request = asking.viewer, asking.services.sessions, asking.request
    request.state.told = True
    if organization == viewer.organization_id:
        return RedirectResponse("/", 303)
    if organization not in await sessions.organizations_of(viewer.caller):
        raise Problem(403, "no_membership", "You do not belong to an organization of this name.")
    begun = await sessions.switch(viewer.caller, organization, origin_of(request))
    if begun is None:
        return RedirectResponse("/sign-in?" + urlencode({"organization": organization}), 303)
    answer = RedirectResponse("/", 303)
    cookie.begin(answer, begun[0], max_age_s=round(sessions.absolute_s))
    return answer
