"""Whose receipt is missing, by the policy."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import WITHIN_REACH
from api.access.security import ReportRoute, needs
from api.http.paging import LINK, NEXT, Page, Paged
from api.http.paths import storable
from api.http.types import MoneyOut, Output
from api.resources.organization_paths import invalid
from api.resources.receipts.acts import Receipts
from api.resources.receipts.route import OwnReceipts, answers
from api.resources.replies import reply

router = APIRouter(prefix="/v1/missing-receipts", tags=["receipts"], route_class=ReportRoute)


class MissingReceiptOut(Output):
    """A purchase without the receipt that it needs."""

    model_config = ConfigDict(title="MissingReceipt")

    authorization_id: str = Field(examples=["auth_7f3a"])
    department_id: str = Field(examples=["engineering"])
    employee: str | None = Field(examples=["alice@techcorp.com"])
    card_id: str | None
    merchant: str | None
    amount: MoneyOut
    created_at: datetime
    missing_since: datetime
    reminders: int = Field(description="so often somebody was reminded")
    reminded_at: datetime | None


class MissingReceiptListOut(Output):
    """A page of them, the longest missing first."""

    model_config = ConfigDict(title="MissingReceipts")

    missing: list[MissingReceiptOut]
    next: str | None = Field(description=NEXT)


async def missing_page(receipts: Receipts, page: Page, employee: str | None = None) -> MissingReceiptListOut:
    """Of those that the caller reaches. Raises Problem."""
    rows, following = page.turn(
        await receipts.services.receipts.missing(
            receipts.caller.organization_id,
            receipts.reach(),
            employee=employee,
            after=page.key(tuple[datetime, str, str]),
            rows_max=page.rows_max,
        ),
        lambda row: (row["missing_since"], row["authorization_id"], row["department_id"]),
    )
    found = [
        MissingReceiptOut(
            amount=MoneyOut(minor=row["minor"], currency=row["currency"]),
            **{name: row[name] for name in MissingReceiptOut.model_fields if name != "amount"},
        )
        for row in rows
    ]
    return MissingReceiptListOut(missing=found, next=following)


@router.get(
    "",
    summary="List missing receipts",
    response_model=MissingReceiptListOut,
    openapi_extra=needs(Scope.RECEIPTS_READ, own=WITHIN_REACH),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_missing_receipts(
    receipts: OwnReceipts,
    page: Paged,
    employee: Annotated[str | None, Query(max_length=200, description="only this one's")] = None,
) -> Response:
    """Held and settled purchases above the policy's amount to which no receipt is linked,
    once its days are over."""
    if not storable(employee or ""):
        raise invalid("query.employee", "value_error", "must not contain control characters")
    body = await missing_page(receipts, page, employee)
    return reply(body, 200, **page.link(body.next))
