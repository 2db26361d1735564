"""Why what people set cannot be set: budgets, increases, policies, cards, the cap."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Protocol

import schemas.events as ev
from infra.verify.calendar import seconds
from infra.verify.controls import plain
from infra.verify.leases import Treasury
from infra.verify.requests import budget_terms
from infra.verify.state import COMPANY, RULE, Budget, Department
from schemas.boosted import UnusableModel, decode_model
from schemas.controls import (
    BUDGETS_A_SUBJECT_MAX,
    BUDGETS_MAX,
    INCREASES_MAX,
    BudgetTerms,
    Calendar,
    Card,
)
from schemas.event import Event
from schemas.ids import is_name
from schemas.policies import contradiction
from schemas.reasons import DEPARTMENT, ReasonCode
from schemas.terms import is_time_zone

POLICIES_KEPT: Final = 10


class Here(Protocol):
    """An event at a department that exists; `now_s`: its clock with the event."""

    @property
    def event(self) -> Any: ...
    @property
    def department(self) -> Department: ...
    @property
    def treasury(self) -> Treasury | None: ...
    @property
    def now_s(self) -> int: ...


def unusable(here: Here) -> ReasonCode | None:
    """The reason; None: it can be used."""
    return _RULES[type(here.event)](here)


def fits(calendar: Calendar) -> bool:
    """Whether the start goes with the kind of period."""
    starts = (calendar.start_day, calendar.start_month)
    match calendar.period:
        case "day" | "lifetime":
            return starts == (1, 1)
        case "week":
            return starts[0] <= 7 and starts[1] == 1
        case "month":
            return starts[1] == 1
        case _:
            return True


# -- budgets


def lacks_lease(event: ev.BudgetSet, department: Department | None) -> bool:
    """Whether it is a shard's, and no lease of its lender has come."""
    borrows = department is not None and department.cap is not None and department.lender == event.shard_of
    return event.shard_of is not None and not borrows


def _set_budget(here: Here) -> ReasonCode | None:
    event, department = here.event, here.department
    if lacks_lease(event, department):
        return ReasonCode.NO_CAP
    return wrong_budget(here, budget_terms(event))


def wrong_budget(here: Here, terms: BudgetTerms) -> ReasonCode | None:
    """Why no budget of the department can be this."""
    if not is_time_zone(terms.calendar.time_zone):
        return ReasonCode.UNKNOWN_TIME_ZONE
    id_, known = terms.budget_id, here.department.budgets.get(terms.budget_id)
    is_right = (
        fits(terms.calendar)
        and (terms.level == DEPARTMENT) == (terms.subject is None)
        and (id_ != DEPARTMENT or terms.level == DEPARTMENT)
        and id_ != COMPANY
        and not id_.startswith(RULE)
        and ("@" not in id_ or id_ == f"{terms.level}:{terms.subject}")
        and (_is_same(known, terms) if known else _has_room(here.department, terms))
        and (known is not None or terms.level != DEPARTMENT or here.treasury is None)
    )
    return None if is_right else ReasonCode.INVALID_BUDGET


def _is_same(known: Budget, terms: BudgetTerms) -> bool:
    """Whose it is and its calendar stay; only a zone that is none any more can be changed."""
    calendar = known.calendar == terms.calendar or not is_time_zone(known.calendar.time_zone)
    return calendar and (known.level, known.subject) == (terms.level, terms.subject)


def _has_room(department: Department, terms: BudgetTerms) -> bool:
    beside = [b for b in department.budgets.values() if (b.level, b.subject) == (terms.level, terms.subject)]
    return len(beside) < BUDGETS_A_SUBJECT_MAX and len(department.budgets) < BUDGETS_MAX


def _remove_budget(here: Here) -> ReasonCode | None:
    if here.event.budget_id == DEPARTMENT:
        return ReasonCode.INVALID_BUDGET
    return None if here.event.budget_id in here.department.budgets else ReasonCode.UNKNOWN_BUDGET


def _increase(here: Here) -> ReasonCode | None:
    event = here.event
    budget = here.department.budgets.get(event.budget_id)
    if budget is None:
        return ReasonCode.UNKNOWN_BUDGET
    return span(here, event.starts_at or event.occurred_at, event.ends_at) or one_more(budget)


def span(here: Here, starts_at: datetime, ends_at: datetime) -> ReasonCode | None:
    """Of an increase that could never be in force."""
    over = ends_at <= starts_at or seconds(ends_at) <= here.now_s
    return ReasonCode.INVALID_BUDGET if over else None


def one_more(budget: Budget) -> ReasonCode | None:
    """Of a budget that has as many increases as it may."""
    return ReasonCode.INVALID_BUDGET if len(budget.increases) >= INCREASES_MAX else None


# -- policies and cards


def _draft(here: Here) -> ReasonCode | None:
    return ReasonCode.INVALID_POLICY if contradiction(here.event.policy) else None


def _activate(here: Here) -> ReasonCode | None:
    version, policies = here.event.policy_version, here.department.policies
    kept = version in policies and version > max(policies) - POLICIES_KEPT
    return None if version == 0 or kept else ReasonCode.UNKNOWN_POLICY


def _publish(here: Here) -> ReasonCode | None:
    event = here.event
    try:
        decode_model(event.model)
    except UnusableModel:
        return ReasonCode.INVALID_MODEL
    return None if sha256(event.model).hexdigest() == event.digest else ReasonCode.INVALID_MODEL


def _set_card(here: Here) -> ReasonCode | None:
    card = here.event.card
    if wrong_card(card):
        return ReasonCode.INVALID_CARD
    known = here.department.cards.get(card.card_id)
    return ReasonCode.WRONG_STATUS if known is not None and known.status == "canceled" else None


def wrong_card(card: Card) -> bool:
    """Whether no card can be this."""
    both = card.locked_to is not None and card.lock_to_first
    return card.status != "active" or both or (card.locked_to is not None and not plain(card.locked_to))


def _change_card(here: Here) -> ReasonCode | None:
    known = here.department.cards.get(here.event.card_id)
    if known is None:
        return ReasonCode.UNKNOWN_CARD
    before = {ev.CardFrozen: ("active",), ev.CardUnfrozen: ("frozen",), ev.CardCanceled: ("active", "frozen")}
    return None if known.status in before[type(here.event)] else ReasonCode.WRONG_STATUS


def _replace_card(here: Here) -> ReasonCode | None:
    known = here.department.cards.get(here.event.card_id)
    if known is None:
        return ReasonCode.UNKNOWN_CARD
    if known.status == "canceled":
        return ReasonCode.WRONG_STATUS
    return ReasonCode.INVALID_CARD if here.event.new_card_id in here.department.cards else None


# -- the cap


def cap(event: ev.CapSet, treasury: Treasury | None) -> ReasonCode | None:
    """Of a cap that is set; `treasury`: None where it is the first."""
    names = event.departments
    if not all(map(is_name, names)) or len(set(names)) < len(names):
        return ReasonCode.INVALID_CAP
    if not is_time_zone(event.calendar.time_zone):
        return ReasonCode.UNKNOWN_TIME_ZONE
    changes = treasury is not None and (
        treasury.calendar != event.calendar or not set(treasury.departments) <= set(names)
    )
    return ReasonCode.INVALID_CAP if changes or not fits(event.calendar) else None


def split(event: ev.DepartmentSplit, department: Department, treasury: Treasury | None) -> ReasonCode | None:
    """Of a department that is to lend its own budget; `treasury`: None where it does not yet."""
    names = event.shards
    own = [budget for budget in department.budgets.values() if budget.level == DEPARTMENT]
    is_right = (
        all(map(is_name, names))
        and len(set(names)) == len(names)
        and event.department_id not in names
        and (treasury is None or set(treasury.departments) <= set(names))
        and department.cap is None
        and len(own) == 1
    )
    return None if is_right else ReasonCode.INVALID_CAP


_RULES: Final[dict[type[Event], Callable[[Here], ReasonCode | None]]] = {
    ev.BudgetSet: _set_budget,
    ev.BudgetRemoved: _remove_budget,
    ev.BudgetIncreased: _increase,
    ev.PolicyDrafted: _draft,
    ev.PolicyActivated: _activate,
    ev.ModelPublished: _publish,
    ev.CardSet: _set_card,
    ev.CardFrozen: _change_card,
    ev.CardUnfrozen: _change_card,
    ev.CardCanceled: _change_card,
    ev.CardReplaced: _replace_card,
}
