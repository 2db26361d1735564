"""Saying the password again: what is worth an attack on a session asks for one that was given lately."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, own_path
from api.resources.access.sessions import origin_of, renewed

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/confirm", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def show_confirm(asking: Asked, next: str = "/") -> Response:
    return await _form(asking, own_path(next))


async def _form(asking: Asking, following: str, *, wrong: str = "", status: int = 200) -> Response:
    offers = await asking.services.sign_on.offers(asking.viewer.organization_id)
    return page(asking.request, "confirm", status=status, next=following, wrong=wrong, offers=offers)


@router.post("/confirm", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def confirm(
    asking: Asked,
    password: Annotated[str, Form(max_length=200)] = "",
    code: Annotated[str, Form(max_length=40)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    """Back to where it was asked for, which goes through for the next quarter of an hour."""
    request = asking.request
    request.state.told = True
    sessions = asking.services.sessions
    try:
        token = await sessions.confirm(asking.viewer.caller, password, origin_of(request), code=code or None)
    except Problem as problem:
        if problem.status_code not in (401, 403, 429):
            raise
        return await _form(asking, own_path(next), wrong=str(problem.detail), status=problem.status_code)
    return renewed(RedirectResponse(own_path(next), 303), token, asking.viewer.caller)
