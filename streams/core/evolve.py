"""`evolve`: the state after a decision. Applies effects and never asks whether it should."""

from __future__ import annotations

from typing import assert_never

from schemas.decisions import BudgetChanged, Decision, Effects, HoldPlaced, HoldReleased, Posted, Refunded
from schemas.ids import department_key
from schemas.reasons import Outcome
from streams.core.calendar import month_of
from streams.core.history import CardHistory, observe
from streams.core.state import (
    BUCKETS_KEPT,
    Answer,
    Department,
    PartitionState,
    Payment,
    bucket_of,
)

REQUESTED = "authorization.requested"


def evolve(state: PartitionState, decision: Decision) -> PartitionState:
    """`state` after `decision`, the next one of its partition.

    In place: a partition with a million remembered ids cannot be copied for each event, and the owner
    throws its state away whenever a write is not certain (docs/decisions/0003).
    """
    state.seq = decision.seq + 1
    state.next_offset = decision.source_offset + 1
    state.last_hash = decision.hash
    if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
        return state
    assert decision.organization_id and decision.department_id and decision.occurred_at
    key = department_key(decision.organization_id, decision.department_id)
    department = state.departments.get(key)
    if department is None:
        department = state.departments[key] = _new_department(decision)
    bucket = bucket_of(decision.occurred_at)
    if bucket > department.latest_bucket:
        _forget(department, bucket)
    for effect in decision.effects:
        _apply(department, effect, decision, bucket)
    if decision.event_type == REQUESTED:
        _remember_request(department, decision, bucket)
    _remember_answer(department, decision, bucket)
    return state


def _new_department(decision: Decision) -> Department:
    assert decision.organization_id and decision.department_id and decision.currency and decision.occurred_at
    return Department(
        organization_id=decision.organization_id,
        department_id=decision.department_id,
        name=decision.department_id,
        currency=decision.currency,
        limit=0,
        time_zone="UTC",
        policy_version=decision.seq,
        latest_bucket=bucket_of(decision.occurred_at),
    )


def _apply(department: Department, effect: Effects, decision: Decision, bucket: int) -> None:
    match effect:
        case HoldPlaced():
            period = department.touch(effect.period)
            period.held += effect.amount
            department.payments[effect.authorization_id] = Payment(
                effect.period, bucket, approved=True, held=effect.amount
            )
        case HoldReleased():
            department.periods[effect.period].held -= effect.amount
            payment = department.payments[effect.authorization_id]
            payment.held -= effect.amount
            payment.bucket = max(payment.bucket, bucket)
        case Posted():
            period = department.touch(effect.period)
            period.posted += effect.amount
            payment = department.payments.setdefault(
                effect.authorization_id, Payment(effect.period, bucket, approved=False)
            )
            payment.posted += effect.amount
            payment.bucket = max(payment.bucket, bucket)
        case Refunded():
            period = department.touch(effect.period)
            period.posted -= effect.amount
            if effect.authorization_id in department.payments:
                department.payments[effect.authorization_id].refunded += effect.amount
        case BudgetChanged():
            department.name = effect.name
            department.limit = effect.limit
            department.time_zone = effect.time_zone
            department.policy_version = decision.seq
            if decision.balance is not None:
                department.touch(decision.balance.period).limit = effect.limit
        case _:
            assert_never(effect)


def _remember_request(department: Department, decision: Decision, bucket: int) -> None:
    """The card's habits, and a declined payment's id: one final decision for each authorization id."""
    assert decision.card_id and decision.occurred_at and decision.amount and decision.authorization_id
    history = department.cards.get(decision.card_id)
    if history is None:
        history = department.cards[decision.card_id] = CardHistory()
    merchant = decision.merchant.name if decision.merchant else ""
    observe(history, decision.occurred_at, decision.amount, merchant)
    balance = decision.balance
    if balance is not None:
        department.touch(balance.period).limit = balance.limit
    if decision.outcome is Outcome.DECLINED:
        label = month_of(decision.occurred_at, department.time_zone)
        department.payments[decision.authorization_id] = Payment(label, bucket, approved=False)


def _remember_answer(department: Department, decision: Decision, bucket: int) -> None:
    assert decision.event_id and decision.event_type and decision.fingerprint
    answers = department.answers.get(bucket)
    if answers is None:
        answers = department.answers[bucket] = {}
    answers[decision.event_id] = Answer(
        decision.seq,
        decision.event_type,
        decision.fingerprint,
        decision.amount or 0,
        decision.outcome,
        decision.reasons,
    )


def _forget(department: Department, bucket: int) -> None:
    """Event time moved on by a bucket: let go of what can no longer matter."""
    department.latest_bucket = bucket
    oldest = bucket - BUCKETS_KEPT + 1
    for old in [known for known in department.answers if known < oldest]:
        del department.answers[old]
    resolved = [
        name for name, payment in department.payments.items() if not payment.held and payment.bucket < oldest
    ]
    for name in resolved:
        del department.payments[name]
