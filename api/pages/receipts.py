"""Receipts: sent from a purchase, from one's cards or from the list; what was read; which purchase it is
of."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back, own_path
from api.pages.words import NotMoney, minor_of
from api.resources.receipts.acts import Receipts, before_of
from api.resources.receipts.bodies import ReceiptOut, ReceiptStatus
from api.resources.receipts.content import attachment
from api.resources.receipts.missing import missing_page
from api.resources.receipts.upload import read_upload
from api.resources.receipts.wanted import DAYS_MAX, policies_of, set_policy
from api.stores.receipts import ReceiptFilters

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ROWS: Final = 50
_OF_PURCHASE_MAX: Final = 20
_MISSING_MAX: Final = 100
#: The states that a list is narrowed to by one click, and their words.
CHIPS: Final[tuple[tuple[str, str], ...]] = (
    ("", "All"),
    ("suggested", "To confirm"),
    ("unmatched", "No purchase"),
    ("unreadable", "Not readable"),
    ("matched", "Matched"),
    ("waiting", "To be read"),
)
_WORDS: Final = {
    "matched": "It belongs to this purchase.",
    "waiting": "It will be read in a moment.",
}


def receipts_of(asking: Asking) -> Receipts:
    """Those that the viewer reaches."""
    return Receipts(asking.services, asking.viewer.caller, asking.request)


async def of_purchase(asking: Asking, department_id: str, authorization_id: str) -> list[ReceiptOut]:
    """The receipts of one purchase; none for who may see none."""
    if not asking.viewer.may(Scope.RECEIPTS_READ):
        return []
    filters = ReceiptFilters(department_id=department_id, authorization_id=authorization_id)
    return (await receipts_of(asking).page(Page(None, _OF_PURCHASE_MAX), filters)).receipts


@router.get("/receipts", openapi_extra=needs(Scope.RECEIPTS_READ, own=BY_ROUTE))
async def show_receipts(
    asking: Asked, status: ReceiptStatus | None = None, after: str | None = None
) -> Response:
    """Newest first, and the form that sends one."""
    given = dict(parse_qsl(asking.request.url.query))
    asked = Page(after, ROWS, "/receipts", tuple(given.items()))
    filters = ReceiptFilters(status=status, before=before_of(asked))
    found = await receipts_of(asking).page(asked, filters)
    kept = {"status": status or ""}
    missing = await missing_page(receipts_of(asking), Page(None, _MISSING_MAX))
    return page(
        asking.request,
        "receipts",
        rows=found.receipts,
        chips=CHIPS,
        chosen=status or "",
        missing=missing.missing,
        more_missing=missing.next is not None,
        policies=await policies_of(asking.request, asking.viewer.caller),
        may_set=_may_set(asking),
        more=None if found.next is None else f"/receipts?{urlencode({**kept, 'after': found.next})}",
    )


def _may_set(asking: Asking) -> bool:
    """Whether the viewer says of which purchases a receipt is wanted: for the whole organization."""
    return asking.viewer.may(Scope.POLICIES_WRITE) and asking.viewer.departments(Scope.POLICIES_WRITE) is None


@router.post("/receipts/policy", openapi_extra=needs(Scope.POLICIES_WRITE))
async def set_policy_here(
    asking: Asked,
    currency: Annotated[str, Form(pattern="^[A-Z]{3}$")],
    over: Annotated[str, Form(max_length=30)],
    days: Annotated[int, Form(ge=0, le=DAYS_MAX)],
) -> Response:
    if not _may_set(asking):
        raise Problem(403, "out_of_reach", "This is for the whole organization, and your role reaches less.")
    try:
        minor = minor_of(over, currency)
    except NotMoney as error:
        raise Problem(422, "invalid_request", f"{error}.") from None
    await set_policy(asking.request, asking.viewer.caller, currency, minor, days)
    return back("/receipts", done="It holds from now on.")


@router.post("/receipts", openapi_extra=needs(Scope.RECEIPTS_WRITE, own=BY_ROUTE))
async def send_receipt(asking: Asked) -> Response:
    """From a purchase back to it; else to the receipt in the list."""
    sent = await read_upload(asking.request)
    found, made = await receipts_of(asking).upload(
        sent.file, sent.employee, sent.authorization_id, sent.department_id
    )
    words = _WORDS.get(found.status, "It is kept.") if made else "This file was sent before."
    where = "/receipts"
    if found.transaction is not None and sent.authorization_id is not None:
        where = asking.request.headers.get("referer", "").partition("?")[0]
        where = own_path("/" + where.partition("://")[2].partition("/")[2])
    return back(where, done=words)


@router.get("/receipts/{receipt_id}/content", openapi_extra=needs(Scope.RECEIPTS_READ, own=BY_ROUTE))
async def take_receipt(asking: Asked, receipt_id: str) -> Response:
    return attachment(*await receipts_of(asking).content(receipt_id))


@router.post("/receipts/{receipt_id}/link", openapi_extra=needs(Scope.RECEIPTS_WRITE, own=BY_ROUTE))
async def confirm_suggestion(
    asking: Asked,
    receipt_id: str,
    transaction: Annotated[str, Form(max_length=200)],
) -> Response:
    """`transaction`: department and purchase, as the form has them."""
    department_id, _, authorization_id = transaction.partition("/")
    await receipts_of(asking).link(receipt_id, authorization_id, department_id)
    return back("/receipts", done="Confirmed.")


@router.post("/receipts/{receipt_id}/unlink", openapi_extra=needs(Scope.RECEIPTS_WRITE, own=BY_ROUTE))
async def refuse_suggestions(asking: Asked, receipt_id: str) -> Response:
    await receipts_of(asking).unlink(receipt_id)
    return back("/receipts", done="It is of none of these, and will not be suggested to them again.")


@router.post("/receipts/{receipt_id}/remove", openapi_extra=needs(Scope.RECEIPTS_WRITE, own=BY_ROUTE))
async def remove_receipt_here(asking: Asked, receipt_id: str) -> Response:
    await receipts_of(asking).remove(receipt_id)
    return back("/receipts", done="Removed.")
