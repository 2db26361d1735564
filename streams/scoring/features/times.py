"""When, and how soon after the last ones. The sender's clock, whole seconds, UTC."""

from __future__ import annotations

from bisect import bisect_right

from streams.scoring.features.scales import MIDDLE, long_scale, share, two_sided
from streams.scoring.habits.cards import DAY_S, CardHabits
from streams.scoring.habits.levels import FINE, level
from streams.scoring.habits.memory import Observation

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


def of(request: Observation, card: CardHabits | None, paid: list[int]) -> tuple[int, ...]:
    """In the order of NAMES. `paid`: the card's last amounts, the smallest first."""
    at_s = request.at_s
    day, second = divmod(at_s, DAY_S)
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    hour = second // 3_600 + (24 if weekday >= 5 else 0)
    if card is None:
        return *NO_CARD, hour, 0, 0, 0, 0
    usual = card.usual.mean >> FINE
    amounts, when = card.amounts, card.times
    known = len(when)
    before_week = bisect_right(when, at_s - WEEK_S)
    before_day = bisect_right(when, at_s - DAY_S, before_week)
    in_week = sum(amounts[before_week:])
    in_day = sum(amounts[before_day:]) if before_day > before_week else in_week
    gap_s = max(0, at_s - card.last_s)
    return (
        long_scale(gap_s // 3_600),
        two_sided((card.gap.mean >> FINE) - level(gap_s + 60)) if card.gap.count else MIDDLE,
        known - bisect_right(when, at_s - HOUR_S, before_day),
        known - before_day,
        known - before_week,
        known - bisect_right(when, at_s - 28 * DAY_S, 0, before_week),
        two_sided(level(request.amount + in_day) - usual),
        two_sided(level(request.amount + in_week) - usual),
        known - bisect_right(paid, request.amount // 2),
        hour,
        share(card.hours[second // 10_800], sum(card.hours)),
        share(card.weekdays[weekday], sum(card.weekdays)),
        long_scale(day - card.first_day),
        long_scale(card.usual.count),
    )
