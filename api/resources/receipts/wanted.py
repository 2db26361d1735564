"""Which purchases need a receipt, and whose is missing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.reach import WHOLE, WITHIN_REACH, require_department
from api.access.security import Caller, KeyedRoute, needs
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem
from api.http.types import Input, Output
from api.resources.organization_paths import invalid
from api.resources.receipts.route import answers
from api.resources.replies import reply
from api.services import services_of
from schemas.money import MINOR_MAX, exponent

DAYS_MAX = 365
router = APIRouter(prefix="/v1/receipt-policies", tags=["receipts"], route_class=KeyedRoute)

CurrencyInPath = Annotated[str, Path(pattern="^[A-Z]{3}$", description="ISO 4217 code", examples=["USD"])]


class ReceiptPolicyIn(Input):
    """From when on a receipt is missing."""

    model_config = ConfigDict(title="ReceiptPolicyChange")

    over_minor: int = Field(
        ge=0,
        le=MINOR_MAX,
        strict=True,
        description="of purchases above this, in minor units",
        examples=[7500],
    )
    days: int = Field(
        ge=0, le=DAYS_MAX, strict=True, description="so many days after the purchase", examples=[3]
    )


class ReceiptPolicyOut(Output):
    """Of which purchases in a currency a receipt is wanted."""

    model_config = ConfigDict(title="ReceiptPolicy")

    currency: str = Field(examples=["USD"])
    over_minor: int = Field(description="of purchases above this, in minor units", examples=[7500])
    days: int = Field(description="from then on it is missing", examples=[3])
    set_by: str = Field(examples=["carol@techcorp.com"])
    set_at: datetime = Field(description="purchases of more than 31 days before are not asked for")


class ReceiptPolicyListOut(Output):
    """Of each currency; of others none is wanted."""

    model_config = ConfigDict(title="ReceiptPolicies")

    policies: list[ReceiptPolicyOut]


async def set_policy(request: Request, caller: Principal, currency: str, over_minor: int, days: int) -> None:
    """Raises Problem 403: it is for the whole organization; 422: there is no such currency."""
    require_department(caller, None, Scope.POLICIES_WRITE)
    try:
        exponent(currency)
    except ValueError:
        raise invalid("path.currency", "unknown_currency", "is no currency of ISO 4217") from None
    of = {"organization_id": caller.organization_id, "currency": currency}

    async def put(changes: Changeset) -> None:
        before = await changes.row("receipt_policy_state", **of)
        after = {"over_minor": over_minor, "days": days}
        await changes.row("receipt_policy_set", **of, **after, actor=caller.actor)
        changes.tell(f"/v1/receipt-policies/{currency}", before=before, after=after)

    await change(request, put)


async def policies_of(request: Request, caller: Principal) -> list[ReceiptPolicyOut]:
    rows = await services_of(request).receipts.policies(caller.organization_id)
    return [ReceiptPolicyOut(**row) for row in rows]


@router.get(
    "",
    summary="List receipt policies",
    response_model=ReceiptPolicyListOut,
    openapi_extra=needs(Scope.RECEIPTS_READ, own=WITHIN_REACH),
    responses=answers(200, "All of them."),
)
async def list_receipt_policies(request: Request, caller: Caller) -> Response:
    """By currency; of purchases in others no receipt is wanted."""
    return reply(ReceiptPolicyListOut(policies=await policies_of(request, caller)))


@router.put(
    "/{currency}",
    summary="Set a receipt policy",
    response_model=ReceiptPolicyListOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.POLICIES_WRITE, own=WHOLE),
    responses=answers(200, "All of them, as they are now.", 404, 413, 415),
)
async def set_receipt_policy(
    body: ReceiptPolicyIn, request: Request, caller: Caller, currency: CurrencyInPath
) -> Response:
    """Of purchases in this currency, in the whole organization."""
    await set_policy(request, caller, currency, body.over_minor, body.days)
    return reply(ReceiptPolicyListOut(policies=await policies_of(request, caller)))


@router.delete(
    "/{currency}",
    status_code=204,
    summary="End a receipt policy",
    response_class=Response,
    openapi_extra=needs(Scope.POLICIES_WRITE, own=WHOLE),
    responses=answers(204, "No receipt is wanted of these any more.", 404),
)
async def end_receipt_policy(request: Request, caller: Caller, currency: CurrencyInPath) -> Response:
    """What was missing is not any more."""
    require_department(caller, None, Scope.POLICIES_WRITE)

    async def end(changes: Changeset) -> bool:
        before = await changes.row(
            "receipt_policy_end", organization_id=caller.organization_id, currency=currency
        )
        if before is not None:
            changes.tell(f"/v1/receipt-policies/{currency}", before=before)
        return before is not None

    if not await change(request, end):
        raise Problem(404, "unknown_receipt_policy", "There is no receipt policy for this currency.")
    return Response(status_code=204)
