"""Policies and cards of departments. They are set with events; here they are looked at."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.keys import Scope
from api.models.controls import CardListOut, CardOut, PolicyListOut, PolicyOut
from api.paths import IN_PATH, storable
from api.problems import Problem
from api.routes.places import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    read_responses,
    shown,
)
from api.security import KeyedRoute, needs
from api.views import card_out, cards_out, policies_out

router = APIRouter(route_class=KeyedRoute)

VERSIONS_MAX = 100
PAGE = 100
PAGE_MAX = 500


@router.get(
    f"{DEPARTMENT}/policy",
    summary="Look at the policy in force",
    tags=["policies"],
    response_model=PolicyOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=read_responses("The version in force."),
)
async def read_policy(
    reading: Reading,
) -> Response:
    """What a request is measured by now. Draft another with the event `policy.drafted`."""
    where = reading.own()
    row = await reading.known("policies", only_active=True, rows_max=VERSIONS_MAX)
    body = policies_out(*where, row).policies[0]
    return shown(body, reading.wait, body.position)


@router.get(
    f"{DEPARTMENT}/policies",
    summary="List a policy's versions",
    tags=["policies"],
    response_model=PolicyListOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=read_responses(f"The newest {VERSIONS_MAX} versions."),
)
async def list_policies(
    reading: Reading,
) -> Response:
    """Drafts and what was in force, newest first. The last 10 drafts may be put in force."""
    where = reading.own()
    row = await reading.known("policies", only_active=False, rows_max=VERSIONS_MAX)
    return shown(policies_out(*where, row), reading.wait)


@router.get(
    f"{DEPARTMENT}/cards",
    summary="List a department's cards",
    tags=["cards"],
    response_model=CardListOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=read_responses("A page of them."),
)
async def list_cards(
    reading: Reading,
    after: Annotated[
        str | None, Query(max_length=128, description="only cards whose id comes after this one")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="cards on a page")] = PAGE,
) -> Response:
    """Registered cards, by id. Register or change one with the event `card.set`."""
    where = reading.own()
    row = await _cards(reading, after=after, rows_max=limit + 1)
    return shown(cards_out(*where, row, page=limit), reading.wait)


@router.get(
    f"{DEPARTMENT}/cards/{{card_id:path}}",
    summary="Look at a card",
    tags=["cards"],
    response_model=CardOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=read_responses("As it is registered."),
)
async def read_card(
    reading: Reading,
    card_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["card_ada"])],
) -> Response:
    """One that was never registered may pay, too, unless the policy has `registered_cards_only`."""
    where = reading.own()
    row = await _cards(reading, card_id=card_id)
    if not row["cards"]:
        raise Problem(404, "unknown_card", f"There is no registered card {card_id[:80]!r}.")
    body = card_out(*where, row["cards"][0])
    return shown(body, reading.wait, body.position)


async def _cards(
    reading: OfDepartment,
    *,
    card_id: str | None = None,
    after: str | None = None,
    rows_max: int = 1,
) -> Any:
    if not storable(card_id or "") or not storable(after or ""):
        raise Problem(404, "unknown_card", "There is no such card.")
    return await reading.known("cards", card_id=card_id, after=after, rows_max=rows_max)
