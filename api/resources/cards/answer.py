"""A card as it is registered, and what it may still spend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from pydantic import ConfigDict, Field

from api.http.paging import NEXT
from api.http.types import MoneyOut, Output
from api.resources.budgets import BudgetOut, budgets_out
from schemas.controls import Card, CardStatus
from schemas.ids import Position

Row = Mapping[str, Any]


class CardOut(Output):
    """A registered card."""

    model_config = ConfigDict(title="Card")

    organization_id: str
    department_id: str
    card_id: str = Field(examples=["card_ada"])
    status: CardStatus
    last_four: str | None = Field(description="last digits of its number, for people", examples=["4242"])
    employee: str | None = Field(examples=["Ada Lovelace"])
    team: str | None = Field(examples=["platform"])
    expires_on: date | None
    single_use: bool
    locked_to: str | None = Field(description="the only merchant, by name or id")
    lock_to_first: bool = Field(description="the first merchant that is approved becomes the only one")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class CardDetailOut(CardOut):
    """A registered card with the budgets that it spends from."""

    model_config = ConfigDict(title="CardDetail")

    available: MoneyOut | None = Field(
        description="what its budgets leave: the least of `limits`, not below 0; null: the department has no "
        "budget. Rules of the policy may allow less: `POST /v1/events` with `balance.inquired` asks them, too"
    )
    limits: list[BudgetOut] = Field(
        description="budgets of its department, team, employee and of the card itself, each with its current "
        "period"
    )


class CardListOut(Output):
    """A page of cards, by id."""

    model_config = ConfigDict(title="Cards")

    cards: list[CardOut]
    next: str | None = Field(description=NEXT)


def cards_out(row: Row) -> list[CardOut]:
    """All of the row of cards.sql."""
    return [card_row_out(each) for each in row["cards"]]


def card_row_out(row: Row) -> CardOut:
    """A member of `cards` of cards.sql."""
    card = msgspec.convert(row["body"], Card)
    return card_out(
        row["organization_id"], row["department_id"], card, Position(row["partition"], row["seq"])
    )


def card_out(organization_id: str, department_id: str, card: Card, position: Position) -> CardOut:
    return CardOut(
        organization_id=organization_id,
        department_id=department_id,
        card_id=card.card_id,
        status=card.status,
        last_four=card.last_four,
        employee=card.employee,
        team=card.team,
        expires_on=card.expires_on,
        single_use=card.single_use,
        locked_to=card.locked_to,
        lock_to_first=card.lock_to_first,
        position=str(position),
    )


def subjects_of(card: CardOut) -> list[str]:
    """Whose budgets a card spends from, as budgets.sql takes them: `LEVEL:SUBJECT`."""
    named = (("team", card.team), ("employee", card.employee), ("card", card.card_id))
    return ["department:", *(f"{level}:{subject}" for level, subject in named if subject is not None)]


def card_detail_out(card: CardOut, row: Row) -> CardDetailOut:
    """`row`: of budgets.sql for the subjects of the card."""
    limits = budgets_out(row).budgets
    least = min((limit.available for limit in limits), key=lambda money: money.minor, default=None)
    available = None if least is None else MoneyOut(minor=max(0, least.minor), currency=least.currency)
    return CardDetailOut(**card.model_dump(), available=available, limits=limits)
