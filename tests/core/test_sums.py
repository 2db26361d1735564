"""No event makes a sum larger than the books and any JSON reader hold; no payment grows without end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from schemas.decisions import Decision
from schemas.events import (
    AuthorizationReversed,
    BudgetIncreased,
    ClearingPresented,
    Merchant,
    RefundPresented,
)
from schemas.money import LIMIT_MAX, MINOR_MAX, TOTAL_MAX, Money, PositiveMoney
from schemas.reasons import Outcome, ReasonCode
from streams.core.reversals import VOIDED_MAX
from streams.core.settlements import POSTINGS_MAX
from tests.core.test_sealing import Partition

LARGEST = PositiveMoney(MINOR_MAX, "USD")
ONE = PositiveMoney(1, "USD")


def clearing(ops: Partition, authorization_id: str, amount: PositiveMoney = LARGEST) -> Decision:
    members = {"card_id": "c1", "merchant": Merchant(name="M"), "final": False}
    return ops.say(ClearingPresented, authorization_id=authorization_id, amount=amount, **members)


def refund(ops: Partition, number: int, **members: Any) -> Decision:
    members = {"card_id": "c1", "merchant": Merchant(name="M"), "amount": LARGEST} | members
    return ops.say(RefundPresented, refund_id=f"r{number}", **members)


def ops_with_a_budget() -> Partition:
    ops = Partition()
    assert ops.budget().outcome is Outcome.ACCEPTED
    return ops


def refused(decision: Decision, code: ReasonCode = ReasonCode.SUM_OUT_OF_RANGE) -> bool:
    assert not decision.effects or decision.outcome is not Outcome.REJECTED
    return decision.outcome is Outcome.REJECTED and decision.reasons[0].code is code


ADDED: dict[str, Callable[[Partition, int], Decision]] = {
    "clearings of many payments": lambda ops, n: clearing(ops, f"A{n}"),
    "clearings of one payment": lambda ops, n: clearing(ops, "A1"),
    "refunds without a payment": refund,
}


@pytest.mark.parametrize("kind", ADDED)
def test_what_settles_is_posted_up_to_the_largest_sum(kind: str) -> None:
    ops = ops_with_a_budget()
    most = TOTAL_MAX // MINOR_MAX
    for number in range(most):
        assert ADDED[kind](ops, number).outcome is Outcome.ACCEPTED
    periods = ops.state.departments["acme/ops"].periods
    assert {abs(period.posted) for period in periods.values()} == {TOTAL_MAX}
    assert refused(ADDED[kind](ops, most))
    assert refused(clearing(ops, "B", ONE)) is (kind != "refunds without a payment")


def test_a_payment_has_a_largest_sum_though_its_period_was_refunded() -> None:
    ops = ops_with_a_budget()
    for number in range(TOTAL_MAX // MINOR_MAX):
        assert clearing(ops, "A1").outcome is Outcome.ACCEPTED
        assert refund(ops, number).outcome is Outcome.ACCEPTED
    assert refused(clearing(ops, "A1", ONE))
    assert clearing(ops, "A2", ONE).outcome is Outcome.ACCEPTED


def test_what_is_refunded_of_a_payment_has_a_largest_sum() -> None:
    ops = ops_with_a_budget()
    clearing(ops, "A1", ONE)
    for number in range(TOTAL_MAX // MINOR_MAX):
        assert clearing(ops, f"B{number}").outcome is Outcome.ACCEPTED or number
        assert refund(ops, number, authorization_id="A1").outcome is Outcome.ACCEPTED
    assert refused(refund(ops, 99, authorization_id="A1", amount=ONE))


def test_a_limit_with_its_increases_has_a_largest_sum() -> None:
    ops = ops_with_a_budget()
    assert ops.budget(limit=Money(MINOR_MAX, "USD")).outcome is Outcome.ACCEPTED
    months = {"budget_id": "department", "amount": LARGEST, "ends_at": ops.at + timedelta(days=30)}
    for _ in range(LIMIT_MAX // MINOR_MAX - 1):
        assert ops.say(BudgetIncreased, **months).outcome is Outcome.ACCEPTED
    assert refused(ops.say(BudgetIncreased, **(months | {"amount": ONE})))


def test_a_payment_has_a_largest_number_of_clearings() -> None:
    ops = ops_with_a_budget()
    for _ in range(POSTINGS_MAX):
        assert clearing(ops, "A1", ONE).outcome is Outcome.ACCEPTED
    assert refused(clearing(ops, "A1", ONE), ReasonCode.TOO_MANY)
    assert clearing(ops, "A2", ONE).outcome is Outcome.ACCEPTED


def test_a_payment_has_a_largest_number_of_timeouts() -> None:
    ops = ops_with_a_budget()

    def timeout(number: int) -> Decision:
        return ops.say(AuthorizationReversed, authorization_id="A1", request_id=f"q{number}", cause="timeout")

    for number in range(VOIDED_MAX):
        assert timeout(number).outcome is Outcome.ACCEPTED
    assert refused(timeout(VOIDED_MAX), ReasonCode.TOO_MANY)
    assert timeout(0).outcome is Outcome.ACCEPTED, "it is known already"
