"""When, and how soon after the last ones. The sender's clock, whole seconds, UTC."""

from __future__ import annotations

from bisect import bisect_right

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
    recent, of_day_s, of_week_s = card.recent, at_s - DAY_S, at_s - WEEK_S
    when = sorted([one.at_s for one in recent])
    known = len(when)
    spent_day = request.amount + sum([one.amount for one in recent if one.at_s > of_day_s])
    spent_week = request.amount + sum([one.amount for one in recent if one.at_s > of_week_s])
    gap_s = max(0, at_s - card.last_s)
    half = request.amount // 2
    return (
        long_scale(gap_s // 3_600),
        two_sided((card.gap.mean >> FINE) - level(gap_s + 60)) if card.gap.count else MIDDLE,
        known - bisect_right(when, at_s - HOUR_S),
        known - bisect_right(when, of_day_s),
        known - bisect_right(when, of_week_s),
        known - bisect_right(when, at_s - 28 * DAY_S),
        two_sided(level(spent_day) - usual),
        two_sided(level(spent_week) - usual),
        len([one for one in recent if one.amount > half]),
        hour,
        share(card.hours[second // 10_800], sum(card.hours)),
        share(card.weekdays[weekday], sum(card.weekdays)),
        long_scale(day - card.first_day),
        long_scale(card.usual.count),
    )
