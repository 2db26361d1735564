"""Look at cards: of a department, or of the whole organization."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_EMPLOYEE, BY_ROUTE, is_own
from api.access.security import KeyedRoute, needs
from api.http.conditions import ETAG, tagged
from api.http.paging import Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.resources.budgets import clocks
from api.resources.cards.answer import (
    CardDetailOut,
    CardListOut,
    CardOut,
    card_detail_out,
    card_row_out,
    cards_out,
    subjects_of,
)
from api.resources.organization_paths import (
    DEPARTMENT,
    OfDepartment,
    OfOrganization,
    OnlyDepartment,
    Reading,
    ReadingAll,
    invalid,
    list_responses,
    read_responses,
    shown,
)
from schemas.controls import CardStatus
from schemas.ids import Position, is_name

router = APIRouter(tags=["cards"], route_class=KeyedRoute)

CARDS = "/v1/cards"
# Departments that one card's id may be shown to stand in, where it is not said which is meant.
NAMED_MAX = 5

CardId = Annotated[str, Path(max_length=128, description=IN_PATH, examples=["card_ada"])]
WhichDepartment = Annotated[
    str | None,
    Query(max_length=64, description="of which department; needed only where several have a card of this id"),
]
Status = Annotated[CardStatus | None, Query(description="only these; all, if absent")]
Employee = Annotated[str | None, Query(max_length=200, description="only those registered to this employee")]
Team = Annotated[str | None, Query(max_length=64, description="only those of this team")]

_ALL: dict[str, Any] = {
    "department_id": None,
    "card_id": None,
    "status": None,
    "employee": None,
    "team": None,
    "after": None,
    "after_department": None,
    "rows_max": 1,
}


@router.get(
    CARDS,
    summary="List cards",
    response_model=CardListOut,
    openapi_extra=needs(Scope.CARDS_READ, own=BY_EMPLOYEE),
    responses=list_responses("A page of them."),
)
async def list_all_cards(
    reading: ReadingAll,
    page: Paged,
    status: Status = None,
    department_id: OnlyDepartment = None,
    employee: Employee = None,
    team: Team = None,
) -> Response:
    """Registered cards of the organization, by id; filters may be combined."""
    after = page.key(tuple[str, str]) or (None, None)
    row = await find_cards(
        reading,
        status=status,
        department_id=department_id,
        employee=employee,
        team=team,
        after=after[0],
        after_department=after[1],
        rows_max=page.rows_max,
    )
    cards, following = page.turn(cards_out(row), lambda card: (card.card_id, card.department_id))
    return shown(CardListOut(cards=list(cards), next=following), reading.wait, **page.link(following))


@router.get(
    f"{CARDS}/{{card_id}}",
    summary="Look at a card and what it may spend",
    response_model=CardDetailOut,
    openapi_extra=needs(Scope.CARDS_READ, own=BY_ROUTE),
    responses={
        **read_responses("As it is registered, with its budgets."),
        200: {
            "description": "As it is registered, with its budgets.",
            "headers": read_responses("")[200]["headers"] | ETAG,
        },
    },
)
async def read_any_card(
    reading: ReadingAll, card_id: CardId, department_id: WhichDepartment = None
) -> Response:
    """Its status, its holder, and each budget that it spends from, with what is left of it.

    `ETag` is for `If-Match` of a change.
    """
    card = await find_card(reading, card_id, department_id)
    body = await card_detail(reading, card)
    return shown(body, reading.wait, card.position, **tagged(card.position))


async def card_detail(reading: OfOrganization, card: CardOut) -> CardDetailOut:
    """`card` with the budgets that it spends from, each in its current period."""
    row = await reading.find(
        "budgets",
        reached=reading.position or Position.parse(card.position),
        departments=[card.department_id],
        budget_id=None,
        period=None,
        subjects=subjects_of(card),
        **clocks(datetime.now(UTC)),
    )
    return card_detail_out(card, row)


async def find_card(reading: OfOrganization, card_id: str, department_id: str | None) -> CardOut:
    """The registered card. Raises Problem: 404, there is none; 422, several departments have one."""
    row = await find_cards(reading, card_id=card_id, department_id=department_id, rows_max=NAMED_MAX)
    found = row["cards"]
    if not found:
        raise unknown_card(card_id)
    if len(found) > 1:
        several = ", ".join(card["department_id"] for card in found)
        words = f"say which is meant: cards of this id are in {several}"
        raise invalid("query.department_id", "ambiguous", words)
    card = card_row_out(found[0])
    if not is_own(reading.caller, card.employee, Scope.CARDS_READ, Scope.CARDS_WRITE):
        raise unknown_card(card_id)
    return card


def unknown_card(card_id: str) -> Problem:
    return Problem(404, "unknown_card", f"There is no registered card {card_id[:80]!r}.")


async def find_cards(reading: OfOrganization, **asked: Any) -> Any:
    """The row of cards.sql for the filters `asked`; all cards without any."""
    if not all(storable(text) for text in asked.values() if isinstance(text, str)):
        return {"cards": []}
    department_id = asked.get("department_id")
    if department_id is not None and not is_name(department_id):
        return {"cards": []}
    return await reading.find("cards", **{**_ALL, **asked})


@router.get(
    f"{DEPARTMENT}/cards",
    summary="List a department's cards",
    response_model=CardListOut,
    openapi_extra=needs(Scope.CARDS_READ, own=BY_EMPLOYEE),
    responses=list_responses("A page of them."),
)
async def list_cards(
    reading: Reading, page: Paged, status: Status = None, employee: Employee = None, team: Team = None
) -> Response:
    """Registered cards, by id. `after` may be any card's id."""
    _, department_id = reading.own()
    asked = {"status": status, "employee": employee, "team": team}
    row = await _of_department(
        reading, **asked, after=page.after, after_department=department_id, rows_max=page.rows_max
    )
    cards, last = page.split(cards_out(row))
    body = CardListOut(cards=list(cards), next=None if last is None else last.card_id)
    return shown(body, reading.wait, **page.link(body.next))


@router.get(
    f"{DEPARTMENT}/cards/{{card_id:path}}",
    summary="Look at a department's card",
    response_model=CardOut,
    openapi_extra=needs(Scope.CARDS_READ, own=BY_ROUTE),
    responses=read_responses("As it is registered."),
)
async def read_card(reading: Reading, card_id: CardId) -> Response:
    """One that was never registered may pay, too, unless the policy has `registered_cards_only`."""
    reading.own()
    row = await _of_department(reading, card_id=card_id)
    if not row["cards"]:
        raise unknown_card(card_id)
    body = card_row_out(row["cards"][0])
    if not is_own(reading.caller, body.employee, Scope.CARDS_READ):
        raise unknown_card(card_id)
    return shown(body, reading.wait, body.position)


async def _of_department(reading: OfDepartment, **asked: Any) -> Any:
    if not all(storable(text) for text in asked.values() if isinstance(text, str)):
        raise Problem(404, "unknown_card", "There is no such card.")
    given = {name: value for name, value in _ALL.items() if name != "department_id"}
    return await reading.known("cards", **{**given, **asked})
