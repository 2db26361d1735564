"""Ask for a card or a budget, and say who answers requests while one is away."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE, require_act
from api.access.security import needs
from api.asking.submit import Answered
from api.http.problems import Problem
from api.pages.budgets import budgets_of, department_names
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.words import NotMoney, amount, minor_of
from api.resources.budgets import BudgetOut
from api.resources.delegations import DelegationOut, find_delegations
from schemas.controls import PeriodKind

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Wish = Literal["card", "budget"]
_TITLES: Final = {"card": "Ask for a card", "budget": "Ask for a budget"}


@router.get(
    "/departments/{department_id}/ask/{kind}", openapi_extra=needs(Scope.BUDGETS_REQUEST, own=BY_ROUTE)
)
async def show_wish(asking: Asked, department_id: str, kind: Wish) -> Response:
    """A form of the few things that approvers want to know."""
    require_act(asking.viewer.caller, department_id, Scope.BUDGETS_REQUEST)
    own = await _own_budget(asking, department_id)
    return page(asking.request, "wish", kind=kind, title=_TITLES[kind], budget=own)


@router.post(
    "/departments/{department_id}/ask/{kind}", openapi_extra=needs(Scope.BUDGETS_REQUEST, own=BY_ROUTE)
)
async def ask_for(
    asking: Asked,
    department_id: str,
    kind: Wish,
    wanted: Annotated[str, Form(max_length=30)],
    period: Annotated[PeriodKind, Form()] = "month",
    reason: Annotated[str, Form(max_length=200)] = "",
    team: Annotated[str, Form(max_length=64)] = "",
    locked_to: Annotated[str, Form(max_length=200)] = "",
    single_use: Annotated[bool, Form()] = False,
) -> Response:
    """A card is for who asks; a budget for a team, or for the department, whose limit it would be."""
    require_act(asking.viewer.caller, department_id, Scope.BUDGETS_REQUEST)
    own = await _own_budget(asking, department_id)
    try:
        minor = minor_of(wanted, own.currency)
    except NotMoney as error:
        raise Problem(422, "invalid_request", f"{error}.") from None
    request_id = f"req_{secrets.token_hex(8)}"
    members: dict[str, Any] = {
        "request_id": request_id,
        "limit": {"minor": minor, "currency": own.currency},
        "reason": reason.strip() or None,
        "time_zone": own.time_zone,
    }
    if kind == "card":
        card = {"card_id": f"card_{secrets.token_hex(8)}", "employee": asking.viewer.caller.employee}
        card |= {"locked_to": locked_to.strip()} if locked_to.strip() else {}
        members |= {"card": card | ({"single_use": True} if single_use else {}), "period": period}
    elif team.strip():
        members |= {"name": team.strip(), "level": "team", "subject": team.strip(), "period": period}
    else:  # its calendar cannot change
        members |= {"name": own.name, **own.calendar.model_dump()}
    decided = await asking.send(f"{kind}.requested", department_id, **members)
    where = "/approvals" if asking.viewer.may(Scope.BUDGETS_READ) else "/mine"
    told = amount(minor, own.currency)
    return back(where, decided, done=f"Asked for {told}. You see here when it is answered.")


async def _own_budget(asking: Asking, department_id: str) -> BudgetOut:
    budgets = await budgets_of(asking, department_id, budget_id="department")
    if not budgets:
        raise Problem(404, "unknown_department", "There is no such department.")
    return budgets[0]


# -- away


async def absence_of(asking: Asking) -> DelegationOut | None:
    """Who answers for the viewer, now or later; the same in all of his departments."""
    if not asking.viewer.may(Scope.BUDGETS_APPROVE):
        return None
    found = await find_delegations(asking.organization(), absent=asking.viewer.caller.actor, rows_max=1)
    return found[0] if found else None


@router.post("/away", openapi_extra=needs(Scope.BUDGETS_APPROVE))
async def set_away(
    asking: Asked, delegate: Annotated[str, Form(max_length=200)], until: Annotated[date, Form()]
) -> Response:
    """In every department that the viewer may approve in: requests of each are answered by its own log."""
    ends_at = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
    members = {"delegate": delegate.strip(), "until": ends_at.isoformat()}
    decided = [await asking.send("delegation.set", name, **members) for name in await _departments(asking)]
    return _to_approvals(decided, f"{delegate.strip()} answers for you until {until:%-d %B %Y}.")


@router.post("/away/end", openapi_extra=needs(Scope.BUDGETS_APPROVE))
async def end_away(asking: Asked) -> Response:
    """At once, wherever somebody still answers for the viewer."""
    actor = asking.viewer.caller.actor
    found = await find_delegations(asking.organization(), absent=actor)
    decided = [await asking.send("delegation.ended", one.department_id, absent=actor) for one in found]
    return _to_approvals(decided, "Welcome back: you answer for yourself.")


def _to_approvals(decided: Sequence[Answered], done: str) -> Response:
    positions = ",".join(dict.fromkeys(str(one.decision.position) for one in decided))
    return back(f"/approvals?at={positions}" if positions else "/approvals", done=done)


async def _departments(asking: Asking) -> list[str]:
    reached = asking.viewer.departments(Scope.BUDGETS_APPROVE)
    names = await department_names(asking)
    return [name for name in names if reached is None or name in reached]
