"""Single sign-on as an Org Admin sets it: providers, domains, and what people must come with."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from api.access.keys import Scope
from api.access.roles import TITLES, highest
from api.access.security import needs
from api.http.conditions import tag_at
from api.http.problems import Problem
from api.pages.forms import once, valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.sign_on import keep
from api.resources.access.domains import claim, domain_rows, prove, release
from api.resources.access.people import people_rows
from api.resources.access.providers import alter, create, find_provider, provider_rows, remove
from api.resources.access.sessions import origin_of
from api.resources.access.sign_on_bodies import (
    IdentityProviderChangeIn,
    IdentityProviderIn,
    SignOnPolicyIn,
)
from api.resources.access.sign_on_policy import find_policy, set_policy, tag_of

router = APIRouter(prefix="/single-sign-on", route_class=PageRoute, include_in_schema=False)

HERE: Final = "/single-sign-on"
_READ: Final = needs(Scope.PEOPLE_READ)
_WRITE: Final = needs(Scope.PEOPLE_WRITE, recent=True)
_ADMINS_MAX: Final = 100
#: What a form can mend; all else is a page of its own.
_FAULTS: Final = frozenset({404, 409, 412, 422, 502})
_EMPTY: Final = {"name": "", "issuer": "", "client_id": "", "sign_on_url": "", "certificates": ()}
_END: Final = "-----END CERTIFICATE-----"


def _told(
    name: Annotated[str, Form(max_length=60)] = "",
    protocol: Annotated[str, Form(max_length=10)] = "oidc",
    issuer: Annotated[str, Form(max_length=2_000)] = "",
    client_id: Annotated[str, Form(max_length=300)] = "",
    client_secret: Annotated[str, Form(max_length=500)] = "",
    sign_on_url: Annotated[str, Form(max_length=2_000)] = "",
    certificates: Annotated[str, Form(max_length=40_000)] = "",
    domains: Annotated[str, Form(max_length=13_000)] = "",
) -> dict[str, Any]:
    """What the form says, for the models of `api.resources.access` to judge; what is empty is not there.

    `domains`: with commas between them; `certificates`: one below the other.
    """
    texts = {
        "name": name,
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": client_secret,
        "sign_on_url": sign_on_url,
    }
    given: dict[str, Any] = {member: text.strip() for member, text in texts.items() if text.strip()}
    one_by_one = [part.strip() + "\n" + _END for part in certificates.split(_END) if part.strip()]
    if one_by_one:
        given["certificates"] = one_by_one
    named = [one.strip() for one in domains.split(",") if one.strip()]
    return {**given, "protocol": protocol, "domains": named}


Told = Annotated[dict[str, Any], Depends(_told)]


@router.get("", openapi_extra=_READ)
async def show_sign_on(asking: Asked) -> Response:
    return await _all(asking)


async def _all(asking: Asking, wrong: Problem | None = None) -> Response:
    """`wrong`: why a form of the page did nothing. Raises it where a form cannot mend it."""
    if wrong is not None and wrong.status_code not in _FAULTS:
        raise wrong
    services, organization = asking.services, asking.viewer.organization_id
    providers, domains, policy, admins = await asyncio.gather(
        provider_rows(services, organization),
        domain_rows(services, organization),
        find_policy(services, organization),
        people_rows(
            services,
            organization,
            seen=None,
            role=highest(organization),
            department_id=None,
            rows_max=_ADMINS_MAX,
        ),
    )
    return page(
        asking.request,
        "providers",
        status=200 if wrong is None else wrong.status_code,
        wrong="" if wrong is None else words_of(wrong),
        providers=providers,
        domains=domains,
        policy=policy,
        tag=tag_of(policy),
        admins=[one for one in admins if one["password"]],
        write=asking.viewer.may(Scope.PEOPLE_WRITE),
    )


@router.post("/policy", openapi_extra=_WRITE)
async def set_policy_by_form(
    asking: Asked,
    tag: Annotated[str, Form(max_length=64)] = "",
    required: Annotated[str, Form(max_length=3)] = "",
    second_factor: Annotated[str, Form(max_length=3)] = "",
    break_glass: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """`tag`: of the policy as the form has shown it."""
    told = {
        "required": bool(required),
        "second_factor": bool(second_factor),
        "break_glass": break_glass or None,
    }
    try:
        body = valid(lambda: SignOnPolicyIn.model_validate(told))
        await set_policy(asking.request, asking.viewer.caller, body, tag)
    except Problem as problem:
        return await _all(asking, problem)
    return back(HERE, done="Saved. It holds from now on.")


@router.post("/domains", openapi_extra=_WRITE)
async def act_on_domain(
    asking: Asked,
    domain: Annotated[str, Form(max_length=300)] = "",
    act: Annotated[Literal["claim", "prove", "release"], Form()] = "claim",
) -> Response:
    request, caller, named = asking.request, asking.viewer.caller, domain.strip()
    try:
        if act == "claim":
            found = await claim(request, caller, named)
            done = f"Claimed. Set the record that {found.domain} is to have, then look for it."
        elif act == "prove":
            found = await prove(request, caller, named)
            done = f"{found.domain} is proved."
        else:
            await release(request, caller, named)
            done = "Released."
    except Problem as problem:
        return await _all(asking, problem)
    return back(HERE, done=done)


@router.get("/new", openapi_extra=_WRITE)
async def show_provider_form(asking: Asked, protocol: Literal["oidc", "saml"] = "oidc") -> Response:
    return _form(asking, {"protocol": protocol, "domains": []})


def _form(asking: Asking, told: dict[str, Any], wrong: Problem | None = None) -> Response:
    """A secret is not shown again: it is typed anew."""
    return page(
        asking.request,
        "provider_form",
        status=200 if wrong is None else wrong.status_code,
        told={**_EMPTY, **told},
        wrong="" if wrong is None else words_of(wrong),
        key=secrets.token_hex(16),
    )


@router.post("/new", openapi_extra=_WRITE)
async def add_by_form(asking: Asked, key: Annotated[str, Form(max_length=64)], told: Told) -> Response:
    """It is turned off at first: it is tried, then turned on."""
    try:
        body = valid(lambda: IdentityProviderIn.model_validate({**told, "enabled": False}))
        made, _ = await create(asking.request, asking.viewer.caller, body, once(key))
    except Problem as problem:
        if problem.status_code not in _FAULTS:
            raise
        return _form(asking, told, problem)
    return back(f"{HERE}/{made.provider_id}", done="Added, and not turned on yet: register it, then try it.")


@router.get("/{provider_id}", openapi_extra=_READ)
async def show_provider(asking: Asked, provider_id: str) -> Response:
    return await _provider(asking, provider_id)


async def _provider(asking: Asking, provider_id: str, wrong: Problem | None = None) -> Response:
    found = await find_provider(asking.services, asking.viewer.organization_id, provider_id)
    return page(
        asking.request,
        "provider",
        status=200 if wrong is None else wrong.status_code,
        wrong="" if wrong is None else words_of(wrong),
        found=found,
        tag=tag_at(found.changed_at),
        titles=TITLES,
        write=asking.viewer.may(Scope.PEOPLE_WRITE),
    )


@router.post("/{provider_id}", openapi_extra=_WRITE)
async def act_on_provider(
    asking: Asked,
    provider_id: str,
    tag: Annotated[str, Form(max_length=64)],
    act: Annotated[Literal["on", "off", "remove"], Form()],
) -> Response:
    """`tag`: of the provider as the page has shown it."""
    request, caller = asking.request, asking.viewer.caller
    try:
        if act == "remove":
            await remove(request, caller, provider_id, tag)
            return back(HERE, done="Removed. Nobody comes by it any more.")
        body = IdentityProviderChangeIn(enabled=act == "on")
        await alter(request, caller, provider_id, body, tag)
    except Problem as problem:
        if problem.status_code not in _FAULTS or problem.status_code == 404:
            raise
        return await _provider(asking, provider_id, problem)
    done = "Turned on: people can come by it." if act == "on" else "Turned off: nobody comes by it."
    return back(f"{HERE}/{provider_id}", done=done)


@router.get("/{provider_id}/trial", openapi_extra=_WRITE)
async def try_provider(asking: Asked, provider_id: str) -> Response:
    """Off to it and back: what it says of who tries it is shown, and nobody is signed in by that. By a link:
    a form of ours may be sent on to no other host (`form-action`)."""
    await find_provider(asking.services, asking.viewer.organization_id, provider_id)
    try:
        departure = await asking.services.sign_on.depart(
            provider_id, origin_of(asking.request), following=f"{HERE}/{provider_id}", trial=True
        )
    except Problem as problem:
        if problem.status_code not in _FAULTS:
            raise
        return await _provider(asking, provider_id, problem)
    return keep(RedirectResponse(departure.url, 303), departure)
