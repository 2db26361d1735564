"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Form, Query, Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.access import cookie
from api.access.origin import require_own_origin
from api.access.security import store_away
from api.access.sessions import Factor, own_factor
from api.http.problems import Problem
from api.pages.frame import page, problem_page
from api.pages.route import own_path
from api.pages.viewer import viewer_of
from api.resources.access.passwords import mailing_reset
from api.resources.access.people_bodies import ForgottenIn
from api.resources.access.sessions import origin_of
from api.services import services_of
from api.stores.postgres import PostgresAway, Row


class AcrossRoute(APIRoute):
    """A page for those who have not signed in, which may be asked for by another site."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                self.require_origin(request)
                return await answer(request)
            except PostgresAway:
                return problem_page(request, store_away())
            except Problem as problem:
                return problem_page(request, problem)

        return handle

    def require_origin(self, request: Request) -> None:
        """Any will do."""


class OpenRoute(AcrossRoute):
    """A page for those who have not signed in."""

    def require_origin(self, request: Request) -> None:
        """Raises Problem 403 unless it is a page of ours that sends this."""
        require_own_origin(request)


router = APIRouter(route_class=OpenRoute, include_in_schema=False)


class AwaitedCode(msgspec.Struct, frozen=True):
    """Somebody whose password was right, and whose code is still to come. `organization`: which he wants."""

    email: str
    following: str
    organization: str = ""


class AwaitedOrganization(msgspec.Struct, frozen=True):
    """Somebody who has proved who he is, at `proved_at`, and has not said yet where he wants to go in."""

    person_id: str
    organizations: list[str]
    following: str
    proved_at: datetime
    second_factor: Factor | None


@router.get("/sign-in")
async def show_sign_in(
    request: Request, next: str = "/", organization: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """A link carries its token behind `#`, which browsers send to nobody; a script then sends it.

    `organization`: which one somebody wants to go into who is in another.
    """
    viewer = await viewer_of(request)
    if viewer is not None and organization in ("", viewer.organization_id):
        return RedirectResponse(own_path(next), 303)
    email = "" if viewer is None else viewer.caller.actor
    return _form(request, own_path(next), email=email, organization=organization)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    code: Annotated[str, Form(max_length=40)] = "",
    link: Annotated[str, Form(max_length=100)] = "",
    organization: Annotated[str, Form(max_length=64)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    """By e-mail address and password, or by a link; a code is asked for where the second factor is on.

    Somebody of several organizations is asked which one, unless he came for one of them (`organization`).
    """
    sessions, origin, following = services_of(request).sessions, origin_of(request), own_path(next)
    try:
        if link:
            token, _ = await sessions.by_link(link, origin, code=code or None)
            return _begun(request, token, following)
        row = await sessions.prove(email.strip(), password, origin, code=code or None)
        return await _proved(request, row, following, organization)
    except Problem as problem:
        if problem.status_code not in (401, 403, 429):
            raise
        if problem.code == "code_required" and not link:
            return await _ask_code(request, AwaitedCode(email.strip(), following, organization))
        if problem.code == "sign_on_required":
            return await offered(request, str(problem.members["organization_id"]), following, problem)
        return _form(request, following, email=email, link=link, organization=organization, problem=problem)


@router.post("/sign-in/code")
async def give_code(
    request: Request,
    waiting: Annotated[str, Form(max_length=100)] = "",
    code: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The second step: the password was right, and is not asked for again."""
    services = services_of(request)
    awaited = await services.tries.take(waiting, AwaitedCode)
    if awaited is None:
        late = Problem(
            401, "sign_on_ended", "That took longer than 10 minutes, or was sent twice: sign in again."
        )
        return _form(request, "/", problem=late)
    try:
        row = await services.sessions.by_code(awaited.email, code, origin_of(request))
        return await _proved(request, row, awaited.following, awaited.organization)
    except Problem as problem:
        if problem.code in ("code_required", "wrong_code"):
            return await _ask_code(request, awaited, str(problem.detail))
        if problem.code == "sign_on_required":
            return await offered(request, str(problem.members["organization_id"]), awaited.following, problem)
        if problem.status_code not in (401, 403, 429):
            raise
        return _form(request, awaited.following, email=awaited.email, problem=problem)


async def _proved(request: Request, row: Row, following: str, organization: str) -> Response:
    """In, where there is one way; else a page that asks which organization. Raises Problem."""
    services = services_of(request)
    choices = await services.sessions.open_to(row)
    chosen = organization if organization in choices else choices[0]
    if len(choices) > 1 and chosen != organization:
        now, factor = datetime.now(UTC), own_factor(row)
        awaited = AwaitedOrganization(row["person_id"], choices, following, now, factor)
        waiting = await services.tries.begin(awaited)
        return page(request, "which_organization", waiting=waiting, organizations=choices, email=row["email"])
    token, _ = await services.sessions.begin(
        row["person_id"], chosen, origin_of(request), method="password", second_factor=own_factor(row)
    )
    return _begun(request, token, following)


@router.post("/sign-in/organization")
async def choose_organization(
    request: Request,
    waiting: Annotated[str, Form(max_length=100)] = "",
    organization: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """The last step of who belongs to several."""
    services = services_of(request)
    awaited = await services.tries.take(waiting, AwaitedOrganization)
    if awaited is None or organization not in awaited.organizations:
        late = Problem(
            401, "sign_on_ended", "That took longer than 10 minutes, or was sent twice: sign in again."
        )
        return _form(request, "/", problem=late)
    try:
        await services.sessions.require_password_enough(awaited.person_id, organization)
        token, _ = await services.sessions.begin(
            awaited.person_id,
            organization,
            origin_of(request),
            method="password",
            authenticated_at=awaited.proved_at,
            second_factor=awaited.second_factor,
        )
    except Problem as problem:
        if problem.code == "sign_on_required":
            return await offered(request, organization, awaited.following, problem)
        if problem.status_code not in (401, 403, 429):
            raise
        return _form(request, awaited.following, problem=problem)
    return _begun(request, token, awaited.following)


@router.get("/forgotten")
async def show_forgotten(request: Request) -> Response:
    """Asks for an address; or says who else helps, where no mail is sent."""
    return page(request, "forgotten", mails=services_of(request).mail.server is not None, sent="", wrong="")


@router.post("/forgotten")
async def send_forgotten(request: Request, email: Annotated[str, Form(max_length=200)] = "") -> Response:
    """The same answer whoever asks, and whether or not there is somebody."""
    try:
        asked = ForgottenIn(email=email)
        task = await mailing_reset(request, asked.email)
    except ValidationError:
        words = "That is no e-mail address: write it like carol@techcorp.com."
        return page(request, "forgotten", status=422, mails=True, sent="", wrong=words)
    except Problem as problem:
        if problem.status_code != 429:
            raise
        words = str(problem.detail)
        return page(request, "forgotten", status=429, mails=True, sent="", wrong=words)
    answer = page(request, "forgotten", mails=True, sent=asked.email, wrong="")
    answer.background = task
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


async def offered(request: Request, who: str, following: str, problem: Problem | None = None) -> Response:
    """The identity providers for an e-mail address or an organization. `problem`: why one is here."""
    offers = await services_of(request).sign_on.offers(who) if who else []
    wrong = "" if problem is None else str(problem.detail)
    if who and not offers and problem is None:
        wrong = (
            "No organization that we know lets people in like this. Type your work e-mail address or the id "
            "of your organization, or sign in with your password."
        )
    status = 200 if problem is None else problem.status_code
    headers = {} if problem is None else problem.headers or {}
    answer = page(request, "sign_on", status=status, who=who, offers=offers, wrong=wrong, next=following)
    answer.headers.update(headers)
    return answer


def _form(
    request: Request,
    following: str,
    *,
    email: str = "",
    link: str = "",
    organization: str = "",
    problem: Problem | None = None,
) -> Response:
    """`link`: its token, which a code that was missing has not used up."""
    code = problem is not None and problem.code in ("code_required", "wrong_code")
    asks = problem is not None and problem.code == "code_required"
    answer = page(
        request,
        "sign_in",
        status=200 if problem is None else problem.status_code,
        next=following,
        email=email,
        link=link if code else "",
        organization=organization,
        wrong="" if problem is None else "Now the code of your authenticator." if asks else problem.detail,
        code=code,
    )
    answer.headers.update({} if problem is None else problem.headers or {})
    return answer


async def _ask_code(request: Request, awaited: AwaitedCode, wrong: str = "") -> Response:
    """A page that asks for the code alone. Raises Problem 503 where it cannot be kept what was proved."""
    waiting = await services_of(request).tries.begin(awaited)
    told = {"waiting": waiting, "email": awaited.email, "wrong": wrong, "way": "/sign-in/code"}
    return page(request, "code", status=401, **told)


def _begun(request: Request, token: str, following: str) -> Response:
    answer = RedirectResponse(following, 303)
    cookie.begin(answer, token, max_age_s=round(services_of(request).sessions.absolute_s))
    return answer
