"""Reports: what was spent, budgets, declines, the close of a month; to look at, to print, to take away."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute
from api.reports.report import PERMISSIONS, TITLES, ReportKind, ReportOut
from api.reports.route import ReportQuery, file_of, made

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ADDRESS: Final = "/reports"
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


async def _report(asking: Asking, given: ReportQuery, kind: ReportKind) -> ReportOut:
    """Raises Problem: 403, it is not for his role; 422; 503."""
    needed = PERMISSIONS[kind]
    if not asking.viewer.may(needed):
        raise Problem(
            403, "insufficient_scope", f"This report needs {needed}, which your role does not have."
        )
    return await made(asking.organization(), kind, given)
