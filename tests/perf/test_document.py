"""docs/performance.md says what perf/results/bench.json has, and the picture is drawn from the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from infra.errors import SpendlogError
from perf import bench, document
from perf.command import DOCUMENT
from perf.comparison import NO_WORK, REDIS, ROW_LOCKS, Compared
from perf.harness import FULL
from perf.open_loop import Offered, TimedRequest, judged
from perf.picture import draw
from perf.results import OpenLoop
from tests.perf.test_rounds import CALM, contest


def full_run() -> bench.BenchRun:
    run = bench.new_run(FULL)
    for part, durability in bench.COMPARED.items():
        run.results[part] = Compared(
            durability=durability,
            contests=[
                contest("spendlog", [20_000, 21_000, 19_000, 20_500, 20_100]),
                contest("row locks, statement, 16 clients", [5_000, 5_100, 4_900, 5_000, 5_050], ROW_LOCKS),
                contest("row locks, statement, 64 clients", [2_000, 2_100, 1_900, 2_000, 2_050], ROW_LOCKS),
                contest("Redis script, 64 under way", [60_000] * 5, REDIS),
                contest("no work", [80_000] * 5, NO_WORK),
            ],
            before=CALM,
            after=CALM,
        )
    waits = Offered([TimedRequest(n / 500, n / 500 + 0.004) for n in range(2_000)], 0.001, 10.0)
    run.results["open-loop"] = OpenLoop(
        [judged(side, "memory", 500, waits) for side in ("spendlog", "row locks")]
    )
    return run


def test_the_page_says_what_the_results_have() -> None:
    run = msgspec.json.decode(bench.RESULTS.read_bytes(), type=bench.BenchRun)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.partition(document.BEGIN)[2].partition(document.END)[0].strip() == document.compared(run)


def test_the_tables_have_every_contestant_ratio_and_rate() -> None:
    text = document.compared(full_run())
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    claims = {tuple(row[:3]): row[3] for row in rows if row[0] == "spendlog" and len(row) == 7}
    assert claims == {
        ("spendlog", rival, held): lowest
        for held in ("neither side waits for the disk", "both sides wait for the disk")
        for rival, lowest in {
            "row-locks": "**3.88 ×**",
            "row-locks, 64 clients": "**9.80 ×**",
            "redis": "**0.32 ×**",
            "no-work": "**0.24 ×**",
        }.items()
    }
    contests = [row for row in rows if len(row) == 5]
    assert ["no work", "80,000", "80,000 to 80,000", "25.0", ""] in contests
    answers = [row for row in rows if len(row) == 10 and row[1] == "500/s"]
    assert [row[0] for row in answers] == ["row locks", "spendlog"]
    assert all(row[3:7] == ["4.0"] * 4 and row[8] == "0 of 2,000" for row in answers)


def test_the_tables_are_put_between_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.put(page, full_run())
    once = page.read_text()
    assert once.startswith(f"before\n{document.BEGIN}\n\n")
    assert once.endswith(f"\n\n{document.END}\nafter\n")
    assert "old" not in once
    document.put(page, full_run())
    assert page.read_text() == once


@pytest.mark.parametrize(
    "text", ["", document.BEGIN, document.END + document.BEGIN, (document.BEGIN + document.END) * 2]
)
def test_a_page_without_its_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(SpendlogError, match="must have the line"):
        document.put(page, full_run())
    assert page.read_text() == text


def test_the_picture_shows_both_classes(tmp_path: Path) -> None:
    path = tmp_path / "bench.svg"
    draw(full_run().results, path, "drawn by a test")
    drawn = path.read_text(encoding="utf-8")
    for told in (
        "neither side waits for the disk",
        "both sides wait for the disk",
        "row locks, statement, 16",
    ):
        assert told in drawn
    assert "64 clients" not in drawn  # a rival is shown at its best
