"""O13 against answers that tell another amount, part or moment that would pass than the rules give."""

from __future__ import annotations

import msgspec
import pytest

from schemas.decisions import Relief
from schemas.reasons import Outcome
from tests.verify.told import (
    assert_true,
    at,
    budget,
    company,
    effects_with,
    found_by,
    held_more,
    hold,
    lie,
    request,
)

PART = (budget(1_000), request("a1", 600, -1))


def test_less_than_the_largest_part_is_found() -> None:
    told, decisions = company(*PART, request("a2", 500, partial_allowed=True))
    last = decisions[-1]
    assert (last.outcome, last.approved) == ("partially_approved", 400)
    assert_true(told)
    lie(
        told,
        last,
        approved=399,
        effects=effects_with(last, 0, amount=399),
        balances=held_more(last, -1),
    )
    assert found_by(told) == {"O13": [f"decision {last.position} (a2) approves 399, but must approve 400"]}


def test_a_part_that_was_not_asked_for_is_found() -> None:
    told, decisions = company(*PART, request("a2", 500))
    last = decisions[-1]
    assert_true(told)
    lie(
        told,
        last,
        outcome=Outcome.PARTIALLY_APPROVED,
        approved=400,
        would_pass=None,
        effects=(hold(last, 400),),
        balances=held_more(last, 400),
    )
    assert "is partially_approved, but must be declined" in found_by(told)["O13"][0]


def test_a_part_that_was_refused_is_found() -> None:
    told, decisions = company(*PART, request("a2", 500, partial_allowed=True))
    last = decisions[-1]
    lie(told, last, outcome=Outcome.DECLINED, approved=None, effects=(), balances=held_more(last, -400))
    assert "is declined, but must be partially_approved" in found_by(told)["O13"][0]


@pytest.mark.parametrize("what", ["now", "later", "at", "subject", "because", "all"])
def test_another_amount_or_moment_that_would_pass_is_found(what: str) -> None:
    told, decisions = company(*PART, request("a2", 500))
    hint = decisions[-1].would_pass
    assert hint is not None
    assert hint.later is not None
    at_s = int(at(6).timestamp())
    assert hint.later == Relief(at=at(6), because="hold_expires", subject="a1")
    assert_true(told)
    replace = msgspec.structs.replace
    lies = {
        "now": replace(hint, now=401),
        "later": replace(hint, later=None),
        "at": replace(hint, later=replace(hint.later, at=at(5))),
        "subject": replace(hint, later=replace(hint.later, subject="a0")),
        "because": replace(hint, later=replace(hint.later, because="period_starts")),
        "all": None,
    }
    lie(told, decisions[-1], would_pass=lies[what])
    (said,) = found_by(told)["O13"]
    assert said.endswith(f"would pass, but it is 400 now and all at {at_s} s (hold_expires a1)")
