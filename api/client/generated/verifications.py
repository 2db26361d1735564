"""Verifications of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at
from api.client.operations import Resource, S, listing, operation


class Verification(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The books as they were held against the log."""

    verification_id: int
    started_at: datetime
    took_ms: int
    holds: bool
    decisions: int | None = None
    places: list[VerificationPlace]
    checks: list[VerificationCheck]


class VerificationCheck(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One claim about the books."""

    check_id: str
    claim: str
    holds: bool
    checked: int | None = None
    violations: int
    of_system: int
    findings: list[VerificationFinding]


class VerificationFinding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was found false of one organization, or (null) of none or of all of them."""

    organization_id: str | None = None
    violations: int
    examples: list[str]


class VerificationPlace(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Up to where a partition was read."""

    partition: int
    card_events: int
    decisions: int


class Verifications(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of them, newest first."""

    verifications: list[Verification]
    next: str | None = None


class VerificationsResource(Resource[S]):
    """Operations on verifications."""

    def _list(self, *, after: str | None = None, limit: int | None = None) -> Call[Verifications]:
        """List proofs of the books."""
        return Call(
            "GET", "/v1/verifications", Verifications, query={"after": after, "limit": limit}, reads=True
        )

    list = listing(_list, "verifications", Verification)

    @operation
    def read(self, verification_id: str) -> Call[Verification]:
        """Look at a proof of the books."""
        return Call("GET", at("/v1/verifications/{}", verification_id), Verification, reads=True)
