"""Where: whether the card, and whether anybody, has been there, in this category and in this country."""

from __future__ import annotations

from bisect import bisect_left
from itertools import compress

from streams.scoring.features.scales import MIDDLE, long_scale, share, two_sided
from streams.scoring.habits.cards import DAY_S, CardHabits
from streams.scoring.habits.levels import FINE, level
from streams.scoring.habits.memory import Habits, Observation
from streams.scoring.habits.places import PlaceHabits

NAMES = (
    "merchant_visits",
    "merchant_days",
    "category_visits",
    "category_days",
    "category_share",
    "new_merchants_3d",
    "spent_at_new_3d",
    "new_merchants_1d",
    "new_categories_3d",
    "merchants_1d",
    "merchants_known",
    "exploring",
    "new_country",
    "merchant_requests",
    "merchant_age",
    "merchant_idle",
    "merchant_cards",
    "merchant_week",
    "category_requests",
    "category_cards",
    "merchant_level",
)


def of(
    habits: Habits,
    request: Observation,
    card: CardHabits | None,
    place: PlaceHabits | None,
    category: PlaceHabits | None,
) -> tuple[int, ...]:
    """In the order of NAMES."""
    day = request.at_s // DAY_S
    return (*_of_card(request, card, day), *_of_all(habits, request, place, category, day))


def _of_card(request: Observation, card: CardHabits | None, day: int) -> tuple[int, ...]:
    if card is None:
        return 0, 63, 0, 63, 0, 1, MIDDLE, 1, 1, 0, 0, 63, 0
    visits = card.merchants.get(request.merchant)
    kind = card.categories.get(request.category)
    new, spent = (0, 0) if visits else (1, request.amount)
    times, first_here = card.times, card.first_here
    in_three = bisect_left(times, request.at_s - 3 * DAY_S)
    in_one = bisect_left(times, request.at_s - DAY_S, in_three)
    today = new + first_here.count(1, in_one)
    others = first_here.count(1, in_three)
    if others:
        new += others
        spent += sum(compress(card.amounts[in_three:], first_here[in_three:]))
    country = request.country
    return (
        long_scale(visits.count) if visits else 0,
        long_scale(day - visits.day) if visits else 63,
        long_scale(kind.count) if kind else 0,
        long_scale(day - kind.day) if kind else 63,
        share(kind.count, card.usual.count) if kind else 0,
        new,
        two_sided(level(spent) - (card.usual.mean >> FINE)) if spent else 0,
        today,
        int(kind is None) + card.first_of_kind.count(1, in_three),
        len(set(card.places[in_one:])),
        long_scale(card.known),
        share(card.known, card.usual.count),
        int(bool(country) and country not in card.countries),
    )


def _of_all(
    habits: Habits, request: Observation, place: PlaceHabits | None, category: PlaceHabits | None, day: int
) -> tuple[int, ...]:
    of_category = (long_scale(category.usual.count), long_scale(category.cards)) if category else (0, 0)
    if place is None:
        return 0, 0, 63, 0, 0, *of_category, MIDDLE
    return (
        long_scale(place.usual.count),
        long_scale(day - place.first_day),
        long_scale((request.at_s - place.last_s) // 3_600),
        long_scale(place.cards),
        long_scale(place.weeks[0] + place.weeks[1]),
        *of_category,
        two_sided((place.usual.mean >> FINE) - (habits.usual.mean >> FINE)),
    )
