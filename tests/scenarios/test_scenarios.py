"""Every story runs through the core as it would run through the log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from infra.stories import FILES, read_stories
from infra.stories.core import CoreRun, Step
from infra.stories.expectations import answer
from infra.stories.story import Story
from schemas.codec import decode_decision
from schemas.decisions import Alert
from schemas.effects import Effects, HoldPlaced, HoldReleased
from schemas.events import EVENT_TYPES
from schemas.reasons import Outcome, ReasonCode
from streams.core.apply.evolve import evolve
from streams.core.state import PartitionState

STORIES = read_stories([Path(__file__).parent, FILES])
STORIES_MIN = 150


def cases() -> list[Any]:
    return [
        pytest.param(story, id=f"{story.place.file.removesuffix('.txt')}: {story.name}") for story in STORIES
    ]


class Watched:
    """What must hold after every decision, whatever the story is about."""

    def __init__(self) -> None:
        self.folded: dict[int, PartitionState] = {}
        self.holds: dict[tuple[str, str], int] = {}
        self.held: dict[tuple[str, str], int] = {}

    def __call__(self, step: Step) -> None:
        self.fold_of_the_log_is_the_live_state(step)
        self.held_is_the_sum_of_open_holds(step)

    def fold_of_the_log_is_the_live_state(self, step: Step) -> None:
        partition = step.decision.partition
        before = self.folded.get(partition) or PartitionState(partition)
        self.folded[partition] = evolve(before, decode_decision(step.value))
        assert self.folded[partition] == step.state, "replay comes to another state"

    def held_is_the_sum_of_open_holds(self, step: Step) -> None:
        decision = step.decision
        department = decision.department_id or ""
        for effect in decision.effects:
            if isinstance(effect, HoldPlaced | HoldReleased):
                amount = effect.amount if isinstance(effect, HoldPlaced) else -effect.amount
                payment = department, effect.authorization_id
                self.holds[payment] = self.holds.get(payment, 0) + amount
                assert self.holds[payment] >= 0, f"{effect.authorization_id} gives back more than it holds"
                for charge in effect.charges:
                    self.held[department, charge] = self.held.get((department, charge), 0) + amount
        for balance in decision.balances:
            held = self.held.get((department, balance.key), 0)
            assert balance.held == held, f"{balance.key}: held is not the sum of its open holds"


def assert_books_show_what_the_state_knows(run: CoreRun) -> None:
    """Encumbrance is what is held, card spend with its FX differences what is posted, in each period."""
    books: Counter[tuple[str, str | None]] = Counter()
    for transfer in run.transfers:
        books[transfer.debit_account, transfer.period] += transfer.amount
        books[transfer.credit_account, transfer.period] -= transfer.amount
    for state in run.states.values():
        for key, department in state.departments.items():
            for charge, period in department.periods.items():
                budget, _, label = charge.partition("@")
                if budget == "department":
                    account = f"department:{key}"
                    assert books[f"{account}:encumbrance", label] == period.held
                    spent = books[f"{account}:card-spend", label] + books[f"{account}:fx-difference", label]
                    assert spent == period.posted
    assert sum(run.balances().values()) == 0


def test_there_are_many_stories_and_each_has_its_own_name() -> None:
    assert len(STORIES) >= STORIES_MIN
    names = [(story.place.file, story.name) for story in STORIES]
    assert len(set(names)) == len(names)


def test_every_event_effect_reason_and_alert_is_in_a_story() -> None:
    steps: list[Step] = []
    for story in STORIES:
        run = CoreRun(on_step=steps.append)
        for line in story.lines:
            run.play(line)
    decisions = [step.decision for step in steps]
    told = {reason.code.value for one in decisions for reason in (*one.reasons, *one.reviews)}
    # What no story can tell: it needs megabytes (tests/core/test_sealing.py), trillions or a thousand
    # clearings (tests/core/test_sums.py).
    untold = {"decision_too_large", "sum_out_of_range", "too_many"}
    assert told == {code.value for code in ReasonCode} - untold
    assert {alert for one in decisions for alert in one.alerts} == set(get_args(Alert))
    assert {str(kind.__struct_config__.tag) for kind in EVENT_TYPES} <= {one.event_type for one in decisions}
    assert set(get_args(Effects)) == {type(effect) for one in decisions for effect in one.effects}
    assert {one.outcome for one in decisions} == set(Outcome)


@pytest.mark.parametrize("story", cases())
def test_scenario(story: Story) -> None:
    run = CoreRun(on_step=Watched())
    for line in story.lines:
        decision, different = run.play(line)
        where = f"{line.place.file}:{line.place.line}: {line.text}"
        assert not different, f"{where}\n  {'; '.join(different)}\n  answered: {answer(decision)}\n{decision}"
    assert_books_show_what_the_state_knows(run)
    wrong = {number: found for number, found in run.books(story).items() if found}
    assert not wrong, f"{story.place.file}: {wrong}"
