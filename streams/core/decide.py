"""`decide`: what is answered to an event, given the department as it is. Pure.

docs/rules.md says what; the module of each kind of event says how.
"""

from __future__ import annotations

from typing import Final

from schemas.administration import TREASURY
from schemas.decisions import Decision, Score
from schemas.events import (
    AuthorizationRequested,
    BudgetSet,
    CapSet,
    CardEvent,
    ClearingPresented,
    ClockTicked,
    LeaseGranted,
    LeaseRecalled,
)
from schemas.reasons import ReasonCode
from streams.core import (
    administration,
    approvals,
    delegations,
    leases,
    payments,
    published,
    reversals,
    settlements,
    shards,
    treasury,
)
from streams.core.administration import opened
from streams.core.answers import reject
from streams.core.case import Answers, Case, LogPlace, Rejected
from streams.core.clock import clock_after
from streams.core.lapses import due, without
from streams.core.plans import Plan, Plans
from streams.core.state import Department
from streams.core.straight import approval
from streams.core.straight_clearing import clearing


def tick(case: Case, event: ClockTicked) -> Decision:
    """Only what is due happens."""
    return case.accepted(*approvals.lapsed(case), *leases.ask_for_next(case))


# A purchase is asked of its own (`payments.request`), a cap of a treasury.
_ANSWERS: Final[Answers] = {
    **payments.ANSWERS,
    **reversals.ANSWERS,
    **settlements.ANSWERS,
    **administration.ANSWERS,
    **approvals.ANSWERS,
    **published.ANSWERS,
    **delegations.ANSWERS,
    **shards.ANSWERS,
    **treasury.ANSWERS,
    **leases.ANSWERS,
    ClockTicked: tick,
}


def decide(
    department: Department | None,
    event: CardEvent,
    score: Score | None,
    place: LogPlace,
    plans: Plans,
    at_s: int,
) -> Decision:
    """The decision on one event that has not been decided before.

    `department` is None when it has no budget yet. `plans`: what was made ready of it before. `at_s`: when it
    occurred, in whole seconds since the epoch. `score` is recorded, it changes nothing here.
    """
    try:
        clock_s = clock_after(department, at_s, event.occurred_at, place.recorded_at)
        plan = plans.of(department) if department is not None else Plan(_new(event))
        straight = None
        if type(event) is AuthorizationRequested:
            straight = approval(plan, event, place, at_s, clock_s, score)
        elif type(event) is ClearingPresented:
            straight = clearing(plan, event, place, at_s, clock_s)
        if straight is not None:
            return straight
        return by_rules(Case(plan, event, place, at_s, clock_s, score, new=department is None), event)
    except Rejected as rejected:
        return reject(event, rejected.reason, place)


def by_rules(case: Case, event: CardEvent) -> Decision:
    """The same for any event. Raises Rejected: it cannot be used."""
    lapsing = due(case.department, case.clock_s)
    if not lapsing:
        return _decided(case, event)
    with without(case.department, lapsing) as effects:
        case.lapsed = effects
        return _decided(case, event)


def _decided(case: Case, event: CardEvent) -> Decision:
    if isinstance(event, AuthorizationRequested) and case.department.budgets:
        return payments.request(case, event)
    if event.department_id == TREASURY:
        return treasury.decide(case, event)
    if not case.department.budgets and not isinstance(event, BudgetSet | LeaseGranted | LeaseRecalled):
        raise Rejected(ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} has no budget")
    answer = _ANSWERS.get(type(event))
    if answer is None:
        raise Rejected(ReasonCode.INVALID_CAP, f"{event.type} is for the department {TREASURY} only")
    decision = answer(case, event)
    if case.department.treasury is not None and isinstance(event, shards.MAKES_ROOM):
        return shards.serve(case, decision)
    return decision


def _new(event: CardEvent) -> Department:
    """What a first event makes; only a budget, a cap or a lease can."""
    if event.department_id == TREASURY:
        if isinstance(event, CapSet):
            return treasury.new_treasury(event)
    elif isinstance(event, BudgetSet):
        return administration.new_department(event)
    elif isinstance(event, LeaseGranted):
        # The cap was there first: the department must not begin without it.
        return opened(event, event.currency)
    raise Rejected(ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} has no budget")
