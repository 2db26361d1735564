"""ReceiptPolicies of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given
from api.client.operations import Resource, S, operation


class ReceiptPolicies(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Of each currency."""

    policies: list[ReceiptPolicy]


class ReceiptPolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Of which purchases in a currency a receipt is wanted."""

    currency: str
    over_minor: int
    days: int
    set_by: str
    set_at: datetime


class ReceiptPoliciesResource(Resource[S]):
    """Operations on receipt policies."""

    @operation
    def list(self) -> Call[ReceiptPolicies]:
        """List receipt policies."""
        return Call("GET", "/v1/receipt-policies", ReceiptPolicies, reads=True)

    @operation
    def set(self, currency: str, *, over_minor: int, days: int) -> Call[ReceiptPolicies]:
        """Set a receipt policy."""
        return Call(
            "PUT",
            at("/v1/receipt-policies/{}", currency),
            ReceiptPolicies,
            body=given(over_minor=over_minor, days=days),
        )

    @operation
    def end(self, currency: str) -> Call[None]:
        """End a receipt policy."""
        return Call("DELETE", at("/v1/receipt-policies/{}", currency), None)
