"""ReportSchedules of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.client.call import Call, at, given
from api.client.operations import Resource, S, operation


class ReportDelivery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """To whom a report was sent, and what became of it."""

    way: str
    to: str
    status: str
    at: datetime | None = None
    error: str | None = None


class ReportRun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A report that will be made within moments."""

    schedule_id: str
    job_id: int


class ReportSchedule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A report that is made by itself."""

    schedule_id: str
    report: str
    period: str
    format: str
    every: str
    mail_to: list[str]
    starts_at: datetime | None = None
    next_at: datetime
    time_zone: str
    paused: bool
    set_by: str | None = None
    last_made_at: datetime | None = None
    last_file_id: int | None = None
    last_deliveries: list[ReportDelivery]


class ReportSchedules(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All of them, by name."""

    schedules: list[ReportSchedule]


class ReportSchedulesResource(Resource[S]):
    """Operations on report schedules."""

    @operation
    def list(self) -> Call[ReportSchedules]:
        """List scheduled reports."""
        return Call("GET", "/v1/report-schedules", ReportSchedules, reads=True)

    @operation
    def set(
        self,
        schedule_id: str,
        *,
        report: str,
        period: str | None = None,
        format: str | None = None,
        every: str | None = None,
        mail_to: Sequence[str] | None = None,
        starts_at: str | None = None,
        paused: bool | None = None,
    ) -> Call[ReportSchedule]:
        """Schedule a report."""
        return Call(
            "PUT",
            at("/v1/report-schedules/{}", schedule_id),
            ReportSchedule,
            body=given(
                report=report,
                period=period,
                format=format,
                every=every,
                mail_to=mail_to,
                starts_at=starts_at,
                paused=paused,
            ),
        )

    @operation
    def end(self, schedule_id: str) -> Call[None]:
        """End a scheduled report."""
        return Call("DELETE", at("/v1/report-schedules/{}", schedule_id), None)

    @operation
    def run(self, schedule_id: str) -> Call[ReportRun]:
        """Make a scheduled report now."""
        return Call("POST", at("/v1/report-schedules/{}/runs", schedule_id), ReportRun, accepted=True)
