"""Rows of requests that people approve, and of delegations."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, Self

from schemas.administration import BudgetId
from schemas.decisions import Decision
from schemas.effects import DelegationGiven, IncreaseAsked, RequestAsked
from schemas.event import ShortText
from schemas.ids import Identifier, Name
from schemas.money import CurrencyCode, PositiveMinorUnits
from schemas.requests import Person, RequestKind
from sinks.ledger.kinds import Json
from sinks.ledger.rows.common import as_json, currency_of, names_of


class RequestRow(NamedTuple):
    """Of `approval_request`, as it was asked. As JSON: `levels`: who may approve at each; `budget`, `card`:
    what the last approval sets, where it is no increase."""

    organization_id: Name
    department_id: Name
    request_id: Identifier
    kind: RequestKind
    budget_id: BudgetId
    currency: CurrencyCode
    amount: PositiveMinorUnits
    starts_at: datetime | None
    ends_at: datetime | None
    budget: Json | None
    card: Json | None
    asked_by: ShortText
    asked_at: datetime | None
    reason: ShortText | None
    levels: Json
    lapses_at: datetime | None
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: IncreaseAsked | RequestAsked) -> Self:
        budget = effect.budget if isinstance(effect, RequestAsked) else None
        card = effect.card if isinstance(effect, RequestAsked) else None
        kind: RequestKind = "increase" if budget is None else "budget" if card is None else "card"
        return cls(
            *names_of(decision, effect.request_id),
            kind=kind,
            budget_id=effect.budget_id if isinstance(effect, IncreaseAsked) else effect.budget.budget_id,
            currency=currency_of(decision),
            amount=effect.amount if isinstance(effect, IncreaseAsked) else effect.budget.limit,
            starts_at=effect.starts_at if isinstance(effect, IncreaseAsked) else None,
            ends_at=effect.ends_at if isinstance(effect, IncreaseAsked) else None,
            budget=None if budget is None else as_json(budget),
            card=None if card is None else as_json(card),
            asked_by=effect.asked_by,
            asked_at=decision.occurred_at,
            reason=effect.reason,
            levels=as_json(effect.levels),
            lapses_at=effect.lapses_at,
            partition=decision.partition,
            seq=decision.seq,
        )


class ApprovedRow(NamedTuple):
    """Of `approval_request`: one level more has approved it. `on_behalf_of`: "" for himself."""

    organization_id: Name
    department_id: Name
    request_id: Identifier
    approved_by: str
    on_behalf_of: str
    seq: int


class ClosedRow(NamedTuple):
    """Of `approval_request`: how it ended. `refusal_reason`: as who refused gave it."""

    organization_id: Name
    department_id: Name
    request_id: Identifier
    status: Literal["approved", "refused", "lapsed"]
    refused_by: ShortText | None
    refused_on_behalf_of: ShortText | None
    refusal_reason: ShortText | None
    closed_at: datetime | None
    seq: int


class DelegationRow(NamedTuple):
    """Of `delegation`: who answers for somebody while he is away."""

    organization_id: Name
    department_id: Name
    absent: Person
    delegate: Person
    starts_at: datetime
    until: datetime
    set_by: Person
    partition: int
    seq: int

    @classmethod
    def of(cls, decision: Decision, effect: DelegationGiven) -> Self:
        return cls(
            *names_of(decision, effect.absent),
            delegate=effect.delegate,
            starts_at=effect.starts_at,
            until=effect.until,
            set_by=effect.set_by,
            partition=decision.partition,
            seq=decision.seq,
        )


class TakenBackRow(NamedTuple):
    """Of `delegation`: it ended before its time."""

    organization_id: Name
    department_id: Name
    absent: Person
    ended_by: Person
    ended_at: datetime
    seq: int
