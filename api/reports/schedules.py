"""Reports that are made by themselves, and those that were made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.reach import WHOLE
from api.access.security import Caller, ReportRoute, needs
from api.http.paging import LINK, NEXT, Page, Paged
from api.http.paths import storable
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.http.types import Input, Moment, Output
from api.reports.making import PeriodWord
from api.reports.report import ReportKind
from api.reports.sheets import CSV, XLSX
from api.resources.access.people_bodies import Email
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.postgres import REPORT_TIMEOUT_S
from api.stores.sql import statement

SCHEDULES: Final = "/v1/report-schedules"
FILES: Final = "/v1/report-files"
SCHEDULES_MAX: Final = 100
router = APIRouter(tags=["reports"], route_class=ReportRoute)

Every = Literal["day", "week", "month"]
ScheduleId = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="its name, which you choose", examples=["monthly"]),
]
FileNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="its number", examples=[7])]
_READS: Final = (400, 401, 403, 422, 500, 503)


class ReportScheduleIn(Input):
    """What is made, how often, and who is sent it."""

    model_config = ConfigDict(title="ReportScheduleChange")

    report: ReportKind = Field(examples=["month-end"])
    period: PeriodWord = Field(default="last_month", description="as of when it is due")
    format: Literal["csv", "xlsx"] = "xlsx"
    every: Every = "month"
    mail_to: list[Email] = Field(
        default=[], max_length=50, description="who is sent it; it covers the whole organization"
    )
    starts_at: Moment | None = Field(
        default=None,
        description="when it is due first, and then at the same time of the organization's day; none: now, "
        "or as it was",
    )
    paused: bool = Field(default=False, strict=True, description="none is made meanwhile")


class ReportDeliveryOut(Output):
    """To whom a report was sent, and what became of it."""

    model_config = ConfigDict(title="ReportDelivery")

    way: Literal["mail", "webhook"]
    to: str = Field(description="an address, or an endpoint's id", examples=["cfo@acme.com"])
    status: Literal["pending", "delivered", "failed", "dropped", "unknown"] = Field(
        description="`unknown`: it is not kept any more"
    )
    at: datetime | None = Field(description="of what `status` says")
    error: str | None = Field(description="of the last attempt at a mail that failed")


class ReportScheduleOut(Output):
    """A report that is made by itself."""

    model_config = ConfigDict(title="ReportSchedule")

    schedule_id: str = Field(examples=["monthly"])
    report: ReportKind
    period: str = Field(examples=["last_month"])
    format: str = Field(examples=["xlsx"])
    every: str = Field(examples=["month"])
    mail_to: list[str]
    starts_at: datetime | None
    next_at: datetime = Field(description="when it is due next")
    time_zone: str = Field(description="in whose days the steps go", examples=["Europe/Berlin"])
    paused: bool
    set_by: str | None = Field(description="null: at the command line")
    last_made_at: datetime | None
    last_file_id: int | None = Field(description="of the one that was made last")
    last_deliveries: list[ReportDeliveryOut] = Field(description="of that one; none: nobody was to be told")


class ReportRunOut(Output):
    """A report that will be made within moments."""

    model_config = ConfigDict(title="ReportRun")

    schedule_id: str = Field(examples=["monthly"])
    job_id: int = Field(examples=[1042])


class ReportScheduleListOut(Output):
    """All of them, by name."""

    model_config = ConfigDict(title="ReportSchedules")

    schedules: list[ReportScheduleOut]


class ReportFileOut(Output):
    """A report that was made and is kept."""

    model_config = ConfigDict(title="ReportFile")

    file_id: int = Field(examples=[7])
    schedule_id: str
    name: str = Field(examples=["month-end-2026-10-01-2026-10-31.xlsx"])
    media_type: str
    due_at: datetime
    made_at: datetime
    bytes: int


class ReportFileListOut(Output):
    """A page of them, newest first."""

    model_config = ConfigDict(title="ReportFiles")

    files: list[ReportFileOut]
    next: str | None = Field(description=NEXT)


@router.get(
    SCHEDULES,
    summary="List scheduled reports",
    response_model=ReportScheduleListOut,
    openapi_extra=needs(Scope.LEDGER_READ, own=WHOLE),
    responses={200: {"description": "All of them."}, **responses(*_READS)},
)
async def list_report_schedules(request: Request, caller: Caller) -> Response:
    """`spendlog jobs` makes each as of when it is due, once, and keeps it."""
    return reply(ReportScheduleListOut(schedules=await schedules_of(services_of(request), caller)))


@router.put(
    SCHEDULES + "/{schedule_id}",
    summary="Schedule a report",
    response_model=ReportScheduleOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.REPORTS_WRITE, own=WHOLE),
    responses={200: {"description": "It is set."}, **responses(*_READS, 404, 409, 413, 415)},
)
async def set_report_schedule(
    body: ReportScheduleIn, request: Request, caller: Caller, schedule_id: ScheduleId
) -> Response:
    """A new one, or another one of this name. It is sent to addresses that you name: whoever has them sees
    what all departments spend."""
    return reply(await set_schedule(request, caller, schedule_id, body))


@router.delete(
    SCHEDULES + "/{schedule_id}",
    status_code=204,
    summary="End a scheduled report",
    response_class=Response,
    openapi_extra=needs(Scope.REPORTS_WRITE, own=WHOLE),
    responses={204: {"description": "It is made no longer."}, **responses(*_READS, 404)},
)
async def end_report_schedule(request: Request, caller: Caller, schedule_id: ScheduleId) -> Response:
    """Those that were made stay."""
    await end_schedule(request, caller, schedule_id)
    return Response(status_code=204)


@router.post(
    SCHEDULES + "/{schedule_id}/runs",
    status_code=202,
    summary="Make a scheduled report now",
    response_model=ReportRunOut,
    openapi_extra=needs(Scope.REPORTS_WRITE, own=WHOLE),
    responses={202: {"description": "It is made by `spendlog jobs`."}, **responses(*_READS, 404)},
)
async def run_report_schedule(request: Request, caller: Caller, schedule_id: ScheduleId) -> Response:
    """Beside those of its steps: as of now, kept and sent as they are. One that waits already is that one."""
    return reply(await run_schedule(request, caller, schedule_id), 202)


@router.get(
    FILES,
    summary="List reports that were made",
    response_model=ReportFileListOut,
    openapi_extra=needs(Scope.LEDGER_READ, own=WHOLE),
    responses={200: {"description": "A page of them.", "headers": LINK}, **responses(*_READS)},
)
async def list_report_files(request: Request, caller: Caller, page: Paged) -> Response:
    """By schedules, newest first."""
    body = await files_page(services_of(request), caller, page)
    return reply(body, 200, **page.link(body.next))


@router.get(
    FILES + "/{file_id}/content",
    summary="Take a report that was made",
    response_class=Response,
    openapi_extra=needs(Scope.LEDGER_READ, own=WHOLE),
    responses={
        200: {
            "description": "The file, as an attachment.",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (CSV, XLSX)},
        },
        **responses(*_READS, 404),
    },
)
async def download_report(request: Request, caller: Caller, file_id: FileNumber) -> Response:
    """As it was when it was due."""
    return await file_response(services_of(request), caller, file_id)


# -- what the routes and the pages do


async def schedules_of(
    services: Services, caller: Principal, schedule_id: str | None = None
) -> list[ReportScheduleOut]:
    """Raises Problem 503."""
    row = await services.reconciliations.ask(
        "report_schedules", organization_id=caller.organization_id, schedule_id=schedule_id
    )
    return [ReportScheduleOut(**one) for one in row["schedules"]]


async def set_schedule(
    request: Request, caller: Principal, schedule_id: str, said: ReportScheduleIn
) -> ReportScheduleOut:
    """Raises Problem: 409, there are as many as may be."""
    services = services_of(request)
    known = {one.schedule_id: one for one in await schedules_of(services, caller)}
    if schedule_id not in known and len(known) >= SCHEDULES_MAX:
        words = f"There are {SCHEDULES_MAX} scheduled reports already: end one first."
        raise Problem(409, "too_many_schedules", words)
    before = known.get(schedule_id)

    async def put(changes: Changeset) -> None:
        told = said.model_dump(mode="json", exclude={"starts_at"})
        values = told | {"starts_at": said.starts_at, "actor": caller.actor}
        of = {"organization_id": caller.organization_id, "schedule_id": schedule_id}
        await changes.row("report_schedule_set", **of, **values)
        was = None if before is None else {name: getattr(before, name) for name in told}
        changes.tell(f"{SCHEDULES}/{schedule_id}", before=was, after=told)

    await change(request, put)
    (found,) = await schedules_of(services, caller, schedule_id)
    return found


async def end_schedule(request: Request, caller: Principal, schedule_id: str) -> None:
    """Raises Problem 404."""

    async def end(changes: Changeset) -> bool:
        of = {"organization_id": caller.organization_id, "schedule_id": schedule_id}
        before = await changes.row("report_schedule_end", **of)
        if before is not None:
            changes.tell(f"{SCHEDULES}/{schedule_id}", before=before)
        return before is not None

    if not storable(schedule_id) or not await change(request, end):
        raise Problem(404, "unknown_report_schedule", "There is no scheduled report of this name.")


async def run_schedule(request: Request, caller: Principal, schedule_id: str) -> ReportRunOut:
    """Raises Problem 404."""

    async def run(changes: Changeset) -> int | None:
        of = {"organization_id": caller.organization_id, "schedule_id": schedule_id}
        row = await changes.row("report_schedule_run", **of)
        if row is not None:
            changes.tell(f"{SCHEDULES}/{schedule_id}/runs", after={"job_id": row["job_id"]})
        return None if row is None else int(row["job_id"])

    job_id = await change(request, run) if storable(schedule_id) else None
    if job_id is None:
        raise Problem(404, "unknown_report_schedule", "There is no scheduled report of this name.")
    return ReportRunOut(schedule_id=schedule_id, job_id=job_id)


async def files_page(services: Services, caller: Principal, page: Page) -> ReportFileListOut:
    """Raises Problem."""
    key = page.key(tuple[int])
    row = await services.reconciliations.ask(
        "report_files",
        organization_id=caller.organization_id,
        before=key[0] if key else None,
        rows_max=page.rows_max,
    )
    rows, following = page.turn(row["files"], lambda one: (one["file_id"],))
    return ReportFileListOut(files=[ReportFileOut(**one) for one in rows], next=following)


async def file_response(services: Services, caller: Principal, file_id: int) -> Response:
    """Raises Problem 404."""
    asked: dict[str, Any] = {"organization_id": caller.organization_id, "file_id": file_id}
    row = await services.postgres.row(statement("report_file"), asked, timeout_s=REPORT_TIMEOUT_S)
    if row is None:
        raise Problem(404, "unknown_report_file", "There is no such report; those that are kept are listed.")
    disposition = f"attachment; filename*=UTF-8''{quote(row['name'], safe='')}"
    return Response(row["content"], 200, {"Content-Disposition": disposition}, row["media_type"])
