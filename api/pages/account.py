"""One's own account: password, second factor, and where one is signed in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request
from pydantic import SecretStr
from starlette.responses import RedirectResponse, Response

from api.access import cookie, factor
from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.forms import valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.resources.access.answer import session_out
from api.resources.access.passwords import change_password
from api.resources.access.people import find_member, session_rows
from api.resources.access.people_bodies import OwnPasswordIn
from api.resources.access.second_factor import EnrolmentOut, confirm, enrol, remove, renew
from api.resources.access.sessions import origin_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Password = Annotated[str, Form(max_length=200)]
Code = Annotated[str, Form(max_length=40)]
#: A form of the page, beside which its fault is told.
Part = Literal["password", "factor"]
#: A secret as authenticators take it (base32).
_SECRET: Final = re.compile(r"[A-Z2-7]{16,64}")
_FAULTS: Final = frozenset({401, 409, 422, 429})


@router.get("/account", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def show_account(asking: Asked) -> Response:
    return await _account(asking)


async def _account(asking: Asking, part: Part | None = None, wrong: Problem | None = None) -> Response:
    """`wrong`: why the form of `part` did nothing. Raises it where a form cannot mend it."""
    if wrong is not None and wrong.status_code not in _FAULTS:
        raise wrong
    services, person = asking.services, asking.viewer.caller
    rows = await session_rows(services, person.organization_id, person.id)
    return page(
        asking.request,
        "account",
        status=200 if wrong is None else wrong.status_code,
        wrong={} if wrong is None else {part: words_of(wrong)},
        own=await find_member(services, person.organization_id, person.id),
        sessions=[session_out(row, person.session_id) for row in rows],
    )


@router.post("/account/password", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def change_password_by_form(
    asking: Asked, password: Password = "", new_password: Password = "", code: Code = ""
) -> Response:
    """Ends all other sessions."""
    told = {"password": password, "new_password": new_password, "code": code or None}
    try:
        body = valid(lambda: OwnPasswordIn.model_validate(told))
        await change_password(asking.request, asking.viewer.caller, body)
    except Problem as problem:
        return await _account(asking, "password", problem)
    return back("/account", done="Changed. You are signed out everywhere else.")


def _given(password: str) -> SecretStr | None:
    """Who has none leaves it out; then he must have signed in lately."""
    return SecretStr(password) if password else None


@router.post("/account/second-factor", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def begin_second_factor(asking: Asked, password: Password = "") -> Response:
    """With the password: a secret for an authenticator. It is on when a code of it has come."""
    try:
        offer = await enrol(asking.request, asking.viewer.caller, _given(password))
    except Problem as problem:
        return await _account(asking, "factor", problem)
    return _offer(asking.request, offer)


def _offer(request: Request, offer: EnrolmentOut, wrong: Problem | None = None) -> Response:
    return page(
        request,
        "second_factor",
        status=200 if wrong is None else wrong.status_code,
        offer=offer,
        wrong="" if wrong is None else words_of(wrong),
    )


@router.post("/account/second-factor/on", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def turn_second_factor_on(
    asking: Asked, code: Code = "", secret: Annotated[str, Form(max_length=64)] = ""
) -> Response:
    """`secret`: as the page has shown it, to be shown once more where the code was wrong; which one counts is
    in the store."""
    person = asking.viewer.caller
    try:
        made = await confirm(asking.request, person, code.replace(" ", ""))
    except Problem as problem:
        if problem.status_code not in (401, 429) or not _SECRET.fullmatch(secret):
            return await _account(asking, "factor", problem)
        uri = factor.address(secret, person.actor)
        return _offer(
            asking.request, EnrolmentOut(secret=secret, uri=uri, qr_svg=factor.drawing(uri)), problem
        )
    return _codes(asking.request, made.recovery_codes)


def _codes(request: Request, codes: list[str]) -> Response:
    """The one page that shows them."""
    return page(request, "recovery_codes", codes=codes)


@router.post("/account/second-factor/recovery-codes", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def renew_codes_by_form(asking: Asked, password: Password = "", code: Code = "") -> Response:
    try:
        made = await renew(asking.request, asking.viewer.caller, _given(password), code)
    except Problem as problem:
        return await _account(asking, "factor", problem)
    return _codes(asking.request, made.recovery_codes)


@router.post("/account/second-factor/removal", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def remove_second_factor_by_form(asking: Asked, password: Password = "", code: Code = "") -> Response:
    try:
        await remove(asking.request, asking.viewer.caller, _given(password), code)
    except Problem as problem:
        return await _account(asking, "factor", problem)
    return back("/account", done="The second factor is off.")


@router.post("/account/sessions", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def end_own_sessions(asking: Asked, session_id: Annotated[str, Form(max_length=64)] = "") -> Response:
    """The one that is named; all others than this one, where none is."""
    request, person, sessions = asking.request, asking.viewer.caller, asking.services.sessions
    request.state.told = True
    rows: list[dict[str, Any]] = await session_rows(asking.services, person.organization_id, person.id)
    own = {row["session_id"] for row in rows}
    ended = own & {session_id} if session_id else own - {person.session_id}
    for each in sorted(ended):
        await sessions.end(person, each, origin_of(request))
    if person.session_id in ended:
        answer = RedirectResponse("/sign-in", 303)
        cookie.end(answer)
        return answer
    return back("/account", done="Signed out there." if ended else "No such session goes on.")
