"""Send receipts, look at them, link them to purchases."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import WITHIN_REACH
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import responses
from api.http.uploads import file_form
from api.resources.organization_paths import invalid
from api.resources.receipts.acts import Receipts, before_of
from api.resources.receipts.bodies import ReceiptLinkIn, ReceiptListOut, ReceiptOut, ReceiptStatus
from api.resources.receipts.upload import read_upload
from api.resources.replies import reply
from api.services import services_of
from api.stores.receipts import ReceiptFilters

RECEIPTS = "/v1/receipts"
router = APIRouter(prefix=RECEIPTS, tags=["receipts"], route_class=KeyedRoute)

ReceiptId = Annotated[
    str, Path(max_length=64, description="the receipt's id", examples=["rcp_1f0c5d7a9b3e4c2d8a6f"])
]
FORM: Final = file_form(
    "JPEG, PNG, WebP or PDF of at most 10 pages; 10 MB",
    employee={
        "type": "string",
        "maxLength": 200,
        "description": "whose receipt it is; absent: the caller's own, of a key anybody's",
    },
    authorization_id={
        "type": "string",
        "maxLength": 128,
        "description": "the purchase that it is of; absent: it is looked for",
    },
    department_id={"type": "string", "maxLength": 64, "description": "of that purchase"},
)


async def _receipts(request: Request, caller: Caller) -> Receipts:
    return Receipts(services_of(request), caller, request)


OwnReceipts = Annotated[Receipts, Depends(_receipts)]


def answers(status: int, description: str, *also: int, **more: Any) -> dict[int | str, dict[str, Any]]:
    """What a route answers, in OpenAPI's words."""
    return {status: {"description": description, **more}, **responses(400, 401, 403, 422, 500, 503, *also)}


@router.post(
    "",
    status_code=201,
    summary="Send a receipt",
    response_model=ReceiptOut,
    openapi_extra=needs(Scope.RECEIPTS_WRITE, own=WITHIN_REACH, requestBody=FORM),
    responses=answers(201, "It is kept, and will be read.", 404, 413, 415)
    | {200: {"description": "The same file was sent before.", "model": ReceiptOut}},
)
async def upload_receipt(request: Request, receipts: OwnReceipts) -> Response:
    """What the file is says its content. It is written anew, without metadata; a file that is broken, huge,
    locked or carries scripts is refused with the reason. It is read within a minute (`status`), and matched
    to
    the purchase that it fits beyond doubt; others are suggested. The same file again is the same receipt,
    so a
    repeat needs no key."""
    sent = await read_upload(request)
    found, made = await receipts.upload(sent.file, sent.employee, sent.authorization_id, sent.department_id)
    return reply(found, 201 if made else 200)


@router.get(
    "",
    summary="List receipts",
    response_model=ReceiptListOut,
    openapi_extra=needs(Scope.RECEIPTS_READ, own=WITHIN_REACH),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_receipts(
    receipts: OwnReceipts,
    page: Paged,
    status: Annotated[ReceiptStatus | None, Query(description="only these")] = None,
    employee: Annotated[str | None, Query(max_length=200, description="only those of this employee")] = None,
    department_id: Annotated[
        str | None, Query(max_length=64, description="only those of this department's purchases")
    ] = None,
    authorization_id: Annotated[
        str | None, Query(max_length=128, description="only those of this purchase")
    ] = None,
) -> Response:
    """Newest first: an employee's own; of departments those that are linked, or suggested,
    to their purchases."""
    for name, text in (
        ("employee", employee),
        ("department_id", department_id),
        ("authorization_id", authorization_id),
    ):
        if not storable(text or ""):
            raise invalid(f"query.{name}", "value_error", "must not contain control characters")
    filters = ReceiptFilters(None, status, employee, department_id, authorization_id, before_of(page))
    body = await receipts.page(page, filters)
    return reply(body, 200, **page.link(body.next))


@router.get(
    "/{receipt_id}",
    summary="Look at a receipt",
    response_model=ReceiptOut,
    openapi_extra=needs(Scope.RECEIPTS_READ, own=WITHIN_REACH),
    responses=answers(200, "As it stands.", 404),
)
async def read_receipt(receipts: OwnReceipts, receipt_id: ReceiptId) -> Response:
    """What was read of it, and which purchase it is of."""
    return reply(await receipts.receipt(receipt_id))


@router.put(
    "/{receipt_id}/transaction",
    summary="Link a receipt",
    response_model=ReceiptOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.RECEIPTS_WRITE, own=WITHIN_REACH),
    responses=answers(200, "As it is now.", 404, 413, 415),
)
async def link_receipt(body: ReceiptLinkIn, receipts: OwnReceipts, receipt_id: ReceiptId) -> Response:
    """Says which purchase it is of: one that was suggested, or another. A purchase may have several."""
    return reply(await receipts.link(receipt_id, body.authorization_id, body.department_id))


@router.delete(
    "/{receipt_id}/transaction",
    summary="Unlink a receipt",
    response_model=ReceiptOut,
    openapi_extra=needs(Scope.RECEIPTS_WRITE, own=WITHIN_REACH),
    responses=answers(200, "As it is now.", 404),
)
async def unlink_receipt(receipts: OwnReceipts, receipt_id: ReceiptId) -> Response:
    """It is not of its purchase, or of none of those that are suggested; they are not suggested again."""
    return reply(await receipts.unlink(receipt_id))


@router.delete(
    "/{receipt_id}",
    status_code=204,
    summary="Remove a receipt",
    response_class=Response,
    openapi_extra=needs(Scope.RECEIPTS_WRITE, own=WITHIN_REACH),
    responses=answers(204, "Removed, with its file.", 404),
)
async def remove_receipt(receipts: OwnReceipts, receipt_id: ReceiptId) -> Response:
    """For good; the audit log keeps that it was there, and its hash."""
    await receipts.remove(receipt_id)
    return Response(status_code=204)
