"""What an effect changes in which periods: the one place that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from schemas.effects import (
    DisputeClosed,
    Effect,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    LeaseAdded,
    LeaseGiven,
    LeaseGivenBack,
    LeaseTaken,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from streams.core.state import COMPANY

Movement = tuple[Sequence[str], int, int, int]  # charges, posted, held, limit


def _won(effect: DisputeClosed) -> Movement:
    return effect.charges, -effect.amount if effect.outcome == "won" else 0, 0, 0


def _company(period: str, limit: int) -> Movement:
    return (f"{COMPANY}@{period}",), 0, 0, limit


#: Effects that are not here change none.
MOVEMENTS: Final[Mapping[type[Effect], Callable[[Any], Movement]]] = {
    HoldPlaced: lambda effect: (effect.charges, 0, effect.amount, 0),
    HoldReleased: lambda effect: (effect.charges, 0, -effect.amount, 0),
    Posted: lambda effect: (effect.charges, effect.amount, 0, 0),
    FxDifference: lambda effect: (
        effect.charges,
        effect.amount if effect.direction == "loss" else -effect.amount,
        0,
        0,
    ),
    PostingUndone: lambda effect: (effect.charges, -effect.amount - effect.fx, 0, 0),
    Refunded: lambda effect: (effect.charges, -effect.amount, 0, 0),
    RefundUndone: lambda effect: (effect.charges, effect.amount, 0, 0),
    DisputeClosed: _won,
    LeaseGiven: lambda effect: (effect.charges, 0, 0, -effect.amount),
    LeaseTaken: lambda effect: (effect.charges, 0, 0, effect.amount),
    LeaseAdded: lambda effect: _company(effect.period, effect.amount),
    LeaseGivenBack: lambda effect: _company(effect.period, -effect.amount),
}


def movement(effect: Effect) -> Movement | None:
    """What an effect changes in which periods; None: it changes none."""
    moves = MOVEMENTS.get(type(effect))
    return None if moves is None else moves(effect)
