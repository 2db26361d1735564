"""Rows of what comes to what: periods and their limits, refunds, disputes, a company's cap and its leases."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, Self

from schemas.decisions import Decision
from schemas.effects import CapChanged, DisputeStarted, Refunded
from schemas.event import ShortText
from schemas.ids import Identifier, Name
from schemas.money import CurrencyCode, MinorUnits, PositiveMinorUnits
from sinks.ledger.kinds import (
    Charged,
    Json,
    PeriodLabel,
    SignedTotal,
    StartDay,
    StartMonth,
    Total,
    Zone,
)
from sinks.ledger.rows.common import as_json, currency_of, names_of

Side = Literal["treasury", "department"]
LeaseKey = tuple[str, str, str, Side]  # organization, who holds it, period, in whose partition


class PeriodRow(NamedTuple):
    """Of `budget_period`: the balance of a budget's, limit's or lease's `period` after decision `seq`."""

    organization_id: Name
    department_id: Name
    budget_id: Charged
    period: ShortText
    limit_minor: SignedTotal
    posted_minor: SignedTotal
    held_minor: Total
    partition: int
    seq: int


class LimitRow(NamedTuple):
    """Of `limit_change`: the limit of the department's own budget in `period` from decision `seq` on.

    `sure` False: the limit before it is not known here, so it may be no change.
    """

    organization_id: Name
    department_id: Name
    period: PeriodLabel
    partition: int
    seq: int
    limit_minor: SignedTotal
    occurred_at: datetime
    recorded_at: datetime
    sure: bool


class RefundRow(NamedTuple):
    """Of `refund`, as it was presented."""

    organization_id: Name
    department_id: Name
    refund_id: Identifier
    authorization_id: Identifier | None
    card_id: Identifier | None
    currency: CurrencyCode
    amount: int
    occurred_at: datetime | None
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: Refunded) -> Self:
        return cls(
            *names_of(decision, effect.refund_id),
            authorization_id=effect.authorization_id,
            card_id=decision.card_id,
            currency=currency_of(decision),
            amount=effect.amount,
            occurred_at=decision.occurred_at,
            partition=decision.partition,
            seq=decision.seq,
        )


class UndoneRow(NamedTuple):
    """Of `refund`: `undone` minor units more of it were taken back."""

    organization_id: Name
    department_id: Name
    refund_id: Identifier
    undone: int
    seq: int


class DisputeRow(NamedTuple):
    """Of `dispute`, as it was opened."""

    organization_id: Name
    department_id: Name
    dispute_id: Identifier
    authorization_id: Identifier
    currency: CurrencyCode
    amount: PositiveMinorUnits
    provisional: bool
    opened_at: datetime | None
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: DisputeStarted) -> Self:
        return cls(
            *names_of(decision, effect.dispute_id),
            authorization_id=effect.authorization_id,
            currency=currency_of(decision),
            amount=effect.amount,
            provisional=effect.provisional,
            opened_at=decision.occurred_at,
            partition=decision.partition,
            seq=decision.seq,
        )


class ResolvedRow(NamedTuple):
    """Of `dispute`: how it ended."""

    organization_id: Name
    department_id: Name
    dispute_id: Identifier
    status: str
    resolved_at: datetime | None
    seq: int


class CapRow(NamedTuple):
    """Of `company_cap`; `departments`: their ids as a JSON array."""

    organization_id: Name
    currency: CurrencyCode
    limit_minor: MinorUnits
    calendar: str
    time_zone: Zone
    start_day: StartDay
    start_month: StartMonth
    departments: Json
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: CapChanged) -> Self:
        organization, _, departments = names_of(decision, as_json(effect.departments))
        calendar = effect.calendar
        return cls(
            organization,
            currency=currency_of(decision),
            limit_minor=effect.limit,
            calendar=calendar.period,
            time_zone=calendar.time_zone,
            start_day=calendar.start_day,
            start_month=calendar.start_month,
            departments=departments,
            partition=decision.partition,
            seq=decision.seq,
        )


class LeaseRow(NamedTuple):
    """Of `lease`: `moved` minor units are added to what was leased."""

    organization_id: Name
    department_id: Name
    period: ShortText
    side: Side
    moved: int
    partition: int
    seq: int


class AskedRow(NamedTuple):
    """Of `lease`: what is asked for, or owed, beyond it. 0: nothing any more."""

    organization_id: Name
    department_id: Name
    period: ShortText
    side: Side
    asked_minor: MinorUnits
