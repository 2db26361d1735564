"""The first page: where the month stands, department by department, and what needs somebody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.paging import Page
from api.pages.budgets import DepartmentCard, department_cards
from api.pages.frame import page
from api.pages.requests import waiting_for
from api.pages.reviews import cases_of_viewer
from api.pages.route import Asked, PageRoute
from api.pages.transactions import latest
from api.stores.transactions import Filters

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LATEST: Final = 8


@dataclass(frozen=True, slots=True)
class Total:
    """All departments of one currency together, in minor units."""

    currency: str
    limit: int
    posted: int
    held: int
    pace: int | None

    @property
    def left(self) -> int:
        return self.limit - max(0, self.posted) - self.held


@router.get("/", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def show_start(asking: Asked) -> Response:
    """What each role comes for first. Live: it asks for itself again when something has moved."""
    if not asking.viewer.may(Scope.BUDGETS_READ):
        return RedirectResponse("/system" if asking.viewer.may(Scope.SYSTEM_READ) else "/mine", 303)
    departments, waiting, newest, review = await asyncio.gather(
        department_cards(asking),
        waiting_for(asking),
        latest(asking, Filters(), _LATEST),
        cases_of_viewer(asking, "open", Page(None, _LATEST)),
    )
    return page(
        asking.request,
        "overview",
        totals=totals_of(departments),
        departments=departments,
        waiting=waiting,
        latest=newest,
        review=review.cases,
        tight=[card for card in departments if card.share >= 80],
    )


def totals_of(departments: list[DepartmentCard]) -> list[Total]:
    """One for each currency; the pace is that of the first department, most have the same calendar."""
    found: dict[str, list[DepartmentCard]] = {}
    for card in departments:
        found.setdefault(card.budget.currency, []).append(card)
    return [
        Total(
            currency,
            sum(card.budget.limit.minor for card in cards),
            sum(card.budget.posted.minor for card in cards),
            sum(card.budget.held.minor for card in cards),
            cards[0].pace,
        )
        for currency, cards in sorted(found.items())
    ]
