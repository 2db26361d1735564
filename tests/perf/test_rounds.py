"""What may be said of two sides that took turns: the sums, and when there is no figure at all."""

from __future__ import annotations

import pytest

from perf.comparison import BATCHES, CROWD, REDIS, ROW_LOCKS, Compared, headline
from perf.machine import Calibration
from perf.results import rows
from perf.rounds import Contest, Round, Spread, falls, ratios, spread

CALM = Calibration(load_1m=0.1, hash_us=40.0, all_cores=1.0, sync_ms=0.5)


def contest(
    name: str, rates: list[int], rival: str | None = None, slices: list[int] | None = None
) -> Contest:
    rounds = [
        Round(
            decisions=rate * 2,
            seconds=2.0,
            slices=slices or [rate, rate],
            cpu_us={"client": 5.0, "server": 20.0},
            others=0.01,
        )
        for rate in rates
    ]
    return Contest(name=name, rival=rival, rounds=rounds)


def compared(*contests: Contest) -> Compared:
    return Compared(durability="memory", contests=list(contests), before=CALM, after=CALM)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], Spread(3.0, 3.0, 3.0)),
        ([3.0, 1.0, 2.0], Spread(1.0, 2.0, 3.0)),
        ([1.0, 2.0, 3.0, 4.0], Spread(1.0, 2.0, 4.0)),
        ([5.0, 5.0, 5.0, 5.0, 5.0], Spread(5.0, 5.0, 5.0)),
        ([0.5, 9.0, 1.0, 1.5, 1.2], Spread(0.5, 1.2, 9.0)),
    ],
)
def test_a_spread_is_the_lowest_the_median_and_the_highest(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


def test_each_turn_is_compared_with_the_fastest_variant_of_that_turn() -> None:
    own = contest("spendlog", [100, 100, 120])
    one, other = contest("one", [50, 20, 40], ROW_LOCKS), contest("other", [25, 80, 60], ROW_LOCKS)
    assert ratios(own, [one, other]) == [2.0, 1.25, 2.0]


@pytest.mark.parametrize("rounds", [[], [50], [50, 50, 50]])
def test_sides_that_took_no_turns_have_no_ratio(rounds: list[int]) -> None:
    with pytest.raises(ValueError, match="did not take turns"):
        ratios(contest("spendlog", [100, 100]), [contest("one", rounds, ROW_LOCKS)])


def test_without_a_rival_there_is_no_ratio() -> None:
    with pytest.raises(ValueError, match="did not take turns"):
        ratios(contest("spendlog", [100]), [])


@pytest.mark.parametrize(
    ("rates", "kept"),
    [
        ([100, 100, 100, 100, 100], None),
        ([100, 90, 80, 85, 90], None),
        ([60, 80, 100, 100, 100], None),  # what rises is not warm yet, which flatters nobody
        ([100, 100, 50, 100, 100], None),  # one bad turn is no fall
        ([110, 105, 103, 64, 106], None),  # nor is one late bad turn
        ([100, 98, 80, 70, 60], "71%"),
        ([100, 70], "70%"),
    ],
)
def test_a_rate_that_falls_from_start_to_end_is_no_figure(rates: list[int], kept: str | None) -> None:
    why = falls(contest("some", rates))
    assert why is None if kept is None else why is not None and kept in why


@pytest.mark.parametrize(
    ("slices", "falling"),
    [
        ([25, 25, 25, 25], False),
        ([10, 30, 35, 25], False),
        ([60, 30, 5, 5], True),
        ([70, 30], True),
        ([100], False),
        ([], False),
    ],
)
def test_a_burst_at_the_start_of_each_round_is_no_figure(slices: list[int], falling: bool) -> None:
    assert (falls(contest("some", [100] * 5, slices=slices)) is not None) is falling


def test_a_rival_that_falls_is_left_out_with_its_family_and_said_so() -> None:
    """Without its fastest variant alone, the ratio to the next best would flatter."""
    found = compared(
        contest("spendlog", [100] * 5),
        contest("one", [100, 90, 60, 50, 50], ROW_LOCKS),
        contest("other, 64 clients", [10] * 5, ROW_LOCKS),
        contest("batches", [200] * 5, BATCHES),
    )
    steady = found.of_the_steady()
    assert [why.partition(":")[0] for why in found.unsteady()] == ["one"]
    assert [one.name for one in steady.contests] == ["spendlog", "batches"]
    assert [row.rival for row in headline(steady)] == [BATCHES]
    assert steady.left_out == ["no figure against row-locks: one: the last rounds reached 56% of the first"]


def test_who_falls_himself_has_no_figure() -> None:
    found = compared(contest("spendlog", [100, 90, 60, 50, 50]), contest("one", [100] * 5, ROW_LOCKS))
    assert [why.partition(":")[0] for why in found.of_the_steady().unsteady()] == ["spendlog"]


def test_the_claim_is_the_lowest_ratio_of_all_turns() -> None:
    found = headline(
        compared(
            contest("spendlog", [100, 90, 110]),
            contest("function, 1 client", [50, 50, 50], ROW_LOCKS),
            contest("statement, 64 clients", [10, 9, 11], ROW_LOCKS),
            contest("batches", [200, 180, 110], BATCHES),
        )
    )
    assert {row.rival: row.ratio.low for row in found} == {ROW_LOCKS: 1.8, CROWD: 10.0, BATCHES: 0.5}
    assert found[0].fastest == "function, 1 client"


def test_classes_of_durability_are_never_mixed() -> None:
    memory = compared(contest("spendlog", [100]), contest("a", [50], REDIS))
    disk = Compared(
        durability="disk",
        contests=[contest("spendlog", [30]), contest("a", [10], REDIS)],
        before=CALM,
        after=CALM,
    )
    table = rows({"compared-memory": memory, "compared-disk": disk})
    found = {row.what: row.value for row in table if row.bench == "ratio"}
    assert found == {"spendlog, memory": 2.0, "spendlog, disk": 3.0}


def test_a_ratio_knows_what_is_asked_of_it() -> None:
    table = rows({"x": compared(contest("spendlog", [100]), contest("a", [60], ROW_LOCKS))})
    (ratio,) = [row for row in table if row.bench == "ratio"]
    assert (round(ratio.value, 2), ratio.goal, ratio.met) == (1.67, 2, False)


def test_processor_time_is_that_of_all_processes_together() -> None:
    assert contest("some", [100, 100]).cpu_us == 25.0
