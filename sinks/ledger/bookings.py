"""Decision to double entry: each effect that moves money is a transfer, balanced by construction.

Holds are encumbrances in the pending layer; what is settled is in the posted layer. Nothing is netted and
nothing is computed twice: the amounts are the effects' own. docs/ledger.md has the chart of accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from schemas.bookings import BookingKind, Layer
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
    Effects,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    IncreaseAsked,
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
from sinks.errors import PartitionBroken
from sinks.ledger.accounts import Accounts, accounts_of


class Transfer(NamedTuple):
    """A row of table `transfer`, its columns in this order. `amount`: minor units of `currency`, above 0.

    `period`: of the department's own budget; None: a provisional credit, which counts in no budget.
    """

    partition: int
    seq: int
    n: int
    leg: int
    organization_id: str
    department_id: str
    authorization_id: str | None
    layer: Layer
    kind: BookingKind
    debit_account: str
    credit_account: str
    amount: int
    currency: str
    period: str | None
    compensates_seq: int | None
    occurred_at: datetime | None
    recorded_at: datetime


class BookingRule(NamedTuple):
    """How an effect is booked; `debit` and `credit` are indices into `Accounts`."""

    layer: Layer
    kind: BookingKind
    debit: int
    credit: int


class Leg(NamedTuple):
    """One of an effect's transfers. `number`: 1 for the FX difference in a correction, 0 for all else."""

    rule: BookingRule
    amount: int
    number: int = 0


_ENCUMBRANCE, _RESERVE, _SPEND, _FX, _PAYABLE, _PROVISIONAL = range(len(Accounts._fields))

_HOLD = BookingRule("pending", "hold", _ENCUMBRANCE, _RESERVE)
_RELEASE = BookingRule("pending", "release", _RESERVE, _ENCUMBRANCE)
_EXPIRY = BookingRule("pending", "expiry", _RESERVE, _ENCUMBRANCE)
_CLEARING = BookingRule("posted", "clearing", _SPEND, _PAYABLE)
_FX_LOSS = BookingRule("posted", "fx_difference", _FX, _PAYABLE)
_FX_GAIN = BookingRule("posted", "fx_difference", _PAYABLE, _FX)
_UNDO = BookingRule("posted", "correction", _PAYABLE, _SPEND)
_UNDO_FX_LOSS = BookingRule("posted", "correction", _PAYABLE, _FX)
_UNDO_FX_GAIN = BookingRule("posted", "correction", _FX, _PAYABLE)
_REFUND = BookingRule("posted", "refund", _PAYABLE, _SPEND)
_REFUND_REVERSAL = BookingRule("posted", "refund_reversal", _SPEND, _PAYABLE)
_PROVISIONAL_CREDIT = BookingRule("posted", "provisional_credit", _PAYABLE, _PROVISIONAL)
_WON = BookingRule("posted", "dispute_won", _PAYABLE, _SPEND)
_WON_PROVISIONAL = BookingRule("posted", "dispute_won", _PROVISIONAL, _SPEND)
_LOST_PROVISIONAL = BookingRule("posted", "dispute_lost", _PROVISIONAL, _PAYABLE)


def legs_of(effect: Effects) -> tuple[Leg, ...]:
    """The transfers of one effect; none: it moves no money."""
    match effect:
        case HoldPlaced():
            return (Leg(_HOLD, effect.amount),)
        case HoldReleased():
            return (Leg(_EXPIRY if effect.cause == "expiry" else _RELEASE, effect.amount),)
        case Posted():
            return (Leg(_CLEARING, effect.amount),)
        case FxDifference():
            return (Leg(_FX_LOSS if effect.direction == "loss" else _FX_GAIN, effect.amount),)
        case PostingUndone():
            return _undone(effect)
        case Refunded():
            return (Leg(_REFUND, effect.amount),)
        case RefundUndone():
            return (Leg(_REFUND_REVERSAL, effect.amount),)
        case DisputeStarted():
            return (Leg(_PROVISIONAL_CREDIT, effect.amount),) if effect.provisional else ()
        case DisputeClosed():
            return _closed(effect)
        case PaymentVoided() | BudgetChanged() | BudgetTakenAway() | BudgetIncreaseSet():
            return ()
        case IncreaseAsked() | RequestAsked() | RequestStep() | RequestClosed() | RequestLapsed():
            return ()
        case DelegationGiven() | DelegationTakenBack():
            return ()
        case (
            PaymentApproved()
            | PaymentDeclined()
            | Counted()
            | ScoreCounted()
            | PeriodOpened()
            | DepartmentOpened()
        ):
            return ()
        case CardUsed() | CardLocked() | PaymentLabelled() | ModelTaken():
            return ()
        case PolicyStored() | PolicyTaken() | CardChanged() | CapChanged() | ShardsSet():
            return ()
        case LeaseGiven() | LeaseRecallSent() | LeaseTaken() | LeaseAsked() | LeaseAdded() | LeaseGivenBack():
            return ()  # a lease is room in a limit, not money
        case _:
            assert_never(effect)


def _undone(effect: PostingUndone) -> tuple[Leg, ...]:
    """Posting and FX difference were two transfers, so two take them back."""
    posting = Leg(_UNDO, effect.amount)
    if effect.fx == 0:
        return (posting,)
    return posting, Leg(_UNDO_FX_LOSS if effect.fx > 0 else _UNDO_FX_GAIN, abs(effect.fx), 1)


def _closed(effect: DisputeClosed) -> tuple[Leg, ...]:
    if effect.outcome == "won":
        return (Leg(_WON_PROVISIONAL if effect.provisional else _WON, effect.amount),)
    return (Leg(_LOST_PROVISIONAL, effect.amount),) if effect.provisional else ()


# What nearly every payment makes. By type and not by match, which asks one class after the other.
_USUAL: Mapping[type[Effect], BookingRule] = {
    HoldPlaced: _HOLD,
    HoldReleased: _RELEASE,
    Posted: _CLEARING,
    Refunded: _REFUND,
}


class Bookkeeper:
    """Transfers of many decisions; remembers account names, which are the same in most of them."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], Accounts] = {}

    def transfers(self, decisions: Iterable[Decision]) -> list[Transfer]:
        """Raises PartitionBroken where an effect lacks what a booking needs."""
        rows: list[Transfer] = []
        for decision in decisions:
            effect: Any
            for n, effect in enumerate(decision.effects):
                usual = _USUAL.get(type(effect))
                if usual is not None and (usual is not _RELEASE or effect.cause != "expiry"):
                    rows.append(self._row(decision, n, effect, usual, effect.amount, 0))
                else:
                    rows += [self._row(decision, n, effect, *leg) for leg in legs_of(effect)]
        return rows

    def _row(
        self, decision: Decision, n: int, effect: Any, rule: BookingRule, amount: int, number: int
    ) -> Transfer:
        organization, department = decision.organization_id, decision.department_id
        currency = decision.currency
        if organization is None or department is None or currency is None:
            raise PartitionBroken(
                f"decision {decision.position}: effects without organization, department or currency"
            )
        if amount <= 0:
            raise PartitionBroken(f"decision {decision.position}: effect {n} moves {amount}")
        layer, kind, debit, credit = rule
        if kind == "provisional_credit":
            period = None
        elif effect.charges:
            period = effect.charges[0].rpartition("@")[2]
        else:
            raise PartitionBroken(f"decision {decision.position}: effect {n} counts in no budget")
        names = self._accounts.get((organization, department)) or self._names(organization, department)
        row = (
            decision.partition,
            decision.seq,
            n,
            number,
            organization,
            department,
            effect.authorization_id,
            layer,
            kind,
            names[debit],
            names[credit],
            amount,
            currency,
            period,
            effect.of_seq if kind == "correction" else None,
            decision.occurred_at,
            decision.recorded_at,
        )
        return tuple.__new__(Transfer, row)  # half the time of Transfer(*row)

    def _names(self, organization: str, department: str) -> Accounts:
        names = self._accounts[organization, department] = accounts_of(organization, department)
        return names
