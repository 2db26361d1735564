"""One department: where its money is, who spends it, and what holds there."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.pages.budgets import budgets_of, card_of
from api.pages.cards import cards_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, or_none
from api.pages.transactions import latest
from api.pages.words import rule_words
from api.resources.organization_paths import unknown_department
from api.resources.policies import VERSIONS_MAX, PolicyOut, policies_out
from api.stores.transactions import Filters
from schemas.controls import Policy

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LATEST: Final = 10
#: A link leads to all.
_CARDS: Final = 20
_BUDGETS: Final = 40


@router.get("/departments/{department_id}", openapi_extra=needs(Scope.BUDGETS_READ))
async def show_department(asking: Asked, department_id: str) -> Response:
    asking.department(department_id).own()
    budgets = await budgets_of(asking, department_id)
    own = next((budget for budget in budgets if budget.budget_id == "department"), None)
    if own is None:
        raise unknown_department()
    policy, cards, newest = await asyncio.gather(
        or_none(policy_in_force(asking, department_id)),
        cards_of(asking, department_id=department_id, rows_max=_CARDS),
        latest(asking, Filters(department_id=department_id), _LATEST),
    )
    others = sorted(
        (card_of(budget) for budget in budgets if budget is not own), key=lambda card: -card.share
    )
    return page(
        asking.request,
        "department",
        card=card_of(own),
        others=others[:_BUDGETS],
        more_others=len(others) - _BUDGETS,
        policy=policy,
        rules=[] if policy is None else sentences(policy, own.currency),
        cards=cards,
        latest=newest,
    )


async def policy_in_force(asking: Asking, department_id: str) -> PolicyOut:
    row = await asking.department(department_id).known("policies", only_active=True, rows_max=VERSIONS_MAX)
    return policies_out(asking.viewer.organization_id, department_id, row).policies[0]


def sentences(found: PolicyOut, currency: str) -> list[tuple[str, str]]:
    """Each rule in words, with its id."""
    policy = msgspec.convert(found.policy, Policy)
    return [(rule.rule_id, rule_words(rule, currency)) for rule in policy.rules]
