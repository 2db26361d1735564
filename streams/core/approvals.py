"""Requests for increases, cards and budgets: who may approve them, level by level, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NoReturn

from schemas.approvers import listed, shortage
from schemas.controls import BudgetTerms, Card
from schemas.decisions import Decision
from schemas.effects import (
    BudgetIncreaseSet,
    CardChanged,
    Effects,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from schemas.events import (
    BudgetRequested,
    CardRequested,
    IncreaseApproved,
    IncreaseRefused,
    IncreaseRequested,
    RequestApproved,
    RequestRefused,
)
from schemas.reasons import ReasonCode
from streams.core.administration import (
    budget_of,
    check_budget,
    check_span,
    new_card,
    terms_of,
    with_budget,
    with_increase,
)
from streams.core.calendar import moment_of
from streams.core.case import Answers, Case, Rejected
from streams.core.delegations import DAY_S, stood_in_for
from streams.core.people import actor_of
from streams.core.state import ApprovalRequest, Department

#: So many requests lapse with one tick, of an id each; the others with the next.
LAPSES_MAX: Final = 500
_NAME_MAX: Final = 100

Levels = tuple[tuple[str, ...], ...]


# -- asked


def request_increase(case: Case, event: IncreaseRequested) -> Decision:
    """It waits for the levels that the policy in force asks for an amount like this."""
    amount = case.amount(event.amount)
    asked_by, levels = _begin(case, event, amount)
    budget_of(case, event.budget_id)
    check_span(case, event.starts_at or event.occurred_at, event.ends_at)
    effect = IncreaseAsked(
        request_id=event.request_id,
        budget_id=event.budget_id,
        amount=amount,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        asked_by=asked_by,
        levels=levels,
        reason=event.reason,
        lapses_at=_lapses_at(case),
    )
    return case.accepted(effect, amount=amount)


def request_card(case: Case, event: CardRequested) -> Decision:
    """The card and its budget must be such that they could be set now."""
    limit = case.amount(event.limit)
    asked_by, levels = _begin(case, event, limit)
    card = new_card(case, event.card)
    budget = BudgetTerms(
        budget_id=f"card:{card.card_id}",
        level="card",
        subject=card.card_id,
        name=(card.employee or card.card_id)[:_NAME_MAX],
        limit=limit,
        calendar=event.calendar,
    )
    check_budget(case.department, budget)
    return _asked(case, event, asked_by, levels, budget, card)


def request_budget(case: Case, event: BudgetRequested) -> Decision:
    """The budget must be such that it could be set now."""
    budget = terms_of(event, case.amount(event.limit))
    asked_by, levels = _begin(case, event, budget.limit)
    check_budget(case.department, budget)
    return _asked(case, event, asked_by, levels, budget)


def _begin(
    case: Case, event: IncreaseRequested | CardRequested | BudgetRequested, amount: int
) -> tuple[str, Levels]:
    """Who asks, and the levels that the policy in force asks for an amount like this."""
    asked_by = actor_of(event.actor)
    if case.department.request(event.request_id) is not None:
        raise Rejected(ReasonCode.REQUEST_EXISTS, f"{event.request_id} was asked for before")
    levels = tuple(level.approvers for level in case.department.policy.approvals if amount >= level.above)
    _keep_possible(levels, 0, asked_by, ())
    return asked_by, levels or ((),)


def _asked(
    case: Case,
    event: CardRequested | BudgetRequested,
    asked_by: str,
    levels: Levels,
    budget: BudgetTerms,
    card: Card | None = None,
) -> Decision:
    effect = RequestAsked(
        request_id=event.request_id,
        budget=budget,
        card=card,
        asked_by=asked_by,
        levels=levels,
        lapses_at=_lapses_at(case),
        reason=event.reason,
    )
    return case.accepted(effect, amount=budget.limit)


def _lapses_at(case: Case) -> datetime:
    return moment_of(case.clock_s + case.department.policy.request_days * DAY_S)


# -- answered


def approve(case: Case, event: RequestApproved) -> Decision:
    """One level more; with the last one it is set, as if it had been set directly."""
    actor = actor_of(event.actor)
    asked = _waiting(case, event.request_id, increase=isinstance(event, IncreaseApproved))
    if actor == asked.asked_by:
        _may_not(f"{actor} has asked for {event.request_id}")
    approver = _approver_for(case, asked, actor)
    if asked.budget is None:
        budget_of(case, asked.budget_id)
    left = len(asked.levels) - len(asked.approved_by) - 1
    kind = IncreaseStep if asked.kind == "increase" else RequestStep
    step = kind(
        request_id=event.request_id,
        approved_by=actor,
        left=left,
        on_behalf_of=None if approver == actor else approver,
    )
    return case.accepted(step, amount=asked.amount) if left else _granted(case, asked, step)


def _granted(case: Case, asked: ApprovalRequest, step: RequestStep) -> Decision:
    """The last approval sets what was asked for, if it still can be set."""
    if asked.budget is not None:
        before: tuple[Effects, ...] = (step,)
        if asked.card is not None:
            before += (CardChanged(card=new_card(case, asked.card)),)
        check_budget(case.department, asked.budget)
        return with_budget(case, asked.budget, *before)
    starts_at = moment_of(asked.starts_s) if asked.starts_s else case.event.occurred_at
    ends_at = moment_of(asked.ends_s)
    check_span(case, starts_at, ends_at)
    increase = BudgetIncreaseSet(
        budget_id=asked.budget_id, amount=asked.amount, starts_at=starts_at, ends_at=ends_at
    )
    return with_increase(case, budget_of(case, asked.budget_id), increase, step)


def refuse(case: Case, event: RequestRefused) -> Decision:
    """Ended by who asked for it, or whom the level is for, though he be needed for a later one."""
    actor = actor_of(event.actor)
    asked = _waiting(case, event.request_id, increase=isinstance(event, IncreaseRefused))
    approver = actor if actor == asked.asked_by else _approvers(case, asked, actor)[0]
    kind = IncreaseClosed if asked.kind == "increase" else RequestClosed
    closed = kind(
        request_id=event.request_id,
        refused_by=actor,
        reason=event.reason,
        on_behalf_of=None if approver == actor else approver,
    )
    return case.accepted(closed, amount=asked.amount)


def lapsed(case: Case) -> tuple[RequestLapsed, ...]:
    """What nobody has answered in its time, earliest first: of a tick.

    Whoever answers later is told so whether it was ticked or not, so no other event need look.
    """
    due = [(request.lapses_s, name) for name, request in _due(case.department, case.clock_s)]
    return tuple([RequestLapsed(request_id=name) for _, name in sorted(due)[:LAPSES_MAX]])


def _due(department: Department, clock_s: int) -> Iterator[tuple[str, ApprovalRequest]]:
    for name, request in department.requests.items():
        if not request.closed and request.lapsed(clock_s) and request.bucket >= department.oldest:
            yield name, request


def _waiting(case: Case, request_id: str, *, increase: bool) -> ApprovalRequest:
    asked = case.department.request(request_id)
    if asked is None:
        raise Rejected(ReasonCode.UNKNOWN_REQUEST, f"{request_id} is not known")
    if increase and asked.kind != "increase":
        detail = (
            f"{request_id} is a request for a {asked.kind}: answer it as `request.approved` or `.refused`"
        )
        raise Rejected(ReasonCode.UNKNOWN_REQUEST, detail)
    if asked.closed:
        raise Rejected(ReasonCode.REQUEST_CLOSED, f"{request_id} was {asked.closed} before")
    if asked.lapsed(case.clock_s):
        until = moment_of(asked.lapses_s).isoformat()
        raise Rejected(ReasonCode.REQUEST_CLOSED, f"{request_id} could be answered until {until}; ask again")
    return asked


def _approver_for(case: Case, asked: ApprovalRequest, actor: str) -> str:
    """Whose approval `actor` gives, his own before another's.

    The first that leaves different people for the levels to come. Raises Rejected: there is none.
    """
    first = len(asked.approved_by) + 1
    others = (asked.asked_by, *asked.acted)
    for approver in (found := _approvers(case, asked, actor)):
        if shortage(asked.levels[first:], (*others, actor, approver)) is None:
            return approver
    _keep_possible(asked.levels, first, found[0], (*others, actor))
    raise AssertionError("one of them was short")


def _approvers(case: Case, asked: ApprovalRequest, actor: str) -> list[str]:
    """Who may answer at the level reached, of `actor` himself and those for whom he stands in.

    Nobody does so twice, whether himself or by a delegate; nor is who asked stood in for. Raises Rejected.
    """
    for person, delegate in asked.stood_in:
        if person == actor:
            _may_not(f"{delegate} has approved it for {actor} before")
    if actor in asked.approved_by:
        _may_not(f"{actor} has approved it before")
    level = asked.levels[len(asked.approved_by)]
    found = [actor] if not level or actor in level else []
    busy = (actor, asked.asked_by, *asked.acted)
    found += [one for one in stood_in_for(case.department, actor, level, case.clock_s) if one not in busy]
    if not found:
        _may_not(f"{actor} is none of {', '.join(level)}, and stands in for none of them who may")
    return found


def _keep_possible(levels: Sequence[Sequence[str]], first: int, person: str, others: Sequence[str]) -> None:
    """Refuses what `person` does if the levels from `first` on then lack different people to approve them.

    Else the request would wait for ever. `others`: who may not approve any more anyway.
    """
    short = shortage(levels[first:], (*others, person))
    if short is None:
        return
    numbers = [f"{first + index + 1}" for index in short.levels]
    which = f"level {numbers[0]}" if len(numbers) == 1 else f"levels {listed(numbers)}"
    whom = f"nobody but {listed(short.people)}" if short.people else "nobody else"
    _may_not(f"{person} is needed for {which} of {len(levels)}, which {whom} could approve")


def _may_not(detail: str) -> NoReturn:
    raise Rejected(ReasonCode.MAY_NOT_APPROVE, detail)


ANSWERS: Final[Answers] = {
    IncreaseRequested: request_increase,
    CardRequested: request_card,
    BudgetRequested: request_budget,
    RequestApproved: approve,
    RequestRefused: refuse,
    IncreaseApproved: approve,
    IncreaseRefused: refuse,
}
