"""IdentityProviders of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.operations import Resource, S, operation


class ClaimMapping(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is not mapped stays as the invitation or an Org Admin has set it."""

    roles: RoleMapping | None = None
    departments: DepartmentMapping | None = None


class DepartmentMapping(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All rules that hold together give the departments."""

    claim: str
    rules: list[DepartmentRule]


class DepartmentRule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A department that a value of the claim stands for."""

    value: str
    department: str


class IdentityProvider(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who says for the organization who somebody is."""

    provider_id: str
    protocol: str
    name: str
    issuer: str
    client_id: str | None = None
    sign_on_url: str | None = None
    certificates: list[str]
    domains: list[str]
    unproved: list[str]
    mapping: ClaimMapping
    mapped_by: str
    enabled: bool
    callback: str
    entity_id: str
    people: int
    created_at: datetime
    changed_at: datetime


class IdentityProviderList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All of the organization, by name."""

    providers: list[IdentityProvider]


class RoleMapping(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The first rule that holds gives the role."""

    claim: str
    rules: list[RoleRule]


class RoleRule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Whom a value of the claim makes what."""

    value: str
    role: str


class IdentityProvidersResource(Resource[S]):
    """Operations on identity providers."""

    @operation
    def create(
        self,
        *,
        name: str,
        issuer: str,
        protocol: str | None = None,
        client_id: str | None = None,
        sign_on_url: str | None = None,
        certificates: Sequence[str] | None = None,
        client_secret: str | None = None,
        domains: Sequence[str] | None = None,
        mapping: Mapping[str, Any] | None = None,
        enabled: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Call[IdentityProvider]:
        """Add an identity provider."""
        return Call(
            "POST",
            "/v1/identity-providers",
            IdentityProvider,
            body=given(
                name=name,
                protocol=protocol,
                issuer=issuer,
                client_id=client_id,
                sign_on_url=sign_on_url,
                certificates=certificates,
                client_secret=client_secret,
                domains=domains,
                mapping=mapping,
                enabled=enabled,
            ),
            key=idempotency_key or new_key(),
        )

    @operation
    def list(self) -> Call[IdentityProviderList]:
        """List identity providers."""
        return Call("GET", "/v1/identity-providers", IdentityProviderList, reads=True)

    @operation
    def read(self, provider_id: str) -> Call[IdentityProvider]:
        """Look at an identity provider."""
        return Call("GET", at("/v1/identity-providers/{}", provider_id), IdentityProvider, reads=True)

    @operation
    def change(
        self,
        provider_id: str,
        *,
        name: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        sign_on_url: str | None = None,
        certificates: Sequence[str] | None = None,
        domains: Sequence[str] | None = None,
        mapping: Mapping[str, Any] | None = None,
        enabled: bool | None = None,
        if_match: str | None = None,
    ) -> Call[IdentityProvider]:
        """Change an identity provider."""
        return Call(
            "PATCH",
            at("/v1/identity-providers/{}", provider_id),
            IdentityProvider,
            body=given(
                name=name,
                client_id=client_id,
                client_secret=client_secret,
                sign_on_url=sign_on_url,
                certificates=certificates,
                domains=domains,
                mapping=mapping,
                enabled=enabled,
            ),
            if_match=if_match,
        )

    @operation
    def remove(self, provider_id: str, *, if_match: str | None = None) -> Call[None]:
        """Remove an identity provider."""
        return Call("DELETE", at("/v1/identity-providers/{}", provider_id), None, if_match=if_match)
