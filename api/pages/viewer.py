"""Who looks at a page: a person in a session."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.access.cookie import token_of
from api.access.keys import Scope
from api.access.people import Person, reach_of
from api.access.reach import require_department
from api.access.roles import TITLES, Reach
from api.http.problems import Problem
from api.services import services_of
from api.stores.postgres import PostgresAway


@dataclass(frozen=True, slots=True)
class Viewer:
    """`caller`: who the functions of the API are asked for."""

    caller: Person

    @property
    def name(self) -> str:
        return self.caller.name

    @property
    def role(self) -> str:
        return TITLES[self.caller.role]

    @property
    def organization_id(self) -> str:
        return self.caller.organization_id

    def may(self, *permissions: Scope) -> bool:
        return not self.caller.scopes.isdisjoint(permissions)

    def only_own(self, *permissions: Scope) -> bool:
        """Whether they reach no further than what is the viewer's own."""
        return reach_of(self.caller, *permissions) is Reach.OWN

    def departments(self, permission: Scope) -> frozenset[str] | None:
        """Those that it reaches; None: all of the organization."""
        return None if reach_of(self.caller, permission) is Reach.ORGANIZATION else self.caller.departments

    def require_department(self, department_id: str, *permissions: Scope) -> None:
        """Raises Problem 403 where one of them does not reach that far."""
        require_department(self.caller, department_id, *permissions)


async def viewer_of(request: Request) -> Viewer | None:
    """None: nobody has signed in, or the session has ended. Raises Problem 503."""
    token = token_of(request)
    if token is None:
        return None
    try:
        person = await services_of(request).sessions.identify(token)
    except PostgresAway:
        words = "Who you are cannot be looked up now. Nothing was written."
        raise Problem(503, "access_store_unavailable", words, headers={"Retry-After": "2"}) from None
    return None if person is None else Viewer(person)
