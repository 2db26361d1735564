"""The file of a receipt, to be taken away."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import WITHIN_REACH
from api.access.security import ReportRoute, needs
from api.resources.receipts.bodies import ReceiptOut
from api.resources.receipts.route import RECEIPTS, OwnReceipts, ReceiptId, answers

#: 10 MB take longer than a look at a row.
router = APIRouter(prefix=RECEIPTS, tags=["receipts"], route_class=ReportRoute)


@router.get(
    "/{receipt_id}/content",
    summary="Take a receipt's file",
    response_class=Response,
    openapi_extra=needs(Scope.RECEIPTS_READ, own=WITHIN_REACH),
    responses=answers(
        200,
        "The file as it is kept.",
        404,
        content={
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp", "application/pdf")
        },
    ),
)
async def download_receipt(receipts: OwnReceipts, receipt_id: ReceiptId) -> Response:
    """Always as an attachment: nothing of it runs on a page of this host."""
    shown, content = await receipts.content(receipt_id)
    return attachment(shown, content)


def attachment(shown: ReceiptOut, content: bytes) -> Response:
    """A file that a browser saves and never shows in the name of this host."""
    name = quote(shown.file_name, safe="")
    return Response(
        content, 200, {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}, shown.media_type
    )
