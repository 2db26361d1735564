"""Receipts of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from api.client.call import Call, at, given
from api.client.generated.shared import Money
from api.client.operations import Resource, S, listing, operation


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A receipt."""

    receipt_id: str
    status: str
    file_name: str
    media_type: str
    pages: int
    bytes: int
    sha256: str
    employee: str | None = None
    uploaded_by: str
    uploaded_at: datetime
    fault: str | None = None
    reading: ReceiptReading | None = None
    transaction: ReceiptTransaction | None = None
    suggestions: list[ReceiptSuggestion]
    duplicate_of: str | None = None


class ReceiptPurchase(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one knows a purchase by."""

    merchant: str | None = None
    amount: Money
    created_at: datetime
    card_id: str | None = None
    last_four: str | None = None
    employee: str | None = None


class ReceiptReading(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was read of it."""

    total: Money | None = None
    total_guessed: bool
    tax: Money | None = None
    day: date | None = None
    merchant: str | None = None


class ReceiptSuggestion(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A purchase that it may be of."""

    authorization_id: str
    department_id: str
    points: int
    purchase: ReceiptPurchase | None = None
    differs: Money | None = None


class ReceiptTransaction(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The purchase that it is of."""

    authorization_id: str
    department_id: str
    linked_by: str | None = None
    linked_at: datetime
    purchase: ReceiptPurchase | None = None
    differs: Money | None = None


class Receipts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of receipts."""

    receipts: list[Receipt]
    next: str | None = None


class ReceiptsResource(Resource[S]):
    """Operations on receipts."""

    @operation
    def upload(
        self,
        file: tuple[str, bytes],
        *,
        employee: str | None = None,
        authorization_id: str | None = None,
        department_id: str | None = None,
    ) -> Call[Receipt]:
        """Send a receipt."""
        return Call(
            "POST",
            "/v1/receipts",
            Receipt,
            file=file,
            fields=given(employee=employee, authorization_id=authorization_id, department_id=department_id),
            reads=True,
        )

    def _list(
        self,
        *,
        status: str | None = None,
        employee: str | None = None,
        department_id: str | None = None,
        authorization_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Call[Receipts]:
        """List receipts."""
        return Call(
            "GET",
            "/v1/receipts",
            Receipts,
            query={
                "status": status,
                "employee": employee,
                "department_id": department_id,
                "authorization_id": authorization_id,
                "after": after,
                "limit": limit,
            },
            reads=True,
        )

    list = listing(_list, "receipts", Receipt)

    @operation
    def read(self, receipt_id: str) -> Call[Receipt]:
        """Look at a receipt."""
        return Call("GET", at("/v1/receipts/{}", receipt_id), Receipt, reads=True)

    @operation
    def remove(self, receipt_id: str) -> Call[None]:
        """Remove a receipt."""
        return Call("DELETE", at("/v1/receipts/{}", receipt_id), None)

    @operation
    def link(
        self, receipt_id: str, *, authorization_id: str, department_id: str | None = None
    ) -> Call[Receipt]:
        """Link a receipt."""
        return Call(
            "PUT",
            at("/v1/receipts/{}/transaction", receipt_id),
            Receipt,
            body=given(authorization_id=authorization_id, department_id=department_id),
        )

    @operation
    def unlink(self, receipt_id: str) -> Call[Receipt]:
        """Unlink a receipt."""
        return Call("DELETE", at("/v1/receipts/{}/transaction", receipt_id), Receipt)

    @operation
    def download(self, receipt_id: str) -> Call[bytes]:
        """Take a receipt's file."""
        return Call("GET", at("/v1/receipts/{}/content", receipt_id), bytes, reads=True)
