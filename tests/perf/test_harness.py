"""The harness does its sums right. No figures here: those are `make bench`'s."""

from __future__ import annotations

from collections import Counter

import pytest

from perf.percentiles import percentile
from perf.results import Latency, LatencyAt, rows
from perf.workload import HOT, LIMIT_MINOR, Mix, budgets, events
from schemas.events import AuthorizationRequested, ClearingPresented


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.9, 90), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_a_percentile_is_the_smallest_value_that_covers_its_share(share: float, expected: int) -> None:
    assert percentile([float(n) for n in range(1, 101)], share) == expected


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="0 values"):
        percentile([], 0.5)


def test_a_latency_goal_is_an_upper_bound_at_500_a_second_only() -> None:
    at = [
        LatencyAt(rate=rate, events=1, p50_ms=30.0, p90_ms=40.0, p99_ms=90.0, max_ms=200.0, stages_ms={})
        for rate in (100, 500)
    ]
    met = {row.what: row.met for row in rows({"latency": Latency(at)})}
    assert (met["100/s, p50"], met["500/s, p50"], met["500/s, p99"]) == (None, False, True)


def test_the_workload_is_the_same_each_time_and_of_its_mix() -> None:
    mix = Mix(departments=20, hot=0.2, clearings=0.2)
    made = list(events(5_000, mix))
    assert made == list(events(5_000, mix))
    kinds = Counter(type(event) for event in made)
    assert kinds[ClearingPresented] == pytest.approx(1_000, rel=0.15)
    share = sum(event.department_id == "dept-00" for event in made) / len(made)
    assert share == pytest.approx(0.2, abs=0.03)
    assert len({event.department_id for event in made}) == len(budgets(mix)) == 20


def test_the_hot_workload_declines_and_repeats_some_and_never_uses_the_budget_up() -> None:
    made = [event for event in events(5_000, HOT) if isinstance(event, AuthorizationRequested)]
    assert len(made) == 5_000
    assert 5_000 - len({event.event_id for event in made}) == pytest.approx(100, rel=0.5)
    oversized = [event for event in made if event.amount.minor > LIMIT_MINOR]
    assert len(oversized) == pytest.approx(250, rel=0.3)
    assert sum(event.amount.minor for event in made if event not in oversized) * 200 < LIMIT_MINOR
