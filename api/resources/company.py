"""What a company consists of, as far as the log knows it: departments, teams, employees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Page, Paged
from api.http.types import Output
from api.resources.organization_paths import (
    OnlyDepartment,
    ReadingAll,
    list_responses,
    read_responses,
    shown,
    unknown_department,
)
from schemas.ids import Position, is_name

Row = Mapping[str, Any]


class DepartmentOut(Output):
    """A department: it exists from its budget on."""

    model_config = ConfigDict(title="Department")

    department_id: str = Field(examples=["engineering"])
    name: str = Field(examples=["Engineering"])
    currency: str = Field(examples=["USD"])
    time_zone: str = Field(examples=["UTC"])
    cards: int = Field(description="registered ones, canceled ones too", examples=[12])
    position: str = Field(description="`partition:seq` of the last change of its budget", examples=["3:1042"])


class DepartmentListOut(Output):
    """A page of departments, by id."""

    model_config = ConfigDict(title="Departments")

    departments: list[DepartmentOut]
    next: str | None = Field(description=NEXT)


class TeamOut(Output):
    """A team: cards belong to it, or a budget is its own."""

    model_config = ConfigDict(title="Team")

    team: str = Field(examples=["platform"])
    cards: int = Field(examples=[3])
    departments: list[str] = Field(examples=[["engineering"]])


class TeamListOut(Output):
    """A page of teams, by name."""

    model_config = ConfigDict(title="Teams")

    teams: list[TeamOut]
    next: str | None = Field(description=NEXT)


class EmployeeOut(Output):
    """Somebody who holds a card, or has a budget of his own."""

    model_config = ConfigDict(title="Employee")

    employee: str = Field(examples=["Ada Lovelace"])
    cards: int = Field(examples=[2])
    departments: list[str] = Field(examples=[["engineering"]])


class EmployeeListOut(Output):
    """A page of employees, by name."""

    model_config = ConfigDict(title="Employees")

    employees: list[EmployeeOut]
    next: str | None = Field(description=NEXT)


router = APIRouter(prefix="/v1", tags=["company"], route_class=KeyedRoute)


@router.get(
    "/departments",
    summary="List departments",
    response_model=DepartmentListOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=list_responses("A page of them."),
)
async def list_departments(reading: ReadingAll, page: Paged) -> Response:
    """Departments of the organization, by id. A department begins with its budget."""
    row = await reading.find("departments", department_id=None, after=page.after, rows_max=page.rows_max)
    rows, last = page.split(row["departments"])
    following = None if last is None else last["department_id"]
    body = DepartmentListOut(departments=[_department_out(each) for each in rows], next=following)
    return shown(body, reading.wait, **page.link(following))


@router.get(
    "/departments/{department_id}",
    summary="Look at a department",
    response_model=DepartmentOut,
    openapi_extra=needs(Scope.BUDGETS_READ),
    responses=read_responses("As its budget has it."),
)
async def read_department(
    reading: ReadingAll,
    department_id: Annotated[
        str, Path(max_length=64, description="the department's id", examples=["engineering"])
    ],
) -> Response:
    """Its name, currency and time zone. What it may spend is in its budget."""
    if not is_name(department_id):
        raise unknown_department()
    row = await reading.find("departments", department_id=department_id, after=None, rows_max=1)
    if not row["departments"]:
        raise unknown_department()
    body = _department_out(row["departments"][0])
    return shown(body, reading.wait, body.position)


def _department_out(row: Row) -> DepartmentOut:
    return DepartmentOut(
        department_id=row["department_id"],
        name=row["name"],
        currency=row["currency"],
        time_zone=row["time_zone"],
        cards=row["cards"],
        position=str(Position(row["partition"], row["seq"])),
    )


@router.get(
    "/teams",
    summary="List teams",
    response_model=TeamListOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=list_responses("A page of them."),
)
async def list_teams(reading: ReadingAll, page: Paged, department_id: OnlyDepartment = None) -> Response:
    """Teams by name: those that cards belong to, and those with a budget."""
    rows, following = await _subjects(reading, page, "team", department_id)
    teams = [TeamOut(team=row["subject"], cards=row["cards"], departments=row["departments"]) for row in rows]
    return shown(TeamListOut(teams=teams, next=following), reading.wait, **page.link(following))


@router.get(
    "/employees",
    summary="List employees",
    response_model=EmployeeListOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=list_responses("A page of them."),
)
async def list_employees(reading: ReadingAll, page: Paged, department_id: OnlyDepartment = None) -> Response:
    """Employees by name: those who hold registered cards, and those with a budget of their own."""
    rows, following = await _subjects(reading, page, "employee", department_id)
    employees = [
        EmployeeOut(employee=row["subject"], cards=row["cards"], departments=row["departments"])
        for row in rows
    ]
    return shown(EmployeeListOut(employees=employees, next=following), reading.wait, **page.link(following))


async def _subjects(
    reading: ReadingAll, page: Page, level: str, department_id: str | None
) -> tuple[list[Row], str | None]:
    if department_id is not None and not is_name(department_id):
        return [], None
    row = await reading.find(
        "subjects", level=level, department_id=department_id, after=page.after, rows_max=page.rows_max
    )
    rows, last = page.split(row["subjects"])
    return list(rows), None if last is None else last["subject"]
