"""`evolve`: the state after a decision. Applies effects and never asks whether it should."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import HoldPlaced
from schemas.ids import department_key
from schemas.reasons import Outcome
from streams.core.calendar import epoch_s
from streams.core.case import bucket_of, clock_after
from streams.core.history import CardHistory, observe_at
from streams.core.lapses import drop_passed
from streams.core.matching import Purchase
from streams.core.memory import forget
from streams.core.outcomes import apply
from streams.core.state import ONLY_ADVISED, Answer, Department, PartitionState, Payment
from streams.core.windows import add

DAY_S = 86_400
REQUESTED = "authorization.requested"
INCREMENTED = "authorization.incremented"
ADVISED = "authorization.advised"


def evolve(state: PartitionState, decision: Decision) -> PartitionState:
    """`state` after `decision`, the next one of its partition.

    In place: a partition with a million remembered ids cannot be copied for each event, and the owner
    throws its state away whenever a write is not certain (docs/decisions/0003).
    """
    state.seq = decision.seq + 1
    state.next_offset = decision.source_offset + 1
    state.last_recorded_at = decision.recorded_at
    state.last_event_id = decision.event_id
    state.last_hash = decision.hash
    if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
        return state
    assert decision.organization_id and decision.department_id and decision.occurred_at
    key = department_key(decision.organization_id, decision.department_id)
    department = state.departments.get(key)
    at_s = epoch_s(decision.occurred_at)
    clock_s = clock_after(department, at_s, decision.occurred_at, decision.recorded_at)
    bucket = bucket_of(at_s)
    if department is None:
        department = state.departments[key] = _new_department(decision, bucket)
    department.clock_s = clock_s
    event_type = decision.event_type
    # Before anything is applied: what is counted is what was asked about, under the rules of that moment.
    if event_type in (REQUESTED, INCREMENTED) and department.plan.counts:
        _count(department, decision, at_s)
    for effect in decision.effects:
        apply(department, effect, decision, bucket)
    if event_type == REQUESTED:
        _remember_request(department, decision, bucket, at_s)
    elif event_type == ADVISED:
        _remember_advice(department, decision, bucket)
    elif decision.authorization_id is not None:
        _touch(department, decision.authorization_id, bucket)
    _remember_answer(department, decision, bucket)
    if bucket > department.latest_bucket:
        forget(department, bucket)
    if department.expiries:
        drop_passed(department)
    return state


def _new_department(decision: Decision, bucket: int) -> Department:
    assert decision.organization_id and decision.department_id and decision.currency
    return Department(decision.organization_id, decision.department_id, decision.currency, bucket)


def _count(department: Department, decision: Decision, at_s: int) -> None:
    """In the windows of the policy that it was judged by."""
    assert decision.card_id
    increment = decision.event_type == INCREMENTED
    plan = department.plan.card(decision.card_id, None if increment else decision.cardholder)
    if not plan.keys:
        return
    approved = decision.outcome is not Outcome.DECLINED
    amount = sum(effect.amount for effect in decision.effects if type(effect) is HoldPlaced)
    purchase = Purchase(at_s, decision.merchant, decision.entry_mode)
    for n, window in enumerate(plan.shape.windows):
        rule = window.rule
        if not approved and rule.counts == "approved":
            continue
        if window.only is not None and not window.only(purchase):
            continue
        value = amount if rule.amount is not None else 0 if increment else 1
        if value:
            counter = plan.counters[n]
            if counter is None:
                counter = plan.counters[n] = department.counters.setdefault(plan.keys[n], [])
            add(counter, window.slot(at_s), window.slots_before, value)


def _touch(department: Department, authorization_id: str, bucket: int) -> None:
    """A payment is remembered for as long as the last event about it."""
    payment = department.payments.get(authorization_id)
    if payment is not None and bucket > payment.bucket:
        payment.bucket = bucket


def _remember_request(department: Department, decision: Decision, bucket: int, at_s: int) -> None:
    """The card's habits, what became of the card, and a declined payment's id."""
    assert decision.card_id and decision.occurred_at and decision.amount and decision.authorization_id
    history = department.cards.get(decision.card_id)
    if history is None:
        history = department.cards[decision.card_id] = CardHistory()
    merchant = decision.merchant
    observe_at(history, at_s, decision.amount, merchant.name if merchant else "")
    payment = department.payments.get(decision.authorization_id)
    if payment is None:
        payment = department.payments[decision.authorization_id] = Payment((), bucket)
    if bucket > payment.bucket:
        payment.bucket = bucket
    if payment.voided:
        assert decision.event_id
        if payment.voids(decision.event_id):
            return
        payment.voided = ()  # whichever comes after this one is rejected, timed out or not
    payment.opened = decision.seq
    if decision.outcome is Outcome.DECLINED:
        return
    payment.approved = True
    if decision.merchant_amount is not None and decision.rate is not None:
        payment.foreign = (decision.merchant_amount.currency, decision.rate)
    if payment.held:
        payment.valid_days = (payment.expires_s - at_s) // DAY_S
    elif not payment.valid_days:
        payment.valid_days = department.plan.valid_days(merchant.mcc if merchant else None)
    state = department.registered.get(decision.card_id)
    if state is not None:
        state.used = state.used or state.card.single_use
        if state.merchant is None and state.card.lock_to_first and merchant is not None:
            state.merchant = merchant.id or merchant.name


def _remember_advice(department: Department, decision: Decision, bucket: int) -> None:
    assert decision.authorization_id
    payment = department.payments.get(decision.authorization_id)
    if payment is None:
        payment = department.payments[decision.authorization_id] = Payment((), bucket)
    if bucket > payment.bucket:
        payment.bucket = bucket
    if decision.approved is None:
        # What was voided by a timeout stays so: its request must still be answered.
        if not payment.voided:
            payment.opened = max(payment.opened, ONLY_ADVISED)
        return
    payment.opened = max(payment.opened, ONLY_ADVISED)
    payment.approved = True
    payment.voided = ()
    told = decision.merchant_amount is not None and decision.rate is not None
    if told and payment.foreign is None and "rate_mismatch" not in decision.alerts:
        assert decision.merchant_amount and decision.rate
        payment.foreign = (decision.merchant_amount.currency, decision.rate)
    if not payment.valid_days:
        mcc = decision.merchant.mcc if decision.merchant else None
        payment.valid_days = department.plan.valid_days(mcc)


def _remember_answer(department: Department, decision: Decision, bucket: int) -> None:
    assert decision.event_id and decision.event_type and decision.fingerprint
    answers = department.answers.get(bucket)
    if answers is None:
        answers = department.answers[bucket] = {}
    answers[decision.event_id] = Answer(
        decision.seq,
        decision.event_type,
        decision.fingerprint,
        decision.amount,
        decision.outcome,
        decision.reasons,
        decision.reviews,
        decision.shadows,
        decision.approved,
        decision.would_pass,
        decision.available,
    )
