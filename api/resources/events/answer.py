"""Answers to events of any type."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from api.http.types import MoneyOut, Output, PendingOut, money
from api.resources.reasons import ReasonOut, WouldPassOut, reason_out, would_pass_out
from schemas.decisions import Balance, Decision
from schemas.effects import PolicyStored, PolicyTaken
from schemas.ids import Position
from schemas.reasons import ANSWERS


class BalanceOut(Output):
    """One budget's (or limit's) period after the decision."""

    model_config = ConfigDict(title="Balance")

    budget: str = Field(examples=["department"])
    period: str = Field(examples=["2026-03"])
    limit: MoneyOut
    posted: MoneyOut
    held: MoneyOut
    available: MoneyOut


class EventDecisionOut(Output):
    """What became of an event: the same for every repeat of it."""

    model_config = ConfigDict(title="EventDecision")

    type: str = Field(examples=["clearing.presented"])
    department_id: str
    authorization_id: str | None
    outcome: Literal["approved", "partially_approved", "declined", "accepted"]
    response_code: str = Field(description="ISO 8583 field 39", examples=["00"])
    reasons: list[ReasonOut] = Field(examples=[[]])
    review: bool = Field(description="approved, and somebody should look at it", examples=[False])
    reviews: list[ReasonOut] = Field(examples=[[]])
    shadows: list[ReasonOut] = Field(
        description="what rules with the action `shadow` would have said; they change no answer",
        examples=[[]],
    )
    alerts: list[str] = Field(
        description="what somebody should look at, though nothing could be refused",
        examples=[["over_capture"]],
    )
    amount: MoneyOut | None
    approved: MoneyOut | None = Field(description="of a request or an increment: all, a part, or 0")
    would_pass: WouldPassOut | None = Field(examples=[None])
    available: MoneyOut | None = Field(description="of a balance inquiry: what the card may spend now")
    actor: str | None = Field(
        description="of what people do: the actor of the key with which it was done; null in a repeat while "
        "the ledger cannot be asked",
        examples=["ada@example.com"],
    )
    policy_version: int | None = Field(
        description="the policy that applied; of a draft: its own version", examples=[0]
    )
    balances: list[BalanceOut] | None = Field(
        description="the budgets and limits that it counts in, after it; null in a repeat while the ledger "
        "cannot be asked"
    )
    position: str = Field(description="`partition:seq` of the first decision", examples=["3:1042"])


class EventPendingOut(PendingOut):
    """Not decided within the wait; `Location`, where there is one, will show what it is about."""

    model_config = ConfigDict(title="EventPending")

    type: str
    department_id: str
    event_id: str = Field(description="names it in a timeout: `request_id` of `authorization.reversed`")


def event_decision_out(decision: Decision, first: Position, *, whole: bool) -> EventDecisionOut:
    """`whole`: `decision` is the first one, with all that it said."""
    currency = decision.currency
    asked = decision.outcome in ANSWERS and decision.amount is not None
    assert decision.event_type and decision.department_id
    return EventDecisionOut(
        type=decision.event_type,
        department_id=decision.department_id,
        authorization_id=decision.authorization_id,
        outcome=decision.outcome.value,  # type: ignore[arg-type]  # a rejection is a problem, not a body
        response_code=decision.response_code,
        reasons=[reason_out(reason) for reason in decision.reasons],
        review=decision.granted > 0 and bool(decision.reviews),
        reviews=[reason_out(reason) for reason in decision.reviews],
        shadows=[reason_out(reason) for reason in decision.shadows],
        alerts=list(decision.alerts),
        amount=money(decision.amount, currency),
        approved=money(decision.granted, currency) if asked else None,
        would_pass=would_pass_out(decision.would_pass, currency),
        available=money(decision.available, currency),
        actor=decision.actor,
        policy_version=_policy_version(decision),
        balances=[_balance_out(balance, currency) for balance in decision.balances]
        if whole and currency is not None
        else None,
        position=str(first),
    )


def _policy_version(decision: Decision) -> int | None:
    for effect in decision.effects:
        if isinstance(effect, PolicyStored | PolicyTaken):
            return effect.policy_version
    return decision.policy_version


def _balance_out(balance: Balance, currency: str) -> BalanceOut:
    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=currency)

    return BalanceOut(
        budget=balance.budget,
        period=balance.period,
        limit=of(balance.limit),
        posted=of(balance.posted),
        held=of(balance.held),
        available=of(balance.available),
    )
