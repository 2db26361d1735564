"""Single sign-on in a browser: which provider, off to it, and back."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api.access import cookie
from api.access.sign_on.enter import CodeDue, Departure, TrialSignOn
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import own_path
from api.pages.sign_in import AcrossRoute, OpenRoute, offered
from api.resources.access.sessions import origin_of
from api.services import services_of
from api.stores.tries import LIFE_S

router = APIRouter(route_class=OpenRoute, include_in_schema=False)
#: Of what another site's page sends on purpose. What keeps it from being anybody's is the cookie of the try.
across = APIRouter(route_class=AcrossRoute, include_in_schema=False)

#: Lax, unlike a session's: the browser comes back from another site.
COOKIE: Final = "__Host-spendlog-sign-on"
#: More than an answer has (RFC 6749, 4.1.2; RFC 9207), each at most so long.
_ANSWER: Final = ("code", "state", "iss", "error", "error_description")
_MEMBER_MAX: Final = 4_000

Following = Annotated[str, Query(alias="next", max_length=2_000)]


@router.get("/sign-in/sso")
async def choose_provider(
    request: Request, who: Annotated[str, Query(max_length=200)] = "", following: Following = "/"
) -> Response:
    """Those of an organization, found by its id or by the domain of an e-mail address."""
    await services_of(request).attempts.count(origin_of(request).address)
    return await offered(request, who, own_path(following))


@router.get("/sign-in/sso/{provider_id}")
async def leave(
    request: Request, provider_id: str, again: bool = False, following: Following = "/"
) -> Response:
    """Off to the provider. `again`: he has a session, and proves that it is still he."""
    origin = origin_of(request)
    try:
        departure = await services_of(request).sign_on.depart(
            provider_id, origin, following=own_path(following), again=again
        )
    except Problem as problem:
        return await offered(request, "", own_path(following), problem)
    return keep(RedirectResponse(departure.url, 303), departure)


def keep(answer: Response, departure: Departure) -> Response:
    """With the cookie that the browser must come back with."""
    same: Literal["lax", "none"] = "none" if departure.across else "lax"
    answer.set_cookie(
        COOKIE, departure.cookie, max_age=LIFE_S, path="/", secure=True, httponly=True, samesite=same
    )
    return answer


@router.get("/sign-in/sso/{provider_id}/callback")
async def come_back(request: Request, provider_id: str) -> Response:
    """From the provider, with who it is. A page and no redirect: browsers send the session's cookie, which is
    SameSite=Strict, with what a page of ours asks for, and not with what another site has begun."""
    query = request.query_params
    return await _arrived(
        request, provider_id, {name: query[name][:_MEMBER_MAX] for name in _ANSWER if name in query}
    )


@across.post("/sign-in/sso/{provider_id}/acs")
async def take_assertion(
    request: Request,
    provider_id: str,
    response: Annotated[str, Form(alias="SAMLResponse")] = "",
    state: Annotated[str, Form(alias="RelayState", max_length=100)] = "",
) -> Response:
    """The same by SAML: a form of the provider's page, that brings an assertion."""
    return await _arrived(request, provider_id, {"response": response, "state": state})


async def _arrived(request: Request, provider_id: str, told: dict[str, str]) -> Response:
    services = services_of(request)
    try:
        arrival = await services.sign_on.arrive(
            provider_id, told, request.cookies.get(COOKIE), origin_of(request)
        )
    except Problem as problem:
        return _without_cookie(await offered(request, "", "/", problem))
    if isinstance(arrival, CodeDue):
        return _without_cookie(_ask_code(request, arrival))
    if isinstance(arrival, TrialSignOn):
        shown = page(request, "tried", tried=arrival, next=own_path(arrival.following))
        return _without_cookie(shown)
    answer = page(request, "signed_on", next=own_path(arrival.following), person=arrival.person)
    cookie.begin(answer, arrival.token, max_age_s=round(services.sessions.absolute_s))
    return _without_cookie(answer)


@router.post("/sign-in/sso/code")
async def give_code(
    request: Request,
    waiting: Annotated[str, Form(max_length=100)] = "",
    code: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The second step: the provider has said who he is."""
    services = services_of(request)
    try:
        arrival = await services.sign_on.with_code(waiting, code, origin_of(request))
    except Problem as problem:
        return await offered(request, "", "/", problem)
    if isinstance(arrival, CodeDue):
        return _ask_code(request, arrival)
    answer = RedirectResponse(own_path(arrival.following), 303)
    cookie.begin(answer, arrival.token, max_age_s=round(services.sessions.absolute_s))
    return answer


def _ask_code(request: Request, due: CodeDue) -> Response:
    return page(
        request,
        "code",
        status=401,
        waiting=due.waiting,
        email=due.email,
        wrong=due.wrong,
        way="/sign-in/sso/code",
    )


def _without_cookie(answer: Response) -> Response:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer
