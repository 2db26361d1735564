"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from api.http.problems import Problem
from api.pages.frame import page, problem_page
from api.pages.route import require_own_origin
from api.pages.viewer import begin, end, holder_of, viewer_of


class OpenRoute(APIRoute):
    """A page for those who have not signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if request.method == "POST":
                    require_own_origin(request)
                return await answer(request)
            except Problem as problem:
                return problem_page(request, problem)

        return handle


router = APIRouter(route_class=OpenRoute, include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(request: Request, next: str = "/") -> Response:
    """A link may carry the key behind `#`, which browsers send to nobody; a script then fills it in."""
    if await viewer_of(request) is not None:
        return RedirectResponse(own_path(next), 303)
    return page(request, "sign_in", next=own_path(next), wrong=False)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    key: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    secret = key.strip()
    if await holder_of(request, secret) is None:
        return page(request, "sign_in", status=401, next=own_path(next), wrong=True)
    answer = RedirectResponse(own_path(next), 303)
    begin(answer, secret)
    return answer


@router.post("/sign-out")
async def sign_out() -> Response:
    answer = RedirectResponse("/sign-in", 303)
    end(answer)
    return answer


def own_path(wanted: str) -> str:
    """`wanted` if it is a path of ours; else the start. An address of another host is nobody's next page."""
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-")) and wanted.isprintable()
    return wanted if ours and not parts.scheme and not parts.netloc else "/"
