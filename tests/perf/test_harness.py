"""The harness does its sums right. No figures here: those are `make bench`'s."""

from __future__ import annotations

from collections import Counter

import pytest

from perf.harness import rate
from perf.kafka import BenchFailed, Moment
from perf.percentiles import percentile
from perf.results import HotDepartment, Latency, LatencyAt, RowLocks, rows
from perf.workload import HOT, LIMIT_MINOR, Mix, budgets, events
from schemas.events import AuthorizationRequested, ClearingPresented

LOCKS = RowLocks(
    rates={"1 client": 3_000.0, "4 clients": 4_000.0},
    best=4_000.0,
    best_client="4 clients",
    not_synced=8_000.0,
    outcomes={},
    settings={},
)


def hot(without: float, scored: float) -> HotDepartment:
    return HotDepartment(
        decisions=1,
        scoring_off=without,
        scoring_on=scored,
        scoring_off_synced=without / 2,
        scoring_off_cpu_us={},
        scoring_on_cpu_us={},
        outcomes={},
    )


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


def test_a_rate_leaves_out_what_the_first_commit_brought() -> None:
    assert rate(10_000, [Moment(5.0, 2_000), Moment(6.0, 7_001), Moment(7.0, 10_004)]) == 4_000.0


def test_one_commit_has_no_rate() -> None:
    with pytest.raises(BenchFailed):
        rate(500, [Moment(5.0, 501)])


def test_ratios_are_to_the_best_row_lock_client_and_know_their_goal() -> None:
    table = rows({"hot-department": hot(40_000, 15_000), "row-locks": LOCKS})
    ratios = {row.what: row for row in table if row.bench == "ratio"}
    assert (ratios["without scoring"].value, ratios["without scoring"].met) == (10.0, True)
    assert (ratios["with scoring"].value, ratios["with scoring"].met) == (3.75, False)
    assert ratios["without scoring, neither synced"].value == 5.0


def test_without_both_sides_there_is_no_ratio() -> None:
    assert not [row for row in rows({"row-locks": LOCKS}) if row.bench == "ratio"]


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
