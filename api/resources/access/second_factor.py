"""The second factor: enrolled with a code, removed with a password and a code, reset by an admin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field, SecretStr
from starlette.responses import Response

from api.access import factor
from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.people import Person
from api.access.reach import BY_ROUTE
from api.access.security import Caller, KeyedRoute, needs
from api.access.sessions import require_recent
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.http.types import Input, Output
from api.resources.access.passwords import require_here_alone
from api.resources.access.people import PersonId, find_member, require_may_give
from api.resources.access.people_bodies import GivenCode
from api.resources.access.sessions import Signed, origin_of
from api.resources.replies import reply
from api.services import services_of
from api.stores.postgres import Row
from api.stores.sql import statement

router = APIRouter(prefix="/v1", tags=["access"], route_class=KeyedRoute)

_ERRORS = responses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503)


#: Who has none signs in anew by his identity provider.
_PasswordOrRecent = Annotated[
    SecretStr | None,
    Field(
        min_length=1,
        max_length=200,
        description="may be left out where a password or a provider said who it is in the last 15 minutes",
        examples=["four unusual words make one"],
    ),
]


class EnrolmentIn(Input):
    """The password, so that nobody else's second factor becomes one's own."""

    model_config = ConfigDict(title="SecondFactorEnrolment")

    password: _PasswordOrRecent = None


class CodeIn(Input):
    """A code of the authenticator that was just set up."""

    model_config = ConfigDict(title="SecondFactorCode")

    code: GivenCode


class ProofIn(Input):
    """The password and a code, of the authenticator or for recovery."""

    model_config = ConfigDict(title="SecondFactorProof")

    password: _PasswordOrRecent = None
    code: GivenCode


class EnrolmentOut(Output):
    """What an authenticator needs. It is on when a code of it was sent."""

    model_config = ConfigDict(title="SecondFactorOffer")

    secret: str = Field(description="to be typed", examples=["JBSWY3DPEHPK3PXP"])
    uri: str = Field(
        description="for an authenticator on this device",
        examples=["otpauth://totp/spendlog:carol%40techcorp.com?secret=JBSWY3DPEHPK3PXP&issuer=spendlog"],
    )
    qr_svg: str = Field(description="the same as a QR code, an SVG element", examples=["<svg ...></svg>"])


class RecoveryCodesOut(Output):
    """Each is good once, in place of a code. They are in this answer and in no other."""

    model_config = ConfigDict(title="RecoveryCodes")

    recovery_codes: list[str] = Field(examples=[["0a1b2c3d4e5f6071-8293a4b5c6d7e8f9"]])


@router.post(
    "/account/second-factor",
    status_code=201,
    summary="Begin to enrol a second factor",
    response_model=EnrolmentOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={201: {"description": "Not on yet: send a code of it by PUT."}, **_ERRORS},
)
async def enrol_second_factor(body: EnrolmentIn, request: Request, person: Signed) -> Response:
    """A new secret for an authenticator (TOTP, RFC 6238). One that was begun before is forgotten."""
    return reply(await enrol(request, person, body.password), 201)


@router.put(
    "/account/second-factor",
    summary="Turn the second factor on",
    response_model=RecoveryCodesOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={200: {"description": "On; ten recovery codes."}, **_ERRORS},
)
async def confirm_second_factor(body: CodeIn, request: Request, person: Signed) -> Response:
    """From now on signing in asks for a code. This one is used up."""
    return reply(await confirm(request, person, body.code))


@router.post(
    "/account/second-factor/recovery-codes",
    status_code=201,
    summary="Make new recovery codes",
    response_model=RecoveryCodesOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={201: {"description": "Those before are good no more."}, **_ERRORS},
)
async def renew_recovery_codes(body: ProofIn, request: Request, person: Signed) -> Response:
    """Ten new ones, with the password and a code."""
    return reply(await renew(request, person, body.password, body.code), 201)


@router.post(
    "/account/second-factor/removal",
    status_code=204,
    summary="Turn the second factor off",
    response_class=Response,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE),
    responses={204: {"description": "Off; its secret and its recovery codes are gone."}, **_ERRORS},
)
async def remove_second_factor(body: ProofIn, request: Request, person: Signed) -> Response:
    """With the password and a code, or a recovery code."""
    await remove(request, person, body.password, body.code)
    return Response(status_code=204)


@router.delete(
    "/people/{person_id}/second-factor",
    status_code=204,
    summary="Reset a person's second factor",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={204: {"description": "Off."}, **responses(400, 401, 403, 404, 409, 422, 500, 503)},
)
async def reset_second_factor(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """For whom authenticator and recovery codes are lost. Not of a member of another organization, too
    (`409 member_elsewhere`)."""
    await reset(request, caller, person_id)
    return Response(status_code=204)


# -- what the routes and the pages do


async def enrol(request: Request, person: Person, password: SecretStr | None) -> EnrolmentOut:
    """Raises Problem 401, 409 it is on, 429."""
    _require(on=False, found=await _proved(request, person, password, None, unless_on=True))
    secret = factor.new_secret()

    async def make(changes: Changeset) -> None:
        if await changes.row("offer_second_factor", person_id=person.id, secret=secret) is None:
            raise _is_on()
        changes.tell(_place(person.id), after={"status": "offered"})

    await change(request, make)
    uri = factor.address(secret, person.actor)
    return EnrolmentOut(secret=secret, uri=uri, qr_svg=factor.drawing(uri))


async def confirm(request: Request, person: Person, code: str) -> RecoveryCodesOut:
    """Raises Problem 401 wrong, 409 not begun or on already, 429."""
    services, origin = services_of(request), origin_of(request)
    await services.attempts.count(origin.address, person.actor)
    found = await services.postgres.row(statement("find_person"), {"email": person.actor})
    _require(on=False, found=found)
    if found is None or found["totp_secret"] is None:
        raise Problem(409, "second_factor_off", "Begin by POST /v1/account/second-factor.")
    step = factor.step_of(found["totp_secret"], code, datetime.now(UTC))
    if step is None:
        raise Problem(401, "wrong_code", "The code is wrong: look at the clock of the device.")
    codes = factor.new_recovery_codes()

    async def make(changes: Changeset) -> None:
        asked = {"secret": found["totp_secret"], "step": step, "recovery": _digests(codes)}
        if await changes.row("turn_second_factor_on", person_id=person.id, **asked) is None:
            raise _is_on()
        await changes.row("give_factor", session_id=person.session_id, person_id=person.id)
        changes.tell(_place(person.id), before={"status": "offered"}, after={"status": "on"})

    await change(request, make)
    services.sessions.forget(lambda known: known.id == person.id)
    await services.attempts.forgive(person.actor)
    return RecoveryCodesOut(recovery_codes=codes)


async def renew(request: Request, person: Person, password: SecretStr | None, code: str) -> RecoveryCodesOut:
    """Raises Problem 401, 409 it is off, 429."""
    _require(on=True, found=await _proved(request, person, password, code))
    codes = factor.new_recovery_codes()

    async def make(changes: Changeset) -> None:
        await changes.row("set_recovery_codes", person_id=person.id, recovery=_digests(codes))
        changes.tell(f"{_place(person.id)}/recovery-codes")

    await change(request, make)
    return RecoveryCodesOut(recovery_codes=codes)


async def remove(request: Request, person: Person, password: SecretStr | None, code: str) -> None:
    """Raises Problem 401, 409 it is off, or asked for, 429."""
    of = {"organization_id": person.organization_id}
    policy = await services_of(request).postgres.row(statement("sign_on_policy"), of)
    if policy is not None and policy["second_factor"]:
        words = f"{person.organization_id} asks its people for a second factor: it stays on."
        raise Problem(409, "second_factor_asked_for", words)
    _require(on=True, found=await _proved(request, person, password, code))
    await _off(request, person.id)


async def reset(request: Request, caller: Principal, person_id: str) -> None:
    """Raises Problem 403 above the caller's own role, 404, 409 off, or a member elsewhere, too."""
    person = await find_member(services_of(request), caller.organization_id, person_id)
    require_may_give(caller, person.role)
    if not person.second_factor:
        raise _is_off()
    await require_here_alone(request, caller, person_id)
    await _off(request, person_id)


async def _off(request: Request, person_id: str) -> None:
    async def make(changes: Changeset) -> None:
        await changes.row("turn_second_factor_off", person_id=person_id)
        changes.tell(_place(person_id), before={"status": "on"}, after={"status": "off"})

    await change(request, make)
    services_of(request).sessions.forget(lambda known: known.id == person_id)


async def _proved(
    request: Request,
    person: Person,
    password: SecretStr | None,
    code: str | None,
    *,
    unless_on: bool = False,
) -> Row | None:
    if unless_on and person.second_factor:
        raise _is_on()
    sessions, origin = services_of(request).sessions, origin_of(request)
    if password is not None:
        return await sessions.prove(person.actor, password.get_secret_value(), origin, code=code)
    require_recent(person)
    return await sessions.prove_code(person.actor, code, origin)


def _require(*, on: bool, found: Row | None) -> None:
    if found is not None and found["second_factor"] is not on:
        raise _is_off() if on else _is_on()


def _digests(codes: list[str]) -> list[bytes]:
    return [factor.recovery_digest(code) for code in codes]


def _place(person_id: str) -> str:
    return f"/v1/people/{person_id}/second-factor"


def _is_on() -> Problem:
    return Problem(409, "second_factor_on", "The second factor is on: turn it off first.")


def _is_off() -> Problem:
    return Problem(409, "second_factor_off", "The second factor is off.")
