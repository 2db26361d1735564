"""Who stands in for whom while he is away, and on whose behalf somebody may answer a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from schemas.decisions import Decision
from schemas.effects import DelegationGiven, DelegationTakenBack
from schemas.events import DelegationEnded, DelegationSet
from schemas.reasons import ReasonCode
from schemas.requests import DELEGATION_DAYS_MAX, DELEGATIONS_MAX
from streams.core.calendar import epoch_s
from streams.core.case import Answers, Case, Rejected
from streams.core.people import actor_of
from streams.core.state import Department

DAY_S = 86_400


def give(case: Case, event: DelegationSet) -> Decision:
    """Never by the delegate: nobody gives himself what another may do."""
    actor = actor_of(event.actor)
    starts_at = event.starts_at or event.occurred_at
    starts_s, until_s = epoch_s(starts_at), epoch_s(event.until)
    wrong = None
    if event.delegate == event.absent:
        wrong = f"delegate: {event.delegate} is who is away"
    elif actor == event.delegate:
        wrong = f"actor: {actor} cannot make himself the delegate of {event.absent}"
    elif until_s <= starts_s:
        wrong = f"until: {event.until.isoformat()} is not after {starts_at.isoformat()}"
    elif until_s <= case.clock_s:
        wrong = f"until: {event.until.isoformat()} is over"
    elif until_s - starts_s > DELEGATION_DAYS_MAX * DAY_S:
        wrong = f"until: an absence of more than {DELEGATION_DAYS_MAX} days"
    elif _others(case, event.absent) >= DELEGATIONS_MAX:
        wrong = f"absent: {DELEGATIONS_MAX:,} people are stood in for already, the most a department may have"
    if wrong is not None:
        raise Rejected(ReasonCode.INVALID_DELEGATION, wrong)
    effect = DelegationGiven(
        absent=event.absent, delegate=event.delegate, starts_at=starts_at, until=event.until, set_by=actor
    )
    return case.accepted(effect)


def _others(case: Case, absent: str) -> int:
    """How many others are stood in for, now or later."""
    known = case.department.delegations
    return sum(one.until_s > case.clock_s for name, one in known.items() if name != absent)


def take_back(case: Case, event: DelegationEnded) -> Decision:
    """At once; by anybody who is named: it takes from people, and gives them nothing."""
    actor = actor_of(event.actor)
    known = case.department.delegations.get(event.absent)
    if known is None or known.until_s <= case.clock_s:
        detail = f"absent: nobody stands in for {event.absent}"
        raise Rejected(ReasonCode.UNKNOWN_DELEGATION, detail)
    return case.accepted(DelegationTakenBack(absent=event.absent, ended_by=actor))


def stood_in_for(department: Department, delegate: str, people: Sequence[str], clock_s: int) -> Iterator[str]:
    """Those of `people`, in their order, for whom `delegate` stands in at this time. Nobody passes it on."""
    for person in people:
        known = department.delegations.get(person)
        if known is not None and known.delegate == delegate and known.starts_s <= clock_s < known.until_s:
            yield person


ANSWERS: Final[Answers] = {DelegationSet: give, DelegationEnded: take_back}
