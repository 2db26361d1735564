"""Settlement files: declared, their lines received, matched; listed with all that became of each line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.reach import WHOLE
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, Page, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.resources.organization_paths import invalid
from api.resources.reconciliations.bodies import (
    ReceivedOut,
    ReconciliationIn,
    ReconciliationItemListOut,
    ReconciliationItemOut,
    ReconciliationListOut,
    ReconciliationOut,
    Result,
    SettlementLinesIn,
    file_out,
    item_out,
)
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.pace import views_away
from api.stores.postgres import PostgresAway
from schemas.names import merchant_key

RECONCILIATIONS: Final = "/v1/reconciliations"
router = APIRouter(prefix=RECONCILIATIONS, tags=["reconciliation"], route_class=KeyedRoute)

FileId = Annotated[
    str, Path(max_length=64, description="the file's id", examples=["rec_9f86d081884c7d659a2f"])
]
ItemNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="the item's `n`")]
_READS: Final = (400, 401, 403, 404, 422, 500, 503)
_WRITES: Final = (*_READS, 409, 413, 415)


def answers(status: int, description: str, *codes: int, **more: Any) -> dict[int | str, dict[str, Any]]:
    """What a route answers, in OpenAPI's words."""
    return {status: {"description": description, **more}, **responses(*(codes or _READS))}


@router.put(
    "",
    summary="Declare a settlement file",
    response_model=ReconciliationOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE),
    responses=answers(200, "How it stands; a file that was declared before as it stands now.", *_WRITES),
)
async def declare_reconciliation(body: ReconciliationIn, request: Request, caller: Caller) -> Response:
    """The same file twice changes nothing: it is known by its digest. Then send its lines, and match it."""
    return reply(await declare(request, caller, body))


async def declare(request: Request, caller: Principal, body: ReconciliationIn) -> ReconciliationOut:
    """The file as it stands then. Raises Problem."""
    services = services_of(request)
    if body.since > body.until:
        raise invalid("body.since", "empty_range", "is after `until`")
    file_id = f"rec_{body.digest[:20]}"
    if body.replaces == file_id:
        raise invalid("body.replaces", "contradiction", "is this file itself")
    if body.replaces is not None:
        await _require_replaceable(services, caller, body.replaces)
    values = body.model_dump() | {
        "organization_id": caller.organization_id,
        "file_id": file_id,
        "account": json.dumps(body.account),
        "uploaded_by": caller.actor,
    }

    async def keep(changes: Changeset) -> None:
        if await changes.row("reconciliation_declare", **values) is not None:
            after = {"name": body.name, "digest": body.digest, "lines": body.lines, "replaces": body.replaces}
            changes.tell(f"{RECONCILIATIONS}/{file_id}", after=after)

    await told(request, keep)
    return await find_file(services, caller, file_id)


async def _require_replaceable(services: Services, caller: Principal, file_id: str) -> None:
    try:
        known = await find_file(services, caller, file_id)
    except Problem as problem:
        if problem.status_code != 404:
            raise
        raise invalid("body.replaces", "unknown_reconciliation", "there is no such file") from None
    if known.status == "replaced":
        words = f"was replaced by {known.replaced_by} already: correct that one"
        raise invalid("body.replaces", "already_replaced", words)


@router.put(
    "/{file_id}/lines",
    summary="Send lines of a settlement file",
    response_model=ReceivedOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE),
    responses=answers(200, "They are kept; lines that were there already stay as they are.", *_WRITES),
)
async def send_lines(body: SettlementLinesIn, request: Request, caller: Caller, file_id: FileId) -> Response:
    """Some at a time, in any order, and again where an answer was lost; matched when all are there."""
    services = services_of(request)
    known = await find_file(services, caller, file_id)
    if known.status != "receiving":
        words = f"The file is {known.status}: it takes no more lines. A corrected one says `replaces`."
        raise Problem(409, "lines_are_complete", words)
    rows = []
    for at, one in enumerate(body.lines):
        if one.n > known.lines:
            raise invalid(
                f"body.lines.{at}.n", "value_error", f"is above the {known.lines} that were declared"
            )
        if one.unreadable is None and None in (one.minor, one.currency, one.day):
            raise invalid(f"body.lines.{at}", "value_error", "needs minor, currency and day, or unreadable")
        row = one.model_dump(mode="json")
        row["merchant_key"] = merchant_key(one.merchant) if one.merchant else None
        rows.append(row)

    return reply(ReceivedOut(added=await receive(request, caller, file_id, json.dumps(rows))))


async def receive(request: Request, caller: Principal, file_id: str, lines: str) -> int:
    """How many were new. `lines`: a JSON array, each as it is kept. Raises Problem 409."""

    async def keep(changes: Changeset) -> int:
        asked = {"organization_id": caller.organization_id, "file_id": file_id, "lines": lines}
        row = await changes.row("reconciliation_lines", **asked)
        if row is None or row["file"] is None:
            raise Problem(409, "lines_are_complete", "The file takes no more lines: it is being matched.")
        return int(row["added"])

    added: int = await told(request, keep)
    return added


@router.put(
    "/{file_id}/matching",
    status_code=202,
    summary="Match a settlement file",
    response_model=ReconciliationOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE),
    responses=answers(202, "It is being matched; look at it until its `status` is `matched`.", *_READS, 409),
)
async def match_reconciliation(request: Request, caller: Caller, file_id: FileId) -> Response:
    """All its lines are there: each is looked for in the books. A file that was matched before is matched
    again for what is open: bookings may have come since."""
    return reply(await begin_matching(request, caller, file_id), 202)


async def begin_matching(request: Request, caller: Principal, file_id: str) -> ReconciliationOut:
    """Raises Problem: 404; 409, lines are missing, or the file was replaced."""
    services = services_of(request)
    await find_file(services, caller, file_id)

    async def begin(changes: Changeset) -> None:
        asked = {"organization_id": caller.organization_id, "file_id": file_id}
        row = await changes.row("reconciliation_match", **asked)
        assert row is not None
        if row["status"] == "replaced":
            raise Problem(409, "file_replaced", "The file was replaced by another one: match that.")
        if row["received"] < row["lines"]:
            words = f"{row['received']} of {row['lines']} lines are there. Send the others first."
            raise Problem(409, "lines_missing", words)
        changes.tell(f"{RECONCILIATIONS}/{file_id}", after={"status": "matching"})

    await told(request, begin)
    return await find_file(services, caller, file_id)


@router.get(
    "",
    summary="List settlement files",
    response_model=ReconciliationListOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_READ, own=WHOLE),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_reconciliations(request: Request, caller: Caller, page: Paged) -> Response:
    """Newest first, each with its results and how many items are open."""
    body = await files_page(services_of(request), caller, page)
    return reply(body, 200, **page.link(body.next))


@router.get(
    "/{file_id}",
    summary="Look at a settlement file",
    response_model=ReconciliationOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_READ, own=WHOLE),
    responses=answers(200, "How it stands."),
)
async def read_reconciliation(request: Request, caller: Caller, file_id: FileId) -> Response:
    """Its results, where its lines went, and how many items are open."""
    return reply(await find_file(services_of(request), caller, file_id))


@router.get(
    "/{file_id}/items",
    summary="List the items of a settlement file",
    response_model=ReconciliationItemListOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_READ, own=WHOLE),
    responses=answers(200, "A page of them.", headers=LINK),
)
async def list_items(
    request: Request,
    caller: Caller,
    page: Paged,
    file_id: FileId,
    result: Annotated[Result | None, Query(description="only these")] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="only what is open, or is not")] = None,
) -> Response:
    """Its lines in their order, then the bookings that it lacks."""
    body = await items_page(services_of(request), caller, page, file_id, result, is_open)
    return reply(body, 200, **page.link(body.next))


# -- what the routes and the pages do


async def files_page(services: Services, caller: Principal, page: Page) -> ReconciliationListOut:
    """Raises Problem."""
    key = page.key(tuple[datetime, str])
    row = await services.reconciliations.ask(
        "reconciliation_files",
        long=True,
        organization_id=caller.organization_id,
        file_id=None,
        before_at=key[0] if key else None,
        before_id=key[1] if key else None,
        rows_max=page.rows_max,
    )
    rows, following = page.turn(row["files"], lambda one: (one["uploaded_at"], one["file_id"]))
    return ReconciliationListOut(reconciliations=[file_out(one) for one in rows], next=following)


async def find_file(services: Services, caller: Principal, file_id: str) -> ReconciliationOut:
    """Raises Problem: 404, there is no such file."""
    row: dict[str, Any] = {"files": []}
    if storable(file_id):
        row = await services.reconciliations.ask(
            "reconciliation_files",
            long=True,
            organization_id=caller.organization_id,
            file_id=file_id,
            before_at=None,
            before_id=None,
            rows_max=1,
        )
    if not row["files"]:
        raise unknown_file()
    return file_out(row["files"][0])


def unknown_file() -> Problem:
    return Problem(404, "unknown_reconciliation", "There is no such settlement file.")


async def items_page(
    services: Services,
    caller: Principal,
    page: Page,
    file_id: str,
    result: Result | None,
    is_open: bool | None,
) -> ReconciliationItemListOut:
    """Raises Problem: 404, there is no such file."""
    key = page.key(tuple[str, int])
    if not storable(file_id):
        raise unknown_file()
    row = await services.reconciliations.ask(
        "reconciliation_items",
        long=True,
        organization_id=caller.organization_id,
        file_id=file_id,
        n=None,
        result=result,
        open=is_open,
        after_file=key[0] if key else None,
        after_n=key[1] if key else None,
        rows_max=page.rows_max,
    )
    if not row["known"]:
        raise unknown_file()
    rows, following = page.turn(row["items"], lambda one: (one["file_id"], one["n"]))
    return ReconciliationItemListOut(items=[item_out(one) for one in rows], next=following)


async def find_item(services: Services, caller: Principal, file_id: str, n: int) -> dict[str, Any]:
    """Its row. Raises Problem: 404, there is no such item."""
    found: list[dict[str, Any]] = []
    if storable(file_id):
        row = await services.reconciliations.ask(
            "reconciliation_items",
            organization_id=caller.organization_id,
            file_id=file_id,
            n=n,
            result=None,
            open=None,
            after_file=None,
            after_n=None,
            rows_max=1,
        )
        found = row["items"]
    if not found:
        raise Problem(404, "unknown_reconciliation_item", "There is no such item in a settlement file.")
    return found[0]


async def told(request: Request, work: Any) -> Any:
    """Does `work` in a transaction and tells it in the audit log. Raises Problem."""
    try:
        return await change(request, work)
    except PostgresAway as away:
        raise views_away({"postgresql": str(away)}) from None


def item_response(row: dict[str, Any], status: int = 200, **headers: str) -> Response:
    body: ReconciliationItemOut = item_out(row)
    return reply(body, status, **headers)
