"""How high a department's scores were on the days before: from this follows what a number of alerts a day is.

Whole numbers and event time alone, so that replay comes to the same threshold. A day counts seven eighths of
the day after it: the last two weeks say nearly all.
"""

from __future__ import annotations

from typing import Final

import msgspec

#: Probabilities are counted on a scale with eight steps to a doubling, of fraud below one half and of the
#: contrary above it: what is nearly sure matters most.
_MIDDLE: Final = 500_000
_STEPS: Final = 3  # bits: eight steps
#: What one request, and one day, count for at first.
_UNIT: Final = 256
#: After so many days without any score what was before says nothing, and a new memory begins.
SILENT_DAYS_MAX: Final = 7


def level_of(millionths: int) -> int:
    """Where a probability stands, 0 to 303. Monotonous."""
    if millionths > _MIDDLE:
        return 2 * _steps(_MIDDLE) + 1 - _steps(1_000_000 - millionths)
    return _steps(millionths)


def _steps(millionths: int) -> int:
    if millionths < 1:
        return 0
    doublings = millionths.bit_length() - 1
    return (doublings << _STEPS) + (((millionths << _STEPS) >> doublings) & 7)


class ScoreLevels(msgspec.Struct, array_like=True):
    """Of one department. `seen`: requests of the days before `day` by level, `days`: how many days these are,
    both in 256ths and less the older they are; `newest`: of `day` so far; `alerts`: its alerts, by rule."""

    day: int
    seen: dict[int, int] = {}
    days: int = 0
    newest: dict[int, int] = {}
    alerts: dict[str, int] = {}

    def on(self, day: int) -> ScoreLevels:
        """As of this day: itself, or another one where `day` is later."""
        passed = day - self.day
        if passed <= 0:
            return self
        if passed > SILENT_DAYS_MAX:
            return ScoreLevels(day)
        seen, days = dict(self.seen), self.days
        for number in range(passed):
            seen = {level: less for level, count in seen.items() if (less := count * 7 // 8)}
            days = days * 7 // 8 + _UNIT
            if number == 0:
                for level, count in self.newest.items():
                    seen[level] = seen.get(level, 0) + count * _UNIT
        return ScoreLevels(day, seen, days)

    def add(self, level: int, alerts: tuple[str, ...]) -> None:
        """One more request of `day`. `alerts`: ids of the rules that spoke about it."""
        self.newest[level] = self.newest.get(level, 0) + 1
        for rule_id in alerts:
            self.alerts[rule_id] = self.alerts.get(rule_id, 0) + 1

    def least(self, a_day: int) -> int:
        """The lowest level from which there were no more than `a_day` requests a day above it."""
        room, so_far = a_day * self.days, 0
        for level in sorted(self.seen, reverse=True):
            so_far += self.seen[level]
            if so_far > room:
                return level
        return 0
