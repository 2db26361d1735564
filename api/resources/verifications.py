"""Proofs of the books: when they were held against the log, and what that found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Principal, Scope
from api.access.roles import OPERATORS
from api.access.security import Caller, KeyedRoute, needs
from api.http.paging import LINK, NEXT, Page, Paged
from api.http.problems import Problem, responses
from api.http.types import Output
from api.resources.replies import reply
from api.services import Services, services_of

router = APIRouter(prefix="/v1/verifications", tags=["reconciliation"], route_class=KeyedRoute)

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="its number", examples=[7])]
_READS: Final = (400, 401, 403, 422, 500, 503)


class VerificationFindingOut(Output):
    """What was found false of one organization, or (null) of none or of all of them."""

    model_config = ConfigDict(title="VerificationFinding")

    organization_id: str | None = Field(examples=["techcorp"])
    violations: int = Field(examples=[1])
    examples: list[str] = Field(
        description="the first ten",
        examples=[["account department:techcorp/sales:card-spend stands at 100 USD, by the log at 90"]],
    )


class VerificationCheckOut(Output):
    """One claim about the books."""

    model_config = ConfigDict(title="VerificationCheck")

    check_id: str = Field(examples=["O6"])
    claim: str = Field(
        examples=["fold(decisions) = bookings, budgets and authorizations in PostgreSQL = statuses in Redis"]
    )
    holds: bool = Field(description="nothing was found false that concerns the caller's organization")
    checked: int | None = Field(description="how often it was looked at; for who runs the system")
    violations: int = Field(description="of the caller's organization; for who runs the system, of all")
    of_system: int = Field(description="found false of no single organization, and so perhaps of this one")
    findings: list[VerificationFindingOut]


class VerificationPlaceOut(Output):
    """Up to where a partition was read: everything before these offsets was checked."""

    model_config = ConfigDict(title="VerificationPlace")

    partition: int = Field(examples=[0])
    card_events: int = Field(description="offset", examples=[1042])
    decisions: int = Field(description="offset", examples=[1050])


class VerificationOut(Output):
    """The books as they were held against the log."""

    model_config = ConfigDict(title="Verification")

    verification_id: int = Field(examples=[7])
    started_at: datetime
    took_ms: int = Field(examples=[4210])
    holds: bool = Field(description="nothing was found false that concerns the caller's organization")
    decisions: int | None = Field(description="how many were checked; for who runs the system")
    places: list[VerificationPlaceOut]
    checks: list[VerificationCheckOut]


class VerificationListOut(Output):
    """A page of them, newest first."""

    model_config = ConfigDict(title="Verifications")

    verifications: list[VerificationOut]
    next: str | None = Field(description=NEXT)


@router.get(
    "",
    summary="List proofs of the books",
    response_model=VerificationListOut,
    openapi_extra=needs(Scope.AUDIT_READ),
    responses={200: {"description": "A page of them.", "headers": LINK}, **responses(*_READS)},
)
async def list_verifications(request: Request, caller: Caller, page: Paged) -> Response:
    """`spendlog jobs` proves the books every day. Who runs the system is told all that was found, others what
    concerns their organization."""
    body = await verifications_page(services_of(request), caller, page)
    return reply(body, 200, **page.link(body.next))


@router.get(
    "/{verification_id}",
    summary="Look at a proof of the books",
    response_model=VerificationOut,
    openapi_extra=needs(Scope.AUDIT_READ),
    responses={200: {"description": "What it found."}, **responses(*_READS, 404)},
)
async def read_verification(request: Request, caller: Caller, verification_id: Number) -> Response:
    """Claim by claim, with the first ten of what was found false."""
    return reply(await find_verification(services_of(request), caller, verification_id))


# -- what the routes and the pages do


async def verifications_page(services: Services, caller: Principal, page: Page) -> VerificationListOut:
    """Raises Problem."""
    key = page.key(tuple[int])
    found = await _rows(services, None, key[0] if key else None, page.rows_max)
    rows, following = page.turn(found, lambda one: (one["verification_id"],))
    return VerificationListOut(verifications=[_out(one, caller) for one in rows], next=following)


async def find_verification(services: Services, caller: Principal, verification_id: int) -> VerificationOut:
    """Raises Problem: 404, there is no such proof."""
    rows = await _rows(services, verification_id, None, 1)
    if not rows:
        raise Problem(404, "unknown_verification", "There is no such proof of the books; it may be too old.")
    return _out(rows[0], caller)


async def _rows(
    services: Services, verification_id: int | None, before: int | None, rows_max: int
) -> list[dict[str, Any]]:
    row = await services.reconciliations.ask(
        "verifications", verification_id=verification_id, before=before, rows_max=rows_max
    )
    found: list[dict[str, Any]] = row["verifications"]
    return found


def _out(row: dict[str, Any], caller: Principal) -> VerificationOut:
    """Who runs the system sees all of it; others nothing of others, not even how much there is of them."""
    whole = caller.organization_id == OPERATORS
    by_check: dict[str, list[VerificationFindingOut]] = {}
    for one in row["findings"]:
        of = None if one["organization_id"] == OPERATORS else one["organization_id"]
        found = VerificationFindingOut(
            organization_id=of, violations=one["violations"], examples=one["examples"]
        )
        by_check.setdefault(one["check_id"], []).append(found)
    checks = [_check(one, by_check.get(one["id"], []), whole) for one in row["checks"]]
    places = [
        VerificationPlaceOut(partition=int(partition), **place)
        for partition, place in sorted(row["places"].items(), key=lambda one: int(one[0]))
    ]
    return VerificationOut(
        verification_id=row["verification_id"],
        started_at=row["started_at"],
        took_ms=row["took_ms"],
        holds=all(one.holds for one in checks),
        decisions=row["decisions"] if whole else None,
        places=places if whole else [],
        checks=checks,
    )


def _check(told: dict[str, Any], findings: list[VerificationFindingOut], whole: bool) -> VerificationCheckOut:
    violations = told["violations"] if whole else sum(one.violations for one in findings)
    return VerificationCheckOut(
        check_id=told["id"],
        claim=told["claim"],
        holds=not violations and not told["of_system"],
        checked=told["checked"] if whole else None,
        violations=violations,
        of_system=told["of_system"],
        findings=findings,
    )
