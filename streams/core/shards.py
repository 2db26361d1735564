"""A department that outgrows its partition: it lends its own budget to shards. See docs/decisions/0046."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.decisions import Balance, Decision
from schemas.effects import BudgetChanged, Effects, LeaseGiven, ShardsSet
from schemas.events import (
    AuthorizationExpired,
    AuthorizationReversed,
    BudgetSet,
    ClearingPresented,
    ClockTicked,
    DepartmentSplit,
    DisputeResolved,
    PostingReversed,
    RefundPresented,
)
from schemas.reasons import DEPARTMENT, ReasonCode
from streams.core.calendar import clock_of, end_of
from streams.core.case import Answers, Case, Rejected
from streams.core.movements import movement
from streams.core.treasury import check_kept, check_names, first_leases, room, serve_owed

#: What may leave more of a budget than there was. Holds lapse with requests, too: the next of these sees it.
MAKES_ROOM: Final = (
    AuthorizationExpired
    | AuthorizationReversed
    | BudgetSet
    | ClearingPresented
    | ClockTicked
    | DisputeResolved
    | PostingReversed
    | RefundPresented
)


def split(case: Case, event: DepartmentSplit) -> Decision:
    """Who are its shards from here on; each that is new gets its first lease.

    What the department holds and has posted stays its own: only what is left is lent.
    """
    department = case.department
    check_names(event.shards, "shards")
    check_kept(department.treasury, event.shards, "shards")
    if event.department_id in event.shards:
        raise Rejected(ReasonCode.INVALID_CAP, "shards: a department is no shard of itself")
    if department.cap is not None:
        detail = f"{event.key} has leases of {department.lender} and cannot lend them on"
        raise Rejected(ReasonCode.INVALID_CAP, detail)
    if len(department.subjects[DEPARTMENT][""]) > 1:
        raise Rejected(ReasonCode.INVALID_CAP, f"{event.key} has several budgets of its own; one can be lent")
    calendar = department.budgets[DEPARTMENT].calendar
    free = room(case, clock_of(calendar).label(case.at_s))
    first = first_leases(case, calendar, event.shards, free)
    return case.accepted(ShardsSet(shards=event.shards, calendar=calendar), *first)


def serve(case: Case, decision: Decision) -> Decision:
    """The decision, with what of the room that it leaves goes to shards that are owed."""
    treasury = case.department.treasury
    assert treasury is not None
    grants: list[Effects] = []
    for label in treasury.owed:
        if case.department.forgets(end_of(clock_of(treasury.calendar), label)):
            continue
        grants += serve_owed(case, treasury, label, _room_after(case, decision, label))
    if not grants:
        return decision
    balances = list(decision.balances)
    for grant in grants:
        assert isinstance(grant, LeaseGiven)
        _lower(case, balances, grant)
    effects = (*decision.effects, *grants)
    return msgspec.structs.replace(decision, effects=effects, balances=tuple(balances))


def _room_after(case: Case, decision: Decision, label: str) -> int:
    """As `room`, after the decision. What has lapsed with it is off the department already."""
    charge, department = f"{DEPARTMENT}@{label}", case.department
    period = department.periods.get(charge)
    if period is None:
        return 0
    posted, held, limit = period.posted, period.held, period.limit
    for effect in decision.effects[len(case.lapsed) :]:
        if isinstance(effect, BudgetChanged) and effect.budget_id == DEPARTMENT and label >= effect.period:
            limit = effect.limit - department.lent(DEPARTMENT, label)
        moved = movement(effect)
        if moved is not None and charge in moved[0]:
            posted, held, limit = posted + moved[1], held + moved[2], limit + moved[3]
    return limit - max(0, posted) - held


def _lower(case: Case, balances: list[Balance], grant: LeaseGiven) -> None:
    """The balance of what was lent, by so much; one more, where the decision itself moved nothing there."""
    for n, balance in enumerate(balances):
        if balance.key in grant.charges:
            balances[n] = msgspec.structs.replace(balance, limit=balance.limit - grant.amount)
            return
    balances += [case.balance(charge, limit=-grant.amount) for charge in grant.charges]


ANSWERS: Final[Answers] = {
    DepartmentSplit: split,
}
