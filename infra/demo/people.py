"""TechCorp's people, each with a link that signs in once."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

import psycopg

from api.access.keys import digest
from api.access.roles import OPERATORS, TITLES, Role
from infra.demo.books import statement


class Cast(NamedTuple):
    """One of TechCorp. `department`: an employee's own."""

    who: str
    name: str
    role: Role
    department: str | None = None

    @property
    def email(self) -> str:
        return f"{self.who}@techcorp.com"

    @property
    def title(self) -> str:
        return TITLES[self.role] + (f", {self.department}" if self.department else "")


PEOPLE: Final = (
    Cast("carol", "Carol Stein", Role.FINANCE_MANAGER),
    Cast("alice", "Alice Moreno", Role.EMPLOYEE, "engineering"),
    Cast("bob", "Bob Okafor", Role.EMPLOYEE, "engineering"),
    Cast("admin", "Ada Lindqvist", Role.ORG_ADMIN),
    Cast("auditor", "Aldo Rossi", Role.AUDITOR),
    Cast("operator", "Olu Brandt", Role.SYSTEM_ADMIN),
)


def welcome(postgres: str, organization_id: str, cast: Cast) -> str:
    """Makes one of the cast a member; the token of a sign-in link, good once."""
    token = secrets.token_urlsafe(32)
    asked = {
        "person_id": f"usr_{secrets.token_hex(8)}",
        "email": cast.email,
        "name": cast.name,
        "organization_id": OPERATORS if cast.role is Role.SYSTEM_ADMIN else organization_id,
        "role": cast.role.value,
        "departments": [] if cast.department is None else [cast.department],
        "sha256": digest(token),
        "link_id": f"lnk_{secrets.token_hex(8)}",
    }
    with psycopg.connect(postgres) as connection:
        connection.execute(statement("welcome"), asked)
    return token
