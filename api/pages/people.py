"""People: who belongs to the organization, and as what; invited, changed, signed out, removed."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.roles import TITLES, Role, fits, may_give
from api.access.security import needs
from api.http.conditions import tag_at
from api.http.paging import Page
from api.http.paths import storable
from api.http.problems import Problem
from api.pages.budgets import DEPARTMENTS_MAX, department_names
from api.pages.forms import ShownOnce, once, show_once, valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.resources.access.answer import session_out
from api.resources.access.invitations import invitation_rows, invite, withdraw
from api.resources.access.passwords import reset_link
from api.resources.access.people import (
    change_member,
    end_sessions,
    find_member,
    people_rows,
    remove_member,
    session_rows,
)
from api.resources.access.people_bodies import InvitationIn, InvitationOut, PersonChangeIn, PersonOut
from api.resources.access.second_factor import reset

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Many = Annotated[list[str], Form()]
Act = Literal["remove", "sign_out", "end_session", "new_password", "reset_second_factor"]

ROWS: Final = 50
#: What a role is for, to who gives it.
ROLE_WORDS: Final = {
    Role.EMPLOYEE: "Sees his own cards and purchases, and asks for more.",
    Role.AUDITOR: "Sees everything of the organization, and changes nothing.",
    Role.FINANCE_MANAGER: "Sets budgets, policies, cards; approves and reviews. Of all or some departments.",
    Role.ORG_ADMIN: "All of that, and people, keys and webhooks.",
    Role.SYSTEM_ADMIN: "Runs the system; sees nobody's money.",
}
_KEPT: Final = "Hand it over as you would a password: whoever has it can use it."


def _told(
    email: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=100)] = "",
    role: Annotated[str, Form(max_length=40)] = "",
    departments: Many = [],  # noqa: B006  # FastAPI copies it
    others: Annotated[str, Form(max_length=2_000)] = "",
    employee: Annotated[str, Form(max_length=200)] = "",
) -> dict[str, Any]:
    """What the form says, for the models of `api.resources.access` to judge. `others`: departments by name,
    with commas between them."""
    typed = [one.strip() for one in others.split(",")]
    told = {"email": email.strip(), "name": name.strip(), "employee": employee.strip(), "role": role}
    return {
        **{member: text for member, text in told.items() if text},
        "departments": sorted({*departments, *(one for one in typed if one)}),
    }


Told = Annotated[dict[str, Any], Depends(_told)]


@router.get("/people", openapi_extra=needs(Scope.PEOPLE_READ))
async def show_people(
    asking: Asked,
    role: Role | None = None,
    department: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> Response:
    """By e-mail address; who was invited and has not come stands above them."""
    services, organization = asking.services, asking.viewer.organization_id
    if not storable(department):
        raise Problem(422, "invalid_request", "department: must not contain control characters.")
    given = {"role": role.value if role else "", "department": department}
    asked = Page(after, ROWS, "/people", tuple(pair for pair in given.items() if pair[1]))
    seen = asked.key(tuple[str])
    found, offers, names = await asyncio.gather(
        people_rows(
            services,
            organization,
            seen=seen[0] if seen else None,
            role=role,
            department_id=department or None,
            rows_max=asked.rows_max,
        ),
        asyncio.gather(
            *(invitation_rows(services, organization, status=s, rows_max=ROWS) for s in ("open", "expired"))
        ),
        _departments(asking),
    )
    rows, last = asked.split(found)
    return page(
        asking.request,
        "people",
        people=[PersonOut(**row) for row in rows],
        invitations=[InvitationOut(**row) for each in offers for row in each] if seen is None else [],
        more=asked.cursor(last["email"]) if last else "",
        given=given,
        departments=names,
        titles={one: title for one, title in TITLES.items() if fits(one, organization)},
    )


async def _departments(asking: Asking) -> list[str]:
    """Those of the organization; who runs the system has none."""
    return await department_names(asking) if asking.viewer.may(Scope.BUDGETS_READ) else []


@router.get("/people/new", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def show_invitation_form(asking: Asked) -> Response:
    return await _form(asking, {"role": Role.EMPLOYEE, "departments": []})


async def _form(
    asking: Asking,
    told: dict[str, Any],
    *,
    somebody: PersonOut | None = None,
    tag: str = "",
    wrong: Problem | None = None,
) -> Response:
    """The form of an invitation, or of what `somebody` is, filled in with what is or was `told`."""
    viewer = asking.viewer
    names = await _departments(asking)
    return page(
        asking.request,
        "person_form",
        status=200 if wrong is None else wrong.status_code,
        told={"email": "", "name": "", "employee": "", **told},
        somebody=somebody,
        tag=tag,
        wrong="" if wrong is None else words_of(wrong),
        roles=[
            (role, TITLES[role], ROLE_WORDS[role])
            for role in Role
            if fits(role, viewer.organization_id) and may_give(viewer.caller.scopes, role)
        ],
        departments=sorted({*names, *told["departments"]}),
        more=len(names) >= DEPARTMENTS_MAX or not names,
        key=secrets.token_hex(16),
    )


@router.post("/people/new", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def invite_by_form(asking: Asked, key: Annotated[str, Form(max_length=64)], told: Told) -> Response:
    try:
        body = valid(lambda: InvitationIn.model_validate(told))
        made, _ = await invite(asking.request, asking.viewer.caller, body, once(key))
    except Problem as problem:
        if problem.status_code not in (409, 422):
            raise
        return await _form(asking, told, wrong=problem)
    if made.mailed:
        return back("/people", done=f"Invited: the link has gone to {made.email}.")
    shown = ShownOnce(
        title=f"The invitation of {made.email}",
        words=f"Send this link to {made.name}. It is good once, for seven days, and leads to a page that "
        "asks for a password.",
        secret=_link(asking, made.path),
        above=(("People", "/people"),),
        after=("To the people", "/people"),
        kept=f"{_KEPT} Lost? Invite again, and this one is withdrawn.",
        instead="This invitation was made before, and its link shown then. Lost? Invite again.",
    )
    return show_once(asking.request, shown)


def _link(asking: Asking, path: str | None) -> str | None:
    """The whole address of a page of ours, at the host that the viewer's own browser names."""
    host = asking.request.headers.get("origin") or asking.services.mail.public_url
    return None if path is None else host.rstrip("/") + path


@router.post("/people/invitations/{invitation_id}", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def withdraw_by_form(asking: Asked, invitation_id: str) -> Response:
    await withdraw(asking.request, asking.viewer.caller, invitation_id)
    return back("/people", done="Withdrawn: its link is good no more.")


@router.get("/people/{person_id}", openapi_extra=needs(Scope.PEOPLE_READ))
async def show_person(asking: Asked, person_id: str) -> Response:
    return await _person(asking, person_id)


async def _person(asking: Asking, person_id: str, wrong: Problem | None = None) -> Response:
    """What somebody is, and where he is signed in. `wrong`: why what was asked for was not done."""
    services, viewer = asking.services, asking.viewer
    somebody = await find_member(services, viewer.organization_id, person_id)
    sessions = await session_rows(services, viewer.organization_id, person_id)
    return page(
        asking.request,
        "person",
        status=200 if wrong is None else wrong.status_code,
        wrong="" if wrong is None else words_of(wrong),
        somebody=somebody,
        title=TITLES[somebody.role],
        role_words=ROLE_WORDS[somebody.role],
        sessions=[session_out(row, viewer.caller.session_id) for row in sessions],
        own=person_id == viewer.caller.id,
        write=viewer.may(Scope.PEOPLE_WRITE) and may_give(viewer.caller.scopes, somebody.role),
    )


@router.get("/people/{person_id}/change", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def show_person_form(asking: Asked, person_id: str) -> Response:
    somebody = await find_member(asking.services, asking.viewer.organization_id, person_id)
    return await _form(asking, somebody.model_dump(), somebody=somebody, tag=tag_at(somebody.changed_at))


@router.post("/people/{person_id}/change", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def change_by_form(
    asking: Asked, person_id: str, told: Told, tag: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """`tag`: of what the form showed; what somebody else has changed meanwhile is not overwritten."""
    viewer = asking.viewer
    somebody = await find_member(asking.services, viewer.organization_id, person_id)
    terms = {name: value for name, value in told.items() if name in PersonChangeIn.model_fields}
    try:
        body = valid(lambda: PersonChangeIn.model_validate(terms))
        await change_member(asking.request, viewer.caller, person_id, body, tag or None)
    except Problem as problem:
        if problem.status_code == 412:
            words = "Somebody has changed this person meanwhile. This is how it stands now."
            problem = Problem(412, "precondition_failed", words)
            told = somebody.model_dump()
        elif problem.status_code not in (409, 422):
            raise
        return await _form(asking, told, somebody=somebody, tag=tag_at(somebody.changed_at), wrong=problem)
    return back(f"/people/{person_id}", done="Changed. It holds at once.")


@router.post("/people/{person_id}", openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True))
async def act_on_person(
    asking: Asked,
    person_id: str,
    act: Annotated[Act, Form()],
    session_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """`session_id`: which of his sessions is ended."""
    request, caller, here = asking.request, asking.viewer.caller, f"/people/{person_id}"
    try:
        if act == "new_password":
            return await _password_link(asking, person_id)
        if act == "remove":
            await remove_member(request, caller, person_id)
            return back("/people", done="Removed. He is signed out, and his links are good no more.")
        if act == "reset_second_factor":
            await reset(request, caller, person_id)
            return back(here, done="The second factor is off. He can set it up again under his account.")
    except Problem as problem:
        if problem.status_code != 409:
            raise
        return await _person(asking, person_id, problem)
    ended = await end_sessions(request, caller, person_id, session_id if act == "end_session" else None)
    return back(here, done="Signed out there." if ended else "No such session goes on.")


async def _password_link(asking: Asking, person_id: str) -> Response:
    made = await reset_link(asking.request, asking.viewer.caller, person_id)
    somebody = await find_member(asking.services, asking.viewer.organization_id, person_id)
    here = f"/people/{person_id}"
    if made.mailed:
        return back(here, done=f"A link that sets a new password has gone to {somebody.email}.")
    shown = ShownOnce(
        title="A link for a new password",
        words=f"Send it to {somebody.name}. It is good once, for an hour; whoever was signed in by the old "
        "password is signed out then.",
        secret=_link(asking, made.path),
        above=(("People", "/people"), (somebody.name, here)),
        after=("Back", here),
        kept=_KEPT,
        instead="It was sent.",
    )
    return show_once(asking.request, shown)
