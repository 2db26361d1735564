"""How far a permission goes, asked in one place for all routes: own, departments, organization.

A route for one department names it in its path, its query or its body; whose permission reaches departments
must name one of his. A route that names none is closed to him, and one that does not say how it keeps to
what is the caller's own (`needs(..., own=...)`) is closed to whom only that is open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from fastapi import Request

from api.access.keys import Principal, Scope
from api.access.people import Person, reach_of
from api.access.roles import Reach
from api.http.problems import Problem

#: `own=`: the query member `employee` must be the caller's; or the route itself sees to it; or it sees to
#: departments, too, and shows everybody what he reaches.
BY_EMPLOYEE: Final = "employee"
BY_ROUTE: Final = "route"
WITHIN_REACH: Final = "reach"
#: It is about all departments together, whichever its body may name.
WHOLE: Final = "organization"


class _Body(msgspec.Struct):
    department_id: Any = None


async def require_reach(
    request: Request,
    caller: Principal,
    scopes: Sequence[Scope],
    *,
    own: str | None,
    query: Collection[str],
) -> None:
    """Raises Problem 403 where none of `scopes` that the caller has reaches what the request names."""
    reach = reach_of(caller, *scopes)
    if reach is Reach.ORGANIZATION or not isinstance(caller, Person) or own == WITHIN_REACH:
        return
    if reach is Reach.OWN:
        _require_own(request, caller, own)
        return
    named = [] if own == WHOLE else await _departments(request, query)
    if not named:
        raise _out_of_reach(caller, "name one of them with department_id, where this operation knows it")
    for department in named:
        require_department(caller, department, *scopes)


def require_department(caller: Principal, department_id: str | None, *scopes: Scope) -> None:
    """Raises Problem 403 unless one of `scopes` reaches that department, or the organization."""
    reach = reach_of(caller, *scopes)
    if reach is Reach.ORGANIZATION or not isinstance(caller, Person):
        return
    if reach is not Reach.DEPARTMENTS or department_id not in caller.departments:
        raise _out_of_reach(caller, "this is about another department, or about all of them")


def require_act(caller: Principal, department_id: object, *scopes: Scope) -> None:
    """The same for an event, in which the caller is who acts: that is his own, in his departments."""
    if reach_of(caller, *scopes) is Reach.ORGANIZATION or not isinstance(caller, Person):
        return
    if department_id not in caller.departments:
        raise _out_of_reach(caller, "this is about another department, or about all of them")


def is_own(caller: Principal, employee: str | None, *scopes: Scope) -> bool:
    """Whether he may see what is `employee`'s: with a reach beyond his own, or because he is it."""
    return not (
        isinstance(caller, Person)
        and reach_of(caller, *scopes) is Reach.OWN
        and (employee is None or employee not in (caller.employee, caller.actor))
    )


def _require_own(request: Request, caller: Person, own: str | None) -> None:
    if own is None:
        raise Problem(
            403, "out_of_reach", f"{caller.actor} may see and do what is his own, and this is about more."
        )
    if own == BY_EMPLOYEE and request.query_params.get("employee") not in (caller.employee, caller.actor):
        raise Problem(
            403,
            "out_of_reach",
            f"{caller.actor} may see what is his own: ask with employee={caller.employee}.",
        )


async def _departments(request: Request, query: Collection[str]) -> list[Any]:
    """All that the request names."""
    named: list[Any] = []
    if "department_id" in request.path_params:
        named.append(request.path_params["department_id"])
    if "department_id" in query and "department_id" in request.query_params:
        named.append(request.query_params["department_id"])
    if request.method not in ("GET", "HEAD") and (body := await request.body()):
        try:
            found = msgspec.json.decode(body, type=_Body).department_id
        except (msgspec.MsgspecError, RecursionError, ValueError):
            found = None  # the route will say what is wrong with it
        if found is not None:
            named.append(found)
    return named


def _out_of_reach(caller: Person, words: str) -> Problem:
    reached = ", ".join(sorted(caller.departments)) or "none"
    return Problem(403, "out_of_reach", f"{caller.actor} reaches the departments {reached}; {words}.")
