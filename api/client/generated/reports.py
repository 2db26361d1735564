"""Reports of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from api.client.call import Call
from api.client.generated.shared import QuestionColumn
from api.client.operations import Resource, S, operation


class Report(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A report of an organization, as far as the caller reaches."""

    report: str
    title: str
    organization_id: str
    first: date
    last: date
    time_zone: str
    made_at: datetime
    sections: list[ReportSection]


class ReportSection(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A table."""

    title: str
    note: str | None = None
    columns: list[QuestionColumn]
    rows: list[list[Any]]
    totals: list[list[Any]]


class ReportsResource(Resource[S]):
    """Operations on reports."""

    @operation
    def read_spend(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/spend",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_trend(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/trend",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_declines(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/declines",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_budgets(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/budgets",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_forecast(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/forecast",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def read_month_end(
        self,
        *,
        period: str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Sequence[str] | None = None,
        format: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Report]:
        """Report."""
        return Call(
            "GET",
            "/v1/reports/month-end",
            Report,
            query={"period": period, "first": first, "last": last, "by": by, "format": format},
            wait=wait,
            position=position,
            reads=True,
        )
