"""What people set: budgets, policies, cards."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CardChanged,
    PolicyStored,
    PolicyTaken,
)
from schemas.events import (
    BudgetIncreased,
    BudgetRemoved,
    BudgetSet,
    CardCanceled,
    CardFrozen,
    CardSet,
    CardUnfrozen,
    PolicyActivated,
    PolicyDrafted,
)
from schemas.money import exponent
from schemas.reasons import ReasonCode
from tests.model.answers import Answer
from tests.model.asking import reset_counters
from tests.model.book import Department
from tests.model.calendars import fits, whole_second
from tests.model.case import Case, Unusable
from tests.model.policies import ZONES, makes_sense, plain
from tests.model.records import Budget, Increase, Terms

POLICIES_KEPT = 10


def is_departments_own(event: BudgetSet) -> bool:
    """Whether this is the budget that makes a department."""
    return event.level == "department" and event.id == "department"


def check_currency(code: str) -> None:
    try:
        exponent(code)
    except ValueError:
        raise Unusable(ReasonCode.UNKNOWN_CURRENCY) from None


def set_budget(case: Case, event: BudgetSet) -> Answer:
    department = case.department
    _check_budget(department, event)
    department.currency = event.limit.currency
    department.budgets.setdefault(event.id, Budget(event.id, event.level, event.subject, event.calendar))
    terms = Terms(case.seq, case.clock, event.limit.minor, event.tolerance)
    department.terms.setdefault(event.id, []).append(terms)
    return case.accepted(
        BudgetChanged(
            period="",
            budget_id=event.id,
            level=event.level,
            name=event.name,
            limit=event.limit.minor,
            calendar=event.calendar,
            subject=event.subject,
            tolerance=event.tolerance,
        )
    )


def _check_budget(department: Department, event: BudgetSet) -> None:
    if event.time_zone not in ZONES:
        raise Unusable(ReasonCode.UNKNOWN_TIME_ZONE)
    known = department.budgets.get(event.id)
    # Only a zone that no longer counts as one can be changed.
    calendar = known.calendar if known and known.calendar.time_zone in ZONES else event.calendar
    whose = (known.level, known.subject) if known else (event.level, event.subject)
    same = (*whose, calendar) == (event.level, event.subject, event.calendar)
    own_id = event.id == f"{event.level}:{event.subject}"
    may_be_called_so = (
        event.id != "company" and not event.id.startswith("rule:") and ("@" not in event.id or own_id)
    )
    fits_level = (event.level == "department") == (event.subject is None)
    if not (same and may_be_called_so and fits_level and fits(event.calendar)):
        raise Unusable(ReasonCode.INVALID_BUDGET)


def remove_budget(case: Case, event: BudgetRemoved) -> Answer:
    if event.budget_id == "department":
        raise Unusable(ReasonCode.INVALID_BUDGET)
    if event.budget_id not in case.department.budgets:
        raise Unusable(ReasonCode.UNKNOWN_BUDGET)
    del case.department.budgets[event.budget_id]
    return case.accepted(BudgetTakenAway(budget_id=event.budget_id))


def increase_budget(case: Case, event: BudgetIncreased) -> Answer:
    budget = case.department.budgets.get(event.budget_id)
    if budget is None:
        raise Unusable(ReasonCode.UNKNOWN_BUDGET)
    starts_at = event.starts_at or event.occurred_at
    if event.ends_at <= starts_at or event.ends_at <= case.clock:
        raise Unusable(ReasonCode.INVALID_BUDGET)
    budget.increases.append(
        Increase(event.amount.minor, whole_second(starts_at), whole_second(event.ends_at))
    )
    return case.accepted(
        BudgetIncreaseSet(
            budget_id=budget.id, amount=event.amount.minor, starts_at=starts_at, ends_at=event.ends_at
        )
    )


def add_increase(budget: Budget, amount: int, starts_at: datetime, ends_at: datetime) -> None:
    budget.increases.append(Increase(amount, whole_second(starts_at), whole_second(ends_at)))


def draft_policy(case: Case, event: PolicyDrafted) -> Answer:
    department = case.department
    if not makes_sense(event.policy):
        raise Unusable(ReasonCode.INVALID_POLICY)
    department.latest_version += 1
    version = department.latest_version
    department.policies[version] = event.policy
    for old in [number for number in department.policies if number <= version - POLICIES_KEPT]:
        del department.policies[old]
    stored = PolicyStored(policy_version=version, policy=event.policy)
    if not event.activate:
        return case.accepted(stored)
    _take(department, version)
    return case.accepted(stored, PolicyTaken(policy_version=version))


def activate_policy(case: Case, event: PolicyActivated) -> Answer:
    if event.policy_version and event.policy_version not in case.department.policies:
        raise Unusable(ReasonCode.UNKNOWN_POLICY)
    _take(case.department, event.policy_version)
    return case.accepted(PolicyTaken(policy_version=event.policy_version))


def _take(department: Department, version: int) -> None:
    before = department.policy
    department.own_policy = department.policies[version] if version else None
    department.version = version
    reset_counters(department, before, department.policy)


def set_card(case: Case, event: CardSet) -> Answer:
    card, known = event.card, case.department.cards.get(event.card.card_id)
    shown = card.locked_to is None or plain(card.locked_to)
    if card.status != "active" or (card.locked_to and card.lock_to_first) or not shown:
        raise Unusable(ReasonCode.INVALID_CARD)
    if known is not None:
        if known.status == "canceled":
            raise Unusable(ReasonCode.WRONG_STATUS)
        card = msgspec.structs.replace(card, status=known.status)
    case.department.cards[card.card_id] = card
    return case.accepted(CardChanged(card=card))


def change_status(case: Case, event: CardFrozen | CardUnfrozen | CardCanceled) -> Answer:
    card = case.department.cards.get(event.card_id)
    if card is None:
        raise Unusable(ReasonCode.UNKNOWN_CARD)
    match event:
        case CardFrozen():
            may, status = card.status == "active", "frozen"
        case CardUnfrozen():
            may, status = card.status == "frozen", "active"
        case CardCanceled():
            may, status = card.status != "canceled", "canceled"
    if not may:
        raise Unusable(ReasonCode.WRONG_STATUS)
    card = msgspec.structs.replace(card, status=status)
    case.department.cards[card.card_id] = card
    return case.accepted(CardChanged(card=card))
