"""What the core decides, wherever it is played, is true by the verifier's own reading of docs/rules.md."""

from __future__ import annotations

import asyncio
from datetime import date

import msgspec
import pytest

from infra.verify import cards, controls, counters, moments, verdicts
from infra.verify.leases import Leases
from infra.verify.report import Report
from infra.verify.usage import Usage
from schemas.codec import decode_decision
from schemas.events import ClockTicked
from tests.simulation.histories import history
from tests.simulation.world import Cluster, Steps, run_owner
from tests.verify.logs import World, violated
from tests.verify.played import FORGED, add, stories, verified
from tests.verify.told import assert_true, at, budget, company, event, found_by, lie, request


def test_all_scenarios_and_stories_are_true() -> None:
    reports = {name: verified(worlds) for name, worlds in stories().items()}
    wrong = {name: violated(report) for name, report in reports.items() if not report.ok}
    assert list(wrong.pop(FORGED)) == ["O11"]
    assert wrong == {}
    assert sum(report["O13"].checked for report in reports.values()) > 500


@pytest.mark.parametrize("gone", [0.1, 0.3, 0.5, 0.9, 1.0])
def test_a_log_whose_card_events_reached_their_retention_is_true(gone: float) -> None:
    reports = {name: verified(worlds, gone) for name, worlds in stories().items()}
    wrong = {name: violated(report) for name, report in reports.items() if not report.ok}
    assert list(wrong.pop(FORGED)) == ["O11"]
    assert wrong == {}
    notes = [note for report in reports.values() for note in report["O2"].notes]
    assert notes
    assert all("card events begin at offset" in note for note in notes)


def owned(seed: int, length: int) -> World:
    """What an owner decides of a random history, and its books."""
    cluster = Cluster(history(seed, length))
    asyncio.run(run_owner(cluster, Steps(), 4))
    world = World(0, 1)
    for record, value in zip(cluster.card_events, cluster.decisions, strict=True):
        add(world, record.key, record.value, decode_decision(value))
    world.seal()
    world.book()
    return world


@pytest.mark.parametrize("seed", range(4))
def test_only_what_lies_before_the_first_card_event_may_be_missing(seed: int) -> None:
    world = owned(seed, 60)
    first = world.events[30].offset
    report = Report()
    world.check_into(report, Leases(report), first)
    assert violated(report) == {}
    lost = world.events.pop(40)
    report = Report()
    world.check_into(report, Leases(report), first)
    (said,) = violated(report)["O2"]
    assert f"of card event 0@{lost.offset}, which is not there" in said


#: What is read wrong, and where: module or class, name, and what stands there instead.
ERRORS: dict[str, tuple[object, str, object]] = {
    "a window has a slot less": (counters, "SLOTS", 59),
    "counters go on under every policy": (Usage, "follow", lambda *given: None),
    "a card is never used": (Usage, "use", lambda *given: None),
    "it is always office hours": (verdicts, "holds", lambda *given: True),
    "a name has a case": (controls, "plain", str),
    "whoever pays may be limited": (controls, "is_for", lambda *given: True),
    "every rule is for all": (verdicts, "in_scope", lambda *given: True),
    "cards do not expire": (cards, "day", lambda *given: date.min),
    "no period ends": (moments, "ends_s", lambda *given: None),
    "what would pass is looked for seven times": (moments, "MOMENTS_MAX", 7),
    "nothing is charged": (verdicts, "_fits", lambda *given: None),
}


@pytest.mark.parametrize("error", sorted(ERRORS))
def test_the_stories_tell_a_wrong_reading_from_the_right_one(
    error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, wrong = ERRORS[error]
    monkeypatch.setattr(where, name, wrong)
    assert any(not verified(worlds)["O13"].ok for worlds in stories().values())


@pytest.mark.parametrize("seed", range(0, 8, 2))
def test_what_an_owner_decides_is_true(seed: int) -> None:
    world = owned(seed, 300)
    report, _ = world.check()
    assert violated(report) == {}
    assert report["O13"].checked > 80


def test_an_event_id_that_was_forgotten_may_be_used_again() -> None:
    first = request("a1", 10)
    again = msgspec.structs.replace(first, authorization_id="a2", occurred_at=at(200))
    told, decisions = company(budget(1_000), first, event(ClockTicked, 200), again)
    assert decisions[-1].outcome == "approved"
    assert_true(told)
    told, decisions = company(budget(1_000), first, request("a2", 10, 60))
    assert_true(told)
    lie(told, decisions[-1], event_id=first.event_id)
    assert "was decided at" in found_by(told)["O3"][0]
