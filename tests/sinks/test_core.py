"""Decision to rows, without any service."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas.authorizations import Status
from schemas.decisions import Decision, Effects
from sinks.core.bookings import RULES, Bookkeeper, Transfer
from sinks.core.budgets import budgets
from sinks.core.feed import brief, entries
from sinks.core.payments import fold, touched
from sinks.core.recent import Recent
from sinks.errors import InvariantBroken
from tests.sinks.builder import DecisionLog


def booked(*decisions: Decision) -> list[tuple[str, str, str, str, int]]:
    rows = Bookkeeper().transfers(decisions)
    return [(row.layer, row.kind, row.debit_account, row.credit_account, row.amount) for row in rows]


ENCUMBRANCE = "department:techcorp/eng:encumbrance"
RESERVE = "department:techcorp/eng:encumbrance-reserve"
SPEND = "department:techcorp/eng:card-spend"
PAYABLE = "organization:techcorp:card-payable"


def test_a_hold_is_an_encumbrance() -> None:
    assert booked(DecisionLog().approve("a", 400)) == [("pending", "hold", ENCUMBRANCE, RESERVE, 400)]


def test_a_clearing_gives_the_hold_back_and_posts_what_was_spent() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    assert booked(log.clear("a", 450)) == [
        ("pending", "release", RESERVE, ENCUMBRANCE, 400),
        ("posted", "clearing", SPEND, PAYABLE, 450),
    ]


def test_a_reversal_gives_the_hold_back() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    assert booked(log.reverse("a")) == [("pending", "release", RESERVE, ENCUMBRANCE, 400)]


def test_a_refund_is_a_clearing_the_other_way() -> None:
    assert booked(DecisionLog().refund("a", 30)) == [("posted", "refund", PAYABLE, SPEND, 30)]


def test_what_moves_no_money_books_nothing() -> None:
    log = DecisionLog()
    first = log.approve("a")
    assert booked(log.budget(), log.decline("b"), log.repeat(first), log.unreadable()) == []


def test_every_effect_has_a_rule() -> None:
    assert set(RULES) == set(get_args(Effects))


def test_transfers_have_the_columns_of_their_table_in_order() -> None:
    log = DecisionLog()
    log.approve("a", 400)
    (_, row) = Bookkeeper().transfers([log.clear("a", 450)])
    assert type(row) is Transfer
    assert (row.partition, row.seq, row.n, row.authorization_id, row.currency, row.period) == (
        *(0, 1, 1, "a", "USD"),
        "2026-11",
    )


@pytest.mark.parametrize("change", [{"currency": None}, {"organization_id": None}, {"department_id": None}])
def test_an_effect_that_cannot_be_booked_breaks_an_invariant(change: dict[str, None]) -> None:
    decision = msgspec.structs.replace(DecisionLog().approve("a"), **change)
    with pytest.raises(InvariantBroken, match="decision 0:0"):
        booked(decision)


@pytest.mark.parametrize("amount", [0, -5])
def test_an_amount_that_is_not_above_zero_breaks_an_invariant(amount: int) -> None:
    with pytest.raises(InvariantBroken, match=f"moves {amount}"):
        booked(DecisionLog().approve("a", amount))


def test_the_last_budget_and_balance_of_a_batch_count() -> None:
    log = DecisionLog()
    log.budget(limit=100)
    first = log.approve("a", 10)
    log.budget(limit=200)
    log.clear("a", 12)
    log.repeat(first)  # its balance is of that time
    (budget,), (period,) = budgets(log.decisions)
    assert (budget.limit_minor, budget.seq) == (200, 2)
    assert (period.posted_minor, period.held_minor, period.seq) == (12, 0, 3)


def test_payments_fold_over_a_batch_and_over_what_was_before() -> None:
    log = DecisionLog()
    log.approve("a", 10)
    log.approve("b", 20)
    early = touched(log.decisions)
    before = fold({}, early)
    key = ("techcorp", "eng", "a")
    assert early.started_here == before.keys()
    late = touched([log.clear("a", 10), log.unreadable(), log.repeat(log.decisions[0])])
    assert late.started_here == set()
    after = fold(before, late)
    assert after.keys() == {key}
    assert (after[key].status, after[key].requested, after[key].posted) == (Status.CLEARED, 10, 10)


def test_the_memory_of_payments_forgets_the_oldest_first() -> None:
    log = DecisionLog()
    states = fold({}, touched([log.approve(name) for name in "abcd"]))
    recent = Recent(kept_max=3)
    recent.keep(states)
    assert [key[2] for key in recent.get(states)] == ["b", "c", "d"]


def test_the_feed_tells_a_decline_in_a_sentence() -> None:
    told = brief(DecisionLog().decline("a", 600_050))
    assert told.sentence is not None
    assert "Requested: $6,000.50" in told.sentence
    assert told.reason == "budget_exceeded"


def test_the_feed_keeps_the_last_entries_of_each_organization() -> None:
    log = DecisionLog()
    for number in range(5):
        log.approve(f"a{number}")
    log.unreadable()
    assert [entry.position for entry in entries(log.decisions, 2)] == ["0:3", "0:4"]
