"""TechCorp's people, each with a link that signs in once."""

from __future__ import annotations

from typing import Final, NamedTuple

from api.access.membership import add_member, sign_in_link
from api.access.roles import OPERATORS, TITLES, Role


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
    """Makes one of the cast a member; the token of a sign-in link, good once and for half an hour.

    Raises:
        PeopleFault, PostgresAway.
    """
    place = OPERATORS if cast.role is Role.SYSTEM_ADMIN else organization_id
    add_member(
        postgres,
        organization_id=place,
        email=cast.email,
        role=cast.role,
        name=cast.name,
        departments=() if cast.department is None else (cast.department,),
    )
    return sign_in_link(postgres, email=cast.email, organization_id=place)
