"""Policies and cards of departments. They are set with events; here they are looked at."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.keys import Scope
from api.models.controls import CardListOut, CardOut, PolicyListOut, PolicyOut
from api.preferences import AtPosition, Wait, Waiting
from api.problems import Problem, responses
from api.routes.places import (
    DEPARTMENT,
    READ_HEADERS,
    DepartmentId,
    OrganizationId,
    department_row,
    own_department,
    printable,
    shown,
)
from api.security import Caller, KeyedRoute, needs
from api.views import card_out, cards_out, policies_out
from schemas.ids import Position

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
    responses={
        200: {"description": "The version in force.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_policy(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
) -> Response:
    """What a request is measured by now. Draft another with the event `policy.drafted`."""
    own_department(caller, organization_id, department_id)
    row = await _policies(request, wait, position, organization_id, department_id, only_active=True)
    body = policies_out(organization_id, department_id, row).policies[0]
    return shown(body, wait, body.position)


@router.get(
    f"{DEPARTMENT}/policies",
    summary="List a policy's versions",
    tags=["policies"],
    response_model=PolicyListOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses={
        200: {"description": f"The newest {VERSIONS_MAX} versions.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def list_policies(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
) -> Response:
    """Drafts and what was in force, newest first. The last 10 drafts may be put in force."""
    own_department(caller, organization_id, department_id)
    row = await _policies(request, wait, position, organization_id, department_id, only_active=False)
    return shown(policies_out(organization_id, department_id, row), wait)


async def _policies(
    request: Request,
    wait: Wait,
    position: Position | None,
    organization_id: str,
    department_id: str,
    *,
    only_active: bool,
) -> Any:
    return await department_row(
        request,
        "policies",
        wait,
        position,
        (organization_id, department_id),
        only_active=only_active,
        rows_max=VERSIONS_MAX,
    )


@router.get(
    f"{DEPARTMENT}/cards",
    summary="List a department's cards",
    tags=["cards"],
    response_model=CardListOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses={
        200: {"description": "A page of them.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def list_cards(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
    after: Annotated[
        str | None, Query(max_length=128, description="only cards whose id comes after this one")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="cards on a page")] = PAGE,
) -> Response:
    """Registered cards, by id. Register or change one with the event `card.set`."""
    own_department(caller, organization_id, department_id)
    where = (organization_id, department_id)
    row = await _cards(request, wait, position, where, after=after, rows_max=limit + 1)
    return shown(cards_out(*where, row, page=limit), wait)


@router.get(
    f"{DEPARTMENT}/cards/{{card_id:path}}",
    summary="Look at a card",
    tags=["cards"],
    response_model=CardOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses={
        200: {"description": "As it is registered.", "headers": READ_HEADERS},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_card(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
    department_id: DepartmentId,
    card_id: Annotated[str, Path(max_length=128, examples=["card_ada"])],
) -> Response:
    """One that was never registered may pay, too, unless the policy has `registered_cards_only`."""
    own_department(caller, organization_id, department_id)
    where = (organization_id, department_id)
    row = await _cards(request, wait, position, where, card_id=card_id)
    if not row["cards"]:
        raise Problem(404, "unknown_card", f"There is no registered card {card_id[:80]!r}.")
    body = card_out(*where, row["cards"][0])
    return shown(body, wait, body.position)


async def _cards(
    request: Request,
    wait: Wait,
    position: Position | None,
    where: tuple[str, str],
    *,
    card_id: str | None = None,
    after: str | None = None,
    rows_max: int = 1,
) -> Any:
    if not printable(card_id or "") or not printable(after or ""):
        raise Problem(404, "unknown_card", "There is no such card.")
    return await department_row(
        request,
        "cards",
        wait,
        position,
        where,
        card_id=card_id,
        after=after,
        rows_max=rows_max,
    )
