"""What is told of people and their sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.access.people import Person
from api.access.roles import Role
from api.http.types import Output


class MeOut(Output):
    """Who is signed in, and what he may do."""

    model_config = ConfigDict(title="Me")

    person_id: str = Field(examples=["usr_5d0c1f4e2b9a7c3d"])
    organization_id: str = Field(examples=["techcorp"])
    email: str = Field(examples=["carol@techcorp.com"])
    name: str = Field(examples=["Carol Stein"])
    role: Role
    departments: list[str] = Field(description="of an employee his own; of a finance manager: none means all")
    employee: str = Field(description="as cards name their holder")
    permissions: dict[str, Literal["own", "departments", "organization"]] = Field(
        description="scope and how far it reaches", examples=[{"budgets:read": "departments"}]
    )
    second_factor: bool
    session_id: str
    expires_at: datetime | None


class SessionOut(Output):
    """One session of a person."""

    model_config = ConfigDict(title="Session")

    session_id: str = Field(examples=["ses_0a1b2c3d4e5f60718293"])
    current: bool
    created_at: datetime
    seen_at: datetime = Field(description="last used, give or take half a minute")
    authenticated_at: datetime | None = Field(description="when a password or a provider last said who it is")
    expires_at: datetime
    method: Literal["password", "link", "oidc", "saml"]
    address: str
    user_agent: str


class SessionListOut(Output):
    """A person's sessions, newest first."""

    model_config = ConfigDict(title="SessionList")

    sessions: list[SessionOut]


def me_out(person: Person) -> MeOut:
    return MeOut(
        person_id=person.id,
        organization_id=person.organization_id,
        email=person.actor,
        name=person.name,
        role=person.role,
        departments=sorted(person.departments),
        employee=person.employee,
        permissions={scope.value: reach.name.lower() for scope, reach in person.reach.items()},  # type: ignore[misc]
        second_factor=person.second_factor,
        session_id=person.session_id,
        expires_at=person.expires_at,
    )


def session_out(row: dict[str, Any], current: str | None) -> SessionOut:
    """`current`: the session of who asks."""
    return SessionOut(current=row["session_id"] == current, **row)
