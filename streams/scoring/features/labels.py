"""What is known of past misuse: at this merchant, with this card, in this category."""

from __future__ import annotations

from streams.scoring.features.scales import MIDDLE, clamp, long_scale, two_sided
from streams.scoring.habits.cards import DAY_S, CardHabits
from streams.scoring.habits.memory import Habits, Observation
from streams.scoring.habits.places import WEEK_S, WEEKS, PlaceHabits

NAMES = (
    "merchant_frauds",
    "merchant_fraud_rate",
    "merchant_fraud_days",
    "merchant_clean_since_fraud",
    "merchant_fraud_share",
    "merchant_plain_frauds",
    "card_frauds_28d",
    "card_fraud_days",
    "card_large_fraud_days",
    "amount_to_fraud",
    "card_cleared",
    "category_frauds",
    "category_fraud_rate",
    "category_all_fraud_rate",
    "category_new_fraud_rate",
    "merchant_all_fraud_rate",
)
NO_MERCHANT = (0, 0, 63, 63, 0, 0)


def of(
    habits: Habits,
    request: Observation,
    card: CardHabits | None,
    place: PlaceHabits | None,
    category: PlaceHabits | None,
) -> tuple[int, ...]:
    """In the order of NAMES."""
    at_s = request.at_s
    frauds = cleared = 0
    fraud_days = 63
    if card is not None:
        cleared = min(63, card.cleared)
        if card.frauds:
            since_s = at_s - 28 * DAY_S
            frauds = sum([one >= since_s for one in card.frauds])
            fraud_days = clamp((at_s - card.frauds[-1]) // DAY_S)
    of_merchant = (*_of_place(place, at_s), *_lately(place, at_s, habits.horizon_s)) if place else NO_MERCHANT
    of_category = _of_place(category, at_s) if category else (0, 0)
    large_days, to_fraud = 63, MIDDLE
    if card is not None and card.large_fraud_s:
        large_days = clamp((at_s - card.large_fraud_s) // DAY_S)
        to_fraud = two_sided(request.level - card.fraud_level)
    return (
        *of_merchant,
        frauds,
        fraud_days,
        large_days,
        to_fraud,
        cleared,
        *of_category,
        *_ever(place, category),
    )


def _lately(place: PlaceHabits, at_s: int, horizon_s: int) -> tuple[int, int, int, int]:
    """Days since the last fraud; labelled requests since then; share of fraud since the first; plain ones."""
    if not place.frauds_s or place.frauds_s[-1] < at_s - 42 * DAY_S:
        return 63, 63, 0, 0
    first, last = place.frauds_s[0], place.frauds_s[-1]
    clean = sum([last < one <= horizon_s for one in place.recent_s])
    seen = sum([first <= one <= horizon_s for one in place.recent_s])
    bad = sum([one >= place.recent_s[0] for one in place.frauds_s])
    return clamp((at_s - last) // DAY_S), clean, clamp(63 * bad // (seen + 1)), min(63, place.plain_frauds)


def _ever(place: PlaceHabits | None, category: PlaceHabits | None) -> tuple[int, int, int]:
    """Frauds in a thousand requests: in the category, in it by cards that were new there, at the merchant."""
    kind, new = 0, 0
    if category is not None:
        kind = long_scale(1000 * category.all_frauds // (category.usual.count + 50))
        new = long_scale(1000 * category.new_frauds // (category.cards + 20))
    return kind, new, long_scale(1000 * place.all_frauds // (place.usual.count + 20)) if place else 0


def _of_place(place: PlaceHabits, at_s: int) -> tuple[int, int]:
    """Frauds of the last six weeks, and their share of the requests of the weeks in which there were some.

    Of weeks without: labels are late, and a week that has none may not have any yet.
    """
    passed = at_s // WEEK_S - place.week
    if passed >= WEEKS or not any(place.frauds):
        return 0, 0
    keep = WEEKS - max(0, passed)
    frauds = sum(place.frauds[:keep])
    # Shrunk: two requests more, none of them fraud. In thirds of a doubling of the rate.
    requests = sum([n for n, bad in zip(place.weeks[:keep], place.frauds[:keep], strict=True) if bad])
    return long_scale(frauds), clamp(63 * frauds // (requests + 2))
