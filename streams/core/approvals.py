"""Requests for an increase: who may approve them, level by level, and what happens when all have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from schemas.approvers import listed, shortage
from schemas.decisions import Decision
from schemas.effects import BudgetIncreaseSet, IncreaseAsked, IncreaseClosed, IncreaseStep
from schemas.events import IncreaseApproved, IncreaseRefused, IncreaseRequested
from schemas.reasons import ReasonCode
from streams.core.administration import budget_of, check_span, with_increase
from streams.core.calendar import moment_of
from streams.core.case import Answers, Case, Rejected
from streams.core.state import IncreaseRequest


def request(case: Case, event: IncreaseRequested) -> Decision:
    """It waits for the levels that the policy in force asks for an amount like this."""
    amount = case.amount(event.amount)
    asked_by = _actor(event.actor)
    if case.department.request(event.request_id) is not None:
        raise Rejected(ReasonCode.REQUEST_EXISTS, f"{event.request_id} was asked for before")
    levels = tuple(level.approvers for level in case.department.policy.approvals if amount >= level.above)
    _keep_possible(levels, 0, asked_by, ())
    budget_of(case, event.budget_id)
    check_span(case, event.starts_at or event.occurred_at, event.ends_at)
    effect = IncreaseAsked(
        request_id=event.request_id,
        budget_id=event.budget_id,
        amount=amount,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        asked_by=asked_by,
        levels=levels or ((),),
        reason=event.reason,
    )
    return case.accepted(effect, amount=amount)


def approve(case: Case, event: IncreaseApproved) -> Decision:
    """One level more; with the last one the increase is set, as if it had been set directly."""
    actor = _actor(event.actor)
    asked = _waiting(case, event.request_id)
    if actor == asked.asked_by:
        _may_not(f"{actor} has asked for {event.request_id}")
    _require_approver(asked, actor)
    _keep_possible(asked.levels, len(asked.approved_by) + 1, actor, (asked.asked_by, *asked.approved_by))
    budget = budget_of(case, asked.budget_id)
    left = len(asked.levels) - len(asked.approved_by) - 1
    step = IncreaseStep(request_id=event.request_id, approved_by=actor, left=left)
    if left:
        return case.accepted(step, amount=asked.amount)
    starts_at = moment_of(asked.starts_s) if asked.starts_s else event.occurred_at
    ends_at = moment_of(asked.ends_s)
    check_span(case, starts_at, ends_at)
    increase = BudgetIncreaseSet(
        budget_id=asked.budget_id, amount=asked.amount, starts_at=starts_at, ends_at=ends_at
    )
    return with_increase(case, budget, increase, step)


def refuse(case: Case, event: IncreaseRefused) -> Decision:
    """Ended by who asked for it, or whom the level is for, though he be needed for a later one."""
    actor = _actor(event.actor)
    asked = _waiting(case, event.request_id)
    if actor != asked.asked_by:
        _require_approver(asked, actor)
    closed = IncreaseClosed(request_id=event.request_id, refused_by=actor, reason=event.reason)
    return case.accepted(closed, amount=asked.amount)


def _waiting(case: Case, request_id: str) -> IncreaseRequest:
    asked = case.department.request(request_id)
    if asked is None:
        raise Rejected(ReasonCode.UNKNOWN_REQUEST, f"{request_id} is not known")
    if asked.closed:
        raise Rejected(ReasonCode.REQUEST_CLOSED, f"{request_id} was {asked.closed} before")
    return asked


def _require_approver(asked: IncreaseRequest, actor: str) -> None:
    if actor in asked.approved_by:
        _may_not(f"{actor} has approved it before")
    approvers = asked.levels[len(asked.approved_by)]
    if approvers and actor not in approvers:
        _may_not(f"{actor} is none of {', '.join(approvers)}")


def _keep_possible(levels: Sequence[Sequence[str]], first: int, actor: str, others: tuple[str, ...]) -> None:
    """Refuses what `actor` does if the levels from `first` on then lack different people to approve them.

    Else the request would wait for ever. `others`: who may not approve any more anyway.
    """
    short = shortage(levels[first:], (*others, actor))
    if short is None:
        return
    numbers = [f"{first + index + 1}" for index in short.levels]
    which = f"level {numbers[0]}" if len(numbers) == 1 else f"levels {listed(numbers)}"
    whom = f"nobody but {listed(short.people)}" if short.people else "nobody else"
    _may_not(f"{actor} is needed for {which} of {len(levels)}, which {whom} could approve")


def _actor(actor: str | None) -> str:
    if not actor:
        raise Rejected(ReasonCode.NO_ACTOR, "actor: who asks, approves or refuses must be named")
    return actor


def _may_not(detail: str) -> NoReturn:
    raise Rejected(ReasonCode.MAY_NOT_APPROVE, detail)


ANSWERS: Final[Answers] = {
    IncreaseRequested: request,
    IncreaseApproved: approve,
    IncreaseRefused: refuse,
}
