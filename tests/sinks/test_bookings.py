"""Which transfers each effect makes."""

from __future__ import annotations

from typing import Literal, get_args

import pytest

from schemas.controls import Calendar, Card, Policy
from schemas.decisions import Decision
from schemas.effects import Effects, LeaseAdded
from sinks.ledger.bookings import Bookkeeper, legs_of
from tests.sinks.builder import DecisionLog

ENCUMBRANCE = "department:techcorp/eng:encumbrance"
RESERVE = "department:techcorp/eng:encumbrance-reserve"
SPEND = "department:techcorp/eng:card-spend"
FX = "department:techcorp/eng:fx-difference"
PAYABLE = "organization:techcorp:card-payable"
PROVISIONAL = "organization:techcorp:provisional-credit"


def booked(*decisions: Decision) -> list[tuple[str, str, str, str, int]]:
    rows = Bookkeeper().transfers(decisions)
    return [(row.layer, row.kind, row.debit_account, row.credit_account, row.amount) for row in rows]


def test_a_hold_is_an_encumbrance() -> None:
    assert booked(DecisionLog().approve("a", 400)) == [("pending", "hold", ENCUMBRANCE, RESERVE, 400)]


def test_a_clearing_gives_the_hold_back_and_posts_what_was_spent() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    assert booked(log.clear("a", 450)) == [
        ("pending", "release", RESERVE, ENCUMBRANCE, 400),
        ("posted", "clearing", SPEND, PAYABLE, 450),
    ]


@pytest.mark.parametrize("cause", ["reversal", "timeout", "advice", "clearing", "expiry"])
def test_a_hold_is_given_back_whatever_the_cause_and_a_lapse_is_told_apart(
    cause: Literal["reversal", "timeout", "advice", "clearing", "expiry"],
) -> None:
    log = DecisionLog()
    log.approve("a", 400)
    kind = "expiry" if cause == "expiry" else "release"
    assert booked(log.reverse("a", cause=cause)) == [("pending", kind, RESERVE, ENCUMBRANCE, 400)]


def test_a_tick_books_the_lapse_of_each_payment_under_its_own_name() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    log.approve("b", 30)
    rows = Bookkeeper().transfers([log.tick("a", "b")])
    assert [(row.n, row.authorization_id, row.kind, row.amount) for row in rows] == [
        (0, "a", "expiry", 400),
        (1, "b", "expiry", 30),
    ]


def test_what_the_rate_moved_is_booked_apart_so_that_both_are_the_clearing() -> None:
    log = DecisionLog()
    assert booked(log.clear("a", 108, fx=8)) == [
        ("posted", "clearing", SPEND, PAYABLE, 100),
        ("posted", "fx_difference", FX, PAYABLE, 8),
    ]
    assert booked(log.clear("b", 93, fx=-7)) == [
        ("posted", "clearing", SPEND, PAYABLE, 100),
        ("posted", "fx_difference", PAYABLE, FX, 7),
    ]


@pytest.mark.parametrize("fx", [0, 8, -7])
def test_a_correction_is_the_posting_the_other_way_round_its_fx_difference_too(fx: int) -> None:
    log = DecisionLog()
    cleared = log.clear("a", 100 + fx, fx=fx)
    posted = Bookkeeper().transfers([cleared])
    undone = Bookkeeper().transfers([log.undo(cleared)])
    assert [(row.kind, row.compensates_seq, row.n) for row in undone] == [
        ("correction", cleared.seq, 0) for _ in posted
    ]
    assert [row.leg for row in undone] == [0, 1][: len(posted)]
    assert [(row.debit_account, row.credit_account, row.amount) for row in undone] == [
        (row.credit_account, row.debit_account, row.amount) for row in posted
    ]


def test_a_refund_is_a_clearing_the_other_way_and_its_reversal_spends_again() -> None:
    log = DecisionLog()
    assert booked(log.refund("a", 30)) == [("posted", "refund", PAYABLE, SPEND, 30)]
    assert booked(log.undo_refund("r", "a", 20)) == [("posted", "refund_reversal", SPEND, PAYABLE, 20)]


def test_a_dispute_without_provisional_credit_moves_money_only_when_it_is_won() -> None:
    log = DecisionLog()
    opened = log.dispute("a", 50, "d", provisional=False)
    assert booked(opened) == []
    assert booked(log.resolve(opened, "won")) == [("posted", "dispute_won", PAYABLE, SPEND, 50)]
    assert booked(log.resolve(opened, "lost"), log.resolve(opened, "withdrawn")) == []


def test_a_provisional_credit_is_kept_apart_until_the_dispute_is_over() -> None:
    log = DecisionLog()
    opened = log.dispute("a", 50, "d", provisional=True)
    assert booked(opened) == [("posted", "provisional_credit", PAYABLE, PROVISIONAL, 50)]
    assert booked(log.resolve(opened, "won")) == [("posted", "dispute_won", PROVISIONAL, SPEND, 50)]
    for outcome in ("lost", "withdrawn"):
        ended = log.resolve(opened, outcome)
        assert booked(ended) == [("posted", "dispute_lost", PROVISIONAL, PAYABLE, 50)]


def test_a_provisional_credit_counts_in_no_period() -> None:
    log = DecisionLog()
    opened = log.dispute("a", 50, "d", provisional=True)
    rows = Bookkeeper().transfers([opened, log.resolve(opened, "won")])
    assert [row.period for row in rows] == [None, "2026-11"]


def test_what_moves_no_money_books_nothing() -> None:
    log = DecisionLog()
    first = log.approve("a")
    lease = LeaseAdded(period="2026-11", amount=5, calendar=Calendar())
    quiet = [
        *(log.budget(), log.decline("b"), log.repeat(first), log.unreadable(), log.void("c")),
        *(
            log.draft(1, Policy(), activate=True),
            log.card(Card(card_id="c")),
            log.set("lease.granted", lease),
        ),
    ]
    assert booked(*quiet) == []


def test_an_administrative_effect_needs_no_currency() -> None:
    assert booked(DecisionLog().set("card.set", currency=None)) == []


@pytest.mark.parametrize("cls", get_args(Effects))
def test_no_effect_is_forgotten(cls: type[Effects]) -> None:
    effect = cls(**dict.fromkeys(cls.__struct_fields__, 1))  # type: ignore[arg-type]
    for leg in legs_of(effect):
        assert leg.amount == 1


def test_what_is_no_effect_is_not_booked_as_nothing() -> None:
    with pytest.raises(AssertionError):
        legs_of(object())  # type: ignore[arg-type]
