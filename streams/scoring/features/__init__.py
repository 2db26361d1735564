"""From habits and one request to the features that models see: a whole number 0 .. 63 for each.

`bins(habits, request)` is the door; `NAMES` says what stands at which place. docs/scoring.md defines each.
Not among them, on purpose: pennies and whole amounts, by which invented misuse gives itself away.
"""

from __future__ import annotations

from schemas.boosted import BINS
from streams.scoring.features import amounts, labels, merchants, repeats, times
from streams.scoring.habits.memory import Habits, Observation

GROUPS = (amounts, times, merchants, repeats, labels)
NAMES: tuple[str, ...] = tuple(name for group in GROUPS for name in group.NAMES)

__all__ = ["BINS", "NAMES", "bins"]


def bins(habits: Habits, request: Observation) -> bytes:
    """The features of a request before it is observed: a byte for each of NAMES, below BINS."""
    card = habits.cards.get(request.card)
    place = habits.merchants.get(request.merchant)
    category = habits.categories.get(request.category)
    paid = sorted(card.amounts) if card is not None else []
    # Sums of tuples: of one display that unpacks them it takes a microsecond more.
    return bytes(
        amounts.of(habits, request, card, place, category, paid)
        + times.of(request, card, paid)
        + merchants.of(habits, request, card, place, category)
        + repeats.of(request, card, place)
        + labels.of(habits, request, card, place, category)
    )
