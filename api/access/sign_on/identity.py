"""What single sign-on speaks of: a provider as it is set, one try to sign in by it, and who came."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from api.access.sign_on.role_mapping import ClaimMapping

Protocol = Literal["oidc", "saml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """One of an organization's. `domains`: of which e-mail addresses may be; empty: all. `mapped_by_id`: the
    person or key whose permission the mapping gives from.

    By OpenID Connect `client_id`, and `secret`, sealed (None: a public client); by SAML `sign_on_url`, where
    it takes requests, and `certificates` in PEM, one of which signs; `issuer` is its entity id.
    """

    organization_id: str
    provider_id: str
    protocol: Protocol
    name: str
    issuer: str
    client_id: str | None
    secret: str | None
    sign_on_url: str | None
    certificates: tuple[str, ...]
    domains: tuple[str, ...]
    mapping: ClaimMapping
    mapped_by_id: str
    enabled: bool


class SignOn(msgspec.Struct, frozen=True, kw_only=True):
    """One try: what was sent along with the browser, and what must come back with it.

    `browser`: SHA-256 of the cookie that it got; `again`: somebody in a session proves that it is still he;
    `replaced`: of `SignInOrigin`, for the browser comes back without its session's cookie; `trial`: nobody is
    signed in by it.
    """

    provider_id: str
    browser: str
    following: str
    again: bool = False
    replaced: bytes | None = None
    trial: bool = False
    nonce: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(48))


class AwaitedFactor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a provider has named, and whose own code is still to come."""

    organization_id: str
    person_id: str
    email: str
    method: Protocol
    authenticated_at: datetime
    following: str
    replaced: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says that it is. `email`: verified by it, in lower case; None: it has verified none.
    `authenticated_at`: when he last proved it to the provider, as far as that tells; `second_factor`: whether
    it says that it was by two factors."""

    subject: str
    email: str | None
    authenticated_at: datetime
    second_factor: bool
    claims: dict[str, Any] = field(repr=False)
