"""MissingReceipts of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call
from api.client.generated.shared import Money
from api.client.operations import Resource, S, listing


class MissingReceipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A purchase without the receipt that it needs."""

    authorization_id: str
    department_id: str
    employee: str | None = None
    card_id: str | None = None
    merchant: str | None = None
    amount: Money
    created_at: datetime
    missing_since: datetime
    reminders: int
    reminded_at: datetime | None = None


class MissingReceipts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of them, the longest missing first."""

    missing: list[MissingReceipt]
    next: str | None = None


class MissingReceiptsResource(Resource[S]):
    """Operations on missing receipts."""

    def _list(
        self, *, employee: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Call[MissingReceipts]:
        """List missing receipts."""
        return Call(
            "GET",
            "/v1/missing-receipts",
            MissingReceipts,
            query={"employee": employee, "after": after, "limit": limit},
            reads=True,
        )

    list = listing(_list, "missing", MissingReceipt)
