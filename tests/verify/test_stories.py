"""Whatever the core answers to whatever comes, log and books hold."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from schemas.effects import Effects
from tests.verify.stories import Storyteller
from tests.verify.told import assert_true

EVENTS = 1_200


@pytest.mark.parametrize("late", [False, True], ids=["changing rules", "late events"])
@pytest.mark.parametrize("cap", [False, True], ids=["no cap", "cap"])
@pytest.mark.parametrize("seed", range(3))
def test_a_true_story_holds(seed: int, cap: bool, late: bool) -> None:
    company = Storyteller(seed, cap=cap, late=late).tell(EVENTS)
    decided = sum(len(world.decisions) for world in company.worlds.values())
    report = assert_true(company)
    assert report["O2"].checked == report["O3"].checked == report["O9"].checked == decided > EVENTS
    assert report["O4"].checked > 200
    assert report["O12"].checked > 150
    assert (report["O11"].checked > 100) is cap


def test_the_stories_have_everything_in_them() -> None:
    outcomes: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(6):
        company = Storyteller(seed, late=seed == 2).tell(EVENTS)
        for world in company.worlds.values():
            for decision in world.decisions:
                outcomes[decision.outcome.value] += 1
                effects.update(type(effect).__name__ for effect in decision.effects)
                reasons.update(reason.code.value for reason in decision.reasons)
    assert min(outcomes[name] for name in ("approved", "partially_approved", "declined", "rejected")) > 20
    assert {kind.__name__ for kind in get_args(Effects)} <= effects.keys(), effects
    for code in (
        "budget_exceeded",
        "limit_exceeded",
        "lease_exceeded",
        "amount_too_large",
        "deadline_missed",
        "may_not_approve",
    ):
        assert reasons[code], code
