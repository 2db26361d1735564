"""People: who they are in an organization, and how far their permissions reach there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.access.keys import Principal, Scope
from api.access.roles import Reach, Role, reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Principal):
    """Somebody in a session, as a member of one organization.

    `employee`: as cards name their holder. `authenticated_at`: when a password or a provider last said that
    it is he; None: he came by a link. `factor_due`: his organization asks for a second factor, and this
    session has none: it opens his own account and nothing else. `elsewhere`: he belongs to another
    organization, too.
    """

    role: Role
    departments: frozenset[str]
    employee: str
    session_id: str
    authenticated_at: datetime | None
    second_factor: bool
    factor_due: bool
    elsewhere: bool
    reach: Mapping[Scope, Reach]


def person_from_row(row: dict[str, Any]) -> Person:
    """Of a row of the function access_session."""
    role, departments = Role(row["role"]), frozenset(row["department_ids"])
    reach = reaches(role, departments)
    if row["factor_due"]:
        reach = {Scope.ACCOUNT: reach[Scope.ACCOUNT]}
    return Person(
        id=row["person_id"],
        organization_id=row["organization_id"],
        name=row["name"],
        actor=row["email"],
        scopes=frozenset(reach),
        expires_at=row["expires_at"],
        role=role,
        departments=departments,
        employee=row["employee_id"],
        session_id=row["session_id"],
        authenticated_at=row["authenticated_at"],
        second_factor=row["second_factor"],
        factor_due=row["factor_due"],
        elsewhere=row["elsewhere"],
        reach=reach,
    )


def reach_of(caller: Principal, *scopes: Scope) -> Reach | None:
    """How far the widest of `scopes` takes him; None: he has none of them. A key reaches its organization."""
    held = [scope for scope in scopes if scope in caller.scopes]
    if not held:
        return None
    if isinstance(caller, Person):
        return max(caller.reach[scope] for scope in held)
    return Reach.ORGANIZATION
