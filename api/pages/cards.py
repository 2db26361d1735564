"""Cards: which there are, what each may still spend, and what can be done with it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.budgets import card_of, department_cards
from api.pages.frame import page
from api.pages.requests import of_department
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.transactions import latest
from api.resources.cards.answer import CardOut, cards_out
from api.resources.cards.read import card_detail, find_card, find_cards
from api.stores.transactions import Filters

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_ROWS_MAX: Final = 200
_ACTS: Final = {
    "freeze": ("card.frozen", "Frozen: it is declined until somebody unfreezes it."),
    "unfreeze": ("card.unfrozen", "Active again."),
    "cancel": ("card.canceled", "Canceled, for ever."),
}


async def cards_of(
    asking: Asking,
    *,
    department_id: str | None = None,
    status: str | None = None,
    employee: str | None = None,
) -> list[CardOut]:
    """Registered cards, by id."""
    row = await find_cards(
        asking.organization(),
        department_id=department_id,
        status=status,
        employee=employee,
        rows_max=_ROWS_MAX,
    )
    visible = asking.viewer.departments(Scope.CARDS_READ)
    found = cards_out(row, Page(None, _ROWS_MAX))[0]
    return [
        card for card in found if visible is None or employee is not None or card.department_id in visible
    ]


@router.get("/cards", openapi_extra=needs(Scope.CARDS_READ))
async def show_cards(
    asking: Asked, department: str | None = None, status: str | None = None, search: str = ""
) -> Response:
    cards = await cards_of(asking, department_id=department or None, status=status or None)
    wanted = search.casefold().strip()
    shown = [
        card for card in cards if wanted in f"{card.card_id} {card.employee} {card.last_four}".casefold()
    ]
    return page(
        asking.request,
        "cards",
        cards=shown,
        chosen={"department": department or "", "status": status or "", "search": search},
        departments=[card.budget for card in await department_cards(asking)],
    )


@router.get("/cards/new", openapi_extra=needs(Scope.CARDS_WRITE))
async def show_new_card(asking: Asked) -> Response:
    departments = [card.budget for card in await department_cards(asking)]
    return page(asking.request, "card_new", departments=departments)


@router.post("/cards/new", openapi_extra=needs(Scope.CARDS_WRITE))
async def register_card(
    asking: Asked,
    department: Annotated[str, Form(max_length=64)],
    employee: Annotated[str, Form(max_length=200)],
    last_four: Annotated[str, Form(max_length=4)] = "",
    team: Annotated[str, Form(max_length=64)] = "",
    locked_to: Annotated[str, Form(max_length=200)] = "",
    expires_on: Annotated[date | None, Form()] = None,
    single_use: Annotated[bool, Form()] = False,
) -> Response:
    card_id = f"card_{secrets.token_hex(8)}"
    card: dict[str, Any] = {
        "card_id": card_id,
        "employee": employee.strip() or None,
        "last_four": last_four.strip() or None,
        "team": team.strip() or None,
        "locked_to": locked_to.strip() or None,
        "expires_on": None if expires_on is None else expires_on.isoformat(),
        "single_use": single_use,
    }
    told = {name: value for name, value in card.items() if value is not None}
    decided = await asking.send("card.set", department, card=told)
    return back(f"/cards/{department}/{card_id}", decided, done="Registered. It may pay from now on.")


@router.get("/mine", openapi_extra=needs(Scope.CARDS_READ, own=BY_ROUTE))
async def show_mine(asking: Asked) -> Response:
    """What an employee comes for: what each of his cards may spend, his purchases, his requests."""
    person = asking.viewer.caller
    reading = asking.organization()
    cards = await cards_of(asking, employee=person.employee)
    details, newest, requests = await asyncio.gather(
        asyncio.gather(*(card_detail(reading, card) for card in cards)),
        latest(asking, Filters(employee=person.employee), 12),
        asyncio.gather(*(of_department(asking, name, None) for name in sorted(person.departments))),
    )
    own = [each for found in requests for each in found if each.asked_by == person.actor]
    return page(asking.request, "mine", cards=details, latest=newest, requests=own)


@router.get("/cards/{department_id}/{card_id:path}", openapi_extra=needs(Scope.CARDS_READ, own=BY_ROUTE))
async def show_card(asking: Asked, department_id: str, card_id: str) -> Response:
    if not asking.viewer.only_own(Scope.CARDS_READ):
        asking.viewer.require_department(department_id, Scope.CARDS_READ)
    reading = asking.organization()
    card = await find_card(reading, card_id, department_id)
    detail = await card_detail(reading, card)
    newest = await latest(asking, Filters(department_id=department_id, card_id=card_id), 12)
    return page(
        asking.request,
        "card",
        card=detail,
        limits=[card_of(limit) for limit in detail.limits],
        latest=newest,
    )


@router.post("/cards/{department_id}/{card_id:path}", openapi_extra=needs(Scope.CARDS_WRITE))
async def act_on_card(
    asking: Asked, department_id: str, card_id: str, act: Annotated[str, Form(max_length=20)]
) -> Response:
    """`act`: freeze, unfreeze or cancel."""
    if act not in _ACTS:
        raise Problem(422, "invalid_request", "A card can be frozen, unfrozen or canceled.")
    kind, done = _ACTS[act]
    card = await find_card(asking.organization(), card_id, department_id)
    decided = await asking.send(kind, card.department_id, card_id=card.card_id)
    return back(asking.request.scope["path"], decided, done=done)
