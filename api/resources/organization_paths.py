"""What the paths of organizations and departments have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from api.access.keys import Principal
from api.access.security import Caller, own_organization
from api.http.paging import LINK
from api.http.preferences import POSITION_HEADER, AtPosition, Wait, Waiting
from api.http.problems import FieldError, Problem, invalid_request, responses
from api.http.types import Output
from api.resources import replies
from api.resources.replies import reply
from api.services import Services, services_of, since_of
from api.stores.postgres import QUERY_TIMEOUT_S
from schemas.ids import Position, is_name

ORGANIZATION = "/v1/organizations/{organization_id}"
DEPARTMENT = ORGANIZATION + "/departments/{department_id}"

OrganizationId = Annotated[str, Path(max_length=64, description="that of the key", examples=["techcorp"])]
DepartmentId = Annotated[
    str, Path(max_length=64, description="the department's id", examples=["engineering"])
]
#: Filter of a list of the whole organization.
OnlyDepartment = Annotated[str | None, Query(max_length=64, description="only those of this department")]

READ_HEADERS = replies.POSITION | replies.APPLIED


def list_responses(description: str) -> dict[int | str, dict[str, Any]]:
    """What a list in pages answers."""
    found = read_responses(description)
    found[200] = {**found[200], "headers": READ_HEADERS | LINK}
    return found


def read_responses(description: str) -> dict[int | str, dict[str, Any]]:
    """What a read answers, in OpenAPI's words. `description`: of its 200."""
    return {
        200: {"description": description, "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    }


def unknown_department() -> Problem:
    return Problem(404, "unknown_department", "There is no such department: it has no budget.")


@dataclass(frozen=True, slots=True)
class OfOrganization:
    """A read of all that the caller's organization has: who asks, and from which position on."""

    services: Services
    since: float
    caller: Principal
    wait: Wait
    position: Position | None

    async def find(
        self,
        name: str,
        *,
        reached: Position | None = None,
        timeout_s: float = QUERY_TIMEOUT_S,
        **asked: Any,
    ) -> Any:
        """The row of `sql/NAME.sql`, once the ledger is there: at `reached`, or the caller's position."""
        position = reached or self.position
        return await self.services.ledger.find(
            name,
            position,
            wait_s=self.services.reading(self.wait, position, since=self.since),
            timeout_s=timeout_s,
            **self._whose(),
            **asked,
        )

    def _whose(self) -> dict[str, Any]:
        return {"organization_id": self.caller.organization_id}


@dataclass(frozen=True, slots=True)
class OfDepartment(OfOrganization):
    """A read of one department: who asks, about which, and from which position on."""

    organization_id: str
    department_id: str

    def own(self) -> tuple[str, str]:
        """Organization and department. 404 for another's organization, and for a name that cannot be."""
        own_organization(self.caller, self.organization_id)
        if not is_name(self.department_id):
            raise unknown_department()
        return self.organization_id, self.department_id

    def _whose(self) -> dict[str, Any]:
        return {
            "organization_id": self.organization_id,
            "department_id": self.department_id,
            "departments": [self.department_id],
        }

    async def known(self, name: str, **asked: Any) -> Any:
        """As `find`. Raises Problem 404 when there is no such department."""
        row = await self.find(name, **asked)
        if not row["known"]:
            raise unknown_department()
        return row


async def _reading(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
) -> OfDepartment:
    return OfDepartment(
        services_of(request), since_of(request), caller, wait, position, organization_id, department_id
    )


Reading = Annotated[OfDepartment, Depends(_reading)]


async def _reading_all(
    request: Request, caller: Caller, wait: Waiting, position: AtPosition
) -> OfOrganization:
    return OfOrganization(services_of(request), since_of(request), caller, wait, position)


ReadingAll = Annotated[OfOrganization, Depends(_reading_all)]


def invalid(field: str, code: str, message: str) -> Problem:
    """422 for one member that is wrong."""
    return invalid_request([FieldError(field=field, code=code, message=message)])


def shown(body: Output, wait: Wait, position: str | Position | None = None, **headers: str) -> Response:
    """The answer of a read; `position`: of what it shows, where it has one."""
    at = {} if position is None else {POSITION_HEADER: str(position)}
    return reply(body, 200, **at, **wait.applied, **headers)
