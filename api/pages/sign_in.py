"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from api.access import cookie
from api.access.origin import require_own_origin
from api.access.security import store_away
from api.http.problems import Problem
from api.pages.frame import page, problem_page
from api.pages.route import own_path
from api.pages.viewer import viewer_of
from api.resources.access.sessions import origin_of
from api.services import services_of
from api.stores.postgres import PostgresAway


class OpenRoute(APIRoute):
    """A page for those who have not signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                require_own_origin(request)
                return await answer(request)
            except PostgresAway:
                return problem_page(request, store_away())
            except Problem as problem:
                return problem_page(request, problem)

        return handle


router = APIRouter(route_class=OpenRoute, include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(request: Request, next: str = "/") -> Response:
    """A link carries its token behind `#`, which browsers send to nobody; a script then sends it."""
    if await viewer_of(request) is not None:
        return RedirectResponse(own_path(next), 303)
    return page(request, "sign_in", next=own_path(next), email="", wrong="", code=False)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    code: Annotated[str, Form(max_length=40)] = "",
    link: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    """By e-mail address and password, or by a link; with a code where the second factor is on."""
    sessions, origin = services_of(request).sessions, origin_of(request)
    try:
        if link:
            token, _ = await sessions.by_link(link, origin, code=code or None)
        else:
            token, _ = await sessions.sign_in(email.strip(), password, origin, code=code or None)
    except Problem as problem:
        if problem.status_code not in (401, 403, 429):
            raise
        needed = problem.code in ("code_required", "wrong_code")
        words = "Now the code of your authenticator." if problem.code == "code_required" else problem.detail
        return page(
            request,
            "sign_in",
            status=problem.status_code,
            next=own_path(next),
            email=email,
            wrong=words,
            code=needed,
        )
    answer = RedirectResponse(own_path(next), 303)
    cookie.begin(answer, token, max_age_s=round(sessions.absolute_s))
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the session, here and everywhere."""
    viewer = await viewer_of(request)
    if viewer is not None:
        await services_of(request).sessions.end(viewer.caller, viewer.caller.session_id, origin_of(request))
    answer = RedirectResponse("/sign-in", 303)
    cookie.end(answer)
    return answer
