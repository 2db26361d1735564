"""Where links lead that an admin hands over: an invitation is accepted, a new password is set."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Form, Request
from pydantic import SecretStr
from starlette.responses import RedirectResponse, Response

from api.access import cookie
from api.http.problems import Problem
from api.pages.forms import words_of
from api.pages.frame import page
from api.pages.sign_in import OpenRoute
from api.resources.access.invitations import accept
from api.resources.access.passwords import set_by_link
from api.resources.access.people_bodies import AcceptanceIn, NewPasswordByLinkIn
from api.services import services_of

router = APIRouter(route_class=OpenRoute, include_in_schema=False)

_TOKEN_MIN: Final = 20  # as the bodies of the API have it

Token = Annotated[str, Form(max_length=100)]
Password = Annotated[str, Form(max_length=200)]
Code = Annotated[str, Form(max_length=40)]


class _LinkPage(NamedTuple):
    """What a page for a link says."""

    title: str
    words: str
    button: str


_INVITATION: Final = _LinkPage(
    "You are invited",
    "Choose a password of at least 12 characters; four unusual words make a good one. If you have one here "
    "already, for another organization, give that.",
    "Accept",
)
_PASSWORD: Final = _LinkPage(
    "A new password",
    "At least 12 characters; four unusual words make a good one. You will be signed out everywhere.",
    "Set it",
)


@router.get("/invitation")
async def show_invitation(request: Request) -> Response:
    """The token stands behind `#`, which browsers send to nobody; a script puts it into the form."""
    return _form(request, _INVITATION)


@router.post("/invitation")
async def accept_by_form(
    request: Request, token: Token = "", password: Password = "", code: Code = ""
) -> Response:
    """Signs in, too."""
    try:
        _require(token, password, code)
        body = AcceptanceIn(token=token, password=SecretStr(password), code=code or None)
        session, _ = await accept(request, body)
    except Problem as problem:
        return _form(request, _INVITATION, token, problem)
    answer = RedirectResponse("/", 303)
    cookie.begin(answer, session, max_age_s=round(services_of(request).sessions.absolute_s))
    return answer


@router.get("/password")
async def show_password(request: Request) -> Response:
    """The same for a link that sets a new password."""
    return _form(request, _PASSWORD)


@router.post("/password")
async def set_by_form(
    request: Request, token: Token = "", password: Password = "", code: Code = ""
) -> Response:
    """Then one signs in with it."""
    try:
        _require(token, password, code)
        await set_by_link(
            request, NewPasswordByLinkIn(token=token, password=SecretStr(password), code=code or None)
        )
    except Problem as problem:
        return _form(request, _PASSWORD, token, problem)
    return RedirectResponse("/sign-in", 303)


def _require(token: str, password: str, code: str) -> None:
    """Raises Problem for what the API's bodies would refuse by their lengths."""
    if len(token) < _TOKEN_MIN:
        raise Problem(401, "invalid_link", "There is no link here: open it as you got it.")
    if not password:
        raise Problem(422, "invalid_request", "Type a password.")
    if code and len(code) < 6:
        raise Problem(401, "wrong_code", "A code has six digits or more.")


def _form(request: Request, link: _LinkPage, token: str = "", problem: Problem | None = None) -> Response:
    """`problem`: why it was not done; a weak password does not use the link up."""
    code = problem is not None and problem.code in ("code_required", "wrong_code")
    wrong = "" if problem is None else words_of(problem)
    status = 200 if problem is None else problem.status_code
    return page(request, "link", status=status, link=link, token=token, wrong=wrong, code=code)
