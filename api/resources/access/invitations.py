"""Invitations: who is asked to belong to an organization, and as what; accepted by a token shown once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access import cookie
from api.access.audit import Changeset
from api.access.cookie import token_of
from api.access.keys import Principal, Scope, digest
from api.access.notes import change
from api.access.origin import require_own_origin
from api.access.people import Person
from api.access.roles import TITLES, fits
from api.access.security import Caller, KeyedRoute, needs, open_to_all
from api.access.sessions import own_factor
from api.http.paging import LINK, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.resources.access.answer import MeOut, me_out
from api.resources.access.people import require_may_give
from api.resources.access.people_bodies import (
    AcceptanceIn,
    InvitationIn,
    InvitationListOut,
    InvitationOut,
    NewInvitationOut,
)
from api.resources.access.sessions import origin_of
from api.resources.replies import REPLAYED, REPLAYED_HEADER, reply
from api.services import Services, services_of
from api.stores.postgres import Row
from api.stores.sql import statement

router = APIRouter(prefix="/v1/invitations", tags=["access"], route_class=KeyedRoute)

LIFE: Final = timedelta(days=7)
#: The page that takes a token; behind `#`, which browsers send to nobody.
PAGE: Final = "/invitation#"

InvitationId = Annotated[
    str, Path(max_length=64, description="the invitation's id", examples=["inv_9f86d081884c7d659a2f"])
]
Status = Literal["open", "expired", "accepted", "withdrawn"]


@router.post(
    "",
    status_code=201,
    summary="Invite somebody",
    response_model=NewInvitationOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        201: {"description": "Invited; the link is shown once.", "headers": REPLAYED},
        **responses(400, 401, 403, 409, 413, 415, 422, 500, 503),
    },
)
async def create_invitation(
    body: InvitationIn, request: Request, caller: Caller, key: WithIdempotencyKey
) -> Response:
    """The link is good for 7 days and once; it is sent by e-mail where a server for that is set, and shown
    where it is not, or does not take it. An earlier invitation of the same address is withdrawn by it.
    Nobody invites to a role above his own."""
    answer, made = await invite(request, caller, body, key)
    return reply(answer, 201, **({} if made else {REPLAYED_HEADER: "true"}))


@router.get(
    "",
    summary="List invitations",
    response_model=InvitationListOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={
        200: {"description": "A page of them.", "headers": LINK},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def list_invitations(
    request: Request,
    caller: Caller,
    page: Paged,
    status: Annotated[Status | None, Query(description="only these; all, if absent")] = None,
) -> Response:
    """Newest first."""
    key = page.key(tuple[datetime, str])
    found = await invitation_rows(
        services_of(request),
        caller.organization_id,
        status=status,
        seen=key or (None, None),
        rows_max=page.rows_max,
    )
    rows, following = page.turn(found, lambda row: (row["created_at"], row["invitation_id"]))
    body = InvitationListOut(invitations=[InvitationOut(**row) for row in rows], next=following)
    return reply(body, 200, **page.link(following))


@router.delete(
    "/{invitation_id}",
    status_code=204,
    summary="Withdraw an invitation",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        204: {"description": "Its link is good no more."},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def withdraw_invitation(request: Request, caller: Caller, invitation_id: InvitationId) -> Response:
    """One that was accepted or withdrawn already is not found."""
    await withdraw(request, caller, invitation_id)
    return Response(status_code=204)


@router.post(
    "/acceptances",
    status_code=201,
    summary="Accept an invitation",
    response_model=MeOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=open_to_all("it is how people come in"),
    responses={
        201: {"description": "He belongs to the organization, and is signed in."},
        **responses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
    },
)
async def accept_invitation(request: Request, body: AcceptanceIn) -> Response:
    """Who has a password gives that (and a code, where his second factor is on); who has none chooses one.
    Whom another organization knows without a password signs in there and sends this with that session."""
    token, person = await accept(request, body)
    answer = reply(me_out(person), 201)
    cookie.begin(answer, token, max_age_s=round(services_of(request).sessions.absolute_s))
    return answer


# -- what the routes and the pages do


async def invite(
    request: Request, caller: Principal, body: InvitationIn, key: IdempotencyKey
) -> tuple[NewInvitationOut, bool]:
    """The invitation with its link, and whether it was made now. Raises Problem 403, 409 already a member."""
    services, organization = services_of(request), caller.organization_id
    require_may_give(caller, body.role)
    if not fits(body.role, organization):
        words = f"there is no {TITLES[body.role]} in this organization"
        raise invalid_request([FieldError(field="body.role", code="value_error", message=words)])
    invitation_id, token = f"inv_{key.digest(organization)[:20]}", secrets.token_urlsafe(32)
    terms: Row = {
        "email": body.email,
        "name": body.name or body.email.partition("@")[0][:100],
        "role": body.role.value,
        "departments": sorted(set(body.departments)),
        "employee": body.employee or body.email,
    }
    of = {"organization_id": organization, "invitation_id": invitation_id}

    async def make(changes: Changeset) -> bool:
        if await changes.row("is_member", organization_id=organization, email=body.email):
            raise Problem(409, "already_member", f"{body.email} belongs to the organization already.")
        before = await changes.row("replace_invitation", **of, email=body.email)
        if before is not None:
            changes.tell(f"/v1/invitations/{before['invitation_id']}", after={"status": "withdrawn"})
        made = await changes.row(
            "invite",
            **of,
            **terms,
            token_sha256=digest(token),
            created_by=caller.actor,
            created_by_id=caller.id,
            expires_at=datetime.now(UTC) + LIFE,
        )
        if made is not None:
            changes.tell(f"/v1/invitations/{invitation_id}", after=terms)
        return made is not None

    content = f"invitation {body.model_dump_json()}"
    _, made = await services.claimed(key.event_id(organization), content, lambda: change(request, make))
    (found,) = await invitation_rows(services, organization, invitation_id=invitation_id)
    words = f"{caller.actor} invites you to {organization}. This link is good once, for {LIFE.days} days:"
    mailed = made and await services.mail.send(body.email, "You are invited", words, PAGE + token)
    shown = token if made and not mailed else None
    return NewInvitationOut(**found, token=shown, path=shown and PAGE + shown, mailed=mailed), made


async def invitation_rows(
    services: Services,
    organization_id: str,
    *,
    invitation_id: str | None = None,
    status: Status | None = None,
    seen: tuple[datetime | None, str | None] = (None, None),
    rows_max: int = 1,
) -> list[dict[str, Any]]:
    """Newest first, those after `seen`. Raises PostgresAway."""
    row = await services.postgres.row(
        statement("invitations"),
        {
            "organization_id": organization_id,
            "invitation_id": invitation_id,
            "status": status,
            "seen_at": seen[0],
            "seen_id": seen[1],
            "rows_max": rows_max,
        },
    )
    found: list[dict[str, Any]] = row["invitations"] if row else []
    return found


async def withdraw(request: Request, caller: Principal, invitation_id: str) -> None:
    """Raises Problem 404."""

    async def make(changes: Changeset) -> None:
        row = None
        if storable(invitation_id):
            row = await changes.row(
                "withdraw_invitation", organization_id=caller.organization_id, invitation_id=invitation_id
            )
        if row is None:
            raise Problem(404, "unknown_invitation", "There is no such open invitation.")
        changes.tell(f"/v1/invitations/{invitation_id}", before=row)

    await change(request, make)


async def accept(request: Request, body: AcceptanceIn) -> tuple[str, Person]:
    """A new session's token, and who it is now. Raises Problem."""
    services, origin = services_of(request), origin_of(request)
    await services.attempts.count(origin.address)
    found = await services.postgres.row(statement("find_invitation"), {"sha256": digest(body.token)})
    if found is None:
        words = "This invitation is not known, was used or withdrawn, or is too old. Ask for another."
        raise Problem(401, "invalid_link", words)
    await services.sessions.require_password_enough(found["person_id"], found["organization_id"])
    password = body.password.get_secret_value()
    new = proved = None
    if found["has_password"]:
        proved = await services.sessions.prove(found["email"], password, origin, code=body.code)
    elif found["elsewhere"]:
        await _require_session_of(request, found["email"])
    else:
        new = await services.passwords.checked(password, found["email"], found["name"])
    organization = found["organization_id"]

    async def make(changes: Changeset) -> str:
        of = {"organization_id": organization, "invitation_id": found["invitation_id"]}
        if await changes.row("accept_invitation", **of) is None:
            raise Problem(401, "invalid_link", "This invitation was used or withdrawn at this moment.")
        person = await changes.row(
            "person_for", person_id=f"usr_{secrets.token_hex(8)}", email=found["email"], name=found["name"]
        )
        assert person is not None
        terms = {
            "role": found["role"],
            "departments": found["department_ids"],
            "employee": found["employee_id"],
        }
        who = {"organization_id": organization, "person_id": person["person_id"]}
        if await changes.row("join", **who, **terms) is None:
            raise Problem(409, "already_member", "You belong to this organization already: sign in.")
        if new is not None:
            await changes.row(
                "set_own_password", person_id=person["person_id"], password_hash=new, but_session=None
            )
        told = {"email": found["email"], **terms}
        trail = origin.trail(organization, found["email"], person["person_id"])
        changes.tell(f"/v1/people/{person['person_id']}", after=told, by=trail)
        return str(person["person_id"])

    trail = origin.trail(organization, found["email"], found["person_id"] or "")
    person_id = await services.audit.change(trail, make)
    return await services.sessions.begin(
        person_id, organization, origin, method="password", second_factor=own_factor(proved)
    )


async def _require_session_of(request: Request, email: str) -> None:
    """Raises Problem 401 unless the cookie that came along is of this person's session."""
    token = token_of(request)
    person = None if token is None else await services_of(request).sessions.identify(token)
    if person is None or person.actor != email:
        words = "Another organization knows you without a password: sign in there, then open the link again."
        raise Problem(401, "sign_in_first", words)
    require_own_origin(request)
