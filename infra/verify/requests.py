"""Whether requests, each approval of them and their end are by people who may, and in their time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

import schemas.events as ev
from infra.verify.fold import clock_s
from infra.verify.report import Report
from infra.verify.state import Department, Request
from schemas.controls import BudgetTerms
from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    CardChanged,
    Effects,
    IncreaseAsked,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)

LAPSES_MAX = 500


class RequestLapses:
    """O12: with each tick those lapse that nobody has answered in their time, earliest first; never else."""

    def __init__(self, report: Report) -> None:
        self._oracle = report["O12"]

    def before(self, decision: Decision, department: Department) -> None:
        """Looks at a decision that took effect, before it is folded."""
        found = [effect.request_id for effect in decision.effects if isinstance(effect, RequestLapsed)]
        now_s = max(department.clock_s, clock_s(decision))
        wanted = _due(department, now_s) if decision.event_type == "clock.ticked" else []
        self._oracle.checked += max(len(found), len(wanted))
        if found != wanted:
            told, must = (", ".join(names) or "nobody" for names in (found, wanted))
            self._oracle.violated(
                f"decision {decision.position} lets lapse what {told} asked, but it must be {must}"
            )


def _due(department: Department, now_s: int) -> list[str]:
    due = sorted(
        (request.lapses_s, name)
        for name, request in department.requests.items()
        if request.status == "waiting"
        and 0 < request.lapses_s <= now_s
        and not department.past(request.touched)
    )
    return [name for _, name in due[:LAPSES_MAX]]


def of_request(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """It goes through the policy's levels for its amount, and others than who asks can approve them."""
    asked = [effect for effect in own if isinstance(effect, IncreaseAsked | RequestAsked)]
    if len(asked) != 1:
        return f"asks {len(asked)} times"
    effect = asked[0]
    amount = effect.amount if isinstance(effect, IncreaseAsked) else effect.budget.limit
    levels = levels_for(department, amount)
    if effect.asked_by != decision.actor or amount != decision.amount:
        told = f"{decision.actor} asked for {decision.amount}"
        return f"lets {effect.asked_by} ask for {amount}, but {told}"
    if effect.levels != (levels or ((),)):
        return f"lets {effect.request_id} go through the levels {effect.levels}"
    if not different_people(effect.levels, {effect.asked_by}):
        return f"lets {effect.asked_by} ask, who is needed to approve {effect.request_id}"
    return None


def of_approval(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """Nobody approves what he asked for, nor twice, nor whom a later level needs; what was asked for
    comes with the last level and not before."""
    steps = [effect for effect in own if isinstance(effect, RequestStep)]
    request = department.requests.get(steps[0].request_id) if len(steps) == 1 else None
    if request is None:
        return "approves no request that is known"
    name, who = steps[0].request_id, steps[0].approved_by
    before = request.answers[:-1]
    if request.refused_by or request.lapsed or len(before) >= len(request.levels):
        return f"approves {name}, which was ended before"
    now_s = department.clock_s
    if (
        who != decision.actor
        or who == request.asked_by
        or not may_answer(department, request, who, before, now_s)
    ):
        return f"lets {who} approve {name}"
    behalf = on_behalf_of(department, request, who, before, now_s)
    if behalf is None:
        return f"lets {who} approve {name}, who is needed for a later level"
    if (steps[0].on_behalf_of or who) != behalf:
        return f"lets {who} approve {name} for {steps[0].on_behalf_of or who}, not for {behalf}"
    to_come = len(request.levels) - len(request.answers)
    set_ = [effect for effect in own if isinstance(effect, BudgetIncreaseSet | BudgetChanged)]
    if steps[0].left != to_come or bool(set_) == bool(steps[0].left):
        return f"sets {len(set_)} {request.kind}s with {steps[0].left} levels left"
    return _sets_what_was_asked(name, request, own) if set_ else None


def _sets_what_was_asked(name: str, request: Request, own: Sequence[Effects]) -> str | None:
    for effect in own:
        match effect:
            case BudgetIncreaseSet() if (effect.budget_id, effect.amount) != (
                request.budget_id,
                request.amount,
            ):
                return f"sets another increase than {name} asked for"
            case BudgetChanged() if request.budget is None or any(
                getattr(effect, member) != getattr(request.budget, member)
                for member in request.budget.__struct_fields__
            ):
                return f"sets another budget than {name} asked for"
            case CardChanged() if effect.card != request.card:
                return f"sets another card than {name} asked for"
    cards = sum(isinstance(effect, CardChanged) for effect in own)
    if cards != (request.card is not None):
        return f"registers {cards} cards for {name}"
    return None


def of_refusal(decision: Decision, own: Sequence[Effects], department: Department) -> str | None:
    """Once, by who asked or whom the level it had reached is for."""
    ends = [effect for effect in own if isinstance(effect, RequestClosed)]
    request = department.requests.get(ends[0].request_id) if len(ends) == 1 else None
    if request is None:
        return "refuses no request that is known"
    name, who = ends[0].request_id, ends[0].refused_by
    if len(request.refused_by) > 1 or request.lapsed or len(request.answers) >= len(request.levels):
        return f"refuses {name}, which was ended before"
    before, now_s = request.answers, department.clock_s
    own_request = who == request.asked_by
    if who != decision.actor or not (own_request or may_answer(department, request, who, before, now_s)):
        return f"lets {who} refuse {name}"
    behalf = who if own_request else approvers(department, request, who, before, now_s)[0]
    if (ends[0].on_behalf_of or who) != behalf:
        return f"lets {who} refuse {name} for {ends[0].on_behalf_of or who}, not for {behalf}"
    return None


# -- what is asked for


def budget_terms(event: ev.BudgetSet | ev.BudgetRequested) -> BudgetTerms:
    """The budget that an event tells of."""
    names = ("level", "subject", "name", "tolerance", "calendar")
    told = {name: getattr(event, name) for name in names}
    return BudgetTerms(budget_id=event.id, limit=event.limit.minor, **told)


def wanted_budget(event: ev.CardRequested | ev.BudgetRequested) -> BudgetTerms:
    """The budget that is asked for; of a card: its own, under the name of who is to have it."""
    if isinstance(event, ev.BudgetRequested):
        return budget_terms(event)
    card = event.card
    return BudgetTerms(
        budget_id=f"card:{card.card_id}",
        level="card",
        subject=card.card_id,
        name=(card.employee or card.card_id)[:100],
        limit=event.limit.minor,
        calendar=event.calendar,
    )


# -- who may


def approvers(
    department: Department, request: Request, who: str, before: Sequence[tuple[str, str]], now_s: int
) -> list[str]:
    """Whose answer `who` could give after the answers `before`: (who gave it, for whom): his own first."""
    busy = {person for pair in before for person in pair}
    if who in busy:
        return []
    level = request.levels[len(before)]
    found = [who] if not level or who in level else []
    for person in level:
        known = department.delegations.get(person)
        away = known is not None and known.delegate == who and known.holds(now_s)
        if away and person not in busy and person not in (who, request.asked_by):
            found.append(person)
    return found


def may_answer(
    department: Department, request: Request, who: str, before: Sequence[tuple[str, str]], now_s: int
) -> bool:
    """Whether the level reached after these answers is for him, or for somebody whom he stands in for."""
    return bool(approvers(department, request, who, before, now_s))


def on_behalf_of(
    department: Department, request: Request, who: str, before: Sequence[tuple[str, str]], now_s: int
) -> str | None:
    """The first whose approval he can give so that people are left for the levels to come; None: nobody's."""
    busy = {request.asked_by, who, *(person for pair in before for person in pair)}
    to_come = request.levels[len(before) + 1 :]
    for person in approvers(department, request, who, before, now_s):
        if different_people(to_come, busy | {person}):
            return person
    return None


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
