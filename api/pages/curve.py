"""A department's period as a curve: what was spent so far, the limit, and the pace to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.pages.budgets import DepartmentCard, department_card
from api.pages.frame import page
from api.pages.route import Asked, PageRoute
from api.resources.organization_paths import unknown_department
from api.resources.spending import SpendingOut, spending_of
from api.resources.transactions.answer import groups_of
from schemas.money import exponent

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/departments/{department_id}/curve", openapi_extra=needs(Scope.BUDGETS_READ))
async def show_curve(asking: Asked, department_id: str) -> Response:
    """A part of the department's page that comes when the rest stands: it adds up the whole period."""
    card = await department_card(asking, department_id)
    if card is None:
        raise unknown_department()
    now = datetime.now(UTC)
    since = now - timedelta(days=90) if card.span is None else card.span.start
    spending = await spending_of(
        asking.department(department_id),
        since=since,
        time_zone=card.budget.calendar.time_zone,
        currency=card.budget.currency,
    )
    return page(
        asking.request,
        "curve",
        card=card,
        spending=spending,
        chart=chart_of(card, spending),
        groups_of=groups_of,
    )


def chart_of(card: DepartmentCard, spending: SpendingOut) -> dict[str, Any]:
    """For charts.js: days of the period, spent so far, the limit, the pace. In whole units, without cents."""
    if card.span is None or not spending.days:
        return {}
    unit = 10 ** exponent(card.budget.currency)
    by_day = {each.day: each.amount.minor for each in spending.days}
    first, count = card.span.start.date(), round(card.span.days)
    days = [first + timedelta(days=n) for n in range(count)]
    limit, total, spent = card.budget.limit.minor / unit, 0, []
    today = datetime.now(UTC).date()
    for day in days:
        total += by_day.get(day, 0)
        spent.append(round(total / unit, 2) if day <= today else None)
    return {
        "currency": card.budget.currency,
        "height": 240,
        "data": [
            [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days],
            spent,
            [limit] * count,
            [round(limit * (n + 1) / count, 2) for n in range(count)],
        ],
        "series": [
            {"label": "spent", "colour": "--posted", "fill": True},
            {"label": "limit", "colour": "--ink-3", "dash": [6, 4]},
            {"label": "pace", "colour": "--held", "dash": [2, 3]},
        ],
    }
