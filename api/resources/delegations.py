"""Who answers requests for whom while he is away, looked at. Said and ended with events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.people import Person, reach_of
from api.access.reach import WITHIN_REACH, require_department
from api.access.roles import Reach
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Paged
from api.http.paths import storable
from api.http.types import Output
from api.resources.organization_paths import OfOrganization, OnlyDepartment, ReadingAll, list_responses, shown
from schemas.ids import Position, is_name


class DelegationOut(Output):
    """While somebody is away, another answers what is for him, and nothing that he has asked for himself."""

    model_config = ConfigDict(title="Delegation")

    department_id: str
    absent: str = Field(examples=["ada@example.com"])
    delegate: str = Field(examples=["bob@example.com"])
    starts_at: datetime
    until: datetime
    set_by: str
    position: str = Field(description="`partition:seq` of the decision about it", examples=["3:1042"])


class DelegationListOut(Output):
    """A page of delegations, by who is away."""

    model_config = ConfigDict(title="Delegations")

    delegations: list[DelegationOut]
    next: str | None = Field(description=NEXT)


router = APIRouter(tags=["requests"], route_class=KeyedRoute)

_SEES = (Scope.BUDGETS_READ, Scope.BUDGETS_APPROVE)


@router.get(
    "/v1/delegations",
    summary="List delegations",
    response_model=DelegationListOut,
    openapi_extra=needs(*_SEES, own=WITHIN_REACH),
    responses=list_responses("A page of them."),
)
async def list_delegations(
    reading: ReadingAll,
    page: Paged,
    department_id: OnlyDepartment = None,
    absent: Annotated[str | None, Query(max_length=200, description="only of this person")] = None,
) -> Response:
    """Those that hold now or later, of each department in which somebody is away."""
    after = page.key(tuple[str, str]) or (None, None)
    found = await find_delegations(
        reading, department_id, absent, after=after[0], after_department=after[1], rows_max=page.rows_max
    )
    rows, following = page.turn(found, lambda one: (one.absent, one.department_id))
    body = DelegationListOut(delegations=list(rows), next=following)
    return shown(body, reading.wait, **page.link(following))


async def find_delegations(
    reading: OfOrganization,
    department_id: str | None = None,
    absent: str | None = None,
    *,
    after: str | None = None,
    after_department: str | None = None,
    rows_max: int = 1_000,
) -> list[DelegationOut]:
    """Those within the caller's reach. Raises Problem 403: the department is beyond it."""
    caller = reading.caller
    departments = None if department_id is None else [department_id]
    if isinstance(caller, Person) and reach_of(caller, *_SEES) is Reach.DEPARTMENTS:
        if department_id is not None:
            require_department(caller, department_id, *_SEES)
        departments = departments or sorted(caller.departments)
    if not all(map(is_name, departments or ())) or not storable(absent or ""):
        return []
    row = await reading.find(
        "delegations",
        departments=departments,
        absent=absent,
        after=after,
        after_department=after_department,
        rows_max=rows_max,
    )
    return [
        DelegationOut(
            **{name: each[name] for name in DelegationOut.model_fields if name != "position"},
            position=str(Position(each["partition"], each["seq"])),
        )
        for each in row["delegations"]
    ]
