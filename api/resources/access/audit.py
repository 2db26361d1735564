"""The audit log: listed with filters, and taken away whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api.access.keys import Scope
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, NEXT, Paged
from api.http.paths import storable
from api.http.problems import FieldError, invalid_request, responses
from api.http.safe_csv import csv_lines, csv_of
from api.http.types import Moment, Output
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.sql import statement

router = APIRouter(prefix="/v1/audit", tags=["access"], route_class=KeyedRoute)

Outcome = Literal["done", "refused"]
_EXPORTED: Final = 1_000  # records for each question to PostgreSQL


class AuditRecordOut(Output):
    """What somebody did, or was refused."""

    model_config = ConfigDict(title="AuditRecord")

    seq: int = Field(description="gapless in its organization", examples=[1042])
    at: datetime
    actor: str = Field(
        description="e-mail address, a key's actor, or `command line`", examples=["carol@techcorp.com"]
    )
    actor_id: str | None = Field(examples=["usr_5d0c1f4e2b9a7c3d"])
    role: str | None = Field(description="of a person", examples=["org_admin"])
    request_id: str | None = Field(examples=["req_3f9a1c200000002a"])
    address: str | None = Field(description="where the request came from", examples=["192.0.2.7"])
    action: str = Field(description="the operation, by its operationId", examples=["change_person"])
    outcome: Outcome
    reason: str | None = Field(description="code of the problem; null: it was done", examples=[None])
    resource: str = Field(
        description="path of what it is about", examples=["/v1/people/usr_5d0c1f4e2b9a7c3d"]
    )
    times: int = Field(description="refusals alike within a minute are one record", examples=[1])
    position: str | None = Field(
        description="of the decision that is the truth about it: GET /v1/decisions/{position}; null: it is "
        "no change of the log",
        examples=[None],
    )
    before: dict[str, Any] | None = Field(
        description="what was changed, as it was", examples=[{"role": "auditor"}]
    )
    after: dict[str, Any] | None = Field(description="and as it is", examples=[{"role": "org_admin"}])
    hash: str = Field(
        description="SHA-256 of the hash before it and of its content; `spendlog verify` computes it anew",
        examples=["8f3b7c1d0e5a49628f3b7c1d0e5a49628f3b7c1d0e5a49628f3b7c1d0e5a4962"],
    )


class AuditListOut(Output):
    """A page of records, newest first."""

    model_config = ConfigDict(title="AuditList")

    records: list[AuditRecordOut]
    next: str | None = Field(description=NEXT)


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """Which records are wanted; None: whatever it is."""

    actor: str | None
    action: str | None
    outcome: Outcome | None
    resource: str | None
    since: datetime | None
    until: datetime | None


async def _filters(
    actor: Annotated[str | None, Query(max_length=200, description="only by this one")] = None,
    action: Annotated[str | None, Query(max_length=100, description="only this operation")] = None,
    outcome: Annotated[Outcome | None, Query(description="only these")] = None,
    resource: Annotated[
        str | None, Query(max_length=300, description="only about this path and what is below it")
    ] = None,
    since: Annotated[Moment | None, Query(description="at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="before this time")] = None,
) -> AuditFilters:
    for name, text in (("actor", actor), ("action", action), ("resource", resource)):
        if text is not None and not storable(text):
            words = "must not contain control characters"
            raise invalid_request([FieldError(field=f"query.{name}", code="value_error", message=words)])
    return AuditFilters(actor, action, outcome, resource, since, until)


Filtered = Annotated[AuditFilters, Depends(_filters)]


@router.get(
    "",
    summary="List the audit log",
    response_model=AuditListOut,
    openapi_extra=needs(Scope.AUDIT_READ),
    responses={
        200: {"description": "A page of it.", "headers": LINK},
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def list_audit(request: Request, caller: Caller, page: Paged, filters: Filtered) -> Response:
    """What people and keys changed, and what they were refused, newest first.

    Refused tries, and changes that are decided in the log, come within a second. Authorizations and events
    of keys are not in it: the log of decisions is their record.
    """
    key = page.key(tuple[int])
    services = services_of(request)
    found = await audit_rows(
        services, caller.organization_id, filters, key[0] if key else None, page.rows_max
    )
    rows, following = page.turn(found, lambda row: (row["seq"],))
    body = AuditListOut(records=[AuditRecordOut(**row) for row in rows], next=following)
    return reply(body, 200, **page.link(following))


@router.get(
    "/export",
    summary="Take the audit log away",
    response_class=Response,
    openapi_extra=needs(Scope.AUDIT_READ),
    responses={
        200: {
            "description": "All records that the filters let through, newest first.",
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **responses(400, 401, 403, 422, 500, 503),
    },
)
async def export_audit(
    request: Request,
    caller: Caller,
    filters: Filtered,
    format: Annotated[
        Literal["ndjson", "csv"], Query(description="a line of JSON a record, or a table")
    ] = "ndjson",
) -> Response:
    """One JSON object a line, or CSV with a header; in CSV what a spreadsheet would run as a formula begins
    with an apostrophe. A file that ends without its last line end was cut off."""
    services = services_of(request)
    first = await audit_rows(services, caller.organization_id, filters, None, _EXPORTED)
    pages = _pages(services, caller.organization_id, filters, first)
    name = f"audit-{caller.organization_id}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if format == "csv":
        return StreamingResponse(_csv(pages), headers=headers, media_type="text/csv; charset=utf-8")
    return StreamingResponse(_ndjson(pages), headers=headers, media_type="application/x-ndjson")


async def audit_rows(
    services: Services, organization_id: str, filters: AuditFilters, seen: int | None, rows_max: int
) -> list[dict[str, Any]]:
    """Newest first, those before record `seen`. Raises PostgresAway."""
    row = await services.postgres.row(
        statement("audit"),
        {
            "organization_id": organization_id,
            "seen": seen,
            "rows_max": rows_max,
            **{name: getattr(filters, name) for name in AuditFilters.__slots__},
        },
        prepare=False,  # planned for the filters that are there
    )
    found: list[dict[str, Any]] = row["records"] if row else []
    return found


async def _pages(
    services: Services, organization_id: str, filters: AuditFilters, rows: list[dict[str, Any]]
) -> AsyncIterator[list[dict[str, Any]]]:
    while rows:
        yield rows
        if len(rows) < _EXPORTED:
            return
        rows = await audit_rows(services, organization_id, filters, rows[-1]["seq"], _EXPORTED)


async def _ndjson(pages: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    async for rows in pages:
        yield "".join(AuditRecordOut(**row).model_dump_json() + "\n" for row in rows).encode()


async def _csv(pages: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    names = list(AuditRecordOut.model_fields)
    yield csv_of(names, [])
    async for rows in pages:
        yield csv_lines([[_cell(row[name]) for name in names] for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
