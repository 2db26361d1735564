"""Short words for events of one department, `acme/sales`, and for what is looked at in its decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import msgspec

from infra.verify.report import Report
from schemas.controls import Card, Policy, Rules
from schemas.decisions import Balance, Decision
from schemas.effects import Effects, HoldPlaced
from schemas.events import (
    AuthorizationRequested,
    BudgetSet,
    CapSet,
    CardSet,
    ClearingPresented,
    Event,
    Merchant,
    PolicyDrafted,
)
from schemas.money import Money, PositiveMoney
from schemas.reasons import Outcome
from tests.verify.logs import Company, violated

E = TypeVar("E", bound=Event)
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
SHOP = Merchant(name="Shop", mcc="5411", country="DE")
CARD = "card-7"
_ids = count(1)


def usd(minor: int) -> PositiveMoney:
    return PositiveMoney(minor, "USD")


def at(days: float = 0) -> datetime:
    """So many days after the noon at which stories begin."""
    return NOON + timedelta(days=days)


def event(kind: type[E], days: float = 0, department: str = "sales", **members: Any) -> E:
    """An event `days` after NOON, with an id of its own."""
    return kind(
        event_id=f"event-{next(_ids)}",
        organization_id="acme",
        department_id=department,
        occurred_at=at(days),
        **members,
    )


def budget(limit: int, days: float = 0, department: str = "sales", **members: Any) -> BudgetSet:
    return event(BudgetSet, days, department, name="Budget", limit=Money(limit, "USD"), **members)


def cap(limit: int, *departments: str, days: float = 0) -> CapSet:
    return event(CapSet, days, "_treasury", limit=Money(limit, "USD"), departments=departments)


def policy(*rules: Rules, days: float = 0, **members: Any) -> PolicyDrafted:
    return event(PolicyDrafted, days, policy=Policy(rules=rules, **members), activate=True)


def card(days: float = 0, **members: Any) -> CardSet:
    return event(CardSet, days, card=Card(card_id=CARD, **members))


def request(name: str, amount: int, days: float = 0, **members: Any) -> AuthorizationRequested:
    asked: dict[str, Any] = {"merchant": SHOP, "card_id": CARD} | members
    return event(AuthorizationRequested, days, authorization_id=name, amount=usd(amount), **asked)


def clear(name: str, amount: int, days: float = 0, **members: Any) -> ClearingPresented:
    return event(ClearingPresented, days, authorization_id=name, amount=usd(amount), card_id=CARD, **members)


def company(*events: Event) -> tuple[Company, list[Decision]]:
    """A company that was told these, each recorded 60 days after NOON at the latest, and its decisions."""
    told = Company()
    return told, told.tell(*events, recorded_at=at(300))


def lie(told: Company, decision: Decision, **members: Any) -> None:
    """Another decision in the place of this one; the books and the hash chain follow it."""
    told.at(decision).change(decision.seq, **members)


def effects_with(decision: Decision, n: int, **members: Any) -> tuple[Effects, ...]:
    """The decision's effects, with other members in effect `n`."""
    changed = msgspec.structs.replace(decision.effects[n], **members)
    return (*decision.effects[:n], changed, *decision.effects[n + 1 :])


def balances_with(decision: Decision, budget_id: str, **members: Any) -> tuple[Balance, ...]:
    """The decision's balances, with other members in that of the budget."""
    return tuple(
        msgspec.structs.replace(balance, **members) if balance.budget == budget_id else balance
        for balance in decision.balances
    )


def held_more(decision: Decision, amount: int) -> tuple[Balance, ...]:
    """The decision's balances with `amount` more held in each: those of an approval."""
    return tuple(msgspec.structs.replace(found, held=found.held + amount) for found in decision.balances)


def hold(
    decision: Decision, amount: int, days: float = 7, charges: tuple[str, ...] | None = None
) -> HoldPlaced:
    """A hold as the approval of a declined request would place it."""
    occurred_at, name = decision.occurred_at, decision.authorization_id
    assert occurred_at is not None
    assert name is not None
    return HoldPlaced(
        authorization_id=name,
        amount=amount,
        charges=charges or tuple(balance.key for balance in decision.balances),
        expires_at=occurred_at + timedelta(days=days),
    )


def approve(told: Company, declined: Decision, **members: Any) -> None:
    """The lie: it is approved, its hold is in the books, and its balances say so."""
    assert declined.outcome == "declined"
    assert declined.amount is not None
    lie(
        told,
        declined,
        outcome=Outcome.APPROVED,
        reasons=(),
        would_pass=None,
        effects=(hold(declined, declined.amount), *declined.effects),
        balances=held_more(declined, declined.amount),
        **members,
    )


def found_by(told: Company) -> dict[str, list[str]]:
    """What each oracle that is false says."""
    return violated(told.check()[0])


def assert_true(told: Company) -> Report:
    """The company's log and books hold."""
    report, _ = told.check()
    assert violated(report) == {}
    return report
