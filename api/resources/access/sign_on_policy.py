"""Whether an organization's people must come by its identity provider, and with a second factor."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.people import Person
from api.access.roles import highest
from api.access.security import Caller, KeyedRoute, needs
from api.http.conditions import ANY, ETAG, IfMatch, changed_since, tag_at, tagged
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.resources.access.people import find_member, require_may_give
from api.resources.access.sign_on_bodies import SignOnPolicyIn, SignOnPolicyOut
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.sql import statement

router = APIRouter(prefix="/v1/sign-on-policy", tags=["access"], route_class=KeyedRoute)

PLACE = "/v1/sign-on-policy"
#: The tag of one that nobody has set.
_UNSET = "unset"


@router.get(
    "",
    summary="Whether single sign-on is required",
    response_model=SignOnPolicyOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={
        200: {"description": "What is set.", "headers": ETAG},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def read_sign_on_policy(request: Request, caller: Caller) -> Response:
    """And whose password lets in all the same."""
    found = await find_policy(services_of(request), caller.organization_id)
    return reply(found, 200, **_tags(found))


@router.put(
    "",
    summary="Require single sign-on, or not",
    response_model=SignOnPolicyOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        200: {"description": "Set.", "headers": ETAG},
        **responses(400, 401, 403, 409, 412, 413, 415, 422, 500, 503),
    },
)
async def set_sign_on_policy(
    body: SignOnPolicyIn, request: Request, caller: Caller, if_match: IfMatch = None
) -> Response:
    """Required, a password lets in nobody of the organization but one Org Admin, and sessions that began with
    one end, your own excepted. Keys go on, and so do links of `spendlog people link`.

    With `second_factor`, sessions without one reach no further than one's own account, from now on: who asks
    for it has one himself."""
    found = await set_policy(request, caller, body, if_match)
    return reply(found, 200, **_tags(found))


# -- what the routes and the pages do


async def find_policy(services: Services, organization_id: str) -> SignOnPolicyOut:
    """Raises PostgresAway."""
    row = await services.postgres.row(statement("sign_on_policy"), {"organization_id": organization_id})
    return _shown(row)


async def set_policy(
    request: Request, caller: Principal, body: SignOnPolicyIn, if_match: str | None = None
) -> SignOnPolicyOut:
    """Raises Problem 403, 409 there is no provider, or he has no second factor, 412, 422 he is no Org Admin
    with a password."""
    services, organization = services_of(request), caller.organization_id
    require_may_give(caller, highest(organization))
    if body.second_factor and isinstance(caller, Person) and not caller.second_factor:
        words = "Set up a second factor of your own first: without one you would be shut out yourself."
        raise Problem(409, "second_factor_off", words)
    if body.required:
        await _require_able(services, organization, body.break_glass)
    of = {"organization_id": organization}
    own = caller.session_id if isinstance(caller, Person) else None

    async def make(changes: Changeset) -> list[str]:
        before = await changes.row("sign_on_policy", **of)
        seen = tag_of(_shown(before))
        if if_match not in (None, ANY, seen):
            raise changed_since(seen)
        if body.required:
            row = await changes.row("count_providers", **of)
            if row is None or not row["enabled"]:
                words = "There is no identity provider by which people could come: add one, and try it."
                raise Problem(409, "no_identity_provider", words)
        terms: dict[str, Any] = body.model_dump()
        seen_at = before["changed_at"] if before else None
        whatever = if_match in (None, ANY)
        if await changes.row("set_sign_on_policy", **of, **terms, seen=seen_at, whatever=whatever) is None:
            raise changed_since(None)
        changes.tell(PLACE, before=_shown(before).model_dump(exclude={"changed_at"}), after=terms)
        if not body.required:
            return []
        row = await changes.row("end_password_sessions", **of, but_person=body.break_glass, but_session=own)
        ended: list[str] = (row["sessions"] if row else None) or []
        return ended

    ended = await change(request, make)
    services.sessions.forget(lambda known: known.session_id in ended or known.organization_id == organization)
    return await find_policy(services, organization)


async def _require_able(services: Services, organization_id: str, person_id: str | None) -> None:
    words = "must name an Org Admin with a password: the one whom it lets in when the provider is away"
    wrong = invalid_request([FieldError(field="body.break_glass", code="value_error", message=words)])
    if person_id is None:
        raise wrong
    try:
        person = await find_member(services, organization_id, person_id)
    except Problem:
        raise wrong from None
    if person.role is not highest(organization_id) or not person.password:
        raise wrong


def _shown(row: dict[str, Any] | None) -> SignOnPolicyOut:
    if row is None:
        return SignOnPolicyOut(required=False, second_factor=False, break_glass=None, changed_at=None)
    return SignOnPolicyOut(
        required=row["required"],
        second_factor=row["second_factor"],
        break_glass=row["break_glass_id"],
        changed_at=row["changed_at"],
    )


def tag_of(policy: SignOnPolicyOut) -> str:
    """For `If-Match`."""
    return _UNSET if policy.changed_at is None else tag_at(policy.changed_at)


def _tags(policy: SignOnPolicyOut) -> dict[str, str]:
    return tagged(tag_of(policy))
