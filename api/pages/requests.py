"""Approvals: who asks for what, the numbers that matter, and the answer."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE, require_act
from api.access.security import needs
from api.http.problems import Problem
from api.pages.budgets import budgets_of, card_of, department_card, department_cards, department_names
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.wishes import absence_of
from api.pages.words import NotMoney, amount, minor_of
from api.resources.requests import ApprovalRequestOut, RequestStatus, find_requests, request_out
from schemas.effects import RequestStep

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: That wait, of all departments together; and of these that a page draws with their forms.
_REQUESTS_MAX: Final = 1_000
_INBOX_MAX: Final = 30
#: That have ended, the newest.
_ENDED_MAX: Final = 50
_MORE: Final = (Scope.BUDGETS_REQUEST, Scope.BUDGETS_WRITE)


async def requests_of(
    asking: Asking, *, status: RequestStatus | None = None, asked_by: str | None = None, ended: bool = False
) -> list[ApprovalRequestOut]:
    """Of the departments that the viewer reaches, or what somebody has asked for anywhere; newest first.
    `ended`: the newest of those that wait no longer."""
    rows = await find_requests(
        asking.organization(),
        departments=None if asked_by is not None else await department_names(asking),
        status=status,
        asked_by=asked_by,
        ended=ended,
        rows_max=_ENDED_MAX if ended else _REQUESTS_MAX,
    )
    every = [request_out(asking.viewer.organization_id, row) for row in rows]
    return sorted(
        every, key=lambda request: request.asked_at or datetime.min.replace(tzinfo=UTC), reverse=True
    )


def may_answer(asking: Asking, request: ApprovalRequestOut) -> bool:
    """By the core's own rule: the level is for him, or whom he stands in for, and neither has answered."""
    viewer = asking.viewer
    if request.waits_for is None or not viewer.may(Scope.BUDGETS_APPROVE):
        return False
    actor = viewer.caller.actor
    busy = {request.asked_by, *request.approved_by, *request.on_behalf_of}
    if actor in busy:
        return False
    if not request.waits_for or actor in request.waits_for:
        return True
    return any(delegate == actor and absent not in busy for absent, delegate in request.stand_ins.items())


@router.get("/approvals", openapi_extra=needs(Scope.BUDGETS_READ))
async def show_approvals(asking: Asked) -> Response:
    waiting, ended, cards, away = await asyncio.gather(
        requests_of(asking, status="waiting"),
        requests_of(asking, ended=True),
        department_cards(asking),
        absence_of(asking),
    )
    inbox = [request for request in waiting if may_answer(asking, request)]
    others = [request for request in waiting if not may_answer(asking, request)]
    return page(
        asking.request,
        "approvals",
        inbox=inbox[:_INBOX_MAX],
        waiting=len(inbox),
        others=others[:_ENDED_MAX] + ended,
        cards={card.budget.department_id: card for card in cards},
        away=away,
        approves=asking.viewer.may(Scope.BUDGETS_APPROVE),
    )


@router.post("/approvals/{department_id}/{request_id:path}", openapi_extra=needs(Scope.BUDGETS_APPROVE))
async def answer_request(
    asking: Asked,
    department_id: str,
    request_id: str,
    answer: Annotated[str, Form()],
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """`answer`: approve or refuse."""
    if answer == "approve":
        decided = await asking.send("request.approved", department_id, request_id=request_id)
        left = [one.left for one in decided.decision.effects if isinstance(one, RequestStep)]
        done = "Approved: it is in force now." if not any(left) else "Approved: it waits for the next level."
        return back("/approvals", decided, done=done)
    if not reason.strip():
        raise Problem(422, "reason_missing", "A refusal needs a reason: who asked will read it.")
    decided = await asking.send(
        "request.refused", department_id, request_id=request_id, reason=reason.strip()
    )
    return back("/approvals", decided, done="Refused. Who asked sees your reason.")


@router.get("/departments/{department_id}/more", openapi_extra=needs(*_MORE, own=BY_ROUTE))
async def show_more(
    asking: Asked, department_id: str, amount: str = "", budget_id: str = "department"
) -> Response:
    """A form to raise a budget until a day, or to ask for that."""
    require_act(asking.viewer.caller, department_id, *_MORE)
    budgets = await budgets_of(asking, department_id)
    card = await department_card(asking, department_id)
    if card is None:
        raise Problem(404, "unknown_department", "There is no such department.")
    return page(
        asking.request,
        "more",
        card=card,
        budgets=budgets,
        budget_id=budget_id,
        wanted=amount,
        until=(card.span.end - timedelta(seconds=1)).date() if card.span else None,
        at_once=asking.viewer.may(Scope.BUDGETS_WRITE),
        shown=asking.viewer.may(Scope.BUDGETS_READ),
    )


@router.post("/departments/{department_id}/more", openapi_extra=needs(*_MORE, own=BY_ROUTE))
async def ask_more(
    asking: Asked,
    department_id: str,
    wanted: Annotated[str, Form(max_length=30)],
    until: Annotated[date, Form()],
    budget_id: Annotated[str, Form(max_length=220)] = "department",
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """At once for those who may write budgets; else a request that goes through the levels of the policy."""
    require_act(asking.viewer.caller, department_id, *_MORE)
    named = [budget for budget in await budgets_of(asking, department_id) if budget.budget_id == budget_id]
    if not named:
        raise Problem(404, "unknown_budget", "There is no such budget.")
    currency = named[0].currency
    try:
        minor = minor_of(wanted, currency)
    except NotMoney as error:
        raise Problem(422, "invalid_request", f"{error}.") from None
    span = card_of(named[0]).span
    ends_at = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
    if span is not None and abs(ends_at - span.end) < timedelta(days=1):
        ends_at = span.end  # the period's last day, in its own time zone
    members: dict[str, Any] = {
        "amount": {"minor": minor, "currency": currency},
        "ends_at": ends_at.isoformat(),
        "budget_id": budget_id,
    }
    told = amount(minor, currency)
    if asking.viewer.may(Scope.BUDGETS_WRITE):
        decided = await asking.send("budget.increased", department_id, **members)
        return back(f"/departments/{department_id}", decided, done=f"{told} more until {until:%-d %B %Y}.")
    request_id = f"req_{secrets.token_hex(8)}"
    decided = await asking.send(
        "increase.requested", department_id, request_id=request_id, reason=reason.strip() or None, **members
    )
    where = "/approvals" if asking.viewer.may(Scope.BUDGETS_READ) else "/mine"
    return back(where, decided, done=f"Asked for {told}. You see here when it is answered.")
