"""`GET /v1/reports/...`: reports as JSON, CSV or a workbook."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.access.reach import WITHIN_REACH
from api.access.security import ReportRoute, needs
from api.questions.route import questions_of
from api.reports.making import PeriodWord, Wanted, report_of, span_of_days
from api.reports.report import PERMISSIONS, TITLES, ReportKind, ReportOut
from api.reports.sheets import CSV, XLSX, csv_of_report, xlsx_of_report
from api.reports.spend import Side
from api.resources.organization_paths import OfOrganization, ReadingAll, read_responses, shown

router = APIRouter(tags=["reports"], route_class=ReportRoute)

ReportFormat = Literal["json", "csv", "xlsx"]


class ReportQuery:
    """The days of a report, and what it is shown as."""

    def __init__(
        self,
        period: Annotated[
            PeriodWord, Query(description="in the organization's calendar; years are fiscal")
        ] = "this_month",
        first: Annotated[
            date | None, Query(description="the first day, with `last` instead of a period")
        ] = None,
        last: Annotated[date | None, Query(description="the last day")] = None,
        by: Annotated[
            list[Side] | None, Query(max_length=5, description="of `spend` only: the tables that it has")
        ] = None,
        format: Annotated[ReportFormat, Query(description="`csv` and `xlsx` are files")] = "json",
    ) -> None:
        self.period = period
        self.first = first
        self.last = last
        self.by = tuple(by or ())
        self.format = format


Asked = Annotated[ReportQuery, Depends()]
_WHAT: Final = {
    ReportKind.SPEND: "Spend by department, team, person, category, merchant, and that of the period before.",
    ReportKind.TREND: "Twelve periods up to the one that is named, each with its change.",
    ReportKind.DECLINES: "How many purchases were declined, why, where and at which merchants.",
    ReportKind.BUDGETS: "Each budget, what was settled and held, and what is left of it.",
    ReportKind.FORECAST: "What each department's current period comes to, and when its budget is used up.",
    ReportKind.MONTH_END: "Spend, budgets, every account from opening to closing balance, and what is open.",
}


async def made(reading: OfOrganization, kind: ReportKind, asked: ReportQuery) -> ReportOut:
    """Raises Problem: 422, 503."""
    questions = await questions_of(reading)
    span = span_of_days(asked.first, asked.last, asked.period, questions.clock)
    return await report_of(questions, Wanted(kind, span, asked.by))


def file_of(report: ReportOut, format: ReportFormat) -> Response:
    """`csv` or `xlsx`, as an attachment."""
    body = xlsx_of_report(report) if format == "xlsx" else csv_of_report(report)
    name = f"{report.report}-{report.first}-{report.last}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=XLSX if format == "xlsx" else CSV, headers=headers)


def _route(kind: ReportKind) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def read_report(reading: ReadingAll, asked: Asked) -> Response:
        report = await made(reading, kind, asked)
        if asked.format != "json":
            return file_of(report, asked.format)
        return shown(report, reading.wait, reading.position)

    read_report.__name__ = f"read_{kind.name.lower()}_report"
    read_report.__doc__ = (
        f"{_WHAT[kind]} Sums of the ledger's bookings, as far as the caller reaches: an employee's own, a "
        "finance manager's departments."
    )
    return read_report


for _kind in ReportKind:
    router.add_api_route(
        f"/v1/reports/{_kind}",
        _route(_kind),
        methods=["GET"],
        summary=f"Report: {TITLES[_kind].lower()}",
        response_model=ReportOut,
        openapi_extra=needs(PERMISSIONS[_kind], own=WITHIN_REACH),
        responses=read_responses("The report; or, by `format`, its file."),
    )
