"""What each effect makes of payments, cards, budgets, policies and leases. One function for each effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.controls import Policy, SpendLimit
from schemas.decisions import Decision
from schemas.defaults import default_policy
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CapChanged,
    CardChanged,
    DisputeClosed,
    DisputeStarted,
    Effect,
    Effects,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseTaken,
    PaymentVoided,
    PolicyStored,
    PolicyTaken,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from streams.core.calendar import clock_of, epoch_s
from streams.core.case import movement
from streams.core.lapses import outdate, remember
from streams.core.plans import parts_of
from streams.core.state import (
    EVERY_REQUEST,
    Budget,
    CardState,
    Department,
    Dispute,
    IncreaseRequest,
    Payment,
    Period,
    Posting,
    Refund,
    Treasury,
)

DRAFTS_KEPT = 10
LEASE_PERIODS_KEPT = 24


def apply(department: Department, effect: Effects, decision: Decision, bucket: int) -> None:
    """The department after the effect: its periods, and what the effect is about."""
    moved = movement(effect)
    if moved is not None:
        move(department, bucket, *moved)
    applied = _APPLIED.get(type(effect))
    if applied is not None:
        applied(department, effect, decision, bucket)


def move(
    department: Department, bucket: int, charges: Sequence[str], posted: int, held: int, limit: int
) -> None:
    """Add to each charged period; one that is new begins with the limit in force."""
    periods = department.periods
    for charge in charges:
        period = periods.get(charge)
        if period is None:
            line = department.plan.line(parts_of(charge)[0])
            period = periods[charge] = Period(line.initial if line is not None else 0, bucket)
        period.posted += posted
        period.held += held
        period.limit += limit
        if bucket > period.bucket:
            period.bucket = bucket


def _payment(department: Department, effect: Any, bucket: int) -> Payment:
    payment = department.payments.get(effect.authorization_id)
    if payment is None:
        payment = department.payments[effect.authorization_id] = Payment(effect.charges, bucket)
    elif not payment.charges:
        payment.charges = effect.charges
    if bucket > payment.bucket:
        payment.bucket = bucket
    return payment


# -- payments


def _place(department: Department, effect: HoldPlaced, decision: Decision, bucket: int) -> None:
    payment = _payment(department, effect, bucket)
    if payment.held:
        outdate(department)
    payment.held += effect.amount
    payment.closed = ""
    payment.expires_s = epoch_s(effect.expires_at)
    remember(department, (payment.expires_s, effect.authorization_id))


def _release(department: Department, effect: HoldReleased, decision: Decision, bucket: int) -> None:
    payment = department.payments[effect.authorization_id]
    payment.held -= effect.amount
    if bucket > payment.bucket:
        payment.bucket = bucket
    if not payment.held:
        payment.closed = effect.cause
        outdate(department)


def _void(department: Department, effect: PaymentVoided, decision: Decision, bucket: int) -> None:
    payment = department.payments.get(effect.authorization_id)
    if payment is None:
        payment = department.payments[effect.authorization_id] = Payment((), bucket)
    # Once every request is meant, names say no more.
    payment.voided = (EVERY_REQUEST,) if effect.request_id is None else (*payment.voided, effect.request_id)


def _post(department: Department, effect: Posted, decision: Decision, bucket: int) -> None:
    payment = _payment(department, effect, bucket)
    payment.posted += effect.amount
    payment.settled = payment.settled or effect.final
    # None until there is one: ten thousand empty lists would all be the garbage collector's to look at.
    payment.postings = [*(payment.postings or ()), Posting(decision.seq, effect.amount)]


def _fx(department: Department, effect: FxDifference, decision: Decision, bucket: int) -> None:
    payment = department.payments[effect.authorization_id]
    fx = effect.amount if effect.direction == "loss" else -effect.amount
    payment.posted += fx
    assert payment.postings
    payment.postings[-1].fx = fx


def _undo(department: Department, effect: PostingUndone, decision: Decision, bucket: int) -> None:
    payment = department.payments[effect.authorization_id]
    payment.posted -= effect.amount + effect.fx
    for posting in payment.postings or ():
        if posting.seq == effect.of_seq:
            posting.undone = True


def _refund(department: Department, effect: Refunded, decision: Decision, bucket: int) -> None:
    payment = department.payments.get(effect.authorization_id) if effect.authorization_id else None
    # Linked to what was unknown: if that payment comes one day, this was never counted in it.
    linked = effect.authorization_id if payment is not None else None
    department.refunds[effect.refund_id] = Refund(effect.charges, bucket, linked, effect.amount)
    if payment is not None:
        payment.refunded += effect.amount


def _undo_refund(department: Department, effect: RefundUndone, decision: Decision, bucket: int) -> None:
    refund = department.refunds[effect.refund_id]
    refund.left -= effect.amount
    refund.bucket = max(refund.bucket, bucket)
    payment = department.payments.get(effect.authorization_id) if effect.authorization_id else None
    if payment is not None:
        payment.refunded -= effect.amount
        payment.bucket = max(payment.bucket, bucket)


def _dispute(department: Department, effect: DisputeStarted, decision: Decision, bucket: int) -> None:
    department.disputes[effect.dispute_id] = Dispute(
        effect.authorization_id, bucket, effect.amount, effect.provisional
    )
    department.payments[effect.authorization_id].disputed += effect.amount


def _close(department: Department, effect: DisputeClosed, decision: Decision, bucket: int) -> None:
    dispute = department.disputes[effect.dispute_id]
    dispute.outcome, dispute.bucket = effect.outcome, max(dispute.bucket, bucket)
    payment = department.payments[effect.authorization_id]
    payment.bucket = max(payment.bucket, bucket)
    if effect.outcome != "won":
        payment.disputed -= effect.amount


# -- what was set


def _budget(department: Department, effect: BudgetChanged, decision: Decision, bucket: int) -> None:
    known = department.budgets.get(effect.budget_id)
    increases = known.increases if known else []
    department.budgets[effect.budget_id] = Budget(
        effect.level,
        effect.subject,
        effect.name,
        effect.limit,
        effect.tolerance,
        effect.calendar,
        increases,
    )
    # The current period has the new limit, and any that was opened ahead; one that is over keeps its own.
    current = clock_of(effect.calendar).label(department.clock_s)
    prefix = f"{effect.budget_id}@"
    for charge, period in department.periods.items():
        if charge.startswith(prefix) and charge.removeprefix(prefix) >= current:
            period.limit = effect.limit
    department.replan()


def _no_budget(department: Department, effect: BudgetTakenAway, decision: Decision, bucket: int) -> None:
    del department.budgets[effect.budget_id]
    department.replan()


def _increase(department: Department, effect: BudgetIncreaseSet, decision: Decision, bucket: int) -> None:
    budget = department.budgets[effect.budget_id]
    more = (epoch_s(effect.starts_at), epoch_s(effect.ends_at), effect.amount)
    # What is long over goes with the next one that is set.
    kept = [known for known in budget.increases if known[1] > department.clock_s - 86_400 * 120]
    budget.increases = [*kept, more]
    department.replan()


def _ask_increase(department: Department, effect: IncreaseAsked, decision: Decision, bucket: int) -> None:
    department.requests[effect.request_id] = IncreaseRequest(
        effect.budget_id,
        bucket,
        effect.amount,
        epoch_s(effect.starts_at) if effect.starts_at is not None else 0,
        epoch_s(effect.ends_at),
        effect.asked_by,
        effect.levels,
    )


def _step_increase(department: Department, effect: IncreaseStep, decision: Decision, bucket: int) -> None:
    request = department.requests[effect.request_id]
    request.approved_by = (*request.approved_by, effect.approved_by)
    request.bucket = max(request.bucket, bucket)
    if not effect.left:
        request.closed = "approved"


def _close_increase(department: Department, effect: IncreaseClosed, decision: Decision, bucket: int) -> None:
    request = department.requests[effect.request_id]
    request.closed = "refused"
    request.bucket = max(request.bucket, bucket)


def _store_policy(department: Department, effect: PolicyStored, decision: Decision, bucket: int) -> None:
    department.drafted = effect.policy_version
    department.drafts[effect.policy_version] = effect.policy
    for old in sorted(department.drafts)[:-DRAFTS_KEPT]:
        del department.drafts[old]


def _take_policy(department: Department, effect: PolicyTaken, decision: Decision, bucket: int) -> None:
    version = effect.policy_version
    policy = department.drafts[version] if version else default_policy(department.currency)
    same = _limits(department.policy).items() & _limits(policy).items()
    unchanged = {rule_id for rule_id, _ in same}
    for key in [key for key in department.counters if key.partition(":")[0] not in unchanged]:
        del department.counters[key]
    department.policy, department.policy_version = policy, version
    department.replan()


def _limits(policy: Policy) -> dict[str, SpendLimit]:
    return {rule.rule_id: rule for rule in policy.rules if isinstance(rule, SpendLimit)}


def _card(department: Department, effect: CardChanged, decision: Decision, bucket: int) -> None:
    known = department.registered.get(effect.card.card_id)
    if known is None:
        department.registered[effect.card.card_id] = CardState(effect.card)
    else:
        known.card = effect.card
    department.plan.card_changed(effect.card.card_id)


# -- the company's cap


def _cap(department: Department, effect: CapChanged, decision: Decision, bucket: int) -> None:
    known = department.treasury
    if known is None:
        department.treasury = Treasury(effect.limit, effect.calendar, list(effect.departments))
    else:
        known.limit = effect.limit
        known.departments = list(effect.departments)


def _give(department: Department, effect: LeaseGiven, decision: Decision, bucket: int) -> None:
    treasury = department.treasury
    assert treasury is not None
    leases = treasury.leases.setdefault(effect.period, {})
    leases[effect.department] = leases.get(effect.department, 0) + effect.amount
    owed = treasury.owed.setdefault(effect.period, {})
    if effect.short:
        owed[effect.department] = effect.short
    else:
        owed.pop(effect.department, None)
    for old in sorted(treasury.leases)[:-LEASE_PERIODS_KEPT]:
        del treasury.leases[old]
        treasury.owed.pop(old, None)


def _take(department: Department, effect: LeaseTaken, decision: Decision, bucket: int) -> None:
    treasury = department.treasury
    assert treasury is not None
    leases = treasury.leases.get(effect.period)
    if leases is not None:  # None: of a period that nobody remembers, or that never was
        leases[effect.department] = leases.get(effect.department, 0) - effect.amount


def _ask(department: Department, effect: LeaseAsked, decision: Decision, bucket: int) -> None:
    department.asked[effect.period] = effect.needed


def _add(department: Department, effect: LeaseAdded, decision: Decision, bucket: int) -> None:
    # Only an answer with money ends the asking; what is owed comes by itself.
    if effect.amount:
        department.asked.pop(effect.period, None)
    if department.cap is None:
        department.cap = effect.calendar
        department.replan()


_APPLIED: dict[type[Effect], Callable[[Department, Any, Decision, int], None]] = {
    HoldPlaced: _place,
    HoldReleased: _release,
    PaymentVoided: _void,
    Posted: _post,
    FxDifference: _fx,
    PostingUndone: _undo,
    Refunded: _refund,
    RefundUndone: _undo_refund,
    DisputeStarted: _dispute,
    DisputeClosed: _close,
    BudgetChanged: _budget,
    BudgetTakenAway: _no_budget,
    BudgetIncreaseSet: _increase,
    IncreaseAsked: _ask_increase,
    IncreaseStep: _step_increase,
    IncreaseClosed: _close_increase,
    PolicyStored: _store_policy,
    PolicyTaken: _take_policy,
    CardChanged: _card,
    CapChanged: _cap,
    LeaseGiven: _give,
    LeaseTaken: _take,
    LeaseAsked: _ask,
    LeaseAdded: _add,
}
