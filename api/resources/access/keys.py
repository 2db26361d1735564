"""API keys: made, listed, rotated, revoked. A secret is in one answer only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field, StrictInt
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import (
    KEY_SCOPES,
    Principal,
    Scope,
    from_row,
    key_id,
    new_secret,
    prefix_of,
    state_of,
)
from api.access.notes import change
from api.access.people import reach_of
from api.access.roles import Reach
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, NEXT, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.http.types import Input, Moment, Output, Text
from api.resources.replies import REPLAYED, REPLAYED_HEADER, reply
from api.services import Services, services_of
from api.stores.postgres import Row
from api.stores.sql import statement

router = APIRouter(prefix="/v1/keys", tags=["access"], route_class=KeyedRoute)

OVERLAP_S_MAX: Final = 30 * 86_400
KeyId = Annotated[str, Path(max_length=64, description="the key's id", examples=["key_q7m2x4b6ns"])]


class KeyIn(Input):
    """What a key is for, and what it may do."""

    model_config = ConfigDict(title="NewKey")

    name: Text = Field(min_length=1, max_length=100, examples=["Card processor"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(KEY_SCOPES),
        description="none that the caller does not have for the whole organization",
        examples=[["authorizations:read"]],
    )
    expires_at: Moment | None = Field(
        default=None, description="null: until it is revoked", examples=["2027-12-31T00:00:00Z"]
    )


class KeyRotationIn(Input):
    """How long the key before goes on beside the new one."""

    model_config = ConfigDict(title="KeyRotation")

    overlap_s: StrictInt = Field(
        default=86_400, ge=0, le=OVERLAP_S_MAX, description="seconds; 0: none", examples=[86_400]
    )


class KeyOut(Output):
    """A key, without its secret."""

    model_config = ConfigDict(title="Key")

    key_id: str = Field(examples=["key_q7m2x4b6ns"])
    name: str = Field(examples=["Card processor"])
    prefix: str = Field(description="how the secret begins", examples=["sl_q7m2x4b6ns"])
    actor: str = Field(description="whom what is done with it names", examples=["key_q7m2x4b6ns"])
    scopes: list[Scope] = Field(examples=[["authorizations:read"]])
    created_at: datetime
    created_by: str | None = Field(description="null: on the command line", examples=["ada@techcorp.com"])
    expires_at: datetime | None = Field(description="null: until it is revoked")
    last_used_at: datetime | None = Field(description="give or take a minute; null: never")
    revoked_at: datetime | None
    replaced_by: str | None = Field(description="the key that a rotation made of it", examples=[None])


class NewKeyOut(KeyOut):
    """A key that was just made."""

    model_config = ConfigDict(title="CreatedKey")

    secret: str | None = Field(
        description="shown this once; null in the answer to a repeat. Lost? Rotate it",
        examples=["sl_q7m2x4b6ns_Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9t1s3p2o4n6l8k0h"],
    )


class KeyListOut(Output):
    """A page of keys, newest first."""

    model_config = ConfigDict(title="KeyList")

    keys: list[KeyOut]
    next: str | None = Field(description=NEXT)


@router.post(
    "",
    status_code=201,
    summary="Make a key",
    response_model=NewKeyOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.KEYS_WRITE, recent=True),
    responses={
        201: {"description": "Made; its secret is in this answer and in no other.", "headers": REPLAYED},
        **responses(400, 401, 403, 413, 415, 422, 500, 503),
    },
)
async def create_key(body: KeyIn, request: Request, caller: Caller, key: WithIdempotencyKey) -> Response:
    """Nobody gives a key more than he has himself. A key that may approve acts in the name of who made it, so
    that nobody approves his own request by a key of his; any other in its own."""
    answer, made = await make_key(request, caller, body, key)
    return reply(answer, 201, **({} if made else {REPLAYED_HEADER: "true"}))


@router.get(
    "",
    summary="List keys",
    response_model=KeyListOut,
    openapi_extra=needs(Scope.KEYS_READ),
    responses={
        200: {"description": "A page of them.", "headers": LINK},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def list_keys(
    request: Request,
    caller: Caller,
    page: Paged,
    active: Annotated[
        bool | None, Query(description="true: only those that are good; false: the others")
    ] = None,
) -> Response:
    """Newest first, revoked ones too."""
    key = page.key(tuple[datetime, str])
    found = await key_rows(
        services_of(request),
        caller.organization_id,
        active=active,
        seen=key or (None, None),
        rows_max=page.rows_max,
    )
    rows, following = page.turn(found, lambda row: (row["created_at"], row["id"]))
    body = KeyListOut(keys=[shown_key(row) for row in rows], next=following)
    return reply(body, 200, **page.link(following))


@router.get(
    "/{key_id}",
    summary="Look at a key",
    response_model=KeyOut,
    openapi_extra=needs(Scope.KEYS_READ),
    responses={200: {"description": "How it stands."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def read_key(request: Request, caller: Caller, key_id: KeyId) -> Response:
    """Its scopes, and when it was used last."""
    return reply(await find_key(services_of(request), caller.organization_id, key_id))


@router.post(
    "/{key_id}/rotations",
    status_code=201,
    summary="Rotate a key",
    response_model=NewKeyOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.KEYS_WRITE, recent=True),
    responses={
        201: {"description": "The new key.", "headers": REPLAYED},
        **responses(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    },
)
async def rotate_key(
    body: KeyRotationIn, request: Request, caller: Caller, key_id: KeyId, key: WithIdempotencyKey
) -> Response:
    """A new key with the same name, actor, scopes and end; the one before is good until the overlap ends."""
    answer, made = await rotate(request, caller, key_id, body.overlap_s, key)
    return reply(answer, 201, **({} if made else {REPLAYED_HEADER: "true"}))


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke a key",
    response_class=Response,
    openapi_extra=needs(Scope.KEYS_WRITE, recent=True),
    responses={204: {"description": "Revoked."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def revoke_key(request: Request, caller: Caller, key_id: KeyId) -> Response:
    """Here at once, in every process within 5 s. Once more is no error."""
    await revoke(request, caller, key_id)
    return Response(status_code=204)


# -- what the routes and the pages do


async def make_key(
    request: Request, caller: Principal, body: KeyIn, key: IdempotencyKey
) -> tuple[NewKeyOut, bool]:
    """The key, and whether it was made now. Raises Problem 403 for more than the caller has."""
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        wrong = FieldError(field="body.expires_at", code="value_error", message="must lie in the future")
        raise invalid_request([wrong])
    scopes = sorted(set(body.scopes))
    _require_own(caller, scopes)
    made_id = key_id(key.digest(caller.organization_id))
    terms: Row = {
        "name": body.name,
        "scopes": scopes,
        "expires_at": body.expires_at,
        "actor": caller.actor if Scope.BUDGETS_APPROVE in scopes else made_id,
    }
    content = f"key {body.model_dump_json()}"

    async def make(changes: Changeset) -> str | None:
        return await _insert(changes, caller, made_id, terms)

    return await _made(request, caller, made_id, content, key, make)


async def rotate(
    request: Request, caller: Principal, old_id: str, overlap_s: int, key: IdempotencyKey
) -> tuple[NewKeyOut, bool]:
    """The key that takes its place, and whether it was made now. Raises Problem 403, 404, 409 it is ended."""
    made_id = key_id(key.digest(caller.organization_id))
    of = {"organization_id": caller.organization_id, "key_id": old_id}

    async def make(changes: Changeset) -> str | None:
        found = await changes.row("key_state", **of) if storable(old_id) else None
        if found is None:
            raise _unknown()
        old = from_row(found)
        if old.replaced_by == made_id:
            return None
        now = datetime.now(UTC)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Problem(409, "key_ended", "This key has ended: make a new one.")
        if old.replaced_by is not None:
            raise Problem(409, "already_rotated", f"This key was rotated already: {old.replaced_by}.")
        _require_own(caller, [Scope(scope) for scope in sorted(old.scopes)])
        terms: Row = {
            "name": old.name,
            "scopes": sorted(old.scopes),
            "expires_at": old.expires_at,
            "actor": old.actor,
        }
        secret = await _insert(changes, caller, made_id, terms)
        until = now + timedelta(seconds=overlap_s)
        ends = until if old.expires_at is None else min(until, old.expires_at)
        await changes.row("replace_key", **of, expires_at=ends, replaced_by=made_id)
        changes.tell(_place(old_id), before=state_of(old), after={"expires_at": ends, "replaced_by": made_id})
        return secret

    answer = await _made(request, caller, made_id, f"rotate {old_id} {overlap_s}", key, make)
    services_of(request).keyring.forget(lambda known: known.id == old_id)
    return answer


async def revoke(request: Request, caller: Principal, key_id: str) -> None:
    """Raises Problem 404."""
    of = {"organization_id": caller.organization_id, "key_id": key_id}

    async def make(changes: Changeset) -> None:
        found = await changes.row("key_state", **of) if storable(key_id) else None
        if found is None:
            raise _unknown()
        if found["revoked_at"] is None:
            await changes.row("end_key", **of)
            changes.tell(_place(key_id), before=state_of(from_row(found)))

    await change(request, make)
    services_of(request).keyring.forget(lambda known: known.id == key_id)


async def key_rows(
    services: Services,
    organization_id: str,
    *,
    key_id: str | None = None,
    active: bool | None = None,
    seen: tuple[datetime | None, str | None] = (None, None),
    rows_max: int = 1,
) -> list[dict[str, Any]]:
    """Newest first, those after `seen`. Raises PostgresAway."""
    row = await services.postgres.row(
        statement("keys"),
        {
            "organization_id": organization_id,
            "key_id": key_id,
            "active": active,
            "seen_at": seen[0],
            "seen_id": seen[1],
            "rows_max": rows_max,
        },
    )
    found: list[dict[str, Any]] = row["keys"] if row else []
    return found


async def find_key(services: Services, organization_id: str, key_id: str) -> KeyOut:
    """Raises Problem 404."""
    found = await key_rows(services, organization_id, key_id=key_id) if storable(key_id) else []
    if not found:
        raise _unknown()
    return shown_key(found[0])


async def _insert(changes: Changeset, caller: Principal, made_id: str, terms: Row) -> str | None:
    """The new key's secret; None: it is there already."""
    secret, hashed = new_secret(made_id)
    row = await changes.row(
        "create_key",
        id=made_id,
        organization_id=caller.organization_id,
        prefix=prefix_of(made_id),
        key_sha256=hashed,
        created_by=caller.actor,
        **terms,
    )
    if row is None:
        return None
    changes.tell(_place(made_id), after=state_of(from_row(row)))
    return secret


async def _made(
    request: Request, caller: Principal, made_id: str, content: str, key: IdempotencyKey, make: Any
) -> tuple[NewKeyOut, bool]:
    services, organization = services_of(request), caller.organization_id
    _, secret = await services.claimed(key.event_id(organization), content, lambda: change(request, make))
    found = await find_key(services, organization, made_id)
    return NewKeyOut(**found.model_dump(), secret=secret), secret is not None


def _require_own(caller: Principal, scopes: Sequence[Scope]) -> None:
    """Raises Problem 403 for a scope that the caller does not have, or not for the whole organization."""
    above = [scope for scope in scopes if reach_of(caller, scope) is not Reach.ORGANIZATION]
    if above:
        words = (
            f"{caller.actor} does not have {', '.join(above)} for the whole organization, and gives no more."
        )
        raise Problem(403, "above_own_role", words)


def shown_key(row: dict[str, Any]) -> KeyOut:
    """Of a row of `key_rows`."""
    named = {**row, "key_id": row["id"], "scopes": sorted(row["scopes"])}
    return KeyOut(**{name: named[name] for name in KeyOut.model_fields})


def _place(key_id: str) -> str:
    return f"/v1/keys/{key_id}"


def _unknown() -> Problem:
    return Problem(404, "unknown_key", "There is no such key in this organization.")
