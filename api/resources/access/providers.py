"""Identity providers of an organization: made, listed, changed, removed by its Org Admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.people import Person
from api.access.roles import TITLES, fits, highest
from api.access.security import Caller, KeyedRoute, needs
from api.access.sign_on.fetch import ProviderFault
from api.access.sign_on.identity import Protocol
from api.access.sign_on.role_mapping import ClaimMapping
from api.access.sign_on.sealed_secrets import Unsealable
from api.http.conditions import ANY, ETAG, IfMatch, changed_since, tag_at, tagged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.resources.access.people import PersonId, find_member, require_may_give
from api.resources.access.sign_on_bodies import (
    PROVIDERS_MAX,
    IdentityProviderChangeIn,
    IdentityProviderIn,
    IdentityProviderListOut,
    IdentityProviderOut,
)
from api.resources.replies import REPLAYED, REPLAYED_HEADER, reply
from api.services import Services, services_of
from api.stores.sql import statement
from schemas.outbound import url_fault

router = APIRouter(prefix="/v1", tags=["access"], route_class=KeyedRoute)

ProviderId = Annotated[
    str, Path(max_length=64, description="the provider's id", examples=["idp_9f86d081884c7d659a2f"])
]
_SHOWN: Final = ("name", "client_id", "sign_on_url", "certificates", "domains", "mapping", "enabled")
#: What a provider has by its protocol, and must have, and what the other one has.
_OWN: Final = {"oidc": ("client_id",), "saml": ("sign_on_url", "certificates")}
_OTHERS: Final = {"oidc": _OWN["saml"], "saml": ("client_id", "client_secret")}


@router.post(
    "/identity-providers",
    status_code=201,
    summary="Add an identity provider",
    response_model=IdentityProviderOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        201: {"description": "Added; people can come by it.", "headers": REPLAYED | ETAG},
        **responses(400, 401, 403, 409, 413, 415, 422, 500, 503),
    },
)
async def create_identity_provider(
    body: IdentityProviderIn, request: Request, caller: Caller, key: WithIdempotencyKey
) -> Response:
    """Its discovery document is read first. Whoever has the provider can say that he is anybody of the
    organization: only who may do all that there is to do in it adds one."""
    found, made = await create(request, caller, body, key)
    return reply(found, 201, **_tags(found), **({} if made else {REPLAYED_HEADER: "true"}))


@router.get(
    "/identity-providers",
    summary="List identity providers",
    response_model=IdentityProviderListOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={200: {"description": "All of them."}, **responses(400, 401, 403, 422, 500, 503)},
)
async def list_identity_providers(request: Request, caller: Caller) -> Response:
    """By name; at most 20."""
    found = await provider_rows(services_of(request), caller.organization_id)
    return reply(IdentityProviderListOut(providers=found))


@router.get(
    "/identity-providers/{provider_id}",
    summary="Look at an identity provider",
    response_model=IdentityProviderOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={
        200: {"description": "How it is set.", "headers": ETAG},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_identity_provider(request: Request, caller: Caller, provider_id: ProviderId) -> Response:
    """How it is set, and the redirect URI that it must know."""
    found = await find_provider(services_of(request), caller.organization_id, provider_id)
    return reply(found, 200, **_tags(found))


@router.patch(
    "/identity-providers/{provider_id}",
    summary="Change an identity provider",
    response_model=IdentityProviderOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        200: {"description": "As it is now.", "headers": ETAG},
        **responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 503),
    },
)
async def change_identity_provider(
    body: IdentityProviderChangeIn,
    request: Request,
    caller: Caller,
    provider_id: ProviderId,
    if_match: IfMatch = None,
) -> Response:
    """Who sets a mapping gives what it gives. Turned off, it lets nobody in, and the sessions of those who
    came by it end; your own goes on."""
    found = await alter(request, caller, provider_id, body, if_match)
    return reply(found, 200, **_tags(found))


@router.delete(
    "/identity-providers/{provider_id}",
    status_code=204,
    summary="Remove an identity provider",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        204: {"description": "Nobody comes by it any more; sessions that it began have ended."},
        **responses(400, 401, 403, 404, 409, 412, 422, 500, 503),
    },
)
async def remove_identity_provider(
    request: Request, caller: Caller, provider_id: ProviderId, if_match: IfMatch = None
) -> Response:
    """With what it knows of people: added again, they are found by their e-mail addresses once more."""
    await remove(request, caller, provider_id, if_match)
    return Response(status_code=204)


@router.delete(
    "/people/{person_id}/identities",
    status_code=204,
    summary="Forget a person's identities",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={204: {"description": "They are forgotten."}, **responses(400, 401, 403, 404, 422, 500, 503)},
)
async def forget_identities(request: Request, caller: Caller, person_id: PersonId) -> Response:
    """Who has another account at a provider now: with the next sign-in he is found by his e-mail address."""
    person = await find_member(services_of(request), caller.organization_id, person_id)
    require_may_give(caller, person.role)

    async def make(changes: Changeset) -> None:
        who = {"organization_id": caller.organization_id, "person_id": person_id}
        row = await changes.row("unlink_identities", **who)
        providers = (row["providers"] if row else None) or []
        changes.tell(f"/v1/people/{person_id}/identities", before={"provider_ids": providers})

    await change(request, make)
    return Response(status_code=204)


# -- what the routes and the pages do


async def create(
    request: Request, caller: Principal, body: IdentityProviderIn, key: IdempotencyKey
) -> tuple[IdentityProviderOut, bool]:
    """The provider, and whether it was made now. Raises Problem 403, 409 there are too many, 422."""
    services, organization = services_of(request), caller.organization_id
    _require_highest(caller)
    _require_mappable(caller, body.mapping)
    _require_fitting(services, body.protocol, body, whole=True)
    if body.protocol == "oidc" and (fault := url_fault(body.issuer, local=services.sign_on.terms.local)):
        raise _wrong("body.issuer", fault)
    secret = None if body.client_secret is None else _sealed(services, body.client_secret.get_secret_value())
    provider_id = f"idp_{key.digest(organization)[:20]}"
    of = {"organization_id": organization, "provider_id": provider_id}
    terms = {
        **body.model_dump(include=set(_SHOWN)),
        "domains": sorted(set(body.domains)),
        "certificates": body.certificates or [],
    }

    async def make(changes: Changeset) -> bool:
        row = await changes.row("count_providers", organization_id=organization)
        if row is not None and row["providers"] >= PROVIDERS_MAX:
            raise Problem(409, "too_many_identity_providers", f"There are {PROVIDERS_MAX}: remove one first.")
        made = await changes.row(
            "create_provider",
            **of,
            **{**terms, "mapping": body.mapping.model_dump_json()},
            protocol=body.protocol,
            issuer=body.issuer,
            secret=secret,
            mapped_by=caller.actor,
            mapped_by_id=caller.id,
        )
        if made is not None:
            changes.tell(_place(provider_id), after={**_told(terms), "issuer": body.issuer})
        return made is not None

    async def checked() -> bool:
        try:
            if body.protocol == "oidc":
                await services.sign_on.oidc.metadata(body.issuer)
        except ProviderFault as error:
            raise _wrong("body.issuer", f"is no OpenID Connect issuer that answers: {error}") from None
        return await change(request, make)

    # Not the secret: what was sent is compared by what is remembered of it, in Redis.
    content = f"identity provider {body.model_dump_json(exclude={'client_secret'})}"
    _, made = await services.claimed(key.event_id(organization), content, checked)
    return await find_provider(services, organization, provider_id), made


async def alter(
    request: Request,
    caller: Principal,
    provider_id: str,
    body: IdentityProviderChangeIn,
    if_match: str | None = None,
) -> IdentityProviderOut:
    """Raises Problem 403, 404, 409 it is the last one while it must be used, 412, 422."""
    services, organization = services_of(request), caller.organization_id
    _require_highest(caller)
    if body.mapping is not None:
        _require_mappable(caller, body.mapping)
    secret = None if body.client_secret is None else _sealed(services, body.client_secret.get_secret_value())
    of = {"organization_id": organization, "provider_id": provider_id}

    async def make(changes: Changeset) -> list[str]:
        before = await _locked(changes, of, if_match)
        _require_fitting(services, before["protocol"], body, whole=False)
        given = body.model_dump(exclude_none=True, include=set(_SHOWN))
        after = {name: before[name] for name in (*_SHOWN, "mapped_by", "mapped_by_id")} | given
        if body.mapping is not None:
            after |= {"mapped_by": caller.actor, "mapped_by_id": caller.id}
        mapping = ClaimMapping.model_validate(after["mapping"]).model_dump_json()
        await changes.row("change_provider", **of, **{**after, "mapping": mapping})
        if secret is not None:
            await changes.row("change_provider_secret", **of, secret=secret)
        changed = _told(after) | ({} if secret is None else {"client_secret": "changed"})
        changes.tell(_place(provider_id), before=_told(before), after=changed)
        if after["enabled"]:
            return []
        await _require_another(changes, organization)
        return await _end_sessions(changes, caller, of)

    ended = await change(request, make)
    services.sessions.forget(lambda known: known.session_id in ended)
    return await find_provider(services, organization, provider_id)


async def remove(request: Request, caller: Principal, provider_id: str, if_match: str | None = None) -> None:
    """Raises Problem 403, 404, 409 as `alter`, 412."""
    _require_highest(caller)
    of = {"organization_id": caller.organization_id, "provider_id": provider_id}

    async def make(changes: Changeset) -> list[str]:
        before = await _locked(changes, of, if_match)
        ended = await _end_sessions(changes, caller, of)
        await changes.row("remove_provider", **of)
        await _require_another(changes, caller.organization_id)
        changes.tell(_place(provider_id), before=_told(before))
        return ended

    ended = await change(request, make)
    services_of(request).sessions.forget(lambda known: known.session_id in ended)


async def provider_rows(
    services: Services, organization_id: str, provider_id: str | None = None
) -> list[IdentityProviderOut]:
    """By name. Raises PostgresAway."""
    asked = {"organization_id": organization_id, "provider_id": provider_id}
    row = await services.postgres.row(statement("providers"), asked)
    return [
        IdentityProviderOut(
            **one,
            callback=services.sign_on.callback(one["provider_id"], one["protocol"]),
            entity_id=services.sign_on.entity_id(one["provider_id"]),
        )
        for one in (row["providers"] if row else [])
    ]


async def find_provider(services: Services, organization_id: str, provider_id: str) -> IdentityProviderOut:
    """Raises Problem 404."""
    found = await provider_rows(services, organization_id, provider_id) if storable(provider_id) else []
    if not found:
        raise _unknown()
    return found[0]


def _require_highest(caller: Principal) -> None:
    require_may_give(caller, highest(caller.organization_id))


def _require_mappable(caller: Principal, mapping: ClaimMapping) -> None:
    """Raises Problem 403 for a role above the caller's own, 422 for one that there is not here."""
    for number, rule in enumerate(mapping.roles.rules if mapping.roles else ()):
        if not fits(rule.role, caller.organization_id):
            words = f"there is no {TITLES[rule.role]} in this organization"
            raise _wrong(f"body.mapping.roles.rules.{number}.role", words)
        require_may_give(caller, rule.role)


def _require_fitting(
    services: Services,
    protocol: Protocol,
    body: IdentityProviderIn | IdentityProviderChangeIn,
    *,
    whole: bool,
) -> None:
    """Raises Problem 422 for what a provider of this protocol lacks, if it is `whole`, or cannot have."""
    for name in _OTHERS[protocol]:
        if getattr(body, name) is not None:
            raise _wrong(f"body.{name}", f"is nothing that a provider of {protocol} has")
    for name in _OWN[protocol]:
        if whole and getattr(body, name) is None:
            raise _wrong(f"body.{name}", f"is missing: a provider of {protocol} has it")
    if body.sign_on_url and (fault := url_fault(body.sign_on_url, local=services.sign_on.terms.local)):
        raise _wrong("body.sign_on_url", fault)


def _sealed(services: Services, secret: str) -> str:
    try:
        return services.sign_on.terms.seal.seal(secret)
    except Unsealable as error:
        words = f"A client secret is kept sealed, and cannot be here: {error}. Who runs the API sets it."
        raise Problem(409, "sealing_key_missing", words) from None


async def _locked(changes: Changeset, of: dict[str, str], if_match: str | None) -> dict[str, Any]:
    before = await changes.row("provider_state", **of) if storable(of["provider_id"]) else None
    if before is None:
        raise _unknown()
    changed_at: datetime = before["changed_at"]
    if if_match not in (None, ANY, tag_at(changed_at)):
        raise changed_since(tag_at(changed_at))
    return before


async def _require_another(changes: Changeset, organization_id: str) -> None:
    """While people must come by one, one is there."""
    policy = await changes.row("sign_on_policy", organization_id=organization_id)
    left = await changes.row("count_providers", organization_id=organization_id)
    if policy and policy["required"] and left and not left["enabled"]:
        words = (
            "People must come by an identity provider, and this is the last: let them use passwords first."
        )
        raise Problem(409, "sign_on_is_required", words)


async def _end_sessions(changes: Changeset, caller: Principal, of: dict[str, str]) -> list[str]:
    own = caller.session_id if isinstance(caller, Person) else None
    row = await changes.row("end_provider_sessions", **of, but_session=own)
    ended: list[str] = (row["sessions"] if row else None) or []
    return ended


def _told(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in _SHOWN}


def _tags(provider: IdentityProviderOut) -> dict[str, str]:
    return tagged(tag_at(provider.changed_at))


def _place(provider_id: str) -> str:
    return f"/v1/identity-providers/{provider_id}"


def _wrong(field: str, words: str) -> Problem:
    return invalid_request([FieldError(field=field, code="value_error", message=words[:500])])


def _unknown() -> Problem:
    return Problem(404, "unknown_identity_provider", "There is no such identity provider.")
