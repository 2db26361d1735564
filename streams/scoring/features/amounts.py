"""The amount against what is usual: for the card, the department, the category and the merchant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from streams.scoring.features.scales import MIDDLE, clamp, two_sided
from streams.scoring.habits.cards import CardHabits
from streams.scoring.habits.levels import FINE, level
from streams.scoring.habits.memory import Habits, Observation
from streams.scoring.habits.places import PlaceHabits

NAMES = (
    "amount",
    "amount_for_card",
    "amount_for_department",
    "amount_for_category",
    "amount_for_merchant",
    "amount_for_card_at_merchant",
    "amount_for_card_in_category",
    "amount_to_largest",
    "amount_to_median",
    "amount_to_mean",
    "amount_rank",
    "share_of_limit",
    "amount_to_top_at_merchant",
    "amount_to_top_in_category",
    "amount_to_top_of_merchant",
)

# The amounts that approval rules like: 1, 2, 2.5, 3 and 5 times a power of ten, from 50.00 on. Below
# that, just below a round amount is how prices look (4.99). The last is above any amount.
LIMITS: Final[tuple[int, ...]] = (
    5_000,
    *(first * 10**power for power in range(3, 15) for first in (10, 20, 25, 30, 50)),
)


def of(
    habits: Habits,
    request: Observation,
    card: CardHabits | None,
    place: PlaceHabits | None,
    category: PlaceHabits | None,
    paid: list[int],
) -> tuple[int, ...]:
    """In the order of NAMES. `paid`: the card's last amounts, the smallest first."""
    amount, here = request.amount, request.level
    z_department = clamp(habits.usual.above(here) + MIDDLE)
    z_category = clamp(category.usual.above(here) + MIDDLE) if category else MIDDLE
    z_merchant = clamp(place.usual.above(here) + MIDDLE) if place else MIDDLE
    small = clamp((here >> 4) - 12)
    limit = limit_share(amount)
    top = two_sided(here - place.top) if place else 63
    if card is None:
        return (
            small,
            z_department,
            z_department,
            z_category,
            z_merchant,
            MIDDLE,
            MIDDLE,
            MIDDLE,
            MIDDLE,
            MIDDLE,
            63,
            limit,
            63,
            63,
            top,
        )
    visits = card.merchants.get(request.merchant)
    kind = card.categories.get(request.category)
    return (
        small,
        clamp(card.usual.above(here) + MIDDLE),
        z_department,
        z_category,
        z_merchant,
        two_sided(here - visits.level) if visits else MIDDLE,
        two_sided(here - kind.level) if kind else MIDDLE,
        two_sided(here - level(paid[-1])),
        two_sided(here - level(paid[len(paid) // 2])),
        two_sided(here - (card.usual.mean >> FINE)),
        63 * (bisect_left(paid, amount) + bisect_right(paid, amount)) // (2 * len(paid)),
        limit,
        two_sided(here - visits.top) if visits else 63,
        two_sided(here - kind.top) if kind else 63,
        top,
    )


def limit_share(amount: int) -> int:
    """What share of the next round limit above it an amount fills: 0 up to 68.5 %, then by half per cents."""
    return clamp(200 * amount // LIMITS[bisect_right(LIMITS, amount)] - 137)
