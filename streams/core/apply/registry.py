"""Which function applies which effect, by the version of the decision that carries it.

An applier is never changed in what it does to records that may exist: a new meaning is a new version, which
begins as a copy of the one before with that one function replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CapChanged,
    CardChanged,
    CardLocked,
    CardUsed,
    Counted,
    DelegationGiven,
    DelegationTakenBack,
    DepartmentOpened,
    DisputeClosed,
    DisputeStarted,
    Effect,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseGivenBack,
    LeaseRecallSent,
    LeaseTaken,
    ModelTaken,
    PaymentApproved,
    PaymentDeclined,
    PaymentLabelled,
    PaymentVoided,
    PeriodOpened,
    PolicyStored,
    PolicyTaken,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
    ScoreCounted,
    ShardsSet,
)
from streams.core.apply import budgets, controls, leases, payments, periods, requests, settlements
from streams.core.state import Department

Applier = Callable[[Department, Any, Decision, int], None]


def _only_moves(department: Department, effect: Effect, decision: Decision, bucket: int) -> None:
    """All that it changes are periods, other departments by a message, or what others learn from the log."""


_V1: Final[Mapping[type[Effect], Applier]] = {
    HoldPlaced: payments.place_hold,
    HoldReleased: payments.release_hold,
    PaymentApproved: payments.approve,
    PaymentDeclined: payments.decline,
    PaymentVoided: payments.void,
    Posted: payments.post,
    FxDifference: payments.differ,
    PostingUndone: payments.undo_posting,
    Refunded: settlements.refund,
    RefundUndone: settlements.undo_refund,
    DisputeStarted: settlements.open_dispute,
    DisputeClosed: settlements.close_dispute,
    PaymentLabelled: _only_moves,
    ModelTaken: _only_moves,
    Counted: controls.count,
    ScoreCounted: controls.count_score,
    PeriodOpened: periods.open_period,
    DepartmentOpened: controls.open_department,
    BudgetChanged: budgets.set_budget,
    BudgetTakenAway: budgets.remove_budget,
    BudgetIncreaseSet: budgets.set_increase,
    IncreaseAsked: requests.ask_increase,
    IncreaseStep: requests.step,
    IncreaseClosed: requests.close,
    RequestAsked: requests.ask,
    RequestStep: requests.step,
    RequestClosed: requests.close,
    RequestLapsed: requests.lapse,
    DelegationGiven: requests.give_delegation,
    DelegationTakenBack: requests.take_delegation_back,
    PolicyStored: controls.store_policy,
    PolicyTaken: controls.take_policy,
    CardChanged: controls.set_card,
    CardUsed: controls.use_card,
    CardLocked: controls.lock_card,
    CapChanged: leases.set_cap,
    ShardsSet: leases.set_shards,
    LeaseGiven: leases.give_lease,
    LeaseRecallSent: _only_moves,
    LeaseTaken: leases.take_lease,
    LeaseAsked: leases.ask_for_lease,
    LeaseAdded: leases.add_lease,
    LeaseGivenBack: _only_moves,
}
#: Version of a decision -> effect -> what it makes of its department.
APPLIERS: Final[Mapping[int, Mapping[type[Effect], Applier]]] = {1: _V1}
