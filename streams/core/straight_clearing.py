"""The second commonest answer, without a detour: the clearing of an approved payment that still holds it all.

A second way to what `streams.core.settlements` comes to, for speed alone, as `streams.core.straight` is for
requests: `None` is no answer, only a reason to go by the rules (tests/core/test_straight.py).
"""

from __future__ import annotations

from schemas.decisions import Balance, Decision
from schemas.effects import Effects, HoldReleased, Posted
from schemas.events import ClearingPresented
from schemas.money import TOTAL_MAX
from schemas.reasons import Outcome
from streams.core.case import LogPlace
from streams.core.plans import Plan
from streams.core.settlements import POSTINGS_MAX
from streams.core.state import Department

_ACCEPTED = Outcome.ACCEPTED  # to look it up in its enumeration takes 0.1 us


def clearing(
    plan: Plan, event: ClearingPresented, place: LogPlace, at_s: int, clock_s: int
) -> Decision | None:
    """The decision; None: there is more to it. Arguments as of `Case`."""
    department, amount = plan.department, event.amount.minor
    payment = department.payment(event.authorization_id)
    if (
        payment is None
        or amount > payment.held
        or not payment.approved
        or not payment.requested
        or payment.voided
        or event.amount.currency != department.currency
        or event.merchant_amount is not None
        or event.rate is not None
        or department.treasury is not None
        or not department.budgets
        or len(payment.postings) >= POSTINGS_MAX
        or payment.posted + amount > TOTAL_MAX
    ):
        return None
    lapses_s = department.expiries.earliest_s()
    if lapses_s is not None and lapses_s <= clock_s:
        return None
    released, charges = payment.held if event.final else amount, payment.charges
    balances = _balances(plan, charges, amount, released, at_s)
    if not balances:
        return None
    name = event.authorization_id
    effects: tuple[Effects, ...] = (
        HoldReleased(authorization_id=name, amount=released, charges=charges, cause="clearing"),
        Posted(authorization_id=name, amount=amount, charges=charges, final=event.final),
    )
    return _decision(department, event, place, effects, balances)


def _decision(
    department: Department,
    event: ClearingPresented,
    place: LogPlace,
    effects: tuple[Effects, ...],
    balances: tuple[Balance, ...],
) -> Decision:
    """By position, as `streams.core.straight` has it."""
    partition, seq, source_offset, recorded_at, previous_hash, fingerprint = place
    return Decision(
        partition,
        seq,
        source_offset,
        recorded_at,
        _ACCEPTED,
        "clearing.presented",
        event.event_id,
        event.organization_id,
        event.department_id,
        event.authorization_id,
        event.card_id,
        None,  # cardholder
        event.merchant,
        None,  # entry_mode
        None,  # actor
        event.occurred_at,
        event.amount.minor,
        None,  # approved
        department.currency,
        None,  # merchant_amount
        None,  # rate
        (),  # reasons
        (),  # reviews
        (),  # shadows
        (),  # alerts
        None,  # would_pass
        effects,
        balances,
        None,  # available
        None,  # score
        department.policy_version,
        None,  # duplicate_of
        fingerprint,
        previous_hash,
    )


def _balances(
    plan: Plan, charges: tuple[str, ...], amount: int, released: int, at_s: int
) -> tuple[Balance, ...]:
    """Of the charged periods after it; empty: one is not there, or comes to more than books hold."""
    periods = plan.department.periods
    found = []
    for key in charges:
        period = periods.get(key)
        if period is None:
            return ()
        charge = plan.charge(key)
        limit, posted, held = charge.limit(period, at_s), period.posted + amount, period.held - released
        if posted > TOTAL_MAX or abs(held) > TOTAL_MAX or abs(limit) > TOTAL_MAX:
            return ()
        found.append(Balance(charge.id, charge.label, limit, posted, held))
    return tuple(found)
