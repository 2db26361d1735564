"""Domains of e-mail addresses: claimed by an organization, and proved by a record in the domain's DNS."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field, ValidationError
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.roles import highest
from api.access.security import Caller, KeyedRoute, needs
from api.access.sign_on.domains import NameServersFault, record_name, record_text, says, shown
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.http.types import Output
from api.resources.access.people import require_may_give
from api.resources.access.sign_on_bodies import DOMAIN
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.sql import statement

router = APIRouter(prefix="/v1/domains", tags=["access"], route_class=KeyedRoute)

CLAIMED_MAX: Final = 50
DomainPath = Annotated[
    str,
    Path(
        min_length=3,
        max_length=253,
        description="of e-mail addresses, in lower case",
        examples=["techcorp.com"],
    ),
]


class DomainOut(Output):
    """A domain of e-mail addresses, and the record that proves whose it is."""

    model_config = ConfigDict(title="Domain")

    domain: str = Field(examples=["techcorp.com"])
    record_name: str = Field(
        description="where its DNS has a TXT record", examples=["_spendlog.techcorp.com"]
    )
    record_text: str = Field(
        description="that says this", examples=["spendlog-domain=Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9t1s3"]
    )
    proved_at: datetime | None = Field(description="when the record was seen last; null: never")
    created_at: datetime


class DomainListOut(Output):
    """All of the organization, by name."""

    model_config = ConfigDict(title="DomainList")

    domains: list[DomainOut]


@router.get(
    "",
    summary="List domains",
    response_model=DomainListOut,
    openapi_extra=needs(Scope.PEOPLE_READ),
    responses={200: {"description": "All of them."}, **responses(400, 401, 403, 422, 500, 503)},
)
async def list_domains(request: Request, caller: Caller) -> Response:
    """By name; at most 50."""
    return reply(DomainListOut(domains=await domain_rows(services_of(request), caller.organization_id)))


@router.put(
    "/{domain}",
    summary="Claim a domain",
    response_model=DomainOut,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        200: {"description": "Claimed; what its DNS is to say."},
        **responses(400, 401, 403, 404, 409, 422, 500, 503),
    },
)
async def claim_domain(request: Request, caller: Caller, domain: DomainPath) -> Response:
    """Anybody may claim any: nothing follows from it before it is proved. Again, it stays as it is."""
    return reply(await claim(request, caller, domain))


@router.post(
    "/{domain}/verifications",
    summary="Prove a domain",
    response_model=DomainOut,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        200: {"description": "Proved: people are found and linked by its addresses."},
        **responses(400, 401, 403, 404, 409, 422, 500, 502, 503),
    },
)
async def verify_domain(request: Request, caller: Caller, domain: DomainPath) -> Response:
    """Asks its name servers for the record. It may stay there, and must not."""
    return reply(await prove(request, caller, domain))


@router.delete(
    "/{domain}",
    status_code=204,
    summary="Release a domain",
    response_class=Response,
    openapi_extra=needs(Scope.PEOPLE_WRITE, recent=True),
    responses={
        204: {"description": "Nobody is found or linked by its addresses any more."},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def release_domain(request: Request, caller: Caller, domain: DomainPath) -> Response:
    """Who was linked before comes in as before. Claimed again, it must be proved by another record."""
    await release(request, caller, domain)
    return Response(status_code=204)


# -- what the routes and the pages do


async def claim(request: Request, caller: Principal, domain: str) -> DomainOut:
    """Raises Problem 403, 409 there are too many, 422."""
    services, organization = services_of(request), caller.organization_id
    require_may_give(caller, highest(organization))
    named = _named(domain)
    of = {"organization_id": organization}

    async def make(changes: Changeset) -> None:
        row = await changes.row("count_domains", **of)
        if row is not None and row["domains"] >= CLAIMED_MAX:
            raise Problem(409, "too_many_domains", f"There are {CLAIMED_MAX}: release one first.")
        made = await changes.row("claim_domain", **of, domain=named, challenge=secrets.token_urlsafe(24))
        if made is not None:
            changes.tell(_place(named), after={"status": "claimed"})

    found = await domain_rows(services, organization, named)
    if not found:
        await change(request, make)
        found = await domain_rows(services, organization, named)
    if not found:
        raise _unknown()
    return found[0]


async def prove(request: Request, caller: Principal, domain: str) -> DomainOut:
    """Raises Problem 403, 404, 409 there is no such record, 502 its name servers do not answer."""
    services, organization = services_of(request), caller.organization_id
    require_may_give(caller, highest(organization))
    known = await find_domain(services, organization, domain)
    challenge = known.record_text.removeprefix(record_text(""))
    try:
        texts = await services.sign_on.domains.texts(known.domain)
    except NameServersFault as fault:
        words = f"Its name servers gave no answer: {fault}. Try again in a moment."
        raise Problem(502, "name_servers_fault", words) from None
    if not says(texts, challenge):
        words = (
            f"{known.record_name} has {shown(texts)}, and not the TXT record {known.record_text!r}. After a "
            "change name servers tell the old answer for a while, up to its time to live."
        )
        raise Problem(409, "domain_not_proved", words)

    async def make(changes: Changeset) -> None:
        if await changes.row("prove_domain", organization_id=organization, domain=known.domain) is None:
            raise _unknown()
        before = "claimed" if known.proved_at is None else "proved"
        changes.tell(_place(known.domain), before={"status": before}, after={"status": "proved"})

    await change(request, make)
    return await find_domain(services, organization, domain)


async def release(request: Request, caller: Principal, domain: str) -> None:
    """Raises Problem 403, 404."""
    require_may_give(caller, highest(caller.organization_id))
    named = _named(domain)

    async def make(changes: Changeset) -> None:
        row = await changes.row("release_domain", organization_id=caller.organization_id, domain=named)
        if row is None:
            raise _unknown()
        changes.tell(_place(named), before={"status": "proved" if row["proved"] else "claimed"})

    await change(request, make)


async def domain_rows(services: Services, organization_id: str, domain: str | None = None) -> list[DomainOut]:
    """By name. Raises PostgresAway."""
    asked = {"organization_id": organization_id, "domain": domain}
    row = await services.postgres.row(statement("domains"), asked)
    return [
        DomainOut(
            domain=one["domain"],
            record_name=record_name(one["domain"]),
            record_text=record_text(one["challenge"]),
            proved_at=one["proved_at"],
            created_at=one["created_at"],
        )
        for one in (row["domains"] if row else [])
    ]


async def find_domain(services: Services, organization_id: str, domain: str) -> DomainOut:
    """Raises Problem 404, 422."""
    found = await domain_rows(services, organization_id, _named(domain))
    if not found:
        raise _unknown()
    return found[0]


def _named(domain: str) -> str:
    try:
        return DOMAIN.validate_python(domain)
    except ValidationError as error:
        words = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise invalid_request([FieldError(field="path.domain", code="value_error", message=words)]) from None


def _place(domain: str) -> str:
    return f"/v1/domains/{domain}"


def _unknown() -> Problem:
    return Problem(404, "unknown_domain", "There is no such domain of the organization: claim it first.")
