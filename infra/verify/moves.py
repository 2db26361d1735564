"""What an event of people or owners must move and alert, from its own words and what was known before it.

Payments are in `moves_of_payments`, requests in `moves_of_requests`, all events together in `wanted`. Leases
are judged by `lending`; in which periods something counts by `limits` and `fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec.structs import asdict, replace

import schemas.events as ev
from infra.verify.calendar import label
from infra.verify.postings import Postings
from infra.verify.requests import budget_terms
from infra.verify.state import Department, Payment
from infra.verify.timeouts import Timeout
from schemas import effects as ef
from schemas.controls import BudgetTerms
from schemas.decisions import Decision
from schemas.event import Event

Facts = Mapping[str, object]
#: A kind of effect, and what must stand in it.
Move = tuple[type[ef.Effect], Facts]


class Known(NamedTuple):
    """What is known before a decision. `held`, `closed`: of its payment, after what lapses with it."""

    event: Any
    decision: Decision
    department: Department
    payment: Payment | None
    held: int
    closed: str
    timeout: Timeout | None
    postings: Postings
    now_s: int


class Moves(NamedTuple):
    """In their order. `alerts`: None where others judge them."""

    moves: tuple[Move, ...] = ()
    alerts: tuple[str, ...] | None = ()


class Rule(NamedTuple):
    """Of one type of event. `may_move`: besides what lapses with it. `wanted` None: others judge that."""

    may_move: frozenset[type[ef.Effect]]
    wanted: Callable[[Known], Moves | None] | None = None


def moves(wanted: Callable[[Known], Moves | None] | None, *may_move: type[ef.Effect]) -> Rule:
    return Rule(frozenset(may_move), wanted)


def _set_budget(known: Known) -> Moves:
    return Moves((budget_changed(budget_terms(known.event), known.now_s),))


def budget_changed(terms: BudgetTerms, now_s: int) -> Move:
    """A budget that is this from now on."""
    return ef.BudgetChanged, {**asdict(terms), "period": label(terms.calendar, now_s)}


def _remove_budget(known: Known) -> Moves:
    return Moves(((ef.BudgetTakenAway, {"budget_id": known.event.budget_id}),))


def increase_set(budget_id: str, amount: int, starts_at: datetime, ends_at: datetime) -> Move:
    """So much more of a budget for a while."""
    facts = {"budget_id": budget_id, "amount": amount, "starts_at": starts_at, "ends_at": ends_at}
    return ef.BudgetIncreaseSet, facts


def _raise(known: Known) -> Moves:
    event = known.event
    starts_at = event.starts_at or event.occurred_at
    return Moves((increase_set(event.budget_id, event.amount.minor, starts_at, event.ends_at),))


def _draft(known: Known) -> Moves:
    version = max(known.department.policies, default=0) + 1
    stored = (ef.PolicyStored, {"policy_version": version, "policy": known.event.policy})
    return Moves((stored, _taken(version)) if known.event.activate else (stored,))


def _taken(version: int) -> Move:
    """A draft stands in the log before. What version 0 says when it is taken, only the log tells."""
    facts: dict[str, object] = {"policy_version": version}
    return ef.PolicyTaken, facts | ({"policy": None} if version else {})


def _activate(known: Known) -> Moves:
    return Moves((_taken(known.event.policy_version),))


def _publish(known: Known) -> Moves:
    event = known.event
    return Moves(((ef.ModelTaken, {"digest": event.digest, "model": event.model}),))


_STATUS: Final = {ev.CardFrozen: "frozen", ev.CardUnfrozen: "active", ev.CardCanceled: "canceled"}


def _change_card(known: Known) -> Moves | None:
    event = known.event
    before = known.department.cards.get(
        event.card.card_id if isinstance(event, ev.CardSet) else event.card_id
    )
    if isinstance(event, ev.CardSet):
        card = event.card if before is None else replace(event.card, status=before.status)
    elif before is None:
        return None
    else:
        card = replace(before, status=_STATUS[type(event)])
    return Moves(((ef.CardChanged, {"card": card}),))


def _replace_card(known: Known) -> Moves | None:
    event, before = known.event, known.department.cards.get(known.event.card_id)
    if before is None:
        return None
    given = {"card_id": event.new_card_id, "status": "active", "last_four": event.last_four}
    if event.expires_on is not None:
        given["expires_on"] = event.expires_on
    canceled = (ef.CardChanged, {"card": replace(before, status="canceled")})
    return Moves((canceled, (ef.CardChanged, {"card": replace(before, **given)})))


def _add_lease(known: Known) -> Moves:
    event = known.event
    facts = {name: getattr(event, name) for name in ("period", "amount", "calendar", "lender")}
    return Moves(((ef.LeaseAdded, facts),))


_TREASURY: Final = (ef.LeaseGiven, ef.LeaseRecallSent)
TERMS: Final[Mapping[type[Event], Rule]] = {
    ev.BudgetSet: moves(_set_budget, ef.BudgetChanged),
    ev.BudgetRemoved: moves(_remove_budget, ef.BudgetTakenAway),
    ev.BudgetIncreased: moves(_raise, ef.BudgetIncreaseSet),
    ev.PolicyDrafted: moves(_draft, ef.PolicyStored, ef.PolicyTaken),
    ev.PolicyActivated: moves(_activate, ef.PolicyTaken),
    ev.ModelPublished: moves(_publish, ef.ModelTaken),
    ev.CardSet: moves(_change_card, ef.CardChanged),
    ev.CardFrozen: moves(_change_card, ef.CardChanged),
    ev.CardUnfrozen: moves(_change_card, ef.CardChanged),
    ev.CardCanceled: moves(_change_card, ef.CardChanged),
    ev.CardReplaced: moves(_replace_card, ef.CardChanged),
    ev.CapSet: moves(None, ef.CapChanged, *_TREASURY),
    ev.DepartmentSplit: moves(None, ef.ShardsSet, ef.LeaseGiven),
    ev.LeaseRequested: moves(None, *_TREASURY),
    ev.LeaseGranted: moves(_add_lease, ef.LeaseAdded, ef.LeaseAsked),
    ev.LeaseRecalled: moves(None, ef.LeaseGivenBack),
    ev.LeaseReturned: moves(None, ef.LeaseTaken, *_TREASURY),
}
