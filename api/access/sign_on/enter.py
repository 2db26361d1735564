"""Single sign-on from end to end: which providers there are, off to one of them, and back with who it is."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import structlog

from api.access.audit import Audit
from api.access.people import Person
from api.access.roles import TITLES
from api.access.sessions import Sessions, SignInOrigin, own_factor
from api.access.sign_on import saml
from api.access.sign_on.arrival import Arrivals
from api.access.sign_on.domains import DomainRecords
from api.access.sign_on.fetch import ProviderFault, ProviderHttp
from api.access.sign_on.identity import AwaitedFactor, Identity, IdentityProvider, Protocol, SignOn
from api.access.sign_on.oidc import OpenIdConnect
from api.access.sign_on.role_mapping import ClaimMapping
from api.access.sign_on.sealed_secrets import Seal, Unsealable
from api.http.problems import Problem
from api.stores.attempts import Attempts
from api.stores.postgres import Postgres
from api.stores.sql import statement
from api.stores.tries import SignInTries, browser_digest, same_browser
from schemas.ids import is_name

log = structlog.get_logger(__name__)


class Offer(NamedTuple):
    """A provider that a sign-in page offers."""

    organization_id: str
    provider_id: str
    name: str


class Departure(NamedTuple):
    """Where the browser goes, and the cookie that it must come back with: `across`, with a POST of another
    site."""

    url: str
    cookie: str
    across: bool


class Arrival(NamedTuple):
    """A new session's token, whose it is, and the page that he wanted."""

    token: str
    person: Person
    following: str


class CodeDue(NamedTuple):
    """He is who the provider says, and his organization asks for his own second factor, too. `waiting`: what
    the code comes back with; `wrong`: why it is asked for once more."""

    waiting: str
    email: str
    wrong: str = ""


class TrialSignOn(NamedTuple):
    """What a provider says of who tries it. `role`, `departments`: by the mapping, None where it has none;
    `refused`: why it would not let him in, as far as mapping and domains say; `claims`: their names."""

    name: str
    subject: str
    email: str | None
    role: str | None
    departments: list[str] | None
    second_factor: bool
    authenticated_at: datetime
    claims: list[str]
    refused: str
    following: str


class SignOnTerms(NamedTuple):
    """`public_url`: where browsers reach us; `local`: providers may be http and in our own network;
    `name_servers`: that are asked whose a domain is, the system's if empty."""

    public_url: str
    local: bool
    seal: Seal
    name_servers: tuple[str, ...] = ()


class SingleSignOn:
    """What a process of the API does for single sign-on."""

    def __init__(
        self,
        postgres: Postgres,
        audit: Audit,
        sessions: Sessions,
        attempts: Attempts,
        tries: SignInTries,
        terms: SignOnTerms,
    ) -> None:
        self.terms = terms
        self._postgres = postgres
        self._sessions = sessions
        self._attempts = attempts
        self._tries = tries
        self._arrivals = Arrivals(audit)
        self.domains = DomainRecords(terms.name_servers)
        self._http = ProviderHttp(local=terms.local)
        self.oidc = OpenIdConnect(self._http, local=terms.local)

    async def aclose(self) -> None:
        await self._http.aclose()

    def entity_id(self, provider_id: str) -> str:
        """What we are to a provider of SAML: its audience."""
        return f"{self.terms.public_url}/sign-in/sso/{provider_id}"

    def callback(self, provider_id: str, protocol: Protocol) -> str:
        """Of a provider its own, so that no other one's answer is taken for its."""
        return f"{self.entity_id(provider_id)}/{'acs' if protocol == 'saml' else 'callback'}"

    async def offers(self, who: str) -> list[Offer]:
        """For somebody's e-mail address, or the id of an organization. Raises PostgresAway."""
        who = who.strip()
        domain = who.rpartition("@")[2].lower() if "@" in who else None
        asked = {"organization_id": who if is_name(who) else None, "domain": domain}
        if domain is not None and not domain.isprintable():
            return []
        row = await self._postgres.row(statement("offered_providers"), asked)
        return [Offer(**one) for one in row["providers"]] if row else []

    async def depart(
        self,
        provider_id: str,
        origin: SignInOrigin,
        *,
        following: str,
        again: bool = False,
        trial: bool = False,
    ) -> Departure:
        """`trial`: of one that may be off, and signs nobody in.

        Raises Problem 404, 429, 502 the provider does not answer as it must, 503."""
        await self._attempts.count(origin.address)
        provider = await self._provider(provider_id)
        _require_on(provider, trial=trial)
        cookie = secrets.token_urlsafe(32)
        sign_on = SignOn(
            provider_id=provider_id,
            browser=browser_digest(cookie),
            following=following,
            again=again,
            replaced=origin.replaced,
            trial=trial,
        )
        state = await self._tries.begin(sign_on)
        try:
            url = await self._request_url(provider, sign_on, state)
        except ProviderFault as fault:
            raise await self._told(provider, origin, fault) from None
        return Departure(url, cookie, across=provider.protocol == "saml")

    async def arrive(
        self, provider_id: str, answer: dict[str, str], cookie: str | None, origin: SignInOrigin
    ) -> Arrival | CodeDue | TrialSignOn:
        """`answer`: what came with the browser; `cookie`: of `Departure`.

        Raises:
            Problem: 401 not the browser that left, or too late; 403 nobody here; 404, 429, 502, 503.
            PostgresAway: nobody can be looked up.
        """
        await self._attempts.count(origin.address)
        provider = await self._provider(provider_id)
        sign_on = await self._tries.take(answer.get("state", ""), SignOn)
        if sign_on is None or sign_on.provider_id != provider_id or not same_browser(sign_on.browser, cookie):
            await self._arrivals.refuse(provider, origin, "sign_on_ended")
            words = "This sign-in began in another browser, was used, or took longer than 10 minutes."
            raise Problem(401, "sign_on_ended", words)
        _require_on(provider, trial=sign_on.trial)
        try:
            identity = await self._identity(provider, sign_on, answer)
        except ProviderFault as fault:
            raise await self._told(provider, origin, fault) from None
        if sign_on.trial:
            return _tried(provider, identity, sign_on.following)
        person_id = await self._arrivals.member(provider, identity, origin)
        # What the mapping has made of him holds for his other sessions as well.
        self._sessions.forget(lambda known: known.id == person_id)
        of = {"organization_id": provider.organization_id, "person_id": person_id}
        terms = await self._postgres.row(statement("factor_terms"), of)
        if terms and terms["asked"] and terms["second_factor"] and not identity.second_factor:
            awaited = AwaitedFactor(
                **of,
                email=terms["email"],
                method=provider.protocol,
                authenticated_at=identity.authenticated_at,
                following=sign_on.following,
                replaced=sign_on.replaced,
            )
            return CodeDue(await self._tries.begin(awaited), awaited.email)
        token, person = await self._sessions.begin(
            person_id,
            provider.organization_id,
            replace(origin, replaced=sign_on.replaced),
            method=provider.protocol,
            authenticated_at=identity.authenticated_at,
            second_factor="provider" if identity.second_factor else None,
        )
        return Arrival(token, person, sign_on.following)

    async def with_code(self, waiting: str, code: str, origin: SignInOrigin) -> Arrival | CodeDue:
        """The second step. Raises Problem 401 it took too long, 403, 429, 503, PostgresAway."""
        awaited = await self._tries.take(waiting, AwaitedFactor)
        if awaited is None:
            words = "That took longer than 10 minutes, or was sent twice: sign in again."
            raise Problem(401, "sign_on_ended", words)
        try:
            proved = await self._sessions.prove_code(awaited.email, code, origin)
        except Problem as problem:
            if problem.code not in ("code_required", "wrong_code"):
                raise
            return CodeDue(await self._tries.begin(awaited), awaited.email, str(problem.detail))
        token, person = await self._sessions.begin(
            awaited.person_id,
            awaited.organization_id,
            replace(origin, replaced=awaited.replaced),
            method=awaited.method,
            authenticated_at=awaited.authenticated_at,
            second_factor=own_factor(proved),
        )
        return Arrival(token, person, awaited.following)

    async def _request_url(self, provider: IdentityProvider, sign_on: SignOn, state: str) -> str:
        callback = self.callback(provider.provider_id, provider.protocol)
        if provider.protocol == "oidc":
            return await self.oidc.authorization_url(provider, sign_on, state, callback=callback)
        audience = self.entity_id(provider.provider_id)
        return saml.request_url(provider, sign_on, state, audience=audience, callback=callback)

    async def _asserted(
        self, provider: IdentityProvider, sign_on: SignOn, answer: dict[str, str]
    ) -> Identity:
        """By SAML. Raises ProviderFault, Problem 503."""
        audience = self.entity_id(provider.provider_id)
        callback = self.callback(provider.provider_id, "saml")
        response = answer.get("response", "")
        # XML and RSA in a thread: a few milliseconds, in which purchases are answered.
        identity, assertion_id = await asyncio.to_thread(
            saml.identity, provider, sign_on, response, audience=audience, callback=callback
        )
        name = f"{provider.provider_id} {assertion_id}"
        if not await self._tries.first(name, keep_s=round(2 * saml.LIFE_MAX.total_seconds())):
            raise ProviderFault("the assertion was used before")
        return identity

    async def _identity(
        self, provider: IdentityProvider, sign_on: SignOn, answer: dict[str, str]
    ) -> Identity:
        if provider.protocol == "saml":
            return await self._asserted(provider, sign_on, answer)
        if "code" not in answer:
            why = answer.get("error_description") or answer.get("error") or "it sent no code"
            raise ProviderFault(f"the provider let nobody in: {why[:200]}")
        try:
            secret = None if provider.secret is None else self.terms.seal.open(provider.secret)
        except Unsealable as error:
            raise ProviderFault(f"the client secret cannot be opened: {error}") from None
        return await self.oidc.identity(
            provider,
            secret,
            sign_on,
            code=answer["code"],
            issuer=answer.get("iss"),
            callback=self.callback(provider.provider_id, "oidc"),
        )

    async def _provider(self, provider_id: str) -> IdentityProvider:
        row = None
        if is_name(provider_id):
            row = await self._postgres.row(statement("find_provider"), {"provider_id": provider_id})
        if row is None:
            raise _unknown()
        mapping = ClaimMapping.model_validate(row["mapping"])
        lists = {name: tuple(row[name]) for name in ("domains", "certificates")}
        return IdentityProvider(**{**row, **lists, "mapping": mapping})

    async def _told(self, provider: IdentityProvider, origin: SignInOrigin, fault: ProviderFault) -> Problem:
        """For the person in two sentences, for the Org Admin in the audit log and here."""
        log.warning("sign_on_failed", provider=provider.provider_id, error=str(fault)[:300])
        await self._arrivals.refuse(provider, origin, "identity_provider_fault")
        return Problem(
            502,
            "identity_provider_fault",
            f"{provider.name} did not say who you are as it must: {fault}. Try again; if it stays, show this "
            "to an Org Admin.",
        )


def _require_on(provider: IdentityProvider, *, trial: bool) -> None:
    """Raises Problem 404 for one that is turned off, unless it is tried."""
    if not (provider.enabled or trial):
        raise _unknown()


def _unknown() -> Problem:
    return Problem(404, "unknown_identity_provider", "There is no such identity provider, or no more.")


def _tried(provider: IdentityProvider, identity: Identity, following: str) -> TrialSignOn:
    mapping, domain = provider.mapping, (identity.email or "").rpartition("@")[2]
    role = None if mapping.roles is None else mapping.role_of(identity.claims)
    refused = ""
    if identity.email is None:
        refused = "It does not say that it has verified an e-mail address: nobody can be linked by it."
    elif provider.domains and domain not in provider.domains:
        refused = f"It may not sign in people of {domain}."
    elif mapping.roles is not None and role is None:
        refused = f"No rule for {mapping.roles.claim!r} holds: it would not let this person in."
    return TrialSignOn(
        name=provider.name,
        subject=identity.subject,
        email=identity.email,
        role=None if role is None else TITLES[role],
        departments=None if mapping.departments is None else mapping.departments_of(identity.claims),
        second_factor=identity.second_factor,
        authenticated_at=identity.authenticated_at,
        claims=sorted(identity.claims)[:50],
        refused=refused,
        following=following,
    )
