"""The system for who runs it: services, partitions, owners, lag. Nobody's money is in it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute
from api.resources.operations import postgres_part, redis_part, standing_part
from api.resources.verifications import VerificationOut, verifications_page
from schemas.standing import Report

_LETTERS: Final = 10
router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PartitionLine:
    """One partition: who decides it, how many decisions there are, and how far each sink is behind."""

    partition: int
    owner: str
    decided: int | None
    ledger_lag: int | None
    status_lag: int | None
    still: tuple[Report, ...]
    progress: datetime | None


@router.get("/system", openapi_extra=needs(Scope.SYSTEM_READ))
async def show_system(asking: Asked) -> Response:
    services = asking.services
    postgres, redis, reports, proof, letters = await asyncio.gather(
        postgres_part(services),
        redis_part(services),
        services.standings.reports(),
        last_proof(asking),
        services.dead_letters.latest(),
    )
    rates, waits = services.pulse.rates, services.pulse.waits_ms()
    lines = partition_lines(reports)
    return page(
        asking.request,
        "system",
        parts=[
            ("Kafka", standing_part(services.events.away)),
            ("Decision log", standing_part(services.tail.away)),
            ("PostgreSQL", postgres),
            ("Redis", redis),
        ],
        lines=lines,
        rate=round(sum(rates[-5:]) / len(rates[-5:]), 1) if rates else None,
        rates=spark(rates),
        waits=None if not waits else (_share(waits, 0.5), _share(waits, 0.99)),
        letters=letters,
        reasons=Counter(letter.reason for letter in letters.latest).most_common(),
        letters_shown=_LETTERS,
        proof=proof,
        decided=sum(line.decided or 0 for line in lines),
        waiting=services.tail.waiting,
        tail_lag=services.tail.lag_records,
        watching=services.feed.pages,
        now=datetime.now(UTC),
    )


async def last_proof(asking: Asking) -> VerificationOut | None:
    """The newest proof of the books; None: there is none, or it cannot be read now."""
    try:
        found = await verifications_page(asking.services, asking.viewer.caller, Page(None, 1, "/system"))
    except Problem:
        return None  # PostgreSQL's own line says why
    return next(iter(found.verifications), None)


def spark(values: Sequence[float]) -> str:
    """Points of a line in a box of 600 by 40, the highest value at its top; empty: there are too few."""
    if len(values) < 2:
        return ""
    most = max(max(values), 1.0)
    step = 600 / (len(values) - 1)
    return " ".join(f"{n * step:.1f},{39 - 37 * value / most:.1f}" for n, value in enumerate(values))


def _share(values: Sequence[float], share: float) -> int:
    """Of sorted ones that below which so many lie."""
    return round(values[min(len(values) - 1, int(share * len(values)))])


def partition_lines(reports: Iterable[Report]) -> list[PartitionLine]:
    """By the latest report of each part."""
    found: dict[int, dict[str, Report]] = {}
    for report in reports:
        found.setdefault(report.partition, {})[report.part] = report
    return [_line(partition, parts) for partition, parts in sorted(found.items())]


def _line(partition: int, parts: dict[str, Report]) -> PartitionLine:
    worker = parts.get("worker")
    decided = None if worker is None else worker.seq

    def lag(name: str) -> int | None:
        sink = parts.get(name)
        if sink is None or sink.seq is None or decided is None:
            return None
        return max(0, decided - sink.seq)  # each tells every 5 s, so they are not of one moment

    return PartitionLine(
        partition,
        worker.process if worker is not None else "nobody",
        decided,
        lag("ledger"),
        lag("status"),
        tuple(report for report in parts.values() if report.state == "standing_still"),
        None if worker is None else worker.progress,
    )
