"""The share that is flagged: the threshold, computed by hand."""

from __future__ import annotations

import math
import random

import pytest

from streams.scoring.alerts import REBUILD_EVERY, AlertLevel, UnusableSnapshot, empty_counts, upper_quantile


def test_no_more_than_the_asked_share_lies_above_the_threshold() -> None:
    counts = [0.0] * 10
    counts[2], counts[5], counts[9] = 98.0, 1.0, 1.0
    assert upper_quantile(counts, 0.01) == 0.6
    assert upper_quantile(counts, 0.02) == pytest.approx(0.3)
    assert upper_quantile(counts, 0.001) == 1.0
    assert upper_quantile([50.0, 0.0], 0.01) == 0.5
    assert upper_quantile([0.0, 0.0], 0.01) == 1.0


@pytest.mark.parametrize("alerts", [0.001, 0.01, 0.05, 0.2, 0.5])
def test_the_threshold_follows_the_stream(alerts: float) -> None:
    rng, level = random.Random(3), AlertLevel(alerts)
    for most in (0.3, 0.9):  # what scores high changes
        for _ in range(200 * REBUILD_EVERY):
            level.learn(most * rng.random())
        above = sum(most * rng.random() >= level.threshold for _ in range(20_000))
        # What was usual before is still two thirds of what is now.
        assert above <= 20_000 * alerts * 1.7 + 20
    assert level.threshold > 0.9 * (1 - 1.7 * alerts) - 0.01


def test_nothing_is_known_before_the_first_threshold() -> None:
    level = AlertLevel()
    for _ in range(REBUILD_EVERY - 1):
        level.learn(0.5)
    assert level.threshold == math.inf
    level.learn(0.5)
    assert level.threshold < 1


@pytest.mark.parametrize(("bins", "seen"), [(499, 3), (501, 3), (0, 0), (500, -1), (500, 10**16)])
def test_counts_of_another_shape_change_nothing(bins: int, seen: int) -> None:
    level = AlertLevel()
    with pytest.raises(UnusableSnapshot):
        level.load(empty_counts(bins), seen)
    assert level.seen == 0
