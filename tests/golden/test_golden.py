"""Old logs mean what they meant: under any rules and defaults of today they fold to the same state."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import schemas.controls
import streams.core.administration
import streams.core.payments
import streams.core.plans
import streams.core.rules
import streams.core.rules.ruleset
from infra.stories import read_stories
from infra.stories.core import CoreRun
from schemas.codec import decode_decision, seal_decision
from schemas.controls import Policy, SpendLimit
from schemas.decisions import DECISION_VERSION, Alert, Decision
from schemas.effects import Effects, IncreaseAsked
from schemas.events import EVENT_TYPES
from schemas.reasons import Outcome, ReasonCode
from streams.core.apply.registry import APPLIERS
from streams.core.matching import codes_of
from streams.core.rules.ruleset import Allowance
from tests.golden import write
from tests.golden.logs import DEFAULTS, STATES, VERSIONS, defaults, fold, read_logs, state_hash, state_hashes

FILES = [path for version in VERSIONS for path in sorted(version.glob("*.ndjson"))]
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")


def decisions(path: Path) -> Iterator[Decision]:
    for value in path.read_bytes().splitlines():
        yield decode_decision(value)


def states(path: Path) -> list[list[str]]:
    stored: dict[str, list[list[str]]] = msgspec.json.decode((path.parent / STATES).read_bytes())
    return stored[path.name]


# -- what is there


@EACH_FILE
def test_a_golden_log_folds_to_its_state(path: Path) -> None:
    assert [state_hashes(log) for log in read_logs(path)] == states(path)


@EACH_FILE
def test_a_golden_log_is_written_by_todays_code_as_it_stands(path: Path) -> None:
    """Else a log that is decided again would differ, and nobody could tell by what."""
    for value in path.read_bytes().splitlines():
        assert seal_decision(msgspec.structs.replace(decode_decision(value), hash="")) == value


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_what_a_member_means_by_being_left_out_never_changes(version: Path) -> None:
    """A policy of last year that says nothing of its holds means last year's. Members may be added."""
    stored: dict[str, dict[str, Any]] = msgspec.json.decode((version / DEFAULTS).read_bytes())
    today = defaults()
    changed = {
        f"{struct}.{name}": (before, today[struct].get(name, "gone"))
        for struct, members in stored.items()
        for name, before in members.items()
        if struct in today and today[struct].get(name, "gone") != before
    }
    assert not changed, f"(then, now): {changed}; say the new default in what is written, or in version 2"


def test_golden_logs_are_written_once() -> None:
    before = {path: path.read_bytes() for path in FILES}
    again = subprocess.run(
        [sys.executable, "-m", "tests.golden.write"], capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode == 1
    assert f"v{DECISION_VERSION} exists" in again.stderr
    assert {path: path.read_bytes() for path in FILES} == before


# -- that nothing is missing in it


def test_every_event_effect_reason_and_alert_is_in_a_golden_log() -> None:
    found = [decision for path in FILES for decision in decisions(path)]
    told = {reason.code for one in found for reason in (*one.reasons, *one.reviews)}
    # What no story can tell: megabytes, trillions, a thousand clearings (tests/scenarios/test_scenarios.py).
    untold = {ReasonCode.DECISION_TOO_LARGE, ReasonCode.SUM_OUT_OF_RANGE, ReasonCode.TOO_MANY}
    assert told == set(ReasonCode) - untold
    assert {alert for one in found for alert in one.alerts} == set(get_args(Alert))
    assert {str(kind.__struct_config__.tag) for kind in EVENT_TYPES} <= {one.event_type for one in found}
    assert {one.outcome for one in found} == set(Outcome)
    assert {type(effect) for one in found for effect in one.effects} == set(get_args(Effects))
    assert any(one.duplicate_of is not None for one in found)
    assert any(one.score is not None for one in found)


def test_every_member_of_an_effect_is_there_said_and_left_out() -> None:
    found = {shape for path in FILES for one in decisions(path) for shape in write.shapes(one)}
    names = {(kind, name) for kind, name, _ in found if name}
    once = {(kind, name) for kind, name in names if not {(kind, name, True), (kind, name, False)} <= found}
    assert once == ALWAYS_OR_NEVER


def test_whatever_is_remembered_is_forgotten_in_a_golden_log() -> None:
    names = ("answers", "payments", "periods", "refunds", "disputes", "counters", "requests")
    forgotten = set()
    for path in FILES:
        for log in read_logs(path):
            known: dict[tuple[str, str], int] = {}
            for state in fold(log):
                for key, department in state.departments.items():
                    for name in names:
                        count = len(getattr(department, name))
                        if count < known.get((key, name), 0):
                            forgotten.add(name)
                        known[key, name] = count
    assert forgotten == set(names)


def test_an_increase_of_before_requests_lapsed_waits_for_ever() -> None:
    """Its log says nothing of a time: then there is none, whatever the policy's `request_days` are today."""
    waited = 0
    for log in read_logs(VERSIONS[0] / "stories.ndjson"):
        asked = [
            one for value in log for one in decode_decision(value).effects if isinstance(one, IncreaseAsked)
        ]
        assert all(one.lapses_at is None for one in asked)
        names = {one.request_id for one in asked}
        for state in fold(log):
            for department in state.departments.values():
                for name in names & set(department.requests):
                    assert not department.requests[name].lapsed(2**40)
                    waited += not department.requests[name].closed
    assert waited > 5


@pytest.mark.parametrize("version", range(1, DECISION_VERSION + 1))
def test_each_version_has_an_applier_for_each_effect(version: int) -> None:
    assert APPLIERS.keys() == set(range(1, DECISION_VERSION + 1))
    assert APPLIERS[version].keys() == set(get_args(Effects))


# -- that today's rules do not matter


def a_code_more(patch: pytest.MonkeyPatch) -> None:
    groups = {name: (*ranges, (5411, 5411)) for name, ranges in schemas.controls.MCC_GROUPS.items()}
    patch.setattr(schemas.controls, "MCC_GROUPS", groups)
    patch.setattr("streams.core.matching.MCC_GROUPS", groups)
    fresh = lru_cache(codes_of.__wrapped__)
    patch.setattr("streams.core.matching.codes_of", fresh)
    patch.setattr(streams.core.plans, "codes_of", fresh)


def another_default_policy(patch: pytest.MonkeyPatch) -> None:
    none = Policy(rules=(SpendLimit(rule_id="large-amount", window="transaction", amount=1),), hold_days=3)
    patch.setattr(streams.core.administration, "default_policy", lambda currency: none)


def another_hold_validity(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streams.core.plans.Plan, "valid_days", lambda plan, mcc: 2)


def nothing_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streams.core.payments, "counts", lambda ask, amount: ())


def coarser_windows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streams.core.rules.ruleset, "slot_width_s", lambda seconds: seconds)


def limits_are_ten_times_as_high(patch: pytest.MonkeyPatch) -> None:
    limit = Allowance.limit
    patch.setattr(Allowance, "limit", lambda one, period, at_s: 10 * limit(one, period, at_s))


def no_rule_speaks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streams.core.payments, "judge", lambda *_, **__: streams.core.rules.PASSED)


@pytest.mark.parametrize(
    ("change", "scenario"),
    [
        (a_code_more, "merchants.txt"),
        (another_default_policy, "defaults.txt"),
        (another_hold_validity, "expiry.txt"),
        (nothing_counts, "velocity.txt"),
        (coarser_windows, "velocity.txt"),
        (limits_are_ten_times_as_high, "budgets.txt"),
        (no_rule_speaks, "limits.txt"),
    ],
)
def test_an_old_log_folds_to_the_same_state_under_other_rules(
    change: Callable[[pytest.MonkeyPatch], None], scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = played(scenario)
    change(monkeypatch)
    assert played(scenario) != before, "the change changes nothing: then this test proves nothing"
    for path in FILES:
        last = [hashes[-1] for hashes in states(path)]
        assert [state_hash(deque(fold(log), maxlen=1).pop()) for log in read_logs(path)] == last


def played(scenario: str) -> list[bytes]:
    values: list[bytes] = []
    for story in read_stories([write.SCENARIOS / scenario]):
        run = CoreRun(on_step=lambda step: values.append(step.value))
        for line in story.lines:
            run.play(line)
    return values


ALWAYS_OR_NEVER: set[tuple[str, str]] = set()
