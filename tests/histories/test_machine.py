"""The core against the verifier, the second copy of docs/rules.md, over thousands of random histories."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from schemas.reasons import Outcome, ReasonCode
from tests.histories.machine import History
from tests.histories.referee import Difference

PARTS, HISTORIES = 5, 1000
STEPS = 9  # of one to three records each

SEEN_BESIDE_REASONS = (
    *(outcome.value for outcome in Outcome),
    *(f"review {code}" for code in ("tolerance_used", "blocked", "outside_hours")),
    *(f"alert over_{what}" for what in ("capture", "refund")),
    *(f"alert after_{what}" for what in ("decline", "reversal", "expiry", "timeout")),
    *(f"alert {what}" for what in ("no_authorization", "cleared_before_request", "already_settled")),
    *(f"passes {what}" for what in ("never", "hold_expires", "period_starts", "increase_starts")),
    *(f"shadow {code}" for code in ("amount_too_large", "limit_exceeded", "blocked")),
    *(f"{kind}_{what}" for kind in ("increase", "request") for what in ("asked", "step", "closed")),
    *(f"{kind}_{what} on behalf" for kind in ("increase", "request") for what in ("step", "closed")),
    "request_lapsed",
    "delegation_given",
    "delegation_taken_back",
    "alert above_limits",
    "alert rate_mismatch",
    "alert refund_exceeds_posted",
    "again",
    "voided by name",
    "fx_difference",
    "posting_undone",
    "lease_recall_sent",
    "lease_given_back",
    "lease_taken",
)


def play(histories: int, seed_of_all: int, machine: type[History] = History, **given: Any) -> None:
    """Raises Difference, with the shortest history that shows it."""
    given = {"phases": (Phase.generate, Phase.shrink), **given}
    run = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            **given,
        ),
    )
    seed(seed_of_all)(run)()


@lru_cache
def part(number: int) -> int:
    """Play a part of the histories, once for each run of the tests."""
    play(HISTORIES, number)
    return number


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(PARTS))
def test_the_core_answers_as_the_verifier_does(number: int) -> None:
    part(number)


@pytest.mark.timeout(3600)
def test_the_histories_reach_every_reason_and_outcome() -> None:
    wanted = {code.value for code in ReasonCode} | set(SEEN_BESIDE_REASONS)
    wanted -= {ReasonCode.TOLERANCE_USED.value}  # a review only
    # Megabytes, trillions and a thousand clearings: tests/core/test_sealing.py and test_sums.py.
    wanted -= {code.value for code in (ReasonCode.DECISION_TOO_LARGE, ReasonCode.SUM_OUT_OF_RANGE)}
    wanted -= {ReasonCode.TOO_MANY.value}
    # More than PARTS where need be: what a seed draws hangs on the constants of all imported modules.
    for number in range(4 * PARTS):
        part(number)
        if number >= PARTS - 1 and not wanted - set(History.seen):
            return
    assert not wanted - set(History.seen)


class Thorough(History):
    """Compares the fold of the decisions with the live state after every record."""

    thorough = True


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(20))
def test_the_core_answers_as_the_verifier_does_for_long(number: int) -> None:
    fresh = random.SystemRandom().randrange(2**32)
    try:
        play(5000, fresh, Thorough)
    except Difference as difference:
        difference.add_note(f"found with seed {fresh}")
        raise
