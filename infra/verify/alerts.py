"""So many alerts a day: which scores are among a day's highest, worked out once more from docs/rules.md."""

from __future__ import annotations

from collections import Counter
from datetime import date

import msgspec

from infra.verify.hours import day
from infra.verify.state import Department
from schemas.controls import ScoreLimit
from schemas.decisions import Decision
from schemas.effects import ScoreCounted
from schemas.reasons import DEPARTMENT, ReasonCode

#: A day weighs 256, and seven eighths of that with every day after it.
DAY = 256
SILENT_MAX = 7
_DAY_0 = date(1970, 1, 1).toordinal()


class Scores(msgspec.Struct):
    """Of one department. `before`, `days`: requests by place on the scale, and days, before `today`, weighed.
    `seen`, `alerts`: of `today`."""

    today: date | None = None
    before: dict[int, int] = {}
    days: int = 0
    seen: list[int] = []
    alerts: list[str] = []

    def on(self, to: date) -> Scores:
        """As they are on this day, unless it is late."""
        if self.today is None or (to - self.today).days > SILENT_MAX:
            return Scores(to)
        found = self
        while found.today is not None and found.today < to:
            weighed = {at: weight * 7 // 8 for at, weight in found.before.items()}
            for at, count in Counter(found.seen).items():
                weighed[at] = weighed.get(at, 0) + DAY * count
            tomorrow = date.fromordinal(found.today.toordinal() + 1)
            found = Scores(tomorrow, weighed, found.days * 7 // 8 + DAY)
        return found

    def lets(self, rule: ScoreLimit, millionths: int) -> bool:
        """Whether the rule may speak of it today."""
        if rule.a_day is None:
            return True
        if self.alerts.count(rule.rule_id) >= rule.a_day:
            return False
        higher = sum(weight for at, weight in self.before.items() if at > place(millionths))
        return higher <= rule.a_day * self.days


def allows(rule: ScoreLimit, department: Department, scores: Scores, at_s: int, millionths: int) -> bool:
    """Whether the rule speaks about a request of this moment with this probability of fraud."""
    if millionths < rule.least:
        return False
    return rule.a_day is None or scores.on(date_of(department, at_s)).lets(rule, millionths)


def score_counted(
    decision: Decision, department: Department, at_s: int, millionths: int
) -> ScoreCounted | None:
    """What a judged request counts for: its score, and which rules had it for an alert; None: nothing."""
    rules = department.policy.rules
    budgets = {rule.rule_id for rule in rules if isinstance(rule, ScoreLimit) and rule.a_day is not None}
    late = any(reason.code is ReasonCode.DEADLINE_MISSED for reason in decision.reasons)
    if not budgets or millionths < 0 or late:
        return None
    told = (*decision.reasons, *decision.reviews, *decision.shadows)
    fraud = (one.rule for one in told if one.code is ReasonCode.FRAUD_LIKELY)
    alerts = tuple(rule for rule in fraud if rule in budgets)
    day_ = date_of(department, at_s).toordinal() - _DAY_0
    return ScoreCounted(day=day_, level=place(millionths), alerts=alerts)


def counted(scores: Scores, one: ScoreCounted) -> Scores:
    """After it."""
    scores = scores.on(date.fromordinal(one.day + _DAY_0))
    scores.seen.append(one.level)
    scores.alerts += one.alerts
    return scores


def place(millionths: int) -> int:
    """On the scale of 304: eighths of a doubling of what is less likely, fraud or not."""
    if 2 * millionths > 1_000_000:
        return 303 - place(1_000_000 - millionths)
    if millionths == 0:
        return 0
    octave = len(f"{millionths:b}") - 1
    return 8 * octave + (8 * millionths) // (1 << octave) - 8


def date_of(department: Department, at_s: int) -> date:
    """The department's own."""
    own = department.budgets.get(DEPARTMENT)
    return day("UTC" if own is None else own.calendar.time_zone, at_s)
