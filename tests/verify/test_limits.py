"""O4 against approvals that look right in everything but the limit that they exceed."""

from __future__ import annotations

import msgspec
import pytest

from schemas.controls import Calendar, Match, SpendLimit
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationReversed,
    BudgetIncreased,
    BudgetRemoved,
    CardFrozen,
    Event,
)
from schemas.reasons import Outcome, Reason, ReasonCode
from tests.verify.told import (
    CARD,
    SHOP,
    approve,
    assert_true,
    at,
    budget,
    cap,
    card,
    clear,
    company,
    effects_with,
    event,
    found_by,
    held_more,
    hold,
    lie,
    policy,
    request,
    usd,
)

TEAM = (
    budget(100_000),
    budget(1_000, level="team", subject="alpha", period="quarter"),
    card(team="alpha"),
    request("a1", 900),
)
DAILY = SpendLimit(rule_id="daily", window="calendar", calendar=Calendar("day"), amount=1_000)
LARGE = SpendLimit(rule_id="large", window="transaction", amount=1_000)


@pytest.mark.parametrize(
    ("events", "last", "said"),
    [
        ((budget(1_000),), request("a2", 1_001), "takes department@2026-11 of acme/sales to 1001 of 1000"),
        (TEAM, request("a2", 101), "takes team:alpha@2026-Q4 of acme/sales to 1001 of 1000"),
        ((budget(1_000, tolerance=50),), request("a2", 1_051), "to 1051 of 1050 minor units"),
        (
            (budget(1_000), event(BudgetIncreased, amount=usd(500), ends_at=at(2))),
            request("a2", 1_001, days=2),
            "to 1001 of 1000 minor units",
        ),
        (
            (budget(9_000), policy(DAILY), request("a1", 600)),
            request("a2", 401, days=0.4),
            f"takes rule:daily:{CARD}@2026-11-10 of acme/sales to 1001 of 1000",
        ),
        ((budget(9_000), policy(LARGE)), request("a2", 1_001), "takes large of acme/sales to 1001 of 1000"),
        (
            (budget(9_000), cap(4_000, "sales", "ops")),
            request("a2", 1_001),
            "takes company@2026-11 of acme/sales to 1001 of 1000",
        ),
    ],
    ids=["department", "team", "tolerance", "increase", "rule", "transaction", "lease"],
)
def test_an_approval_above_a_limit_is_found(events: tuple[Event, ...], last: Event, said: str) -> None:
    told, decisions = company(*events, last)
    assert_true(told)
    approve(told, decisions[-1])
    (found,) = [line for line in found_by(told)["O4"] if "takes" in line]
    assert found.startswith(f"decision {decisions[-1].position} (a2) takes ")
    assert said in found


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ((budget(1_000, tolerance=50),), request("a2", 1_050)),
        ((budget(1_000), event(BudgetIncreased, amount=usd(500), ends_at=at(2))), request("a2", 1_500, 1.9)),
        ((budget(9_000), cap(4_000, "sales", "ops")), request("a2", 1_000)),
        ((budget(9_000), policy(msgspec.structs.replace(DAILY, action="review"))), request("a2", 9_000)),
        (
            (budget(9_000), policy(msgspec.structs.replace(DAILY, only=Match(mccs=("7011",))))),
            request("a2", 2_000),
        ),
    ],
    ids=["tolerance", "increase", "lease", "review", "only others"],
)
def test_an_approval_up_to_its_limits_is_right(events: tuple[Event, ...], last: Event) -> None:
    told, decisions = company(*events, last)
    assert decisions[-1].outcome == "approved"
    assert_true(told)


def test_an_increment_above_a_limit_is_found() -> None:
    more = event(AuthorizationIncremented, 1, authorization_id="a1", card_id=CARD, amount=usd(101))
    told, decisions = company(*TEAM, more)
    approve(told, decisions[-1])
    assert "takes team:alpha@2026-Q4 of acme/sales to 1001 of 1000" in found_by(told)["O4"][0]


def test_a_budget_that_was_removed_limits_no_increment() -> None:
    gone = event(BudgetRemoved, 1, budget_id="team:alpha")
    more = event(AuthorizationIncremented, 2, authorization_id="a1", card_id=CARD, amount=usd(5_000))
    told, decisions = company(*TEAM, gone, more)
    assert decisions[-1].outcome == "approved"
    assert_true(told)


def test_a_period_that_is_over_keeps_its_own_limit() -> None:
    told, decisions = company(
        budget(1_000, days=-20),
        clear("a1", 400, days=-20),
        budget(5_000),
        request("a2", 601, days=-19),
        request("a3", 5_000),
    )
    assert [decision.outcome.value for decision in decisions[-2:]] == ["declined", "approved"]
    assert_true(told)
    approve(told, decisions[-2])
    assert "takes department@2026-10 of acme/sales to 1001 of 1000" in found_by(told)["O4"][0]


def test_a_limit_that_was_lowered_holds_at_once() -> None:
    told, decisions = company(budget(1_000), request("a1", 600), budget(700, 1), request("a2", 101, 2))
    assert_true(told)
    approve(told, decisions[-1])
    assert "to 701 of 700 minor units" in found_by(told)["O4"][0]


def test_a_limit_is_not_taken_from_the_decision_that_must_keep_it() -> None:
    told, decisions = company(budget(1_000), request("a2", 1_001))
    approve(told, decisions[-1])
    told.at(decisions[-1]).change(
        decisions[-1].seq,
        balances=tuple(
            msgspec.structs.replace(balance, limit=2_000) for balance in held_more(decisions[-1], 1_001)
        ),
    )
    found = found_by(told)
    assert "to 1001 of 1000" in found["O4"][0]
    assert "says limit 2000 in department@2026-11; it is 1000" in found["O6"][0]


def test_an_approval_that_leaves_a_budget_out_is_found() -> None:
    told, decisions = company(*TEAM, request("a2", 101))
    declined = decisions[-1]
    department = ("department@2026-11",)
    lie(
        told,
        declined,
        outcome=Outcome.APPROVED,
        reasons=(),
        effects=(hold(declined, 101, charges=department),),
        balances=held_more(declined, 101)[:1],
    )
    (found,) = found_by(told)["O4"]
    assert f"counts in {department}, but must count in ('department@2026-11', 'team:alpha@2026-Q4')" in found


def test_a_clearing_without_authorization_that_leaves_a_budget_out_is_found() -> None:
    told, decisions = company(*TEAM, clear("a9", 50))
    (posted,) = decisions[-1].effects
    lie(told, decisions[-1], effects=(msgspec.structs.replace(posted, charges=("department@2026-11",)),))
    assert "must count in" in found_by(told)["O4"][0]


# -- what an approval holds

PART = (budget(1_000), request("a1", 600), request("a2", 500, partial_allowed=True))


def test_a_partial_approval_above_what_was_left_is_found() -> None:
    told, decisions = company(*PART)
    partial = decisions[-1]
    assert (partial.outcome, partial.approved) == (Outcome.PARTIALLY_APPROVED, 400)
    assert_true(told)
    lie(
        told,
        partial,
        approved=401,
        effects=effects_with(partial, 0, amount=401),
        balances=held_more(partial, 1),
    )
    assert "to 1001 of 1000 minor units" in found_by(told)["O4"][0]


@pytest.mark.parametrize("approved", [0, 500, 600, None])
def test_a_partial_approval_of_nothing_or_all_is_found(approved: int | None) -> None:
    told, decisions = company(*PART)
    lie(told, decisions[-1], approved=approved)
    assert f"approves {approved or 0} of 500 in part" in found_by(told)["O4"][0]


def test_an_approval_that_holds_nothing_is_found() -> None:
    told, decisions = company(budget(1_000), request("a1", 600))
    lie(told, decisions[-1], effects=(), balances=held_more(decisions[-1], -600))
    assert "(a1) holds nothing, but must hold 600" in found_by(told)["O4"][0]


def test_an_approval_needs_no_hold_for_what_was_settled_before_it() -> None:
    told, decisions = company(
        budget(1_000),
        clear("all", 300),
        request("all", 300),
        clear("part", 100, final=False),
        request("part", 150),
    )
    whole, part = decisions[2], decisions[4]
    assert (whole.outcome, whole.moves) == (Outcome.APPROVED, ())
    assert [getattr(effect, "amount", None) for effect in part.moves] == [50]
    assert_true(told)
    lie(told, part, effects=(), balances=held_more(part, -50))
    assert "(part) holds nothing, but must hold 50" in found_by(told)["O4"][0]


def test_a_decline_that_holds_is_found() -> None:
    told, decisions = company(budget(1_000), request("a1", 1_600))
    lie(told, decisions[-1], effects=(hold(decisions[-1], 1_600),), balances=held_more(decisions[-1], 1_600))
    assert "holds money, but approves nothing" in found_by(told)["O4"][0]


def test_an_approval_of_a_frozen_card_is_found() -> None:
    told, decisions = company(budget(1_000), card(), event(CardFrozen, card_id=CARD), request("a1", 10))
    assert_true(told)
    declined = decisions[-1]
    lie(
        told,
        declined,
        outcome=Outcome.APPROVED,
        reasons=(),
        effects=(hold(declined, 10),),
        balances=held_more(declined, 10),
    )
    assert f"is of card {CARD}, which is frozen" in found_by(told)["O4"][0]


def test_what_the_network_has_approved_for_us_is_above_limits_without_fault() -> None:
    advice = event(
        AuthorizationAdvised, authorization_id="a1", card_id=CARD, amount=usd(5_000), merchant=SHOP
    )
    told, decisions = company(budget(1_000), advice, clear("a1", 6_000, 1), request("a2", 1, 2))
    assert [decision.outcome.value for decision in decisions[1:]] == ["accepted", "accepted", "declined"]
    assert_true(told)


def test_a_request_after_its_timeout_must_be_declined() -> None:
    timeout = event(AuthorizationReversed, authorization_id="a1", cause="timeout")
    told, decisions = company(budget(1_000), timeout, request("a1", 10, 1), request("a1", 10, 2))
    assert [decision.outcome.value for decision in decisions] == [
        "accepted",
        "accepted",
        "declined",
        "declined",
    ]
    assert_true(told)
    late = decisions[-1]
    charges = ("department@2026-11",)
    lie(told, late, outcome=Outcome.APPROVED, reasons=(), effects=(hold(late, 10, charges=charges),))
    assert found_by(told)["O3"] == [
        f"authorization acme/sales/a1 timed out before its request, but {late.position} answers it"
    ]


def test_a_timeout_of_one_request_declines_no_other() -> None:
    late = request("a1", 10, 2)
    timeout = event(AuthorizationReversed, authorization_id="a1", cause="timeout", request_id=late.event_id)
    told, decisions = company(budget(1_000), timeout, request("a1", 10, 1), late)
    assert [decision.outcome.value for decision in decisions[1:]] == ["accepted", "approved", "rejected"]
    assert_true(told)
    _, _, other, _ = decisions
    missed = (Reason(code=ReasonCode.DEADLINE_MISSED),)
    lie(told, other, outcome=Outcome.DECLINED, reasons=missed, effects=())
    assert found_by(told)["O3"] == [
        f"request {other.position} of authorization acme/sales/a1 is declined as timed out, but was not"
    ]


def test_a_second_answer_to_one_authorization_is_found() -> None:
    told, decisions = company(budget(1_000), request("a1", 10), request("a1", 10, 1))
    assert decisions[-1].outcome == "rejected"
    assert_true(told)
    last = decisions[-1]
    lie(
        told,
        last,
        outcome=Outcome.APPROVED,
        reasons=(),
        effects=(hold(last, 10, charges=("department@2026-11",)),),
    )
    assert f"authorization acme/sales/a1 has a second final decision, {last.position}" in found_by(told)["O3"]
