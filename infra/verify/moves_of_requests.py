"""What requests that people approve, answers to them, and delegations must move: as `moves`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import schemas.events as ev
from infra.verify.calendar import DAY_S
from infra.verify.moves import Known, Move, Moves, Rule, budget_changed, increase_set, moves
from infra.verify.requests import approvers, levels_for, on_behalf_of, wanted_budget
from schemas import effects as ef
from schemas.decisions import Decision
from schemas.event import Event


def _ask_increase(known: Known) -> Moves:
    event = known.event
    facts = {
        name: getattr(event, name) for name in ("request_id", "budget_id", "starts_at", "ends_at", "reason")
    }
    facts |= {"asked_by": event.actor, "amount": event.amount.minor}
    facts["levels"] = levels_for(known.department, event.amount.minor) or ((),)
    if known.department.lapsing or not _lasts(known.decision):
        facts["lapses_at"] = _lapses_at(known)
    return Moves(((ef.IncreaseAsked, facts),))


def _lasts(decision: Decision) -> bool:
    """Nothing is said of when it lapses: so of old, until a department's first request that says it."""
    asked = [effect for effect in decision.effects if isinstance(effect, ef.IncreaseAsked)]
    return any(effect.lapses_at is None for effect in asked)


def _ask(known: Known) -> Moves:
    event = known.event
    facts = {"request_id": event.request_id, "asked_by": event.actor, "reason": event.reason}
    facts["card"] = event.card if isinstance(event, ev.CardRequested) else None
    facts["budget"] = wanted_budget(event)
    facts["levels"] = levels_for(known.department, event.limit.minor) or ((),)
    facts["lapses_at"] = _lapses_at(known)
    return Moves(((ef.RequestAsked, facts),))


def _lapses_at(known: Known) -> datetime:
    return _at(known.now_s + known.department.policy.request_days * DAY_S)


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _approve(known: Known) -> Moves | None:
    event = known.event
    request = known.department.requests.get(event.request_id)
    if request is None:
        return None
    approver = on_behalf_of(known.department, request, event.actor, request.answers, known.now_s)
    left = len(request.levels) - len(request.answers) - 1
    facts = {"request_id": event.request_id, "approved_by": event.actor, "left": left}
    facts["on_behalf_of"] = None if approver == event.actor else approver
    found: tuple[Move, ...] = ((ef.RequestStep if request.budget else ef.IncreaseStep, facts),)
    if left:
        return Moves(found)
    if request.budget is None:
        starts_s, ends_s = request.span
        starts_at = _at(starts_s) if starts_s else event.occurred_at
        return Moves((*found, increase_set(request.budget_id, request.amount, starts_at, _at(ends_s))))
    if request.card is not None:
        found += ((ef.CardChanged, {"card": request.card}),)
    return Moves((*found, budget_changed(request.budget, known.now_s)))


def _refuse(known: Known) -> Moves | None:
    event = known.event
    request = known.department.requests.get(event.request_id)
    if request is None:
        return None
    found = approvers(known.department, request, event.actor, request.answers, known.now_s)
    other = event.actor != request.asked_by and found and found[0] != event.actor
    facts = {"request_id": event.request_id, "refused_by": event.actor, "reason": event.reason}
    facts["on_behalf_of"] = found[0] if other else None
    return Moves(((ef.RequestClosed if request.budget else ef.IncreaseClosed, facts),))


def _delegate(known: Known) -> Moves:
    event = known.event
    facts = {name: getattr(event, name) for name in ("absent", "delegate", "until")}
    facts |= {"starts_at": event.starts_at or event.occurred_at, "set_by": event.actor}
    return Moves(((ef.DelegationGiven, facts),))


def _end_delegation(known: Known) -> Moves:
    facts = {"absent": known.event.absent, "ended_by": known.event.actor}
    return Moves(((ef.DelegationTakenBack, facts),))


_STEPS: Final = (ef.IncreaseStep, ef.BudgetIncreaseSet)
REQUESTS: Final[Mapping[type[Event], Rule]] = {
    ev.IncreaseRequested: moves(_ask_increase, ef.IncreaseAsked),
    ev.CardRequested: moves(_ask, ef.RequestAsked),
    ev.BudgetRequested: moves(_ask, ef.RequestAsked),
    ev.RequestApproved: moves(_approve, *_STEPS, ef.RequestStep, ef.CardChanged, ef.BudgetChanged),
    ev.RequestRefused: moves(_refuse, ef.RequestClosed, ef.IncreaseClosed),
    ev.IncreaseApproved: moves(_approve, *_STEPS),
    ev.IncreaseRefused: moves(_refuse, ef.IncreaseClosed),
    ev.DelegationSet: moves(_delegate, ef.DelegationGiven),
    ev.DelegationEnded: moves(_end_delegation, ef.DelegationTakenBack),
}
