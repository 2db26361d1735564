"""Requests for an increase: a verifier that believed every approval would let anybody raise a limit."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.controls import ApprovalLevel
from schemas.decisions import Decision, IncreaseStep
from schemas.effects import Effects
from schemas.events import IncreaseApproved, IncreaseRefused, IncreaseRequested
from tests.verify.logs import Company
from tests.verify.told import assert_true, at, budget, company, event, found_by, lie, policy, request, usd

LEVELS = (ApprovalLevel("manager", approvers=("mo",)), ApprovalLevel("director", approvers=("di", "do")))


def story() -> tuple[Company, list[Decision]]:
    return company(
        budget(1_000),
        policy(approvals=LEVELS),
        event(IncreaseRequested, 1, request_id="fair", amount=usd(500), ends_at=at(9), actor="jo"),
        event(IncreaseApproved, 2, request_id="fair", actor="mo"),
        event(IncreaseApproved, 3, request_id="fair", actor="di"),
        request("above", 1_400, 4),
        event(IncreaseRequested, 5, request_id="party", amount=usd(100), ends_at=at(9), actor="jo"),
        event(IncreaseRefused, 6, request_id="party", actor="mo"),
    )


def step(decision: Decision, **members: Any) -> tuple[Effects, ...]:
    first, *others = decision.effects
    assert isinstance(first, IncreaseStep)
    return (msgspec.structs.replace(first, **members), *others)


def test_an_increase_that_went_through_its_levels_is_true() -> None:
    told, decisions = story()
    assert decisions[5].outcome == "approved"
    assert_true(told)


@pytest.mark.parametrize(
    ("number", "members", "words"),
    [
        (3, {"approved_by": "jo"}, "lets jo approve fair"),
        (3, {"approved_by": "di"}, "lets di approve fair"),
        (4, {"approved_by": "mo"}, "lets mo approve fair"),
        (3, {"left": 0}, "sets 0 increases with 0 levels left"),
        (4, {"left": 1}, "sets 1 increases with 1 levels left"),
        (4, {"request_id": "none"}, "approves no request that is known"),
    ],
)
def test_an_approval_by_who_may_not_or_out_of_turn_is_found(
    number: int, members: dict[str, Any], words: str
) -> None:
    told, decisions = story()
    lie(told, decisions[number], effects=step(decisions[number], **members))
    assert any(words in found for found in found_by(told)["O6"])


def test_an_increase_of_another_amount_than_was_asked_for_is_found() -> None:
    told, decisions = story()
    first, increase = decisions[4].effects
    lie(told, decisions[4], effects=(first, msgspec.structs.replace(increase, amount=900)))
    assert any("another increase than fair asked for" in found for found in found_by(told)["O6"])
