"""Requests for an increase of a budget. They are made and answered with events; here they are looked at."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.keys import Scope
from api.models.increases import IncreaseRequestListOut, IncreaseRequestOut, RequestStatus
from api.paths import IN_PATH, storable
from api.problems import Problem
from api.routes.places import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    read_responses,
    shown,
)
from api.security import KeyedRoute, needs
from api.views import request_out, requests_out

PATH = f"{DEPARTMENT}/increase-requests"
PAGE = 100
PAGE_MAX = 500

router = APIRouter(tags=["budgets"], route_class=KeyedRoute)


@router.get(
    PATH,
    summary="List requests for an increase",
    response_model=IncreaseRequestListOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("A page of them."),
)
async def list_requests(
    reading: Reading,
    status: Annotated[RequestStatus | None, Query(description="only these; all, if absent")] = None,
    after: Annotated[
        str | None, Query(max_length=128, description="only requests whose id comes after this one")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="requests on a page")] = PAGE,
) -> Response:
    """By id. Ask with the event `increase.requested`, answer with `increase.approved` or `increase.refused`.

    Who asked may take it back with `increase.refused`.
    One that nobody answers for 90 days is forgotten by those who decide: it stays here, and waits for ever.
    """
    where = reading.own()
    row = await _find(reading, status=status, after=after, rows_max=limit + 1)
    return shown(requests_out(*where, row, page=limit), reading.wait)


@router.get(
    f"{PATH}/{{request_id:path}}",
    summary="Look at a request for an increase",
    response_model=IncreaseRequestOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("How far it has got."),
)
async def read_request(
    reading: Reading,
    request_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["inc_7"])],
) -> Response:
    """Who asked and why, who has approved or refused, and who may approve it now."""
    where = reading.own()
    row = await _find(reading, request_id=request_id)
    if not row["requests"]:
        raise Problem(404, "unknown_request", f"There is no request for an increase {request_id[:80]!r}.")
    body = request_out(*where, row["requests"][0])
    return shown(body, reading.wait, body.position)


async def _find(
    reading: OfDepartment,
    *,
    request_id: str | None = None,
    status: RequestStatus | None = None,
    after: str | None = None,
    rows_max: int = 1,
) -> Any:
    if not storable(request_id or "") or not storable(after or ""):
        raise Problem(404, "unknown_request", "There is no such request for an increase.")
    return await reading.known(
        "increases", request_id=request_id, status=status, after=after, rows_max=rows_max
    )
