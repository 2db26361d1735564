"""Cards: which there are, what each may still spend, and what can be done with it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.budgets import card_of, department_cards
from api.pages.frame import page
from api.pages.requests import requests_of
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
    rows_max: int = _ROWS_MAX,
) -> list[CardOut]:
    """Registered cards, by id."""
    row = await find_cards(
        asking.organization(),
        department_id=department_id,
        status=status,
        employee=employee,
        rows_max=rows_max,
    )
    visible = asking.viewer.departments(Scope.CARDS_READ)
    found = cards_out(row)
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
    return page(asking.request, "card_form", departments=departments, card=None)


class _TermsForm(NamedTuple):
    """How a card is to be, as it is typed: an empty field sets nothing."""

    employee: str
    last_four: str
    team: str
    locked_to: str
    lock_to_first: bool
    expires_on: date | None
    single_use: bool

    def card(self, card_id: str) -> dict[str, Any]:
        """The member `card` of the event."""
        typed = (self.employee, self.last_four, self.team, self.locked_to)
        names = ("employee", "last_four", "team", "locked_to")
        told: dict[str, Any] = {name: text.strip() for name, text in zip(names, typed, strict=True)}
        told |= {"lock_to_first": self.lock_to_first, "single_use": self.single_use}
        told["expires_on"] = None if self.expires_on is None else self.expires_on.isoformat()
        return {"card_id": card_id, **{name: value for name, value in told.items() if value}}


async def _terms_form(
    employee: Annotated[str, Form(max_length=200)],
    last_four: Annotated[str, Form(max_length=4)] = "",
    team: Annotated[str, Form(max_length=64)] = "",
    locked_to: Annotated[str, Form(max_length=200)] = "",
    lock_to_first: Annotated[bool, Form()] = False,
    expires_on: Annotated[date | None, Form()] = None,
    single_use: Annotated[bool, Form()] = False,
) -> _TermsForm:
    return _TermsForm(employee, last_four, team, locked_to, lock_to_first, expires_on, single_use)


_Terms = Annotated[_TermsForm, Depends(_terms_form)]


@router.post("/cards/new", openapi_extra=needs(Scope.CARDS_WRITE))
async def register_card(
    asking: Asked, department: Annotated[str, Form(max_length=64)], terms: _Terms
) -> Response:
    card_id = f"card_{secrets.token_hex(8)}"
    decided = await asking.send("card.set", department, card=terms.card(card_id))
    return back(f"/cards/{department}/{card_id}", decided, done="Registered. It may pay from now on.")


@router.get("/change-card/{department_id}/{card_id:path}", openapi_extra=needs(Scope.CARDS_WRITE))
async def show_card_form(asking: Asked, department_id: str, card_id: str) -> Response:
    card = await find_card(asking.organization(), card_id, department_id)
    return page(asking.request, "card_form", departments=[], card=card)


@router.post("/change-card/{department_id}/{card_id:path}", openapi_extra=needs(Scope.CARDS_WRITE))
async def change_card(asking: Asked, department_id: str, card_id: str, terms: _Terms) -> Response:
    """Its status and what it was used for stay."""
    card = await find_card(asking.organization(), card_id, department_id)
    decided = await asking.send("card.set", card.department_id, card=terms.card(card.card_id))
    where = f"/cards/{quote(department_id, safe='')}/{quote(card_id, safe='')}"
    return back(where, decided, done="Changed. The next purchase goes by it.")


@router.get("/mine", openapi_extra=needs(Scope.CARDS_READ, own=BY_ROUTE))
async def show_mine(asking: Asked) -> Response:
    """What an employee comes for: what each of his cards may spend, his purchases, his requests."""
    person = asking.viewer.caller
    reading = asking.organization()
    cards = await cards_of(asking, employee=person.employee)
    details, newest, requests = await asyncio.gather(
        asyncio.gather(*(card_detail(reading, card) for card in cards)),
        latest(asking, Filters(employee=person.employee), 12),
        requests_of(asking, asked_by=person.actor),
    )
    return page(
        asking.request,
        "mine",
        cards=details,
        latest=newest,
        requests=requests,
        departments=sorted(person.departments),
    )


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
