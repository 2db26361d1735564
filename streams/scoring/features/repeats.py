"""The same again: duplicates, exact and near, and purchases that were split to stay below a limit."""

from __future__ import annotations

from bisect import bisect_right

from streams.scoring.features.amounts import limit_share
from streams.scoring.features.scales import MIDDLE, long_scale, share, two_sided
from streams.scoring.habits.cards import DAY_S, CardHabits
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
    today = 0
    margin = amount // 10
    times, places, amounts = card.times, card.places, card.amounts
    at = -1
    for _ in range(places.count(merchant)):
        at = places.index(merchant, at + 1)
        paid, age_s = amounts[at], at_s - times[at]
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
    if amounts.count(amount) > same:
        late = bisect_right(times, at_s - 3 * DAY_S)
        here = (
            paid == amount and where != merchant
            for paid, where in zip(amounts[late:], places[late:], strict=True)
        )
        elsewhere = sum(here)
    return (
        same_days,
        same,
        near,
        elsewhere,
        split,
        two_sided(level(total) - (card.usual.mean >> FINE)) if split else 0,
        min(below, limit_share(amount)),
        today,
        card.repeated.count(1),
        share(place.repeats, place.usual.count) if place else 0,
        min(card.declined, 63),
    )
