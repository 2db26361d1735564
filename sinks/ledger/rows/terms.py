"""Rows of what people set: budgets, increases, policies, cards."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple, Self

from schemas.administration import BudgetId
from schemas.decisions import Decision
from schemas.effects import BudgetChanged, BudgetTakenAway, CardChanged
from schemas.event import ShortText
from schemas.ids import Identifier, Name
from schemas.money import CurrencyCode, MinorUnits, PositiveMinorUnits
from sinks.ledger.kinds import (
    BudgetName,
    Json,
    StartDay,
    StartMonth,
    Zone,
)
from sinks.ledger.rows.common import as_json, currency_of, names_of


class BudgetRow(NamedTuple):
    """Of `budget`. Amounts: minor units of `currency`; `limit_minor`: of each period, without increases."""

    organization_id: Name
    department_id: Name
    budget_id: BudgetId
    level: str
    subject: Identifier | None
    name: BudgetName
    currency: CurrencyCode
    limit_minor: MinorUnits
    tolerance_minor: MinorUnits
    calendar: str
    time_zone: Zone
    start_day: StartDay
    start_month: StartMonth
    removed: bool
    partition: int
    seq: int
    changed_by: ShortText | None
    changed_at: datetime

    @classmethod
    def of(cls, decision: Decision, effect: BudgetChanged) -> Self:
        calendar = effect.calendar
        return cls(
            *names_of(decision, effect.budget_id),
            level=effect.level,
            subject=effect.subject,
            name=effect.name,
            currency=currency_of(decision),
            limit_minor=effect.limit,
            tolerance_minor=effect.tolerance,
            calendar=calendar.period,
            time_zone=calendar.time_zone,
            start_day=calendar.start_day,
            start_month=calendar.start_month,
            removed=False,
            partition=decision.partition,
            seq=decision.seq,
            changed_by=decision.actor,
            changed_at=decision.occurred_at or decision.recorded_at,
        )


class RemovedRow(NamedTuple):
    """Of `budget`: it no longer limits."""

    organization_id: Name
    department_id: Name
    budget_id: BudgetId
    seq: int
    changed_by: ShortText | None
    changed_at: datetime

    @classmethod
    def of(cls, decision: Decision, effect: BudgetTakenAway) -> Self:
        return cls(
            *names_of(decision, effect.budget_id),
            seq=decision.seq,
            changed_by=decision.actor,
            changed_at=decision.occurred_at or decision.recorded_at,
        )


class IncreaseRow(NamedTuple):
    """Of `budget_increase`. `removed_seq`: of the decision that removed its budget later in the batch."""

    organization_id: Name
    department_id: Name
    budget_id: BudgetId
    amount: PositiveMinorUnits
    starts_at: datetime
    ends_at: datetime
    partition: int
    seq: int
    removed_seq: int | None = None


class PolicyRow(NamedTuple):
    """Of `policy_version`: drafted in decision `drafted_seq`. `policy`: schemas.controls.Policy as JSON.

    Nobody drafted version 0: departments are opened with it. `active`: until an `ActivationRow` says more.
    """

    organization_id: Name
    department_id: Name
    version: int
    policy: Json
    drafted_seq: int | None
    drafted_at: datetime | None
    active: bool
    partition: int


class ActivationRow(NamedTuple):
    """Of `policy_version`: put in force by decision `activated_seq`. `active`: still at the batch's end."""

    organization_id: Name
    department_id: Name
    version: int
    activated_seq: int
    activated_at: datetime | None
    active: bool


class CardRow(NamedTuple):
    """Of `card`; `body`: schemas.controls.Card as JSON."""

    organization_id: Name
    department_id: Name
    card_id: Identifier
    status: str
    employee: ShortText | None
    team: Name | None
    expires_on: date | None
    body: Json
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: CardChanged) -> Self:
        card = effect.card
        return cls(
            *names_of(decision, card.card_id),
            status=card.status,
            employee=card.employee,
            team=card.team,
            expires_on=card.expires_on,
            body=as_json(card),
            partition=decision.partition,
            seq=decision.seq,
        )
