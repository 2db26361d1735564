"""What became of one payment, decision by decision."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from schemas.authorizations import HISTORY_MAX, REVIEWS_MAX, Authorization, Status, advance
from schemas.decisions import Decision, WouldPass
from schemas.events import Merchant
from schemas.money import Money
from schemas.reasons import Reason, ReasonCode
from tests.sinks.builder import DecisionLog

TOLERANCE = Reason(code=ReasonCode.TOLERANCE_USED, subject="eng")


def after(decisions: Iterable[Decision], authorization_id: str = "a") -> Authorization:
    state = None
    for decision in decisions:
        state = advance(state, decision, authorization_id)
    assert state is not None
    return state


def test_the_answer_to_the_request_is_kept() -> None:
    log = DecisionLog()
    euros = Money(900, "EUR")
    approved = log.approve(
        "a", 990, cardholder="ada", merchant_amount=euros, rate="1.1", reviews=(TOLERANCE,)
    )
    log.clear("a", 990)
    state = after(log.decisions)
    assert (state.decided_seq, state.requested, state.authorized) == (0, 990, 990)
    assert (state.merchant_amount, state.rate) == (euros, "1.1")
    assert (state.cardholder, state.merchant) == ("ada", approved.merchant)
    assert state.reviews == (TOLERANCE,)
    assert state.score == approved.score


def test_a_decline_tells_what_would_pass() -> None:
    log = DecisionLog()
    log.decline("a", 500, would_pass=WouldPass(120))
    state = after(log.decisions)
    assert (state.status, state.requested, state.authorized) == (Status.DECLINED, 500, 0)
    assert state.would_pass == WouldPass(120)
    assert state.reasons[0].code is ReasonCode.BUDGET_EXCEEDED


def test_what_shadow_rules_would_have_said_of_the_request_is_kept() -> None:
    shadow = Reason(code=ReasonCode.BLOCKED, rule="trial")
    log = DecisionLog()
    log.approve("a", 100, shadows=(shadow,))
    log.increment("a", 5, shadows=(Reason(code=ReasonCode.LIMIT_EXCEEDED, rule="of-the-increment"),))
    log.clear("a", 105)
    state = after(log.decisions)
    assert (state.shadows, state.reviews, state.reasons) == ((shadow,), (), ())
    log.decline("b", 100, shadows=(shadow,))
    assert after(log.decisions, "b").shadows == (shadow,)


def test_an_approval_in_part_is_held_for_the_part() -> None:
    log = DecisionLog()
    log.approve_in_part("a", 100, 60)
    state = after(log.decisions)
    assert state.status is Status.PARTIALLY_APPROVED
    assert (state.requested, state.approved, state.authorized, state.held) == (100, 60, 60, 60)
    log.clear("a", 60)
    assert after(log.decisions).status is Status.CLEARED


def test_an_increment_moves_hold_and_expiry() -> None:
    log = DecisionLog()
    first = log.approve("a", 100)
    log.increment("a", 50)
    state = after(log.decisions)
    assert (state.requested, state.authorized, state.incremented, state.held) == (100, 100, 50, 150)
    before = after([first])
    assert before.expires_at is not None
    assert state.expires_at is not None
    assert state.expires_at > before.expires_at


def test_a_declined_increment_leaves_an_approved_payment_approved() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    declined = log.decline_increment("a", 50)
    state = after(log.decisions)
    assert (state.status, state.held, state.reasons) == (Status.APPROVED, 100, ())
    assert (state.seq, state.decided_seq) == (declined.seq, 0)


def test_an_increment_on_an_unknown_payment_is_no_payment() -> None:
    assert advance(None, DecisionLog().decline_increment("a", 50), "a") is None


def test_what_is_given_back_by_reversal_timeout_and_advice_is_reversed_and_a_lapse_is_expired() -> None:
    for cause in ("reversal", "timeout", "advice"):
        log = DecisionLog()
        log.approve("a", 100)
        log.reverse("a", cause=cause)
        state = after(log.decisions)
        assert (state.status, state.reversed, state.expired, state.held) == (Status.REVERSED, 100, 0, 0)
        assert state.expires_at is None
    log = DecisionLog()
    log.approve("a", 100)
    log.reverse("a", amount=30)
    assert after(log.decisions).status is Status.APPROVED
    log.tick("a")
    state = after(log.decisions)
    assert (state.status, state.reversed, state.expired) == (Status.EXPIRED, 30, 70)


def test_what_is_held_is_what_was_authorized_less_what_was_released() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.increment("a", 50)
    log.advise("a", 170, 20)
    log.reverse("a", amount=40)
    state = after(log.decisions)
    assert (state.authorized, state.incremented, state.reversed) == (100, 70, 40)
    assert state.held == state.authorized + state.incremented - state.reversed == 130


def test_an_advice_that_lowers_an_authorization_gives_the_rest_back() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.advise("a", 60, -40)
    state = after(log.decisions)
    assert (state.status, state.held, state.reversed, state.authorized) == (Status.APPROVED, 60, 40, 100)


def test_an_advice_stands_for_a_request_that_never_came() -> None:
    log = DecisionLog()
    log.advise("a", 80, 80, alerts=("no_authorization", "above_limits"))
    state = after(log.decisions)
    assert (state.status, state.decided_seq, state.authorized, state.requested) == (Status.APPROVED, 0, 80, 0)
    assert state.alerts == ("no_authorization", "above_limits")


def test_an_advice_of_a_decline_is_remembered_as_declined_and_a_later_one_overrules_it() -> None:
    log = DecisionLog()
    log.advise_decline("a", 80)
    assert after(log.decisions).status is Status.DECLINED
    log.advise("a", 70, 70)
    state = after(log.decisions)
    assert (state.status, state.authorized, state.incremented) == (Status.APPROVED, 70, 0)


def test_an_advice_of_a_decline_gives_back_what_we_had_approved() -> None:
    log = DecisionLog()
    log.approve("a", 80)
    log.advise_decline("a", 80)
    state = after(log.decisions)
    assert (state.status, state.held, state.decided_seq) == (Status.REVERSED, 0, 0)


def test_a_timeout_before_its_request_voids_it_and_the_request_is_declined() -> None:
    log = DecisionLog()
    log.void("a")
    assert after(log.decisions).status is Status.VOIDED
    missed = Reason(code=ReasonCode.DEADLINE_MISSED)
    log.decline("a", 80, reasons=(missed,))
    state = after(log.decisions)
    assert (state.status, state.requested, state.reasons) == (Status.DECLINED, 80, (missed,))


def test_another_request_than_the_one_that_timed_out_is_shown_as_it_was_answered() -> None:
    log = DecisionLog()
    log.void("a", "late")
    log.decline("a", 80, reasons=(Reason(code=ReasonCode.DEADLINE_MISSED),))
    log.approve("a", 50)
    state = after(log.decisions)
    assert (state.status, state.requested, state.authorized, state.held) == (Status.APPROVED, 50, 50, 50)
    assert (state.reasons, state.incremented) == ((), 0)
    log.reverse("a")
    assert after(log.decisions).status is Status.REVERSED


def test_a_timeout_leaves_what_is_settled_as_it_is() -> None:
    log = DecisionLog()
    cleared = log.clear("a", 60)
    log.void("a", "late", alerts=("already_settled",))
    state = after(log.decisions)
    assert (state.status, state.posted, state.alerts[-1]) == (Status.CLEARED, 60, "already_settled")
    log.undo(cleared)
    assert after(log.decisions).status is Status.VOIDED


def test_a_request_after_its_clearing_tells_the_payment_what_it_lacked() -> None:
    log = DecisionLog()
    log.clear("a", 60)
    before = after(log.decisions)
    assert (before.status, before.decided_seq, before.alerts) == (Status.CLEARED, None, ("no_authorization",))
    log.approve("a", 100, hold_amount=40, merchant=Merchant(name="Late"), alerts=("cleared_before_request",))
    state = after(log.decisions)
    assert (state.status, state.held, state.posted) == (Status.PARTIALLY_CLEARED, 40, 60)
    assert (state.requested, state.authorized, state.incremented) == (100, 100, 0)
    assert state.merchant == Merchant(name="Late")
    assert state.alerts == ("no_authorization", "cleared_before_request")


def test_a_clearing_after_a_decline_is_a_settled_payment() -> None:
    log = DecisionLog()
    log.decline("a", 60)
    log.clear("a", 60)
    state = after(log.decisions)
    assert (state.status, state.posted, state.requested) == (Status.CLEARED, 60, 60)


@pytest.mark.parametrize("fx", [0, 8, -8])
def test_what_is_posted_is_the_clearing_its_fx_difference_included(fx: int) -> None:
    log = DecisionLog()
    log.approve("a", 100)
    cleared = log.clear("a", 100 + fx, fx=fx)
    assert after(log.decisions).posted == 100 + fx
    log.undo(cleared)
    state = after(log.decisions)
    assert (state.posted, state.status) == (0, Status.REVERSED)


def test_a_correction_of_one_of_two_clearings_leaves_the_other() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.clear("a", 100)
    log.undo(log.clear("a", 100))
    state = after(log.decisions)
    assert (state.posted, state.status) == (100, Status.CLEARED)


def test_refunds_and_their_reversals_move_the_status() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.clear("a", 100)
    log.refund("a", 30, refund_id="r1")
    assert after(log.decisions).status is Status.CLEARED
    log.refund("a", 70, refund_id="r2")
    assert after(log.decisions).status is Status.REFUNDED
    log.undo_refund("r2", "a", 70)
    state = after(log.decisions)
    assert (state.status, state.refunded) == (Status.CLEARED, 30)


def test_a_dispute_shows_while_it_is_open_and_what_is_won_comes_back() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.clear("a", 100)
    first = log.dispute("a", 100, "d1", provisional=True)
    assert after(log.decisions).status is Status.DISPUTED
    log.resolve(first, "lost")
    state = after(log.decisions)
    assert (state.status, state.disputed) == (Status.CLEARED, 0)
    second = log.dispute("a", 100, "d2", provisional=False)
    log.resolve(second, "won")
    state = after(log.decisions)
    assert (state.status, state.disputed, state.recovered) == (Status.REFUNDED, 100, 100)
    assert state.posted == 100


def test_a_refund_linked_to_nothing_known_begins_a_payment_and_hides_no_hold() -> None:
    log = DecisionLog()
    log.refund("a", 30)
    assert after(log.decisions).status is Status.REFUNDED
    log.approve("a", 100)
    state = after(log.decisions)
    assert (state.status, state.held, state.refunded) == (Status.APPROVED, 100, 30)


def test_the_lapse_of_another_payment_s_hold_does_not_touch_this_one() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.approve("b", 100)
    before = after(log.decisions)
    assert advance(before, log.tick("b"), "a") is before


def test_an_id_that_the_owner_had_forgotten_begins_again_with_its_second_request() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.clear("a", 100)
    log.approve("a", 70)
    state = after(log.decisions)
    assert (state.requested, state.authorized, state.incremented, state.held) == (70, 70, 0, 70)
    assert state.posted == 100  # what was booked under this name stays
    log = DecisionLog()
    log.approve_in_part("a", 100, 60)
    log.reverse("a")
    log.approve("a", 70)
    state = after(log.decisions)
    assert (state.status, state.approved) == (Status.APPROVED, None)


def test_an_authorization_does_not_change_when_the_one_after_it_is_made() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.increment("a", 20, reviews=(TOLERANCE,))
    log.clear("a", 120, alerts=("over_capture",))
    log.refund("a", 120)
    states: list[Authorization] = []
    for decision in log.decisions:
        state = advance(states[-1] if states else None, decision, "a")
        assert state is not None
        states.append(state)
    again = [after(log.decisions[: count + 1]) for count in range(len(log.decisions))]
    assert states == again
    assert [state.held for state in states] == [100, 120, 0, 0]


def test_a_decision_that_was_applied_is_not_applied_again() -> None:
    log = DecisionLog()
    log.approve("a", 100)
    cleared = log.clear("a", 100)
    state = after(log.decisions)
    assert advance(state, cleared, "a") is state
    assert advance(state, log.repeat(cleared), "a") is state


def test_the_same_alert_is_told_once_and_reviews_are_bounded() -> None:
    log = DecisionLog()
    log.clear("a", 1)
    log.clear("a", 1)
    assert after(log.decisions).alerts == ("no_authorization",)
    log = DecisionLog()
    log.approve("a", 1)
    for _ in range(REVIEWS_MAX + 5):
        log.increment("a", 1, reviews=(TOLERANCE,))
    assert len(after(log.decisions).reviews) == REVIEWS_MAX


def test_when_it_was_first_heard_of_stays_though_its_answer_tells_another_time() -> None:
    log = DecisionLog()
    cleared = log.clear("a", 50)
    asked = log.approve("a", 70)
    log.clear("a", 70)
    state = after(log.decisions)
    assert cleared.occurred_at != asked.occurred_at
    assert (state.created_at, state.occurred_at) == (cleared.occurred_at, asked.occurred_at)
    assert after(log.decisions[1:]).begun_at is None


def test_the_decisions_about_it_are_kept_and_of_very_many_the_latest() -> None:
    log = DecisionLog()
    log.approve("b", 1)
    log.approve("a", 70)
    log.approve("c", 1)
    log.increment("a", 5)
    log.clear("a", 75)
    assert after(log.decisions).seqs == (1, 3, 4)
    for _ in range(HISTORY_MAX + 10):
        log.increment("b", 1)
    last = log.decisions[-1].seq
    assert after(log.decisions, "b").seqs == tuple(range(last - HISTORY_MAX, last + 1))


def test_what_it_comes_to_is_what_is_settled_else_held_else_asked_for_else_refunded() -> None:
    log = DecisionLog()
    log.approve("a", 70)
    assert after(log.decisions).amount == 70
    log.increment("a", 5)
    assert after(log.decisions).amount == 75
    log.clear("a", 60)
    assert after(log.decisions).amount == 60
    log.decline("b", 500)
    assert after(log.decisions, "b").amount == 500
    log.refund("c", 30)
    assert after(log.decisions, "c").amount == 30
