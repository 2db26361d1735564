"""The first page: where the month stands, department by department, and what needs somebody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from fastapi.sse import format_sse_event
from starlette.responses import RedirectResponse, Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.paging import Page
from api.pages.budgets import DepartmentCard, department_cards
from api.pages.frame import page, part
from api.pages.receipts import receipts_of
from api.pages.requests import may_answer, requests_of
from api.pages.reviews import cases_of_viewer
from api.pages.route import Asked, Asking, PageRoute, asking_at
from api.pages.transactions import latest
from api.resources.cases.answer import CaseOut
from api.resources.requests import ApprovalRequestOut
from api.resources.transactions.answer import TransactionOut
from api.stores.moves import Picture
from api.stores.tenant import TENANT
from api.stores.transactions import Filters
from schemas.ids import Position

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LATEST: Final = 8
#: Of each kind that needs attention; a link leads to all.
_ATTENTION: Final = 5
_MISSING_MAX: Final = 99


@dataclass(frozen=True, slots=True)
class Total:
    """All departments of one currency together, in minor units. `cap`: the company's, if it is in it."""

    currency: str
    limit: int
    posted: int
    held: int
    pace: int | None
    cap: int | None = None
    cap_left: int | None = None

    @property
    def left(self) -> int:
        return self.limit - max(0, self.posted) - self.held


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows of all that somebody reaches: the same for all who reach as far.

    `requests`: all that wait; which of them wait for whom is a matter of the one who looks.
    """

    departments: list[DepartmentCard]
    totals: list[Total]
    requests: list[ApprovalRequestOut]
    latest: list[TransactionOut]
    review: list[CaseOut]
    more_review: bool
    missing: int

    def part(self, waiting: Sequence[ApprovalRequestOut]) -> dict[str, Any]:
        """What the template draws. `waiting`: the requests that the viewer may answer."""
        return {
            "totals": self.totals,
            "departments": self.departments,
            "waiting": waiting,
            "latest": self.latest,
            "review": self.review,
            "more_review": self.more_review,
            "missing": self.missing,
            "missing_max": _MISSING_MAX,
            "tight": [card for card in self.departments if card.share >= 80],
        }


@dataclass(frozen=True, slots=True)
class OverviewPicture:
    """An open overview, as its viewer asked for it."""

    asking: Asking

    @property
    def key(self) -> Hashable:
        """Role and reach; what does not reach the whole organization is somebody's own, too."""
        caller = self.asking.viewer.caller
        whole = self.asking.viewer.departments(Scope.BUDGETS_READ) is None
        return caller.role, None if whole else caller.id

    async def read(self, positions: str) -> Callable[[Picture], bytes]:
        """Raises Problem."""
        TENANT.set(self.asking.viewer.organization_id)
        reached = [Position.parse(each) for each in positions.split(",")]
        asking = await asking_at(self.asking.request, self.asking.viewer, time.monotonic(), reached)
        found = await overview_of(asking)
        drawn: dict[Hashable, bytes] = {}

        def draw(picture: Picture) -> bytes:
            assert isinstance(picture, OverviewPicture)
            waiting = waiting_of(picture.asking, found)
            seen = tuple((request.department_id, request.request_id) for request in waiting)
            if seen not in drawn:
                viewer = picture.asking.viewer
                text = part(picture.asking.request, "overview_part", viewer, **found.part(waiting))
                drawn[seen] = format_sse_event(event="part", data_str=text)
            return drawn[seen]

        return draw


@router.get("/", openapi_extra=needs(Scope.ACCOUNT, own=BY_ROUTE))
async def show_start(asking: Asked) -> Response:
    """What each role comes for first. Live: it is drawn again for all who look when something has moved."""
    if not asking.viewer.may(Scope.BUDGETS_READ):
        return RedirectResponse("/system" if asking.viewer.may(Scope.SYSTEM_READ) else "/mine", 303)
    found = await overview_of(asking)
    return page(asking.request, "overview", **found.part(waiting_of(asking, found)))


async def overview_of(asking: Asking) -> Overview:
    departments, requests, newest, review, missing, cap = await asyncio.gather(
        department_cards(asking),
        requests_of(asking, status="waiting"),
        latest(asking, Filters(), _LATEST),
        cases_of_viewer(asking, "open", Page(None, _ATTENTION)),
        _missing(asking),
        _cap(asking),
    )
    return Overview(
        departments,
        totals_of(departments, cap),
        requests,
        newest,
        review.cases,
        review.next is not None,
        missing,
    )


def waiting_of(asking: Asking, found: Overview) -> list[ApprovalRequestOut]:
    return [request for request in found.requests if may_answer(asking, request)]


async def _missing(asking: Asking) -> int:
    """Receipts; one more than `_MISSING_MAX`: more than that."""
    receipts = receipts_of(asking)
    return await asking.services.receipts.missing_count(
        asking.viewer.organization_id, receipts.reach(), rows_max=_MISSING_MAX + 1
    )


async def _cap(asking: Asking) -> dict[str, Any] | None:
    """The company's, for who sees all of it."""
    if asking.viewer.departments(Scope.BUDGETS_READ) is not None:
        return None
    cap: dict[str, Any] | None = (await asking.organization().find("company_cap"))["cap"]
    return cap


def totals_of(departments: list[DepartmentCard], cap: dict[str, Any] | None = None) -> list[Total]:
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
            *_under(cap, currency, cards),
        )
        for currency, cards in sorted(found.items())
    ]


def _under(
    cap: dict[str, Any] | None, currency: str, cards: list[DepartmentCard]
) -> tuple[int | None, int | None]:
    """The cap, and what is left of it for all of its departments together."""
    if cap is None or cap["currency"] != currency:
        return None, None
    within = [card for card in cards if card.budget.department_id in cap["departments"]]
    limit: int = cap["limit_minor"]
    return limit, limit - sum(card.used for card in within)
