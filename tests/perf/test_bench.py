"""A run is kept part by part, resumed only as what it was, and published only from a quiet machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from infra.errors import SpendlogError
from perf import bench
from perf.comparison import NO_WORK, ROW_LOCKS, Compared
from perf.harness import FULL, QUICK
from perf.kafka import BenchFailed
from perf.machine import calibrate
from perf.results import Decide, Result, rows
from perf.rivals.row_locks import read_pgbench
from tests.perf.test_rounds import CALM, compared, contest

DECIDE = Decide(events=1, hot_us=1.0, hot_scored_us=1.0, spread_us=1.0, spread_scored_us=1.0)


def quiet_run(**results: Result) -> bench.BenchRun:
    run = bench.new_run(FULL)
    run.commit, run.machine = "0" * 40, msgspec.structs.replace(run.machine, load_1m=0.1)
    run.results = results
    return run


def full(turns: int = 5) -> Compared:
    return compared(contest("spendlog", [100] * turns), contest("a", [50] * turns, ROW_LOCKS))


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    run = bench.new_run(FULL)
    run.results = {"decide": DECIDE, "compared-memory": full()}
    run.table = rows(run.results)
    bench.write(run, tmp_path / "run.json")
    again = bench.resumed(tmp_path / "run.json", FULL)
    assert again == run
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_what_is_done_is_not_done_again() -> None:
    run = quiet_run(decide=DECIDE, compared=full())
    run.results["compared-memory"] = msgspec.structs.replace(full(), after=None)
    run.results["compared-disk"] = full()
    assert [part for part in bench.PARTS if run.done(part)] == ["decide", "compared-disk"]


def test_a_run_of_another_scale_or_commit_or_version_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(SpendlogError, match="no unfinished run"):
        bench.resumed(path, FULL)
    bench.write(bench.new_run(QUICK), path)
    with pytest.raises(SpendlogError, match="another scale"):
        bench.resumed(path, FULL)
    other = bench.new_run(FULL)
    other.commit = "another"
    bench.write(other, path)
    with pytest.raises(SpendlogError, match="another commit"):
        bench.resumed(path, FULL)
    path.write_bytes(b'{"date": 1}')
    with pytest.raises(SpendlogError, match="not a run of this version"):
        bench.resumed(path, FULL)


def test_one_rival_by_name_is_measured_in_both_classes_beside_ours() -> None:
    both = ["compared-memory", "compared-disk"]
    assert bench.parts([ROW_LOCKS]) == bench.parts([NO_WORK, ROW_LOCKS]) == both
    assert bench.parts(["latency", "decide"]) == ["decide", "latency"]
    assert [*bench.parts(bench.NAMES), "growth"] == bench.parts(bench.ALL_NAMES) == list(bench.PARTS)


def test_a_quiet_run_of_five_turns_may_be_published() -> None:
    assert bench.trial(quiet_run(one=full())) == []


def test_what_was_measured_beside_others_is_a_trial() -> None:
    run = quiet_run(
        few=full(turns=4),
        beside=Compared(
            durability="disk",
            contests=[
                msgspec.structs.replace(
                    one, rounds=[msgspec.structs.replace(round_, others=0.3) for round_ in one.rounds]
                )
                for one in full().contests
            ],
            before=CALM,
            after=CALM,
        ),
        falling=compared(contest("spendlog", [100, 100, 70, 60, 60]), contest("a", [50] * 5, ROW_LOCKS)),
        slower=msgspec.structs.replace(full(), after=msgspec.structs.replace(CALM, hash_us=60.0)),
    )
    run.commit, run.machine = "0" * 40 + "+", msgspec.structs.replace(run.machine, load_1m=2.5)
    assert bench.trial(run) == [
        "the load was 2.5 before it began",
        "the code is not that of a commit",
        "few: 4 turns, and not 5",
        "beside: others used 30% of the processors",
        "falling: spendlog: the last rounds reached 60% of the first",
        "slower: a core took 1.50 times as long afterwards as before",
    ]


def test_a_calibration_measures_something(tmp_path: Path) -> None:
    found = calibrate(tmp_path)
    assert found.hash_us > 0
    assert found.sync_ms > 0
    assert found.all_cores > 0


TOLD = """transaction type: function.pgbench
number of transactions actually processed: {done}
number of failed transactions: {failed} (0.000%)
latency average = 1.0 ms
initial connection time = 12.3 ms
tps = 1666.5 (without initial connection time)
"""


def test_pgbench_is_read_as_it_prints() -> None:
    progress = "progress: 1.0 s, 1500.0 tps, lat 0.6 ms, 0 failed\nprogress: 2.0 s, 1833.0 tps, lat"
    assert read_pgbench(TOLD.format(done=3333, failed=0), progress, 2) == (3333, 1666.5, [1500, 1833])


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("", "connection refused"),
        (TOLD.format(done=0, failed=0), "ERROR: no function"),
        (TOLD.format(done=5, failed=2), "deadlock detected"),
    ],
)
def test_pgbench_that_failed_has_no_figure(out: str, told: str) -> None:
    with pytest.raises(BenchFailed, match=told):
        read_pgbench(out, told, 2)
