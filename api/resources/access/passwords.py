"""Passwords: one's own changed, and new ones set by a link."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope, digest
from api.access.notes import change, trail_of
from api.access.people import Person
from api.access.reach import BY_ROUTE
from api.access.security import Caller, KeyedRoute, needs, open_to_all
from api.access.sessions import SignInOrigin
from api.access.trail import Trail
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.resources.access.people import PersonId, find_member, require_may_give
from api.resources.access.people_bodies import (
    ForgottenIn,
    NewPasswordByLinkIn,
    OwnPasswordIn,
    PasswordResetOut,
)
from api.resources.access.sessions import Signed, origin_of
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.postgres import PostgresAway
from api.stores.sql import statement

router = APIRouter(prefix="/v1", tags=["access"], route_class=KeyedRoute)

RESET_LIFE: Final = timedelta(hours=1)
#: The page that takes a token.
PAGE: Final = "/password#"
_MAIL: Final = ("A new password", "This link sets a new password. It is good once, for an hour:")


@router.put(
    "/account/password",
    status_code=204,
    summary="Change one's password",
    response_class=Response,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={
        204: {"description": "Changed; all other sessions have ended."},
        **responses(400, 401, 403, 413, 415, 422, 429, 500, 503),
    },
)
async def change_own_password(body: OwnPasswordIn, request: Request, person: Signed) -> Response:
    """With the password that is; all other sessions of the person end."""
    await change_password(request, person, body)
    return Response(status_code=204)


@router.post(
    "/people/{person_id}/password-resets",
    status_code=201,
    summary="Make a password reset link",
    response_model=PasswordResetOut,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        201: {"description": "The link, shown once."},
        **responses(400, 401, 403, 404, 409, 422, 500, 503),
    },
)
async def create_password_reset(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """Good for an hour and once. Whom another organization knows as well changes his password himself:
    it would open that one, too (`409 member_elsewhere`)."""
    return reply(await reset_link(request, caller, person_id), 201)


@router.post(
    "/password-resets",
    status_code=202,
    summary="Ask for a password reset link",
    response_class=Response,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=open_to_all("it is how people come in"),
    responses={
        202: {"description": "It is sent, if somebody has this address."},
        **responses(400, 409, 413, 415, 422, 429, 500, 503),
    },
)
async def ask_password_reset(body: ForgottenIn, request: Request) -> Response:
    """By e-mail, and the same answer whoever asks. `409 mail_not_set`: an Org Admin makes such a link."""
    return Response(status_code=202, background=await mailing_reset(request, body.email))


@router.post(
    "/password-resets/uses",
    status_code=204,
    summary="Set a password with a link",
    response_class=Response,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=open_to_all("it is how people come in"),
    responses={
        204: {"description": "Set; all sessions have ended. Sign in with it."},
        **responses(400, 401, 413, 415, 422, 429, 500, 503),
    },
)
async def use_password_reset(body: NewPasswordByLinkIn, request: Request) -> Response:
    """The link is used up; a code is needed where the second factor is on."""
    await set_by_link(request, body)
    return Response(status_code=204)


# -- what the routes and the pages do


async def change_password(request: Request, person: Person, body: OwnPasswordIn) -> None:
    """Raises Problem 401, 422 a weak password, 429."""
    services, origin = services_of(request), origin_of(request)
    await services.sessions.prove(person.actor, body.password.get_secret_value(), origin, code=body.code)
    new = await services.passwords.checked(body.new_password.get_secret_value(), person.actor, person.name)
    await _set(request, trail_of(request, person), person.id, new, but_session=person.session_id)


async def reset_link(request: Request, caller: Principal, person_id: str) -> PasswordResetOut:
    """Raises Problem 403 above the caller's own role, 404, 409 a member elsewhere, too."""
    organization = caller.organization_id
    person = await find_member(services_of(request), organization, person_id)
    require_may_give(caller, person.role)
    await require_here_alone(request, caller, person_id)
    who = {"organization_id": organization, "person_id": person_id}
    token, expires_at = secrets.token_urlsafe(32), datetime.now(UTC) + RESET_LIFE

    async def make(changes: Changeset) -> None:
        await _make(changes, who, token, expires_at, by=caller.actor, mailed=False)

    await change(request, make)
    mailed = await services_of(request).mail.send(person.email, *_MAIL, PAGE + token)
    shown = None if mailed else token
    return PasswordResetOut(token=shown, path=shown and PAGE + shown, mailed=mailed, expires_at=expires_at)


async def mailing_reset(request: Request, email: str) -> BackgroundTask:
    """What is done after the answer, whose time must not say whether there is somebody. Raises Problem 409
    where no mail is sent, 429."""
    services, origin = services_of(request), origin_of(request)
    if services.mail.server is None:
        raise Problem(409, "mail_not_set", "No mail is sent here: an Org Admin of yours makes such a link.")
    await services.attempts.count(origin.address, email)
    return BackgroundTask(_mail_reset, services, origin, email)


async def _mail_reset(services: Services, origin: SignInOrigin, email: str) -> None:
    """To who has forgotten his password. Nothing, where nobody has this address."""
    with suppress(PostgresAway):
        found = await services.postgres.row(statement("find_person"), {"email": email})
        if found is None or not found["organizations"]:
            return
        organization = found["organizations"][0]
        who = {"organization_id": organization, "person_id": found["person_id"]}
        token, expires_at = secrets.token_urlsafe(32), datetime.now(UTC) + RESET_LIFE

        async def make(changes: Changeset) -> None:
            await _make(changes, who, token, expires_at, by=found["email"], mailed=True)

        await services.audit.change(origin.trail(organization, found["email"], found["person_id"]), make)
        await services.mail.send(found["email"], *_MAIL, PAGE + token)


async def _make(
    changes: Changeset, who: dict[str, str], token: str, expires_at: datetime, *, by: str, mailed: bool
) -> None:
    """`mailed`: it goes to his own address and to nobody else, so it may open all that is his."""
    link_id = f"lnk_{secrets.token_hex(8)}"
    made = {"sha256": digest(token), "link_id": link_id, "created_by": by, "expires_at": expires_at}
    await changes.row("make_reset", **who, **made, mailed=mailed)
    changes.tell(f"/v1/people/{who['person_id']}/password-resets", after={"link_id": link_id})


async def require_here_alone(request: Request, caller: Principal, person_id: str) -> None:
    """Raises Problem 409 for whom another organization knows: what opens him would open that one, too."""
    who = {"organization_id": caller.organization_id, "person_id": person_id}
    row = await services_of(request).postgres.row(statement("is_elsewhere"), who)
    if row is None or row["elsewhere"]:
        words = (
            "He belongs to another organization as well, which this would open, too: he does it himself, "
            "under /v1/account."
        )
        raise Problem(409, "member_elsewhere", words)


async def set_by_link(request: Request, body: NewPasswordByLinkIn) -> None:
    """Raises Problem 401, 422 a weak password (the link stays good), 429."""
    services, origin = services_of(request), origin_of(request)
    await services.attempts.count(origin.address)
    hashed = digest(body.token)
    found = await services.postgres.row(
        statement("find_link"), {"sha256": hashed, "kinds": ["password_reset"]}
    )
    if found is None:
        raise _used()
    new = await services.passwords.checked(body.password.get_secret_value(), found["email"], found["name"])
    await services.sessions.prove_code(found["email"], body.code, origin)
    trail = origin.trail(found["organization_id"], found["email"], found["person_id"])
    await _set(request, trail, found["person_id"], new, link=hashed)


async def _set(
    request: Request,
    trail: Trail,
    person_id: str,
    password_hash: str,
    *,
    but_session: str | None = None,
    link: bytes | None = None,
) -> None:
    """A new password, told where it was set."""
    services = services_of(request)

    async def make(changes: Changeset) -> None:
        if link is not None:
            used = await changes.row("use_link", sha256=link, kinds=["password_reset"])
            if used is None:
                raise _used()
        await changes.row(
            "set_own_password", person_id=person_id, password_hash=password_hash, but_session=but_session
        )
        changes.tell(f"/v1/people/{person_id}/password")

    request.state.told = True
    await services.audit.change(trail, make)
    services.sessions.forget(lambda known: known.id == person_id and known.session_id != but_session)


def _used() -> Problem:
    return Problem(401, "invalid_link", "This link is not known, was used, or is too old. Ask for another.")
