"""What the paths of organizations and departments have in common."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request
from starlette.responses import Response

from api import replies
from api.keys import ApiKey
from api.models.base import Output
from api.preferences import POSITION_HEADER, Wait
from api.problems import FieldError, Problem
from api.replies import reply
from api.security import own_organization
from api.services import services_of
from schemas.ids import Position, is_name

ORGANIZATION = "/v1/organizations/{organization_id}"
DEPARTMENT = ORGANIZATION + "/departments/{department_id}"

OrganizationId = Annotated[str, Path(max_length=64, examples=["techcorp"])]
DepartmentId = Annotated[str, Path(max_length=64, examples=["engineering"])]

READ_HEADERS = replies.POSITION | replies.APPLIED


def own_department(caller: ApiKey, organization_id: str, department_id: str) -> None:
    """404 for another organization's path, and for a department that cannot be."""
    own_organization(caller, organization_id)
    if not is_name(department_id):
        raise unknown_department()


def unknown_department() -> Problem:
    return Problem(404, "unknown_department", "There is no such department: it has no budget.")


async def department_row(
    request: Request, name: str, wait: Wait, position: Position | None, where: tuple[str, str], **asked: Any
) -> Any:
    """The row of `sql/NAME.sql` for the department `where`. Raises Problem 404 when there is no such one."""
    services = services_of(request)
    row = await services.ledger.find(
        name,
        position,
        wait_s=services.reading(wait, position),
        organization_id=where[0],
        department_id=where[1],
        **asked,
    )
    if not row["known"]:
        raise unknown_department()
    return row


def invalid(field: str, code: str, message: str) -> Problem:
    """422 for one member that is wrong."""
    wrong = FieldError(field=field, code=code, message=message)
    return Problem(422, "invalid_request", f"Not as it must be: {field}.", errors=[wrong])


def shown(body: Output, wait: Wait, position: str | Position | None = None) -> Response:
    """The answer of a read; `position`: of what it shows, where it has one."""
    at = {} if position is None else {POSITION_HEADER: str(position)}
    return reply(body, 200, **at, **wait.applied)


def printable(text: str) -> bool:
    """Other producers than this API may use any printable id; PostgreSQL cannot even be asked for a NUL."""
    return text.isprintable()
