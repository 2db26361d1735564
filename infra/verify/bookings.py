"""Which transfers the ledger must have of a decision: the accounts once more, apart from the sinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.decisions import Decision
from schemas.effects import (
    Charges,
    DisputeClosed,
    DisputeStarted,
    Effects,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)


class Booking(NamedTuple):
    """What a transfer must be. `n`: index of its effect in the decision; `leg`: of the effect's transfers.

    `period`: of the department's own budget. `compensates_seq`: the decision whose posting is taken back.
    """

    n: int
    leg: int
    authorization_id: str | None
    layer: str
    kind: str
    debit: str
    credit: str
    amount: int
    currency: str
    period: str | None
    compensates_seq: int | None


class Entry(NamedTuple):
    """One debit and one credit of the same amount, accounts by their short names."""

    kind: str
    debit: str
    credit: str
    amount: int


HELD, RESERVE = "encumbrance", "encumbrance-reserve"
SPEND, PAYABLE, FX, PROVISIONAL = "card-spend", "card-payable", "fx-difference", "provisional-credit"
_OF_ORGANIZATION = (PAYABLE, PROVISIONAL)
_PENDING = (HELD, RESERVE)


def bookings(decision: Decision) -> Iterator[Booking]:
    """In the order of the effects."""
    for n, effect in enumerate(decision.effects):
        charges: Charges = getattr(effect, "charges", ())
        for leg, (kind, debit, credit, amount) in enumerate(_entries(effect)):
            yield Booking(
                n,
                leg,
                getattr(effect, "authorization_id", None),
                "pending" if debit in _PENDING else "posted",
                kind,
                _account(decision, debit),
                _account(decision, credit),
                amount,
                decision.currency or "?",
                charges[0].rpartition("@")[2] if charges else None,
                effect.of_seq if isinstance(effect, PostingUndone) else None,
            )


def _account(decision: Decision, name: str) -> str:
    if name in _OF_ORGANIZATION:
        return f"organization:{decision.organization_id}:{name}"
    return f"department:{decision.organization_id}/{decision.department_id}:{name}"


def _entries(effect: Effects) -> Iterator[Entry]:
    match effect:
        case HoldPlaced(amount=amount):
            yield Entry("hold", HELD, RESERVE, amount)
        case HoldReleased(amount=amount, cause=cause):
            yield Entry("expiry" if cause == "expiry" else "release", RESERVE, HELD, amount)
        case Posted(amount=amount):
            yield Entry("clearing", SPEND, PAYABLE, amount)
        case FxDifference(amount=amount, direction="loss"):
            yield Entry("fx_difference", FX, PAYABLE, amount)
        case FxDifference(amount=amount):
            yield Entry("fx_difference", PAYABLE, FX, amount)
        case PostingUndone(amount=amount, fx=fx):
            yield Entry("correction", PAYABLE, SPEND, amount)
            if fx:
                debit, credit = (PAYABLE, FX) if fx > 0 else (FX, PAYABLE)
                yield Entry("correction", debit, credit, abs(fx))
        case Refunded(amount=amount):
            yield Entry("refund", PAYABLE, SPEND, amount)
        case RefundUndone(amount=amount):
            yield Entry("refund_reversal", SPEND, PAYABLE, amount)
        case DisputeStarted(amount=amount, provisional=True):
            yield Entry("provisional_credit", PAYABLE, PROVISIONAL, amount)
        case DisputeClosed(outcome="won", amount=amount, provisional=provisional):
            yield Entry("dispute_won", PROVISIONAL if provisional else PAYABLE, SPEND, amount)
        case DisputeClosed(amount=amount, provisional=True):
            yield Entry("dispute_lost", PROVISIONAL, PAYABLE, amount)
