"""List cases by filters, and look at one with all that speaks for and against it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from api.access.keys import Principal, Scope
from api.access.people import Person, reach_of
from api.access.reach import WITHIN_REACH, require_department
from api.access.roles import Reach
from api.access.security import KeyedRoute, needs
from api.http.paging import Page, Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.resources.cases.answer import CaseDetailOut, CaseListOut, case_out
from api.resources.organization_paths import (
    OfOrganization,
    OnlyDepartment,
    ReadingAll,
    invalid,
    list_responses,
    read_responses,
    shown,
)
from api.resources.transactions.answer import transaction_detail_out
from api.stores.cases import (
    CaseFilters,
    CaseOrder,
    FoundCase,
    case_page_sql,
    case_parameters,
    cases_of,
)
from api.stores.payment_pages import place_after
from api.stores.postgres import QUERY_TIMEOUT_S
from api.stores.transactions import LIST_TIMEOUT_S
from schemas.cases import CaseStatus
from schemas.event import Label
from schemas.ids import Position, is_name

CASES = "/v1/cases"
router = APIRouter(prefix=CASES, tags=["cases"], route_class=KeyedRoute)

CaseId = Annotated[str, Path(max_length=128, description=IN_PATH, examples=["auth_7f3a"])]


class _Asked(NamedTuple):
    """Filters as they are asked for."""

    status: CaseStatus | None
    department_id: str | None
    assignee: str | None
    assigned: bool | None
    label: Label | None
    score_min: float | None


async def _asked(
    status: Annotated[CaseStatus | None, Query(description="only these; all, if absent")] = None,
    department_id: OnlyDepartment = None,
    assignee: Annotated[
        str | None, Query(max_length=200, description="only those that this one looks into")
    ] = None,
    assigned: Annotated[bool | None, Query(description="whether somebody looks into it")] = None,
    label: Annotated[Label | None, Query(description="only those whose latest label is this")] = None,
    score_min: Annotated[
        float | None, Query(ge=0, le=1, description="only those whose score is this or more")
    ] = None,
) -> _Asked:
    return _Asked(status, department_id, assignee, assigned, label, score_min)


Asked = Annotated[_Asked, Depends(_asked)]


@router.get(
    "",
    summary="List cases",
    response_model=CaseListOut,
    openapi_extra=needs(Scope.CASES_READ, own=WITHIN_REACH),
    responses=list_responses("A page of them."),
)
async def list_cases(
    reading: ReadingAll,
    page: Paged,
    asked: Asked,
    order: Annotated[
        CaseOrder, Query(description="by the payment's `created_at`, or the highest score first")
    ] = "newest",
) -> Response:
    """Payments that the model flagged or a rule wants looked at, of all departments that the caller reaches.

    A case is open until somebody decides it or its payment is labelled, and again when a later label
    contradicts that.
    """
    filters = case_filters(reading.caller, asked)
    body = await cases_page(reading, page, filters, order)
    return shown(body, reading.wait, **page.link(body.next))


def case_filters(caller: Principal, asked: _Asked) -> CaseFilters:
    """Raises Problem 403 beyond the caller's reach, 422 for what cannot be."""
    if asked.department_id is not None and not is_name(asked.department_id):
        raise invalid("query.department_id", "value_error", "is no department's id")
    if not storable(asked.assignee or ""):
        raise invalid("query.assignee", "value_error", "must not contain control characters")
    if asked.assignee is not None and asked.assigned is False:
        raise invalid("query.assigned", "contradiction", "is false, and `assignee` asks for somebody's")
    departments = departments_of(caller, Scope.CASES_READ)
    if asked.department_id is not None:
        require_department(caller, asked.department_id, Scope.CASES_READ)
        departments = (asked.department_id,)
    return CaseFilters(
        asked.status, departments, asked.assignee, asked.assigned, asked.label, asked.score_min
    )


def departments_of(caller: Principal, scope: Scope) -> tuple[str, ...] | None:
    """Those to which this permission of the caller reaches; None: all."""
    if not isinstance(caller, Person) or reach_of(caller, scope) is Reach.ORGANIZATION:
        return None
    return tuple(sorted(caller.departments))


async def cases_page(
    reading: OfOrganization, page: Page, filters: CaseFilters, order: CaseOrder
) -> CaseListOut:
    """The page of those that fit. Raises Problem 422 for the cursor of another list, 503."""
    after = place_after(page, float if order == "highest" else datetime)
    services = reading.services
    row = await services.ledger.run(
        case_page_sql(filters, order, after),
        reading.position,
        wait_s=services.reading(reading.wait, reading.position, since=reading.since),
        timeout_s=LIST_TIMEOUT_S + QUERY_TIMEOUT_S,
        prepare=False,
        asked={
            "organization_id": reading.caller.organization_id,
            "rows_max": page.rows_max,
            **case_parameters(filters, after),
        },
    )
    at = "score" if order == "highest" else "created_at"
    rows, following = page.turn(
        row["cases"], lambda one: (one[at], one["authorization_id"], one["department_id"])
    )
    return CaseListOut(cases=[case_out(found) for found in cases_of(rows)], next=following)


@router.get(
    "/{case_id}",
    summary="Look at a case",
    response_model=CaseDetailOut,
    openapi_extra=needs(Scope.CASES_READ, own=WITHIN_REACH),
    responses=read_responses("As it stands at its position, with its payment's whole life."),
)
async def read_case(
    reading: ReadingAll,
    case_id: CaseId,
    department_id: Annotated[
        str | None, Query(max_length=64, description="of which department; any, if absent")
    ] = None,
) -> Response:
    """The model's score with its reasons in words, what rules say, every message of the payment, its labels
    among them, and who looks into it."""
    body = await case_detail(reading, case_id, department_id)
    return shown(body, reading.wait, body.position)


async def case_detail(reading: OfOrganization, case_id: str, department_id: str | None) -> CaseDetailOut:
    """Raises Problem: 404, there is no such case within the caller's reach."""
    found = await find_case(reading, case_id, department_id, Scope.CASES_READ)
    payment = found.payment
    life = await reading.find(
        "transaction_life",
        reached=Position(payment.partition, payment.seq),
        of_partition=payment.partition,
        seqs=list(payment.seqs),
        authorization_id=payment.authorization_id,
    )
    return CaseDetailOut(**dict(case_out(found)), transaction=transaction_detail_out(payment, life))


async def find_case(
    reading: OfOrganization, case_id: str, department_id: str | None, scope: Scope
) -> FoundCase:
    """Raises Problem: 404, there is no such case where `scope` of the caller reaches."""
    departments: Any = departments_of(reading.caller, scope)
    named = department_id is None or is_name(department_id)
    if department_id is not None and departments is not None and department_id not in departments:
        named = False
    if department_id is not None:
        departments = (department_id,)
    row = None
    if named and storable(case_id):
        given = None if departments is None else list(departments)
        row = (await reading.find("case", authorization_id=case_id, departments=given))["found"]
    if row is None:
        raise Problem(404, "unknown_case", "There is no such case: nobody need look at such a payment.")
    return cases_of([row])[0]
