"""When, and how soon after the last ones. The sender's clock, whole seconds, UTC."""

from __future__ import annotations

from streams.scoring.features.scales import MIDDLE, long_scale, share, two_sided
from streams.scoring.habits.cards import DAY_S, CardHabits
from streams.scoring.habits.levels import FINE, level
from streams.scoring.habits.memory import Observation
from streams.scoring.habits.places import PlaceHabits

NAMES = (
    "since_last",
    "gap_to_usual",
    "requests_1h",
    "requests_24h",
    "requests_7d",
    "requests_28d",
    "spent_24h",
    "spent_7d",
    "large_14d",
    "hour",
    "hour_habit",
    "weekday_habit",
    "card_age",
    "card_requests",
)
HOUR_S, WEEK_S = 3_600, 7 * DAY_S
NO_CARD = (63, MIDDLE, 0, 0, 0, 0, 0, 0, 0)


def of(request: Observation, card: CardHabits | None, place: PlaceHabits | None) -> tuple[int, ...]:
    """In the order of NAMES."""
    at_s = request.at_s
    day, second = divmod(at_s, DAY_S)
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    hour = second // 3_600 + (24 if weekday >= 5 else 0)
    if card is None:
        return *NO_CARD, hour, 0, 0, 0, 0
    usual = card.usual.mean >> FINE
    counts = [0, 0, 0, 0]
    spent_day = spent_week = request.amount
    large = 0
    for one in card.recent:
        age_s = at_s - one.at_s
        if age_s < 28 * DAY_S:
            counts[3] += 1
            if age_s < WEEK_S:
                counts[2] += 1
                spent_week += one.amount
                if age_s < DAY_S:
                    counts[1] += 1
                    spent_day += one.amount
                    counts[0] += age_s < HOUR_S
    gap_s = max(0, at_s - card.last_s)
    large = sum([one.amount > request.amount // 2 for one in card.recent])
    return (
        long_scale(gap_s // 3_600),
        two_sided((card.gap.mean >> FINE) - level(gap_s + 60)) if card.gap.count else MIDDLE,
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        two_sided(level(spent_day) - usual),
        two_sided(level(spent_week) - usual),
        large,
        hour,
        share(card.hours[second // 10_800], sum(card.hours)),
        share(card.weekdays[weekday], sum(card.weekdays)),
        long_scale(day - card.first_day),
        long_scale(card.usual.count),
    )
