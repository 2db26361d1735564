"""So many alerts a day: never more, the highest, the same for the verifier, and little to remember."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.verify.alerts import Scores, place
from schemas.controls import ScoreLimit
from streams.core.matching import Purchase
from streams.core.rules.alert_budget import DAY_S, AlertBudget, day_of
from streams.core.score_levels import SILENT_DAYS_MAX, ScoreLevels, level_of
from streams.core.state import Department

PROBABILITIES = st.one_of(
    st.integers(0, 1_000_000),
    st.integers(0, 40),
    st.integers(999_960, 1_000_000),
    st.integers(499_990, 500_010),
)


def rule(a_day: int, least: int = 1) -> ScoreLimit:
    return ScoreLimit(rule_id="look", least=least, a_day=a_day, action="review")


def alerts(a_day: int, scores: list[tuple[int, int]]) -> list[bool]:
    """What a budget says to each of (second, millionths), all counted."""
    budget = AlertBudget(rule(a_day), "UTC")
    department = Department("o", "d", "USD", 0)
    found = []
    for at_s, millionths in scores:
        spoken = budget.speaks(department, Purchase(at_s, None, None, millionths))
        day = day_of(at_s, "UTC")
        department.scores = ScoreLevels(day) if department.scores is None else department.scores.on(day)
        department.scores.add(level_of(millionths), ("look",) if spoken else ())
        found.append(spoken)
    return found


def stream(days: int, per_day: int, seed: int = 7, scale: float = 1.0) -> list[tuple[int, int]]:
    """Scores as of a calibrated model: nearly all close to nothing, a few that are not."""
    rng = random.Random(seed)
    return [
        (day * DAY_S + n * (DAY_S // per_day), min(1_000_000, round(1_000_000 * scale * rng.random() ** 12)))
        for day in range(20_000, 20_000 + days)
        for n in range(per_day)
    ]


@given(st.lists(PROBABILITIES, min_size=2, max_size=2))
def test_the_scale_is_in_the_order_of_probabilities_and_the_verifiers_is_the_same(two: list[int]) -> None:
    low, high = sorted(two)
    assert 0 <= level_of(low) <= level_of(high) <= 303
    assert [place(one) for one in two] == [level_of(one) for one in two]


def test_the_scale_has_eight_steps_to_a_doubling_of_what_is_rare_on_either_side() -> None:
    assert level_of(2_000) - level_of(1_000) == level_of(200_000) - level_of(100_000) == 8
    assert level_of(999_000) - level_of(998_000) == 8
    assert level_of(1_000_000) == 303
    assert level_of(500_001) > level_of(500_000)


@pytest.mark.parametrize(("per_day", "a_day"), [(50, 1), (200, 5), (1_000, 20), (1_000, 1_000), (10, 20)])
def test_there_are_never_more_and_on_average_nearly_as_many(per_day: int, a_day: int) -> None:
    scores = stream(20, per_day)
    said = alerts(a_day, scores)
    by_day = Counter(at_s // DAY_S for (at_s, _), spoken in zip(scores, said, strict=True) if spoken)
    assert max(by_day.values()) <= a_day
    assert sum(by_day.values()) / 20 >= 0.7 * min(a_day, per_day * 0.9)


def test_after_the_first_day_the_alerts_are_the_highest() -> None:
    """Most of the ten highest of each day are among its ten alerts; any ten would be one in a hundred."""
    scores = stream(15, 1_000)
    said = alerts(10, scores)
    hits = total = 0
    for day in range(20_001, 20_015):
        of_day = [
            (value, spoken)
            for (at_s, value), spoken in zip(scores, said, strict=True)
            if at_s // DAY_S == day
        ]
        best = sorted(of_day, reverse=True)[:10]
        hits, total = hits + sum(spoken for _, spoken in best), total + 10
    assert hits / total > 0.6


def test_the_threshold_follows_when_scores_become_higher() -> None:
    before, after = stream(10, 400, scale=0.02), stream(10, 400, scale=0.8)
    later = [(at_s + 10 * DAY_S, value) for at_s, value in after]
    said = alerts(8, before + later)
    by_day = Counter(at_s // DAY_S for (at_s, _), spoken in zip(before + later, said, strict=True) if spoken)
    assert max(by_day.values()) <= 8
    lowest = [
        min(value for (at_s, value), spoken in zip(before + later, said, strict=True)
            if spoken and at_s // DAY_S == day)
        for day in (20_009, 20_019)
    ]  # fmt: skip
    assert lowest[1] > 2 * lowest[0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 23), PROBABILITIES), min_size=1, max_size=60),
    st.integers(1, 4),
)
def test_the_verifier_comes_to_the_same_by_its_own_way(steps: list[tuple[int, int, int]], a_day: int) -> None:
    """Days go on, stand still, are late, and leave out more than are remembered."""
    budget, rules = AlertBudget(rule(a_day), "UTC"), rule(a_day)
    department, scores, at = Department("o", "d", "USD", 0), Scores(), datetime(2026, 3, 2, tzinfo=UTC)
    for days, hour, millionths in steps:
        at += timedelta(days=days if days < 9 else SILENT_DAYS_MAX + 1)
        at_s = int(at.timestamp()) + hour * 3_600
        said = budget.speaks(department, Purchase(at_s, None, None, millionths))
        today = datetime.fromtimestamp(at_s, UTC).date()
        assert said == scores.on(today).lets(rules, millionths)
        day = day_of(at_s, "UTC")
        department.scores = ScoreLevels(day) if department.scores is None else department.scores.on(day)
        department.scores.add(level_of(millionths), ("look",) if said else ())
        scores = scores.on(today)
        scores.seen.append(place(millionths))
        scores.alerts += ["look"] if said else []


def test_what_is_remembered_is_bounded_and_comes_back_from_a_snapshot() -> None:
    levels = ScoreLevels(0)
    for day in range(400):
        levels = levels.on(day)
        for millionths in range(0, 1_000_001, 2_500):
            levels.add(level_of(millionths), ("look",))
    encoded = msgspec.msgpack.encode(levels)
    assert len(encoded) < 3_000
    assert levels.days <= 8 * 256
    assert msgspec.msgpack.decode(encoded, type=ScoreLevels) == levels


def test_after_a_long_silence_it_begins_anew() -> None:
    levels = ScoreLevels(10)
    levels.add(300, ())
    assert levels.on(10 + SILENT_DAYS_MAX).days > 0
    assert levels.on(11 + SILENT_DAYS_MAX) == ScoreLevels(11 + SILENT_DAYS_MAX)
    assert levels.on(9) is levels
