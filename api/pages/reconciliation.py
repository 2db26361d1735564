"""Reconciliation: settlement files, what is open in each and what becomes of it, months that are closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form
from pydantic import ValidationError
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import require_department
from api.access.security import needs
from api.asking.settlements import FileReading, FileRefused
from api.http.paging import Page
from api.http.preferences import Wait
from api.http.problems import Problem
from api.pages.forms import words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.words import RECONCILIATION_ACTIONS, RECONCILIATION_STATES
from api.resources.reconciliations.bodies import Action, PeriodCloseIn, ResolutionIn, Result
from api.resources.reconciliations.periods import close, periods_page
from api.resources.reconciliations.reconciliations import files_page, find_file, items_page
from api.resources.reconciliations.resolutions import ACTIONS, resolve
from api.resources.reconciliations.uploads import SentSettlement, look_at, read_settlement_form, take

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ROWS: Final = 50
_WAIT: Final = Wait(2)
_READS, _WRITES = Scope.RECONCILIATIONS_READ, Scope.RECONCILIATIONS_WRITE


def _require_whole(asking: Asking, scope: Scope) -> None:
    """A file is of all departments together. Raises Problem 403."""
    require_department(asking.viewer.caller, None, scope)


@router.get("/reconciliation", openapi_extra=needs(_READS))
async def show_reconciliation(asking: Asked, after: str | None = None) -> Response:
    _require_whole(asking, _READS)
    return await _overview(asking, after)


@router.post("/reconciliation/reading", openapi_extra=needs(_WRITES))
async def look_at_file(asking: Asked) -> Response:
    """What a file says before it is taken: nothing of it is kept."""
    _require_whole(asking, _WRITES)
    sent = await read_settlement_form(asking.request)
    try:
        return await _overview(asking, sent=sent, reading=await look_at(asking.request, sent))
    except FileRefused as refused:
        return await _overview(asking, sent=sent, refused=refused)


@router.post("/reconciliation/files", openapi_extra=needs(_WRITES))
async def take_file(asking: Asked) -> Response:
    """To the page of the file, which says how far its matching is."""
    _require_whole(asking, _WRITES)
    sent = await read_settlement_form(asking.request)
    try:
        found = await take(asking.request, asking.viewer.caller, sent)
    except FileRefused as refused:
        return await _overview(asking, sent=sent, refused=refused, status=422)
    return back(f"/reconciliation/{found.file_id}")


async def _overview(
    asking: Asking,
    after: str | None = None,
    *,
    wrong: str = "",
    period: str = "",
    sent: SentSettlement | None = None,
    reading: FileReading | None = None,
    refused: FileRefused | None = None,
    status: int = 200,
) -> Response:
    """Files and closed months. `period`: of the form; the month that ended last, if empty. `sent`: the file
    that is looked at, and what it says or why it cannot be read."""
    caller = asking.viewer.caller
    found = await files_page(asking.services, caller, Page(after, ROWS, "/reconciliation"))
    closed = await periods_page(asking.services, caller, Page(None, 12, "/reconciliation"))
    last = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    return page(
        asking.request,
        "reconciliation",
        status=409 if wrong else status,
        found=found,
        closed=closed.periods,
        wrong=wrong,
        period=period or f"{last:%Y-%m}",
        reading=reading,
        refused="" if refused is None else str(refused),
        mapping=_mapping_of(sent, reading, refused),
        days=3 if sent is None else sent.days_max,
        states=RECONCILIATION_STATES,
    )


def _mapping_of(sent: SentSettlement | None, reading: FileReading | None, refused: FileRefused | None) -> str:
    """What stands in the form: as it was said, else as it was proposed."""
    proposed = reading.mapping if reading else refused.mapping if refused else ""
    return (sent.mapping if sent else "") or proposed


@router.post("/reconciliation", openapi_extra=needs(_WRITES))
async def close_month(
    asking: Asked, period: Annotated[str, Form(max_length=7)] = "", reason: Annotated[str, Form()] = ""
) -> Response:
    """What speaks against it is told on the form."""
    _require_whole(asking, _WRITES)
    try:
        said = PeriodCloseIn(reason=reason.strip())
        await close(asking.request, asking.viewer.caller, period.strip(), said)
    except ValidationError:
        return await _overview(asking, wrong="Say why, in 1 to 500 characters.", period=period)
    except Problem as problem:
        if problem.status_code not in (409, 422):
            raise
        return await _overview(asking, wrong=words_of(problem), period=period)
    return back("/reconciliation", done=f"{period} is closed: what comes later counts in the next month.")


@router.get("/reconciliation/{file_id}", openapi_extra=needs(_READS))
async def show_settlement_file(
    asking: Asked, file_id: str, result: Result | None = None, all: bool = False, after: str | None = None
) -> Response:
    """What is open, unless `all` or a result is asked for."""
    _require_whole(asking, _READS)
    return await _file(asking, file_id, result, all, after)


async def _file(
    asking: Asking, file_id: str, result: Result | None, all: bool, after: str | None, *, wrong: str = ""
) -> Response:
    caller, here = asking.viewer.caller, f"/reconciliation/{file_id}"
    found = await find_file(asking.services, caller, file_id)
    query = tuple((name, value) for name, value in (("result", result), ("all", all and "true")) if value)
    only_open = None if all or result else True
    listed = await items_page(
        asking.services, caller, Page(after, ROWS, here, query), file_id, result, only_open
    )
    return page(
        asking.request,
        "settlement",
        status=422 if wrong else 200,
        file=found,
        listed=listed,
        chosen=result or ("all" if all else ""),
        states=RECONCILIATION_STATES,
        actions={
            name: [(act, RECONCILIATION_ACTIONS[act]) for act in known] for name, known in ACTIONS.items()
        },
        wrong=wrong,
    )


@router.post("/reconciliation/{file_id}/{n}", openapi_extra=needs(_WRITES))
async def resolve_settlement_item(
    asking: Asked,
    file_id: str,
    n: int,
    action: Annotated[Action, Form()],
    reason: Annotated[str, Form()] = "",
    department_id: Annotated[str, Form(max_length=64)] = "",
    card_id: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    """What is wrong with it is told above the list."""
    _require_whole(asking, _WRITES)
    try:
        said = ResolutionIn(
            action=action,
            reason=reason.strip(),
            department_id=department_id.strip() or None,
            card_id=card_id.strip() or None,
        )
        row, _ = await resolve(asking.request, asking.viewer.caller, _WAIT, file_id, n, said)
    except ValidationError:
        words = "Say why, in 1 to 500 characters; ids have neither spaces nor card numbers."
        return await _file(asking, file_id, None, False, None, wrong=words)
    except Problem as problem:
        if problem.status_code not in (404, 409, 422) or problem.code.startswith("unknown_reconciliation"):
            raise
        return await _file(asking, file_id, None, False, None, wrong=words_of(problem))
    if row["is_open"]:
        return back(
            f"/reconciliation/{file_id}", done="The log has not answered in time: say the same again."
        )
    return back(f"/reconciliation/{file_id}", done=f"Line {row['number'] or '-'}: {row['resolution']}.")
