"""Every story through the real pipeline: Kafka, the worker, the ledger sink, PostgreSQL."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from infra.running.system import running_system
from infra.stack_settings import load_settings
from infra.stories import FILES, parse, read_stories
from infra.stories.pipeline import PlayedStory
from infra.stories.run import through
from infra.verify import Report, verify
from tests.infra.support import spendlog

SCENARIOS = Path(__file__).parents[1] / "scenarios"
STORIES_MIN = 150

# What must be found to differ, so that "nothing differs" says something: number of the line -> words.
WRONG = """\
story: a wrong outcome
budget eng USD 100.00 => accepted
request A1 USD 60.00 => declined budget_exceeded
request A2 USD 60.00 => declined budget_exceeded available 40.01

story: wrong books
budget eng USD 100.00 => accepted
request A1 USD 60.00 => approved
clear A1 USD 60.00 => accepted
ledger card-spend USD 60.01
payment A1 approved held 60.00 posted 60.00
payment A2 approved
"""
DIFFERENT = {
    3: ["the outcome is approved", "its reasons are none"],
    4: ["available of department@2026-11 is 40.00"],
    10: ["card-spend stands at USD 60.00"],
    11: ["its status is cleared", "held is 0.00"],
    12: ["payment A2 is not in the books"],
}


@dataclass(frozen=True)
class Run:
    """All stories played through one pipeline, the wrong ones last, and what the verifier says to it."""

    good: list[PlayedStory]
    wrong: list[PlayedStory]
    report: Report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    stories, wrong = read_stories([SCENARIOS, FILES]), parse(WRONG, "wrong.txt")
    data, console = tmp_path_factory.mktemp("stories") / "data", Console(file=io.StringIO())
    with running_system(load_settings(), data, keep=False, port=None, console=console) as system:
        played = through(system, [*stories, *wrong], console)
        report = verify(system.endpoints.kafka, system.endpoints.postgres, system.endpoints.redis)
    assert len(played) == len([story for story in stories if not story.core_only]) + len(wrong)
    return Run(played[: -len(wrong)], played[-len(wrong) :], report)


@pytest.mark.timeout(300)
def test_all_stories_are_answered_and_booked_as_they_tell(run: Run) -> None:
    assert len(run.good) >= STORIES_MIN
    assert not {
        f"{one.story.place.file}:{line}": found for one in run.good for line, found in one.different.items()
    }


def test_what_is_answered_or_booked_otherwise_is_found(run: Run) -> None:
    told = {line: " ".join(found) for one in run.wrong for line, found in one.different.items()}
    assert told.keys() == DIFFERENT.keys()
    for line, words in DIFFERENT.items():
        assert all(word in told[line] for word in words), told[line]


def test_the_verifier_finds_nothing_wrong_with_the_log_and_the_books(run: Run) -> None:
    violated = {
        oracle.id: [oracle.title, *oracle.examples] for oracle in run.report.oracles.values() if not oracle.ok
    }
    assert not violated
    assert run.report.decisions > sum(len(one.decisions) for one in run.good)


def test_the_command_ends_with_status_1_when_something_differs(tmp_path: Path) -> None:
    story = tmp_path / "wrong.txt"
    story.write_text(WRONG)
    done = spendlog("story", "--core", story)
    assert done.returncode == 1
    assert "  ✗ request A1 USD 60.00  → approved available 40.00" in done.stdout
    assert "      line 3: the outcome is approved" in done.stdout
    assert "      line 10: department:techcorp/eng:card-spend stands at USD 60.00" in done.stdout
    assert "2 stories, 6 events, 3 lines about the books: 2 differ" in done.stdout


def test_the_command_tells_the_stories_that_come_along_and_ends_with_status_0() -> None:
    done = spendlog("story", "--core")
    assert done.returncode == 0, done.stdout
    sentence = "Department 'Engineering' budget exceeded. Limit: $50,000, Current: $6,000, Requested: $48,000"
    assert f"      {sentence}\n" in done.stdout
    assert "all as told" in done.stdout and "✗" not in done.stdout


def test_what_cannot_be_read_is_told_before_anything_starts(tmp_path: Path) -> None:
    story = tmp_path / "wrong.txt"
    story.write_text("story: one\nbudget eng USD 1.00 => accpted\n")
    done = spendlog("story", story)
    assert done.returncode == 1
    assert done.stderr == (
        "error: wrong.txt:2:24: 'accpted' is not expected here; "
        "expected an outcome (did you mean 'accepted'?)\n"
    )
