"""Domains of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at
from api.client.operations import Resource, S, operation


class Domain(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A domain of e-mail addresses, and the record that proves whose it is."""

    domain: str
    record_name: str
    record_text: str
    proved_at: datetime | None = None
    created_at: datetime


class DomainList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All of the organization, by name."""

    domains: list[Domain]


class DomainsResource(Resource[S]):
    """Operations on domains."""

    @operation
    def list(self) -> Call[DomainList]:
        """List domains."""
        return Call("GET", "/v1/domains", DomainList, reads=True)

    @operation
    def claim(self, domain: str) -> Call[Domain]:
        """Claim a domain."""
        return Call("PUT", at("/v1/domains/{}", domain), Domain)

    @operation
    def release(self, domain: str) -> Call[None]:
        """Release a domain."""
        return Call("DELETE", at("/v1/domains/{}", domain), None)

    @operation
    def verify(self, domain: str) -> Call[Domain]:
        """Prove a domain."""
        return Call("POST", at("/v1/domains/{}/verifications", domain), Domain)
