"""A purchase with its whole life, in one row or in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from pydantic import ConfigDict, Field

from api.http.paging import NEXT
from api.http.types import MoneyOut, Output
from api.resources.authorizations.answer import (
    AuthorizationOut,
    MerchantOut,
    approved_by,
    authorization_out,
    outcome_of,
)
from api.resources.events.answer import EventDecisionOut, event_decision_out
from api.resources.reasons import ReasonOut, reason_out
from schemas.authorizations import Authorization, Status
from schemas.codec import decode_decision
from schemas.controls import MCC_GROUPS
from schemas.ids import Position
from schemas.names import merchant_key
from schemas.reasons import Outcome


class TransactionStatus(StrEnum):
    """Where a purchase is, in a word for people; its `authorization` has the finer one."""

    HELD = "held"
    SETTLED = "settled"
    DECLINED = "declined"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    VOIDED = "voided"


#: Which of an authorization's each is. Settled in part is settled: `held` tells what is still to come.
STATUSES: Final[Mapping[TransactionStatus, tuple[Status, ...]]] = {
    TransactionStatus.HELD: (Status.APPROVED, Status.PARTIALLY_APPROVED),
    TransactionStatus.SETTLED: (Status.CLEARED, Status.PARTIALLY_CLEARED),
    TransactionStatus.DECLINED: (Status.DECLINED,),
    TransactionStatus.REFUNDED: (Status.REFUNDED,),
    TransactionStatus.DISPUTED: (Status.DISPUTED,),
    TransactionStatus.EXPIRED: (Status.EXPIRED,),
    TransactionStatus.REVERSED: (Status.REVERSED,),
    TransactionStatus.VOIDED: (Status.VOIDED,),
}
_STATUS_OF: Final = {of: status for status, all_of in STATUSES.items() for of in all_of}


class TransactionMerchantOut(MerchantOut):
    """Who was paid."""

    model_config = ConfigDict(title="TransactionMerchant")

    key: str = Field(
        description="the name without the mark of a payment facilitator and the number of a branch or bill",
        examples=["blue bottle coffee"],
    )
    groups: list[str] = Field(
        description="groups of categories that the MCC is in", examples=[["restaurant"]]
    )


class TransactionOut(Output):
    """A purchase as it stands at `position`. What it cost is settled - refunded - recovered."""

    model_config = ConfigDict(title="Transaction")

    transaction_id: str = Field(description="that of its authorization", examples=["auth_7f3a"])
    organization_id: str
    department_id: str
    status: TransactionStatus
    outcome: Outcome | None = Field(
        description="of its request; null: none came, but a clearing or a refund", examples=["approved"]
    )
    amount: MoneyOut = Field(description="what it comes to now: settled, else held, else requested")
    requested: MoneyOut
    approved: MoneyOut
    held: MoneyOut
    settled: MoneyOut
    refunded: MoneyOut
    disputed: MoneyOut
    recovered: MoneyOut = Field(description="in won disputes")
    card_id: str | None
    cardholder: str | None
    merchant: TransactionMerchantOut | None
    created_at: datetime | None = Field(description="when it was first heard of; lists go by it")
    updated_at: datetime | None
    flagged: bool = Field(description="by the model, when its request was answered")
    review: bool = Field(description="a rule wants somebody to look at it")
    reasons: list[ReasonOut] = Field(description="why it was not approved in full", examples=[[]])
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class TransactionListOut(Output):
    """A page of transactions."""

    model_config = ConfigDict(title="Transactions")

    transactions: list[TransactionOut]
    next: str | None = Field(description=NEXT)


class TransactionMessageOut(EventDecisionOut):
    """One message of its life, and what was decided."""

    model_config = ConfigDict(title="TransactionMessage")

    occurred_at: datetime | None
    recorded_at: datetime


class BookingOut(Output):
    """One transfer between two accounts."""

    model_config = ConfigDict(title="Booking")

    kind: str = Field(examples=["clearing"])
    layer: str = Field(description="pending: held; posted: settled", examples=["posted"])
    debit_account: str = Field(examples=["department:techcorp/engineering:card-spend"])
    credit_account: str = Field(examples=["organization:techcorp:card-payable"])
    amount: MoneyOut
    period: str | None = Field(description="of the department's budget", examples=["2026-03"])
    occurred_at: datetime | None
    recorded_at: datetime
    position: str = Field(description="`partition:seq` of the decision that it books", examples=["3:1042"])


class TransactionDetailOut(TransactionOut):
    """A purchase with every message of its life, its bookings, and why it was answered as it was."""

    model_config = ConfigDict(title="TransactionDetail")

    authorization: AuthorizationOut = Field(
        description="all totals, and the explanation: reasons with their numbers, the model's score and what "
        "it came from, what rules in trial would have said, and what would pass"
    )
    messages: list[TransactionMessageOut] = Field(
        description="oldest first; of very many the latest 200. Repeats and rejected ones moved nothing and "
        "are not among them"
    )
    bookings: list[BookingOut] = Field(description="oldest first")


def transaction_out(found: Authorization) -> TransactionOut:
    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=found.currency)

    outcome = outcome_of(found)
    return TransactionOut(
        transaction_id=found.authorization_id,
        organization_id=found.organization_id,
        department_id=found.department_id,
        status=_STATUS_OF[found.status],
        outcome=outcome if found.requested else None,
        amount=of(found.amount),
        requested=of(found.requested),
        approved=of(approved_by(found, outcome)),
        held=of(found.held),
        settled=of(found.posted),
        refunded=of(found.refunded),
        disputed=of(found.disputed),
        recovered=of(found.recovered),
        card_id=found.card_id,
        cardholder=found.cardholder,
        merchant=_merchant_out(found),
        created_at=found.created_at,
        updated_at=found.updated_at,
        flagged=found.flagged,
        review=bool(found.reviews),
        reasons=[reason_out(reason) for reason in found.reasons],
        position=f"{found.partition}:{found.seq}",
    )


def _merchant_out(found: Authorization) -> TransactionMerchantOut | None:
    merchant = found.merchant
    if merchant is None:
        return None
    return TransactionMerchantOut(
        name=merchant.name,
        mcc=merchant.mcc,
        country=merchant.country,
        id=merchant.id,
        key=merchant_key(merchant.name),
        groups=groups_of(merchant.mcc),
    )


def groups_of(mcc: str | None) -> list[str]:
    """Groups of categories that have this MCC."""
    if mcc is None or not (mcc.isascii() and mcc.isdigit()):
        return []
    number = int(mcc)
    return [
        name for name, ranges in MCC_GROUPS.items() if any(first <= number <= last for first, last in ranges)
    ]


def mccs_of(group: str) -> tuple[str, ...]:
    """All MCCs of a group. Raises KeyError for one that is unknown."""
    ranges = MCC_GROUPS[group]
    return tuple(f"{mcc:04}" for first, last in ranges for mcc in range(first, last + 1))


@cache
def category_of_mcc() -> dict[str, str]:
    """Each MCC's one category, so that groups add up: of several the last, which is the narrower one."""
    found: dict[str, str] = {}
    for group in MCC_GROUPS:
        found |= dict.fromkeys(mccs_of(group), group)
    return found


def transaction_detail_out(found: Authorization, life: Mapping[str, Any]) -> TransactionDetailOut:
    """`life`: the row of transaction_life.sql."""
    return TransactionDetailOut(
        **dict(transaction_out(found)),
        authorization=authorization_out(found),
        messages=[message_out(record) for record in life["records"]],
        bookings=bookings_out(found.partition, life["bookings"]),
    )


def message_out(record: str) -> TransactionMessageOut:
    """`record`: a decision as it stands in the log."""
    decision = decode_decision(record.encode())
    told = event_decision_out(decision, decision.position, whole=True)
    return TransactionMessageOut(
        **dict(told), occurred_at=decision.occurred_at, recorded_at=decision.recorded_at
    )


def bookings_out(partition: int, rows: Sequence[Mapping[str, Any]]) -> list[BookingOut]:
    return [
        BookingOut(
            kind=row["kind"],
            layer=row["layer"],
            debit_account=row["debit_account"],
            credit_account=row["credit_account"],
            amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
            period=row["period"],
            occurred_at=row["occurred_at"],
            recorded_at=row["recorded_at"],
            position=str(Position(partition, row["seq"])),
        )
        for row in rows
    ]
