"""A score limit with so many alerts a day: its threshold follows the scores of the days before."""

from __future__ import annotations

from typing import Final

from schemas.controls import ScoreLimit
from streams.core.calendar import local_s
from streams.core.matching import Purchase
from streams.core.score_levels import ScoreLevels, level_of
from streams.core.state import Department

DAY_S: Final = 86_400


class AlertBudget:
    """Of one rule. What is kept here follows from the department's scores of the days before `_day`."""

    __slots__ = ("_day", "_least", "a_day", "rule_id", "zone")

    def __init__(self, rule: ScoreLimit, zone: str) -> None:
        assert rule.a_day is not None
        self.rule_id = rule.rule_id
        self.a_day = rule.a_day
        self.zone = zone
        self._day = self._least = -1

    def speaks(self, department: Department, purchase: Purchase) -> bool:
        """Whether this is one of the day's alerts: high enough, and not one too many."""
        known = department.scores
        if known is None:
            return True
        known = known.on(day_of(purchase.at_s, self.zone))
        spent = known.alerts.get(self.rule_id, 0) >= self.a_day
        return not spent and level_of(purchase.millionths) >= self._least_of(known)

    def _least_of(self, known: ScoreLevels) -> int:
        if self._day != known.day:
            self._day, self._least = known.day, known.least(self.a_day)
        return self._least


def day_of(at_s: int, zone: str) -> int:
    """The day there, counted from 1970 on."""
    return local_s(at_s, zone) // DAY_S
