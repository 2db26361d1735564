"""What people set: budgets, increases, policies, cards. What cannot be is refused with field and reason."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn

import msgspec

from schemas.controls import BUDGETS_A_SUBJECT_MAX, BUDGETS_MAX, INCREASES_MAX, BudgetTerms, Card
from schemas.decisions import Balance, Decision
from schemas.defaults import default_policy
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CardChanged,
    Effects,
    PolicyStored,
    PolicyTaken,
)
from schemas.events import (
    BudgetIncreased,
    BudgetRemoved,
    BudgetRequested,
    BudgetSet,
    CardCanceled,
    CardEvent,
    CardFrozen,
    CardReplaced,
    CardSet,
    CardUnfrozen,
    PolicyActivated,
    PolicyDrafted,
)
from schemas.ids import is_name
from schemas.money import LIMIT_MAX, exponent
from schemas.names import folded
from schemas.policies import contradiction
from schemas.reasons import DEPARTMENT, ReasonCode
from schemas.terms import check_calendar, is_time_zone, no_time_zone
from streams.core.calendar import clock_of, epoch_s
from streams.core.case import Answers, Case, Rejected, in_range
from streams.core.state import COMPANY, RULE, Budget, Department


def new_department(event: BudgetSet, opened_by_lease: Department | None = None) -> Department:
    """The department that a first budget makes. Raises Rejected where that budget cannot make one."""
    for what, text in (("organization_id", event.organization_id), ("department_id", event.department_id)):
        if not is_name(text):
            raise Rejected(ReasonCode.INVALID_EVENT, f"{what} {text!r} has other than A-Z a-z 0-9 . _ -")
    if event.level != DEPARTMENT or event.id != DEPARTMENT:
        raise Rejected(ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} has no budget of its own yet")
    _check_lease(event, opened_by_lease)
    try:
        exponent(event.limit.currency)
    except ValueError as unknown:
        raise Rejected(ReasonCode.UNKNOWN_CURRENCY, str(unknown)) from None
    return opened(event, event.limit.currency)


def _check_lease(event: BudgetSet, department: Department | None) -> None:
    """A shard's budget waits for its lease: it must never approve without one."""
    lender = event.shard_of
    if lender is not None and (department is None or not department.borrows_from(lender)):
        detail = f"shard_of: {event.key} holds no lease of {lender} yet; send it again"
        raise Rejected(ReasonCode.NO_CAP, detail)


def opened(event: CardEvent, currency: str) -> Department:
    """As it begins: with the default policy of its currency."""
    policy = default_policy(currency)
    return Department(event.organization_id, event.department_id, currency, latest_bucket=0, policy=policy)


def set_budget(case: Case, event: BudgetSet) -> Decision:
    """Creates a budget, or changes its limit, name and tolerance."""
    if not case.department.budgets:
        # It was made by a lease that came first: what a first budget needs is asked now.
        new_department(event, case.department)
    limit = case.amount(event.limit)
    _check_lease(event, case.department)
    terms = terms_of(event, limit)
    check_budget(case.department, terms)
    return with_budget(case, terms)


def terms_of(event: BudgetSet | BudgetRequested, limit: int) -> BudgetTerms:
    """What the event says of a budget; `limit` in minor units."""
    return BudgetTerms(
        budget_id=event.id,
        level=event.level,
        subject=event.subject,
        name=event.name,
        limit=limit,
        tolerance=event.tolerance,
        calendar=event.calendar,
    )


def with_budget(case: Case, terms: BudgetTerms, *before: Effects) -> Decision:
    """The decision that sets a budget, with its current period as it is under the new limit."""
    period = clock_of(terms.calendar).label(case.clock_s)
    effect, limit = BudgetChanged(period=period, **msgspec.structs.asdict(terms)), terms.limit
    charge = f"{effect.budget_id}@{effect.period}"
    known = case.department.budgets.get(effect.budget_id)
    was = case.balance(charge)
    more = sum(amount for start, end, amount in known.increases if start <= case.at_s < end) if known else 0
    _check_limit(effect.budget_id, limit, known)
    allowed = limit + more - case.department.lent(effect.budget_id, effect.period)
    now = Balance(was.budget, was.period, allowed, was.posted, was.held)
    decision = case.accepted(*before, effect, amount=limit)
    others = tuple(balance for balance in decision.balances if balance.key != charge)
    return msgspec.structs.replace(decision, balances=(now, *others))


def _check_limit(budget_id: str, limit: int, known: Budget | None) -> None:
    """Refuses a limit that its budget's increases, even those that are over, could raise out of range."""
    increased = sum(amount for _, _, amount in known.increases) if known else 0
    in_range(limit + increased, f"the limit of {budget_id} with its increases", LIMIT_MAX)


def check_budget(department: Department, terms: BudgetTerms) -> None:
    """Raises Rejected where no budget can be this."""
    id_, level, subject = terms.budget_id, terms.level, terms.subject
    if not is_time_zone(terms.calendar.time_zone):
        raise Rejected(ReasonCode.UNKNOWN_TIME_ZONE, no_time_zone(terms.calendar.time_zone))
    wrong = check_calendar(terms.calendar)
    if wrong:
        _invalid(wrong)
    if (level == DEPARTMENT) is not (subject is None):
        _invalid("subject: a department's budget has none, any other needs one")
    if id_ == COMPANY or id_.startswith(RULE) or ("@" in id_ and id_ != f"{level}:{subject}"):
        _invalid(f"budget_id: {id_!r} is kept for other things")
    if id_ == DEPARTMENT and level != DEPARTMENT:
        _invalid("budget_id: 'department' is the department's own")
    known = department.budgets.get(id_)
    if known is None:
        _check_room(department, level, subject)
        return
    if (known.level, known.subject) != (level, subject):
        _invalid(f"budget_id: {id_!r} is the budget of {known.level} {known.subject or ''}".rstrip())
    # One whose zone no longer counts as one could otherwise never be mended: the department's has to stay.
    if known.calendar != terms.calendar and is_time_zone(known.calendar.time_zone):
        _invalid("period, time_zone, start: a budget's calendar cannot change; remove it and set another")


def _check_room(department: Department, level: str, subject: str | None) -> None:
    """Whether there may be one more budget."""
    if len(department.budgets) >= BUDGETS_MAX:
        _invalid(
            f"budget_id: there are {BUDGETS_MAX:,} budgets already, no more than one department may have"
        )
    if level == DEPARTMENT and department.treasury is not None:
        _invalid("budget_id: a department with shards has one budget of its own, which it lends to them")
    beside = department.subjects.get(level, {}).get(subject or "", ())
    if len(beside) >= BUDGETS_A_SUBJECT_MAX:
        _invalid(
            f"subject: {level} {subject or ''} has {BUDGETS_A_SUBJECT_MAX} budgets already, the most it may"
        )


def _invalid(detail: str) -> NoReturn:
    raise Rejected(ReasonCode.INVALID_BUDGET, detail)


def remove_budget(case: Case, event: BudgetRemoved) -> Decision:
    """A budget no longer limits; what was charged to it stays in its periods."""
    if event.budget_id == DEPARTMENT:
        _invalid("budget_id: the department's own budget cannot be removed")
    budget_of(case, event.budget_id)
    return case.accepted(BudgetTakenAway(budget_id=event.budget_id))


def increase_budget(case: Case, event: BudgetIncreased) -> Decision:
    """More for a while. It needs nobody to end it."""
    amount = case.amount(event.amount)
    budget = budget_of(case, event.budget_id)
    starts_at = event.starts_at or event.occurred_at
    check_span(case, starts_at, event.ends_at)
    effect = BudgetIncreaseSet(
        budget_id=event.budget_id, amount=amount, starts_at=starts_at, ends_at=event.ends_at
    )
    return with_increase(case, budget, effect)


def with_increase(case: Case, budget: Budget, effect: BudgetIncreaseSet, *before: Effects) -> Decision:
    """The decision that sets an increase, with the budget's current period as it is from now on."""
    if len(budget.increases) >= INCREASES_MAX:
        _invalid(
            f"budget_id: {effect.budget_id!r} has {INCREASES_MAX:,} increases of the last 120 days already"
        )
    _check_limit(effect.budget_id, budget.limit + effect.amount, budget)
    charge = f"{effect.budget_id}@{clock_of(budget.calendar).label(case.clock_s)}"
    decision = case.accepted(*before, effect, charges=(charge,), amount=effect.amount)
    if not epoch_s(effect.starts_at) <= case.at_s < epoch_s(effect.ends_at):
        return decision
    first, *others = decision.balances
    risen = msgspec.structs.replace(first, limit=first.limit + effect.amount)
    return msgspec.structs.replace(decision, balances=(risen, *others))


def check_span(case: Case, starts_at: datetime, ends_at: datetime) -> None:
    """Refuses an increase that could never be in force."""
    if ends_at <= starts_at:
        _invalid(f"ends_at: {ends_at.isoformat()} is not after {starts_at.isoformat()}")
    if epoch_s(ends_at) <= case.clock_s:
        _invalid(f"ends_at: {ends_at.isoformat()} is over")


def budget_of(case: Case, budget_id: str) -> Budget:
    """The budget with this id. Raises Rejected."""
    budget = case.department.budgets.get(budget_id)
    if budget is None:
        raise Rejected(ReasonCode.UNKNOWN_BUDGET, f"{case.event.key} has no budget {budget_id!r}")
    return budget


# -- policies


def draft_policy(case: Case, event: PolicyDrafted) -> Decision:
    """The next version of the policy, in force at once if it is to be."""
    wrong = contradiction(event.policy)
    if wrong:
        raise Rejected(ReasonCode.INVALID_POLICY, wrong)
    version = case.department.drafted + 1
    effects: tuple[Effects, ...] = (PolicyStored(policy_version=version, policy=event.policy),)
    if event.activate:
        effects += (PolicyTaken(policy_version=version),)
    return case.accepted(*effects)


def activate_policy(case: Case, event: PolicyActivated) -> Decision:
    """A version that was drafted, or 0, the default, is in force from here on."""
    if event.policy_version and event.policy_version not in case.department.drafts:
        kept = ", ".join(map(str, sorted(case.department.drafts))) or "none"
        detail = f"policy_version: {event.policy_version} is not kept; kept are {kept}, and 0"
        raise Rejected(ReasonCode.UNKNOWN_POLICY, detail)
    policy = None if event.policy_version else default_policy(case.department.currency)
    return case.accepted(PolicyTaken(policy_version=event.policy_version, policy=policy))


# -- cards


def set_card(case: Case, event: CardSet) -> Decision:
    """Registers a card, or changes it; its status stays."""
    card = event.card
    _check_card(card)
    known = case.department.registered.get(card.card_id)
    if known is not None:
        if known.card.status == "canceled":
            raise Rejected(ReasonCode.WRONG_STATUS, f"{card.card_id} is canceled")
        card = msgspec.structs.replace(card, status=known.card.status)
    return case.accepted(CardChanged(card=card))


def new_card(case: Case, card: Card) -> Card:
    """The card, if it can be registered as it stands, and none with its id is. Raises Rejected."""
    _check_card(card)
    if card.card_id in case.department.registered:
        detail = f"card.card_id: {card.card_id} is registered already, and a request is for a new card"
        raise Rejected(ReasonCode.INVALID_CARD, detail)
    return card


def _check_card(card: Card) -> None:
    if card.status != "active":
        raise Rejected(ReasonCode.INVALID_CARD, "card.status: set by card.frozen, .unfrozen and .canceled")
    if card.locked_to is not None and card.lock_to_first:
        detail = "card.locked_to, card.lock_to_first: one of the two"
        raise Rejected(ReasonCode.INVALID_CARD, detail)
    if card.locked_to is not None and not folded(card.locked_to):
        raise Rejected(ReasonCode.INVALID_CARD, "card.locked_to: shows nothing, so no merchant could have it")


def change_card(case: Case, event: CardFrozen | CardUnfrozen | CardCanceled) -> Decision:
    """Freezes, unfreezes or cancels."""
    known = case.department.registered.get(event.card_id)
    if known is None:
        raise Rejected(ReasonCode.UNKNOWN_CARD, f"{event.card_id} was never registered")
    card = known.card
    match event:
        case CardFrozen():
            ok, status = card.status == "active", "frozen"
        case CardUnfrozen():
            ok, status = card.status == "frozen", "active"
        case _:
            ok, status = card.status != "canceled", "canceled"
    if not ok:
        raise Rejected(ReasonCode.WRONG_STATUS, f"{card.card_id} is {card.status}")
    return case.accepted(CardChanged(card=_with_status(card, status)))


def replace_card(case: Case, event: CardReplaced) -> Decision:
    """Cancels it, and registers another in its place."""
    registered = case.department.registered
    known = registered.get(event.card_id)
    if known is None:
        raise Rejected(ReasonCode.UNKNOWN_CARD, f"{event.card_id} was never registered")
    old = known.card
    if old.status == "canceled":
        raise Rejected(ReasonCode.WRONG_STATUS, f"{event.card_id} is canceled")
    if event.new_card_id in registered:
        raise Rejected(ReasonCode.INVALID_CARD, f"new_card_id: {event.new_card_id} is registered already")
    new = msgspec.structs.replace(
        old,
        card_id=event.new_card_id,
        status="active",
        expires_on=event.expires_on or old.expires_on,
        last_four=event.last_four,
    )
    return case.accepted(CardChanged(card=_with_status(old, "canceled")), CardChanged(card=new))


def _with_status(card: Card, status: str) -> Card:
    return msgspec.structs.replace(card, status=status)


ANSWERS: Final[Answers] = {
    BudgetSet: set_budget,
    BudgetRemoved: remove_budget,
    BudgetIncreased: increase_budget,
    PolicyDrafted: draft_policy,
    PolicyActivated: activate_policy,
    CardSet: set_card,
    CardFrozen: change_card,
    CardUnfrozen: change_card,
    CardCanceled: change_card,
    CardReplaced: replace_card,
}
