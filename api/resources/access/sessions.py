"""Sign in and out, and look after one's sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import ConfigDict, Field, SecretStr, StrictStr
from starlette.responses import Response

from api.access import cookie
from api.access.keys import Scope, digest
from api.access.people import Person
from api.access.reach import BY_ROUTE
from api.access.security import KeyedRoute, needs, open_to_all
from api.access.sessions import SignInOrigin
from api.access.trail import action_of, address_of
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.http.types import Input, Text
from api.resources.access.answer import MeOut, SessionListOut, me_out, session_out
from api.resources.replies import reply
from api.services import services_of
from api.stores.sql import statement

router = APIRouter(prefix="/v1/sessions", tags=["access"], route_class=KeyedRoute)

_Email = Annotated[Text, Field(min_length=3, max_length=200, examples=["carol@techcorp.com"])]
_Password = Annotated[
    SecretStr, Field(min_length=1, max_length=200, examples=["four unusual words make one"])
]
_Code = Annotated[
    StrictStr | None,
    Field(default=None, min_length=6, max_length=40, description="of the second factor", examples=[None]),
]


class SignInIn(Input):
    """E-mail address and password; a code where the second factor is on."""

    model_config = ConfigDict(title="SignIn")

    email: _Email
    password: _Password
    code: _Code
    organization_id: Text | None = Field(
        default=None,
        max_length=64,
        description="which, of several; the first, if absent",
        examples=["techcorp"],
    )


class LinkIn(Input):
    """The token of a sign-in link."""

    model_config = ConfigDict(title="SignInLink")

    token: StrictStr = Field(
        min_length=20, max_length=100, examples=["Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9t1s3p2o4n6l8k0h"]
    )
    code: _Code


class ConfirmIn(Input):
    """The password again."""

    model_config = ConfigDict(title="Confirmation")

    password: _Password
    code: _Code


async def _person(request: Request) -> Person:
    """The caller of a route that is for people: needs(Scope.ACCOUNT) lets in nobody else."""
    caller = request.state.caller
    assert isinstance(caller, Person)
    return caller


Signed = Annotated[Person, Depends(_person)]


def origin_of(request: Request) -> SignInOrigin:
    token = cookie.token_of(request)
    return SignInOrigin(
        address_of(request),
        request.headers.get("user-agent", ""),
        action_of(request),
        request.state.request_id,
        None if token is None else digest(token),
    )


@router.post(
    "",
    status_code=201,
    summary="Sign in",
    response_model=MeOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=open_to_all("it is how people come in"),
    responses={
        201: {"description": "Signed in; the cookie `__Host-spendlog` is the session."},
        **responses(400, 401, 403, 413, 415, 422, 429, 500, 503),
    },
)
async def sign_in(request: Request, body: SignInIn) -> Response:
    """`401 wrong_credentials` says not which of the two is wrong; `401 code_required`: send the code, too."""
    sessions = services_of(request).sessions
    token, person = await sessions.sign_in(
        body.email,
        body.password.get_secret_value(),
        origin_of(request),
        code=body.code,
        organization_id=body.organization_id,
    )
    return _begun(token, person, sessions.absolute_s)


@router.post(
    "/links",
    status_code=201,
    summary="Sign in with a link",
    response_model=MeOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=open_to_all("it is how people come in"),
    responses={
        201: {"description": "Signed in; the link is used up."},
        **responses(400, 401, 403, 413, 415, 422, 429, 500, 503),
    },
)
async def sign_in_by_link(request: Request, body: LinkIn) -> Response:
    """A link is good once and for a short while. People, keys and webhooks are not changed after it without a
    password."""
    sessions = services_of(request).sessions
    token, person = await sessions.by_link(body.token, origin_of(request), code=body.code)
    return _begun(token, person, sessions.absolute_s)


def _begun(token: str, person: Person, absolute_s: float) -> Response:
    answer = reply(me_out(person), 201)
    cookie.begin(answer, token, max_age_s=round(absolute_s))
    return answer


@router.get(
    "/current",
    summary="Who is signed in",
    response_model=MeOut,
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={
        200: {"description": "He, his role and what he may do."},
        **responses(400, 401, 403, 500, 503),
    },
)
async def read_current(person: Signed) -> Response:
    """The person whose session the cookie is."""
    return reply(me_out(person))


@router.get(
    "",
    summary="List one's sessions",
    response_model=SessionListOut,
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={200: {"description": "Those that go on."}, **responses(400, 401, 403, 422, 500, 503)},
)
async def list_sessions(request: Request, person: Signed) -> Response:
    """Where one is signed in, newest first."""
    services = services_of(request)
    row = await services.postgres.row(
        statement("list_sessions"),
        {
            "organization_id": person.organization_id,
            "person_id": person.id,
            "idle_s": services.settings.api_session_idle_s,
        },
    )
    assert row is not None
    return reply(
        SessionListOut(sessions=[session_out(found, person.session_id) for found in row["sessions"]])
    )


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="End a session",
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={204: {"description": "Ended."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def end_session(
    request: Request,
    person: Signed,
    session_id: Annotated[str, Path(max_length=64, description="or `current`", examples=["current"])],
) -> Response:
    """Signs out: here (`current`) at once, elsewhere within 5 seconds."""
    own = session_id in ("current", person.session_id)
    request.state.told = True
    wanted = person.session_id if own else session_id
    ended = await services_of(request).sessions.end(person, wanted, origin_of(request))
    if not ended and not own:
        raise Problem(404, "unknown_session", "There is no such session of yours.")
    answer = Response(status_code=204)
    if own:
        cookie.end(answer)
    return answer


@router.post(
    "/current/authentication",
    status_code=204,
    summary="Say the password again",
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={
        204: {"description": "For 15 minutes people, keys and webhooks may be changed; with a new cookie."},
        **responses(400, 401, 403, 413, 415, 422, 429, 500, 503),
    },
)
async def confirm(request: Request, body: ConfirmIn, person: Signed) -> Response:
    """What is worth an attack on a session asks for a password that was given lately. The session goes on
    with a new token."""
    request.state.told = True
    token = await services_of(request).sessions.confirm(
        person, body.password.get_secret_value(), origin_of(request), code=body.code
    )
    return renewed(Response(status_code=204), token, person)


def renewed(answer: Response, token: str, person: Person) -> Response:
    """With the new token of a session that goes on."""
    assert person.expires_at is not None  # sessions have an end
    cookie.begin(answer, token, max_age_s=round((person.expires_at - datetime.now(UTC)).total_seconds()))
    return answer
