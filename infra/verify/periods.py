"""Closed months, added up anew from the bookings and the places in the log at which they were closed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from infra.verify.books import Books
from infra.verify.report import Report

#: Department, kind, currency.
Sort = tuple[str, str, str]


class ClosedMonth(NamedTuple):
    """`positions`: partition -> the first decision that is not in it, 0 where none is named."""

    period: str
    since: datetime
    until: datetime
    positions: Mapping[int, int]
    totals: Mapping[Sort, int]

    def has(self, partition: int, seq: int) -> bool:
        """Whether the log had the decision when the month was closed."""
        return seq < self.positions.get(partition, 0)


def check_periods(books: Books, report: Report) -> None:
    """O18, for the months of every organization; a booking counts in the first month that was open to it."""
    months = _months(books, report)
    found: dict[tuple[str, str], Counter[Sort]] = defaultdict(Counter)
    for organization, partition, seq, department, kind, currency, amount, at in books.settled():
        month = month_of(months[organization], partition, seq, at)
        if month is not None:
            found[organization, month.period][department, kind, currency] += amount
    oracle = report["O18"]
    for organization, closed in months.items():
        for month in closed:
            oracle.checked += 1
            added = found[organization, month.period]
            for sort in sorted(added.keys() | month.totals.keys()):
                if added[sort] != month.totals.get(sort, 0):
                    told = f"{'/'.join(sort)} was closed with {month.totals.get(sort, 0)}"
                    with report.about(organization):
                        oracle.violated(
                            f"{organization} {month.period}: {told}, its bookings are {added[sort]}"
                        )


def month_of(closed: list[ClosedMonth], partition: int, seq: int, at: datetime) -> ClosedMonth | None:
    """In which closed month a booking counts: that of its time, or of the end of the last closed before it.

    None: in none that is closed. `closed`: in the order of time.
    """
    for month in closed:
        if not month.has(partition, seq):
            at = max(at, month.until)
    return next((month for month in closed if month.since <= at < month.until), None)


def _months(books: Books, report: Report) -> dict[str, list[ClosedMonth]]:
    """By organization, in order. What contradicts itself is a violation."""
    found: dict[str, list[ClosedMonth]] = defaultdict(list)
    for organization, period, until, zone, positions, totals in books.closed_periods():
        sums = {(one["department_id"], one["kind"], one["currency"]): one["amount"] for one in totals}
        places = {int(partition): seq for partition, seq in positions.items()}
        month = ClosedMonth(period, _start(period, zone), until, places, sums)
        for before in found[organization][-1:]:
            backwards = any(places.get(partition, 0) < seq for partition, seq in before.positions.items())
            if backwards or before.until > month.since:
                with report.about(organization):
                    report["O18"].violated(
                        f"{organization} {period}: it begins before {before.period} ends, or was closed "
                        "at an earlier place of the log"
                    )
        found[organization].append(month)
    return found


def _start(period: str, zone: str) -> datetime:
    year, _, month = period.partition("-")
    return datetime(int(year), int(month), 1, tzinfo=ZoneInfo(zone))
