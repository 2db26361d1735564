"""Company of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

import msgspec

from api.client.call import Call, at
from api.client.operations import Resource, S, listing, operation


class Department(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A department."""

    department_id: str
    name: str
    currency: str
    time_zone: str
    cards: int
    position: str


class Departments(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of departments, by id."""

    departments: list[Department]
    next: str | None = None


class Employee(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody who holds a card, or has a budget of his own."""

    employee: str
    cards: int
    departments: list[str]


class Employees(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of employees, by name."""

    employees: list[Employee]
    next: str | None = None


class Team(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A team."""

    team: str
    cards: int
    departments: list[str]


class Teams(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of teams, by name."""

    teams: list[Team]
    next: str | None = None


class CompanyResource(Resource[S]):
    """Operations on company."""

    def _departments(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Departments]:
        """List departments."""
        return Call(
            "GET",
            "/v1/departments",
            Departments,
            query={"after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    departments = listing(_departments, "departments", Department)

    @operation
    def department(
        self, department_id: str, *, wait: int | None = None, position: str | None = None
    ) -> Call[Department]:
        """Look at a department."""
        return Call(
            "GET",
            at("/v1/departments/{}", department_id),
            Department,
            wait=wait,
            position=position,
            reads=True,
        )

    def _teams(
        self,
        *,
        department_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Teams]:
        """List teams."""
        return Call(
            "GET",
            "/v1/teams",
            Teams,
            query={"department_id": department_id, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    teams = listing(_teams, "teams", Team)

    def _employees(
        self,
        *,
        department_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Employees]:
        """List employees."""
        return Call(
            "GET",
            "/v1/employees",
            Employees,
            query={"department_id": department_id, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    employees = listing(_employees, "employees", Employee)
