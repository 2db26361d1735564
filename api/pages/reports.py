"""Reports: what was spent, budgets, declines, the close of a month; to look at, to print, to take away."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE, require_department
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.forms import valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.reports.making import PeriodWord
from api.reports.report import PERMISSIONS, TITLES, ReportKind, ReportOut
from api.reports.route import ReportQuery, file_of, made
from api.reports.schedules import (
    Every,
    ReportScheduleIn,
    end_schedule,
    file_response,
    files_page,
    run_schedule,
    schedules_of,
    set_schedule,
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ADDRESS: Final = "/reports"
ROWS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
PERIODS: Final = {
    "this_month": "This month",
    "last_month": "Last month",
    "this_quarter": "This quarter",
    "last_quarter": "Last quarter",
    "this_year": "This fiscal year",
    "last_year": "Last fiscal year",
    "last_week": "Last week",
}
Kind = Annotated[ReportKind, Query(alias="report")]
Given = Annotated[ReportQuery, Depends()]


@router.get(ADDRESS, openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def show_report(asking: Asked, given: Given, kind: Kind = ReportKind.SPEND) -> Response:
    """What was chosen stays in the address, so that it can be kept and shared."""
    report = await _report(asking, given, kind)
    chosen = {"report": kind.value, "period": given.period}
    if given.first is not None and given.last is not None:
        chosen |= {"first": given.first.isoformat(), "last": given.last.isoformat()}
    return page(
        asking.request,
        "reports",
        report=report,
        kinds=[(each.value, TITLES[each]) for each in ReportKind if asking.viewer.may(PERMISSIONS[each])],
        periods=PERIODS,
        given=given,
        chosen=chosen,
        files=[(name, f"{ADDRESS}.{name.lower()}?{urlencode(chosen)}") for name in ("CSV", "XLSX")],
    )


@router.get(f"{ADDRESS}.csv", openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def report_as_csv(asking: Asked, given: Given, kind: Kind = ReportKind.SPEND) -> Response:
    return file_of(await _report(asking, given, kind), "csv")


@router.get(f"{ADDRESS}.xlsx", openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def report_as_xlsx(asking: Asked, given: Given, kind: Kind = ReportKind.SPEND) -> Response:
    return file_of(await _report(asking, given, kind), "xlsx")


@router.get(f"{ADDRESS}/scheduled", openapi_extra=needs(Scope.LEDGER_READ))
async def show_scheduled(asking: Asked, after: str | None = None) -> Response:
    """What is made by itself, and what was made."""
    return await _scheduled(asking, after)


async def _scheduled(asking: Asking, after: str | None = None, *, wrong: str = "") -> Response:
    caller = asking.viewer.caller
    require_department(caller, None, Scope.LEDGER_READ)
    return page(
        asking.request,
        "scheduled",
        status=422 if wrong else 200,
        schedules=await schedules_of(asking.services, caller),
        found=await files_page(asking.services, caller, Page(after, ROWS, f"{ADDRESS}/scheduled")),
        kinds=[(each.value, TITLES[each]) for each in ReportKind],
        titles={each.value: TITLES[each] for each in ReportKind},
        periods=PERIODS,
        may_set=asking.viewer.may(Scope.REPORTS_WRITE)
        and asking.viewer.departments(Scope.REPORTS_WRITE) is None,
        wrong=wrong,
    )


@router.post(f"{ADDRESS}/scheduled", openapi_extra=needs(Scope.REPORTS_WRITE))
async def schedule_report(
    asking: Asked,
    name: Annotated[str, Form(max_length=64)],
    report: Annotated[ReportKind, Form()],
    period: Annotated[PeriodWord, Form()],
    every: Annotated[Every, Form()],
    format: Annotated[Literal["xlsx", "csv"], Form()],
    mail_to: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """What is wrong with it is told on the form."""
    require_department(asking.viewer.caller, None, Scope.REPORTS_WRITE)
    try:
        if not _NAME.fullmatch(name):
            raise Problem(422, "invalid_request", "name: letters, digits, dot, underscore and hyphen.")
        said = valid(
            lambda: ReportScheduleIn(
                report=report,
                period=period,
                every=every,
                format=format,
                mail_to=mail_to.replace(",", " ").split(),
            )
        )
        await set_schedule(asking.request, asking.viewer.caller, name, said)
    except Problem as problem:
        if problem.status_code not in (409, 422):
            raise
        return await _scheduled(asking, wrong=words_of(problem))
    return back(f"{ADDRESS}/scheduled", done=f"{name} is made within a minute, and again every {every}.")


@router.post(f"{ADDRESS}/scheduled/{{schedule_id}}", openapi_extra=needs(Scope.REPORTS_WRITE))
async def change_schedule(
    asking: Asked, schedule_id: str, act: Annotated[Literal["run", "pause", "resume", "end"], Form()]
) -> Response:
    caller = asking.viewer.caller
    require_department(caller, None, Scope.REPORTS_WRITE)
    if act == "end":
        await end_schedule(asking.request, caller, schedule_id)
        return back(f"{ADDRESS}/scheduled", done=f"{schedule_id} is made no longer.")
    if act == "run":
        await run_schedule(asking.request, caller, schedule_id)
        return back(f"{ADDRESS}/scheduled", done=f"{schedule_id} is being made: look again in a moment.")
    known = await schedules_of(asking.services, caller, schedule_id)
    if not known:
        raise Problem(404, "unknown_report_schedule", "There is no scheduled report of this name.")
    told = known[0].model_dump(include=set(ReportScheduleIn.model_fields) - {"starts_at", "paused"})
    said = ReportScheduleIn(**told, paused=act == "pause")
    await set_schedule(asking.request, caller, schedule_id, said)
    return back(f"{ADDRESS}/scheduled", done=f"{schedule_id} {'rests' if said.paused else 'goes on'}.")


@router.get(f"{ADDRESS}/files/{{file_id}}", openapi_extra=needs(Scope.LEDGER_READ))
async def take_report(asking: Asked, file_id: int) -> Response:
    require_department(asking.viewer.caller, None, Scope.LEDGER_READ)
    return await file_response(asking.services, asking.viewer.caller, file_id)


async def _report(asking: Asking, given: ReportQuery, kind: ReportKind) -> ReportOut:
    """Raises Problem: 403, it is not for his role; 422; 503."""
    needed = PERMISSIONS[kind]
    if not asking.viewer.may(needed):
        raise Problem(
            403, "insufficient_scope", f"This report needs {needed}, which your role does not have."
        )
    return await made(asking.organization(), kind, given)
