"""Why requests that people approve, answers to them, and delegations cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import schemas.events as ev
from infra.verify.calendar import DAY_S, seconds
from infra.verify.requests import approvers, different_people, levels_for, on_behalf_of, wanted_budget
from infra.verify.state import Request
from infra.verify.unusable_terms import Here, one_more, span, wrong_budget, wrong_card
from schemas.controls import Card
from schemas.event import Event
from schemas.reasons import ReasonCode
from schemas.requests import DELEGATION_DAYS_MAX, DELEGATIONS_MAX


def _request(here: Here, request_id: str) -> Request | None:
    known = here.department.requests.get(request_id)
    return None if known is None or here.department.past(known.touched) else known


def _ask(here: Here, amount: int) -> ReasonCode | None:
    event, department = here.event, here.department
    if not event.actor:
        return ReasonCode.NO_ACTOR
    if _request(here, event.request_id) is not None:
        return ReasonCode.REQUEST_EXISTS
    levels = levels_for(department, amount)
    return None if different_people(levels, {event.actor}) else ReasonCode.MAY_NOT_APPROVE


def _ask_increase(here: Here) -> ReasonCode | None:
    event = here.event
    wrong = _ask(here, event.amount.minor)
    if wrong is not None:
        return wrong
    if event.budget_id not in here.department.budgets:
        return ReasonCode.UNKNOWN_BUDGET
    return span(here, event.starts_at or event.occurred_at, event.ends_at)


def _ask_card(here: Here) -> ReasonCode | None:
    wrong = _ask(here, here.event.limit.minor) or _not_new(here, here.event.card)
    return wrong or wrong_budget(here, wanted_budget(here.event))


def _ask_budget(here: Here) -> ReasonCode | None:
    return _ask(here, here.event.limit.minor) or wrong_budget(here, wanted_budget(here.event))


def _not_new(here: Here, card: Card) -> ReasonCode | None:
    is_known = card.card_id in here.department.cards
    return ReasonCode.INVALID_CARD if is_known or wrong_card(card) else None


def _waiting(here: Here) -> Request | ReasonCode:
    """The request that is approved or refused, or why it cannot be."""
    event = here.event
    if not event.actor:
        return ReasonCode.NO_ACTOR
    request = _request(here, event.request_id)
    if request is None:
        return ReasonCode.UNKNOWN_REQUEST
    if isinstance(event, ev.IncreaseApproved | ev.IncreaseRefused) and request.kind != "increase":
        return ReasonCode.UNKNOWN_REQUEST
    late = 0 < request.lapses_s <= here.now_s
    return ReasonCode.REQUEST_CLOSED if late or request.status != "waiting" else request


def _approve(here: Here) -> ReasonCode | None:
    event, request = here.event, _waiting(here)
    if not isinstance(request, Request):
        return request
    own = event.actor == request.asked_by
    if own or on_behalf_of(here.department, request, event.actor, request.answers, here.now_s) is None:
        return ReasonCode.MAY_NOT_APPROVE
    is_last = len(request.answers) + 1 == len(request.levels)
    if request.budget is not None:
        card = _not_new(here, request.card) if is_last and request.card is not None else None
        return card or (wrong_budget(here, request.budget) if is_last else None)
    budget = here.department.budgets.get(request.budget_id)
    if budget is None:
        return ReasonCode.UNKNOWN_BUDGET
    if not is_last:
        return None
    starts_s, ends_s = request.span
    begins = starts_s >= ends_s if starts_s else seconds(event.occurred_at) >= ends_s
    return ReasonCode.INVALID_BUDGET if begins or ends_s <= here.now_s else one_more(budget)


def _refuse(here: Here) -> ReasonCode | None:
    request = _waiting(here)
    if not isinstance(request, Request):
        return request
    actor = here.event.actor
    may = actor == request.asked_by or approvers(here.department, request, actor, request.answers, here.now_s)
    return None if may else ReasonCode.MAY_NOT_APPROVE


def _delegate(here: Here) -> ReasonCode | None:
    event = here.event
    if not event.actor:
        return ReasonCode.NO_ACTOR
    starts_s, until_s = seconds(event.starts_at or event.occurred_at), seconds(event.until)
    delegations = here.department.delegations
    others = [one for name, one in delegations.items() if name != event.absent]
    running = [one for one in others if one.ended_by is None and one.until_s > here.now_s]
    is_right = (
        event.delegate not in (event.absent, event.actor)
        and max(starts_s, here.now_s) < until_s <= starts_s + DELEGATION_DAYS_MAX * DAY_S
        and len(running) < DELEGATIONS_MAX
    )
    return None if is_right else ReasonCode.INVALID_DELEGATION


def _end_delegation(here: Here) -> ReasonCode | None:
    if not here.event.actor:
        return ReasonCode.NO_ACTOR
    known = here.department.delegations.get(here.event.absent)
    over = known is None or known.ended_by is not None or known.until_s <= here.now_s
    return ReasonCode.UNKNOWN_DELEGATION if over else None


RULES: Final[Mapping[type[Event], Callable[[Any], ReasonCode | None]]] = {
    ev.IncreaseRequested: _ask_increase,
    ev.CardRequested: _ask_card,
    ev.BudgetRequested: _ask_budget,
    ev.IncreaseApproved: _approve,
    ev.IncreaseRefused: _refuse,
    ev.RequestApproved: _approve,
    ev.RequestRefused: _refuse,
    ev.DelegationSet: _delegate,
    ev.DelegationEnded: _end_delegation,
}
