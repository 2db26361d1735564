"""Requests for an increase, and the levels that approve them."""

from __future__ import annotations

from datetime import datetime

from schemas.effects import BudgetIncreaseSet, IncreaseAsked, IncreaseClosed, IncreaseStep
from schemas.events import IncreaseApproved, IncreaseRefused, IncreaseRequested
from schemas.reasons import ReasonCode
from tests.model.answers import Answer
from tests.model.case import Case, Unusable
from tests.model.policies import different_people
from tests.model.records import IncreaseRequest
from tests.model.settings import add_increase

ANYBODY: tuple[str, ...] = ()


def ask(case: Case, event: IncreaseRequested) -> Answer:
    """A request waits for the policy's levels for its amount; for anybody, when there is none."""
    actor = _actor(event.actor)
    department = case.department
    if event.request_id in department.requests:
        raise Unusable(ReasonCode.REQUEST_EXISTS)
    amount = event.amount.minor
    levels = tuple(level.approvers for level in department.policy.approvals if level.above <= amount)
    request = IncreaseRequest(
        event.request_id, event.budget_id, amount, event.starts_at, event.ends_at, actor, levels or (ANYBODY,)
    )
    if is_needed(request):
        raise Unusable(ReasonCode.MAY_NOT_APPROVE)
    if event.budget_id not in department.budgets:
        raise Unusable(ReasonCode.UNKNOWN_BUDGET)
    _check_span(case, event.starts_at or event.occurred_at, event.ends_at)
    department.requests[request.id] = request
    case.touch(request)
    return case.accepted(
        IncreaseAsked(
            request_id=request.id,
            budget_id=request.budget,
            amount=amount,
            ends_at=request.ends_at,
            asked_by=actor,
            levels=request.levels,
            starts_at=request.starts_at,
            reason=event.reason,
        )
    )


def is_needed(request: IncreaseRequest, *now: str) -> bool:
    """Whether the levels to come could not be approved, once `now` have approved."""
    left = request.levels[len(request.approved_by) + len(now) :]
    return not different_people(left, frozenset((request.asked_by, *request.approved_by, *now)))


def approve(case: Case, event: IncreaseApproved) -> Answer:
    actor = _actor(event.actor)
    request = _open(case, event.request_id)
    if not request.may_be_approved_by(actor) or is_needed(request, actor):
        raise Unusable(ReasonCode.MAY_NOT_APPROVE)
    budget = case.department.budgets.get(request.budget)
    if budget is None:
        raise Unusable(ReasonCode.UNKNOWN_BUDGET)
    starts_at = request.starts_at or event.occurred_at
    if len(request.approved_by) + 1 == len(request.levels):
        _check_span(case, starts_at, request.ends_at)
    request.approved_by.append(actor)
    case.touch(request)
    left = len(request.levels) - len(request.approved_by)
    case.effects.append(IncreaseStep(request_id=request.id, approved_by=actor, left=left))
    if left:
        return case.accepted()
    add_increase(budget, request.amount, starts_at, request.ends_at)
    return case.accepted(
        BudgetIncreaseSet(
            budget_id=budget.id, amount=request.amount, starts_at=starts_at, ends_at=request.ends_at
        )
    )


def refuse(case: Case, event: IncreaseRefused) -> Answer:
    actor = _actor(event.actor)
    request = _open(case, event.request_id)
    if actor != request.asked_by and not request.may_be_approved_by(actor):
        raise Unusable(ReasonCode.MAY_NOT_APPROVE)
    request.refused = True
    case.touch(request)
    return case.accepted(IncreaseClosed(request_id=request.id, refused_by=actor, reason=event.reason))


def _actor(actor: str | None) -> str:
    if not actor:
        raise Unusable(ReasonCode.NO_ACTOR)
    return actor


def _open(case: Case, request_id: str) -> IncreaseRequest:
    request = case.department.requests.get(request_id)
    if request is None:
        raise Unusable(ReasonCode.UNKNOWN_REQUEST)
    if request.is_closed:
        raise Unusable(ReasonCode.REQUEST_CLOSED)
    return request


def _check_span(case: Case, starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at or ends_at <= case.clock:
        raise Unusable(ReasonCode.INVALID_BUDGET)
