"""The same again: duplicates, exact and near, and purchases that were split to stay below a limit."""

from __future__ import annotations

from streams.scoring.features.amounts import limit_share
from streams.scoring.features.scales import MIDDLE, long_scale, share, two_sided
from streams.scoring.habits.cards import DAY_S, REPEAT, CardHabits
from streams.scoring.habits.levels import FINE, level
from streams.scoring.habits.memory import Observation
from streams.scoring.habits.places import PlaceHabits

NAMES = (
    "same_purchase_days",
    "same_purchases",
    "near_purchases_3d",
    "same_amount_elsewhere_3d",
    "split_count_2d",
    "split_sum",
    "split_below_limit",
    "same_day_here",
    "card_repeats",
    "merchant_repeats",
    "declined_in_a_row",
)
NONE = (63, 0, 0, 0, 0, MIDDLE, 0, 0, 0, 0, 0)


def of(request: Observation, card: CardHabits | None, place: PlaceHabits | None) -> tuple[int, ...]:
    """In the order of NAMES."""
    if card is None:
        return NONE
    at_s, _, merchant, _, _, amount, _ = request
    same_days, same, near, elsewhere, split, below = 63, 0, 0, 0, 0, 0
    total = amount
    today = habit = 0
    margin = amount // 10
    for one in card.recent:
        paid, age_s = one.amount, at_s - one.at_s
        habit += one.marks >= REPEAT
        if one.merchant == merchant:
            if paid == amount:
                same += 1
                same_days = long_scale(max(0, age_s) // DAY_S)
            if age_s < 3 * DAY_S:
                near += -margin <= paid - amount <= margin
                today += age_s < DAY_S
                if age_s < 2 * DAY_S:
                    split += 1
                    total += paid
                    below = max(below, limit_share(paid))
        elif paid == amount and age_s < 3 * DAY_S:
            elsewhere += 1
    return (
        same_days,
        same,
        near,
        elsewhere,
        split,
        two_sided(level(total) - (card.usual.mean >> FINE)) if split else 0,
        min(below, limit_share(amount)),
        today,
        habit,
        share(place.repeats, place.usual.count) if place else 0,
        min(card.declined, 63),
    )
