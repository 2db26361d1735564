"""People of an organization: listed, changed, removed; their sessions ended by an admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.people import Person
from api.access.roles import TITLES, Role, fits, may_give
from api.access.security import Caller, KeyedRoute, needs
from api.http.conditions import ANY, ETAG, IfMatch, changed_since, tag_at, tagged
from api.http.paging import LINK, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.resources.access.answer import SessionListOut, session_out
from api.resources.access.people_bodies import PersonChangeIn, PersonListOut, PersonOut
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.postgres import Unstorable
from api.stores.sql import statement

router = APIRouter(prefix="/v1/people", tags=["access"], route_class=KeyedRoute)

PersonId = Annotated[
    str, Path(max_length=64, description="the person's id", examples=["usr_5d0c1f4e2b9a7c3d"])
]
#: What takes away more than it gives: a demoted person's open invitations would be a way back.
_STATE: Final = ("role", "departments", "employee")


@router.get(
    "",
    summary="List people",
    response_model=PersonListOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={
        200: {"description": "A page of them.", "headers": LINK},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def list_people(
    request: Request,
    caller: Caller,
    page: Paged,
    role: Annotated[Role | None, Query(description="only these")] = None,
    department_id: Annotated[str | None, Query(max_length=64, description="only of this department")] = None,
) -> Response:
    """Who belongs to the organization, by e-mail address. Who was invited and has not come is in
    `/v1/invitations`."""
    if department_id is not None and not storable(department_id):
        wrong = FieldError(
            field="query.department_id", code="value_error", message="must not contain control characters"
        )
        raise invalid_request([wrong])
    key = page.key(tuple[str])
    found = await people_rows(
        services_of(request),
        caller.organization_id,
        seen=key[0] if key else None,
        role=role,
        department_id=department_id,
        rows_max=page.rows_max,
    )
    rows, following = page.turn(found, lambda row: (row["email"],))
    body = PersonListOut(people=[PersonOut(**row) for row in rows], next=following)
    return reply(body, 200, **page.link(following))


@router.get(
    "/{person_id}",
    summary="Look at a person",
    response_model=PersonOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={
        200: {"description": "Who he is here.", "headers": ETAG},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_person(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """Who he is in this organization."""
    return _shown(await find_member(services_of(request), caller.organization_id, person_id))


@router.patch(
    "/{person_id}",
    summary="Change what a person is",
    response_model=PersonOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        200: {"description": "As he is now.", "headers": ETAG},
        **responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 503),
    },
)
async def change_person(
    body: PersonChangeIn, request: Request, caller: Caller, person_id: PersonId, if_match: IfMatch = None
) -> Response:
    """Role, departments, employee id. It holds at once here, and within 5 s everywhere. Nobody gives or takes
    a role above his own; `409 last_org_admin`: the last Org Admin stays one."""
    return _shown(await change_member(request, caller, person_id, body, if_match))


@router.delete(
    "/{person_id}",
    status_code=204,
    summary="Remove a person",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        204: {"description": "He belongs here no more; his sessions have ended."},
        **responses(400, 401, 403, 404, 409, 412, 422, 500, 503),
    },
)
async def remove_person(
    request: Request, caller: Caller, person_id: PersonId, if_match: IfMatch = None
) -> Response:
    """From this organization, with his sessions, his links, and the invitations that he made. Keys stay:
    they are the organization's."""
    await remove_member(request, caller, person_id, if_match)
    return Response(status_code=204)


@router.get(
    "/{person_id}/sessions",
    summary="List a person's sessions",
    response_model=SessionListOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={200: {"description": "Those that go on."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def list_sessions_of(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """Where he is signed in in this organization, newest first."""
    services = services_of(request)
    await find_member(services, caller.organization_id, person_id)
    found = await session_rows(services, caller.organization_id, person_id)
    current = caller.session_id if isinstance(caller, Person) else None
    return reply(SessionListOut(sessions=[session_out(row, current) for row in found]))


@router.delete(
    "/{person_id}/sessions",
    status_code=204,
    summary="End all sessions of a person",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={204: {"description": "They have ended."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def end_sessions_of(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """Signs him out everywhere in this organization, within 5 s."""
    await end_sessions(request, caller, person_id, None)
    return Response(status_code=204)


@router.delete(
    "/{person_id}/sessions/{session_id}",
    status_code=204,
    summary="End a session of a person",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={204: {"description": "It has ended."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def end_session_of(
    request: Request,
    caller: Caller,
    person_id: PersonId,
    session_id: Annotated[
        str, Path(max_length=64, examples=["ses_0a1b2c3d4e5f60718293"], description="which")
    ],
) -> Response:
    """Signs him out there, within 5 s."""
    if not storable(session_id) or not await end_sessions(request, caller, person_id, session_id):
        raise Problem(404, "unknown_session", "There is no such session.")
    return Response(status_code=204)


# -- what the routes and the pages do


async def people_rows(
    services: Services,
    organization_id: str,
    *,
    person_id: str | None = None,
    seen: str | None = None,
    role: Role | None = None,
    department_id: str | None = None,
    rows_max: int = 1,
) -> list[dict[str, Any]]:
    """By e-mail address, those after `seen`. Raises PostgresAway."""
    row = await services.postgres.row(
        statement("people"),
        {
            "organization_id": organization_id,
            "person_id": person_id,
            "seen": seen,
            "role": role,
            "department_id": department_id,
            "rows_max": rows_max,
        },
    )
    found: list[dict[str, Any]] = row["people"] if row else []
    return found


async def find_member(services: Services, organization_id: str, person_id: str) -> PersonOut:
    """Raises Problem 404."""
    found = await people_rows(services, organization_id, person_id=person_id) if storable(person_id) else []
    if not found:
        raise _unknown()
    return PersonOut(**found[0])


async def session_rows(services: Services, organization_id: str, person_id: str) -> list[dict[str, Any]]:
    row = await services.postgres.row(
        statement("list_sessions"),
        {
            "organization_id": organization_id,
            "person_id": person_id,
            "idle_s": services.settings.api_session_idle_s,
        },
    )
    found: list[dict[str, Any]] = row["sessions"] if row else []
    return found


async def change_member(
    request: Request, caller: Principal, person_id: str, body: PersonChangeIn, if_match: str | None = None
) -> PersonOut:
    """Raises Problem 403 above the caller's own role, 404, 409 the last Org Admin, 412 changed since."""
    services, organization = services_of(request), caller.organization_id
    if body.role is not None and not fits(body.role, organization):
        words = f"there is no {TITLES[body.role]} in this organization"
        raise invalid_request([FieldError(field="body.role", code="value_error", message=words)])

    async def make(changes: Changeset) -> None:
        before = await _locked(changes, caller, person_id, if_match)
        after = before | body.model_dump(exclude_none=True)
        require_may_give(caller, Role(after["role"]))
        asked = {name: after[name] for name in _STATE}
        await changes.row("change_member", organization_id=organization, person_id=person_id, **asked)
        if before["role"] != after["role"]:
            await _withdraw_offers(changes, organization, person_id)
        changes.tell(_place(person_id), before=_told(before), after=_told(after))

    await _kept(request, make)
    services.sessions.forget(lambda known: known.id == person_id)
    return await find_member(services, organization, person_id)


async def remove_member(
    request: Request, caller: Principal, person_id: str, if_match: str | None = None
) -> None:
    """Raises as `change_member`."""
    organization = caller.organization_id

    async def make(changes: Changeset) -> None:
        before = await _locked(changes, caller, person_id, if_match)
        await _withdraw_offers(changes, organization, person_id)
        await changes.row("remove_member", organization_id=organization, person_id=person_id)
        changes.tell(_place(person_id), before=_told(before))

    await _kept(request, make)
    services_of(request).sessions.forget(lambda known: known.id == person_id)


async def end_sessions(
    request: Request, caller: Principal, person_id: str, session_id: str | None
) -> list[str]:
    """The ids of those that were ended: all of his, or the one that is named. Raises Problem 404."""
    services, organization = services_of(request), caller.organization_id
    await find_member(services, organization, person_id)

    async def make(changes: Changeset) -> list[str]:
        row = await changes.row(
            "end_sessions", organization_id=organization, person_id=person_id, session_id=session_id
        )
        ended: list[str] = (row["sessions"] if row else None) or []
        for one in ended:
            changes.tell(f"{_place(person_id)}/sessions/{one}")
        return ended

    ended = await change(request, make)
    services.sessions.forget(lambda known: known.session_id in ended)
    return ended


def require_may_give(caller: Principal, role: Role) -> None:
    """Raises Problem 403 for a role that may do what the caller may not."""
    if not may_give(caller.scopes, role):
        raise Problem(
            403,
            "above_own_role",
            f"{TITLES[role]} may do what {caller.actor} may not: nobody gives or takes a role above his own.",
        )


async def _kept(request: Request, make: Any) -> None:
    try:
        await change(request, make)
    except Unstorable as refused:
        if refused.constraint == "break_glass":
            words = (
                "His password lets in when the identity provider is away: name somebody else for that first."
            )
            raise Problem(409, "break_glass", words) from None
        if refused.constraint != "last_org_admin":
            raise
        words = "That is the last Org Admin of the organization: make somebody else one first."
        raise Problem(409, "last_org_admin", words) from None


async def _locked(
    changes: Changeset, caller: Principal, person_id: str, if_match: str | None
) -> dict[str, Any]:
    """What he is, until it is changed. Raises Problem 403, 404, 412."""
    before = None
    if storable(person_id):
        before = await changes.row(
            "member_state", organization_id=caller.organization_id, person_id=person_id
        )
    if before is None:
        raise _unknown()
    if if_match not in (None, ANY, tag_at(before["changed_at"])):
        raise changed_since(tag_at(before["changed_at"]))
    require_may_give(caller, Role(before["role"]))
    return before


async def _withdraw_offers(changes: Changeset, organization_id: str, person_id: str) -> None:
    row = await changes.row("withdraw_invitations_of", organization_id=organization_id, person_id=person_id)
    for one in (row["invitations"] if row else None) or []:
        changes.tell(f"/v1/invitations/{one}", before={"status": "open"}, after={"status": "withdrawn"})


def _told(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("email", *_STATE)}


def _place(person_id: str) -> str:
    return f"/v1/people/{person_id}"


def _shown(person: PersonOut) -> Response:
    return reply(person, 200, **tagged(tag_at(person.changed_at)))


def _unknown() -> Problem:
    return Problem(404, "unknown_person", "There is no such person in this organization.")
