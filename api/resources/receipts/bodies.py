"""A receipt as it is shown: its file, what was read of it, and which purchase it is of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.http.paging import NEXT
from api.http.types import DepartmentName, Input, MoneyOut, Output, Text
from api.stores.postgres import Row

ReceiptStatus = Literal["waiting", "unreadable", "unmatched", "suggested", "matched"]


class ReceiptReadingOut(Output):
    """What was read of it; null: it was not found."""

    model_config = ConfigDict(title="ReceiptReading")

    total: MoneyOut | None
    total_guessed: bool = Field(description="no word on the receipt says that this is the total")
    tax: MoneyOut | None
    day: date | None
    merchant: str | None


class ReceiptPurchaseOut(Output):
    """What one knows a purchase by."""

    model_config = ConfigDict(title="ReceiptPurchase")

    merchant: str | None = Field(description="as it was written when it was first seen", examples=["Shell"])
    amount: MoneyOut = Field(description="what it comes to now: settled, else held, else asked for")
    created_at: datetime
    card_id: str | None = Field(examples=["card_alice"])
    last_four: str | None = Field(description="digits of the card", examples=["4720"])
    employee: str | None = Field(description="who holds the card", examples=["alice@techcorp.com"])


class ReceiptSuggestionOut(Output):
    """A purchase that it may be of."""

    model_config = ConfigDict(title="ReceiptSuggestion")

    authorization_id: str = Field(examples=["auth_7f3a"])
    department_id: str = Field(examples=["engineering"])
    points: int = Field(description="of 100: amount, day and merchant", examples=[75])
    purchase: ReceiptPurchaseOut | None = Field(description="null: the books do not know it yet")
    differs: MoneyOut | None = Field(
        description="what the purchase comes to, where that is not the receipt's total"
    )


class ReceiptTransactionOut(Output):
    """The purchase that it is of."""

    model_config = ConfigDict(title="ReceiptTransaction")

    authorization_id: str = Field(examples=["auth_7f3a"])
    department_id: str = Field(examples=["engineering"])
    linked_by: str | None = Field(
        description="who linked it; null: it was matched by itself", examples=["alice@techcorp.com"]
    )
    linked_at: datetime
    purchase: ReceiptPurchaseOut | None = Field(description="null: the books do not know it yet")
    differs: MoneyOut | None = Field(
        description="what the purchase comes to, where that is not the receipt's total"
    )


class ReceiptOut(Output):
    """A receipt."""

    model_config = ConfigDict(title="Receipt")

    receipt_id: str = Field(examples=["rcp_1f0c5d7a9b3e4c2d8a6f"])
    status: ReceiptStatus = Field(
        description="`waiting` to be read; `unreadable`; `unmatched`: no purchase fits; `suggested`: "
        "one may, and somebody should say; `matched`"
    )
    file_name: str = Field(examples=["lunch.jpg"])
    media_type: str = Field(description="by its content", examples=["image/jpeg"])
    pages: int
    bytes: int = Field(description="of what was sent")
    sha256: str = Field(description="of what was sent")
    employee: str | None = Field(description="whose purchases it may be of; null: anybody's")
    uploaded_by: str = Field(examples=["alice@techcorp.com"])
    uploaded_at: datetime
    fault: str | None = Field(description="why it could not be read")
    reading: ReceiptReadingOut | None = Field(description="null: it was not read yet")
    transaction: ReceiptTransactionOut | None
    suggestions: list[ReceiptSuggestionOut] = Field(description="the likeliest first")
    duplicate_of: str | None = Field(
        description="an earlier receipt with the same file, or the same merchant, day and total"
    )


class ReceiptListOut(Output):
    """A page of receipts."""

    model_config = ConfigDict(title="Receipts")

    receipts: list[ReceiptOut]
    next: str | None = Field(description=NEXT)


class ReceiptLinkIn(Input):
    """The purchase that a receipt is of."""

    model_config = ConfigDict(title="ReceiptLink")

    authorization_id: Text = Field(min_length=1, max_length=128, examples=["auth_7f3a"])
    department_id: DepartmentName | None = Field(
        default=None, description="whose purchase, where two departments have one of this id"
    )


def receipt_out(row: Row) -> ReceiptOut:
    """A row of receipts.sql."""
    reading = None if row["reading"] is None else _reading(row["reading"])
    known = {(one["department_id"], one["authorization_id"]): one for one in row["purchases"]}
    linked = None
    if row["authorization_id"] is not None:
        linked = ReceiptTransactionOut(
            authorization_id=row["authorization_id"],
            department_id=row["department_id"],
            linked_by=row["linked_by"],
            linked_at=row["linked_at"],
            purchase=_purchase(known.get((row["department_id"], row["authorization_id"]))),
            differs=_differs(row, reading),
        )
    suggestions = [] if linked else row["suggestions"]
    return ReceiptOut(
        receipt_id=row["receipt_id"],
        status=row["status"],
        file_name=row["file_name"],
        media_type=row["media_type"],
        pages=row["pages"],
        bytes=row["sent_bytes"],
        sha256=row["sha256"],
        employee=row["employee"],
        uploaded_by=row["uploaded_by"],
        uploaded_at=row["uploaded_at"],
        fault=row["fault"],
        reading=reading,
        transaction=linked,
        suggestions=[
            ReceiptSuggestionOut(
                **{"differs": None, **one},
                purchase=_purchase(known.get((one["department_id"], one["authorization_id"]))),
            )
            for one in suggestions
        ],
        duplicate_of=row["duplicate_of"],
    )


def _purchase(row: Row | None) -> ReceiptPurchaseOut | None:
    if row is None:
        return None
    return ReceiptPurchaseOut(**{name: row[name] for name in ReceiptPurchaseOut.model_fields})


def _reading(told: dict[str, Any]) -> ReceiptReadingOut:
    return ReceiptReadingOut(
        total=told.get("total"),
        total_guessed=told.get("total_guessed", False),
        tax=told.get("tax"),
        day=told.get("day"),
        merchant=told.get("merchant"),
    )


def _differs(row: Row, reading: ReceiptReadingOut | None) -> MoneyOut | None:
    if reading is None or reading.total is None or row["purchase_minor"] is None:
        return None
    purchase = MoneyOut(minor=row["purchase_minor"], currency=row["purchase_currency"])
    return None if purchase == reading.total else purchase
