"""Whether a request for an increase, each approval of it and its end are by people who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

from infra.verify.state import Department, Request
from schemas.decisions import Decision
from schemas.effects import BudgetIncreaseSet, Effects, IncreaseAsked, IncreaseClosed, IncreaseStep


def of_request(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """It goes through the policy's levels for its amount, and others than who asks can approve them."""
    asked = [effect for effect in own if isinstance(effect, IncreaseAsked)]
    if len(asked) != 1:
        return f"asks {len(asked)} times"
    effect = asked[0]
    levels = levels_for(department, effect.amount)
    if effect.asked_by != decision.actor or effect.amount != decision.amount:
        told = f"{decision.actor} asked for {decision.amount}"
        return f"lets {effect.asked_by} ask for {effect.amount}, but {told}"
    if effect.levels != (levels or ((),)):
        return f"lets {effect.request_id} go through the levels {effect.levels}"
    if not different_people(effect.levels, {effect.asked_by}):
        return f"lets {effect.asked_by} ask, who is needed to approve {effect.request_id}"
    return None


def of_approval(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """Nobody approves what he asked for, nor twice, nor whom a later level needs; the increase comes with the
    last level and not before."""
    steps = [effect for effect in own if isinstance(effect, IncreaseStep)]
    set_ = [effect for effect in own if isinstance(effect, BudgetIncreaseSet)]
    request = department.requests.get(steps[0].request_id) if len(steps) == 1 else None
    if request is None:
        return "approves no request that is known"
    name, who = steps[0].request_id, steps[0].approved_by
    before = request.approved_by[:-1]
    if request.refused_by or len(before) >= len(request.levels):
        return f"approves {name}, which was ended before"
    if who != decision.actor or who == request.asked_by or not is_for(request, who, before):
        return f"lets {who} approve {name}"
    to_come = request.levels[len(request.approved_by) :]
    if not different_people(to_come, {request.asked_by, *request.approved_by}):
        return f"lets {who} approve {name}, who is needed for a later level"
    if steps[0].left != len(to_come) or bool(set_) == bool(steps[0].left):
        return f"sets {len(set_)} increases with {steps[0].left} levels left"
    if set_ and (set_[0].budget_id, set_[0].amount) != (request.budget_id, request.amount):
        return f"sets another increase than {name} asked for"
    return None


def of_refusal(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """Once, by who asked or whom the level it had reached is for."""
    ends = [effect for effect in own if isinstance(effect, IncreaseClosed)]
    request = department.requests.get(ends[0].request_id) if len(ends) == 1 else None
    if request is None:
        return "refuses no request that is known"
    name, who = ends[0].request_id, ends[0].refused_by
    if len(request.refused_by) > 1 or len(request.approved_by) >= len(request.levels):
        return f"refuses {name}, which was ended before"
    if who != decision.actor or not (who == request.asked_by or is_for(request, who, request.approved_by)):
        return f"lets {who} refuse {name}"
    return None


def is_for(request: Request, who: str, before: Sequence[str]) -> bool:
    """Whether the level reached after these approvals is for him."""
    level = request.levels[len(before)]
    return who not in before and (not level or who in level)


def levels_for(department: Department, amount: int) -> tuple[tuple[str, ...], ...]:
    """Who may approve a request for so much, level by level, by the policy in force."""
    return tuple(level.approvers for level in department.policy.approvals if level.above <= amount)


def different_people(levels: Sequence[Sequence[str]], others: Collection[str]) -> bool:
    """Whether levels that name approvers can be given to a different one each, none of `others`.

    By Hall's theorem: any so many of them name that many people at least. 10 levels: 1,023 sets at most.
    """
    named = [{person for person in level if person} - set(others) for level in levels if level]
    return all(
        len(frozenset().union(*some)) >= size
        for size in range(1, len(named) + 1)
        for some in combinations(named, size)
    )
