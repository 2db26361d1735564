"""Increases of budgets and the requests for them, in a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from schemas.effects import BudgetIncreaseSet, BudgetTakenAway
from schemas.reasons import Outcome, Reason, ReasonCode
from sinks.ledger.sink import Ledger
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book


def test_an_increase_is_kept_with_its_times(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    first = log.budget()
    assert first.occurred_at is not None
    starts, ends = first.occurred_at, first.occurred_at + timedelta(days=3)
    effect = BudgetIncreaseSet(budget_id="department", amount=500, starts_at=starts, ends_at=ends)
    log.set("budget.increased", effect)
    book(ledger, [log])
    columns = "budget_id, amount, starts_at, ends_at, seq"
    assert query(database, f"SELECT {columns} FROM budget_increase") == [("department", 500, starts, ends, 1)]


def increases(database: str) -> list[tuple[Any, ...]]:
    columns = "budget_id, amount, seq, removed_seq"
    return list(query(database, f"SELECT {columns} FROM budget_increase ORDER BY seq"))


def test_a_budget_that_is_removed_takes_its_increases_with_it(
    ledger: Ledger, database: str, rows: int
) -> None:
    log = DecisionLog()
    ends = log.budget().recorded_at + timedelta(days=9)
    team: dict[str, Any] = {"level": "team", "subject": "x"}

    def increase(budget_id: str, amount: int) -> None:
        effect = BudgetIncreaseSet(
            budget_id=budget_id, amount=amount, starts_at=ends - timedelta(9), ends_at=ends
        )
        log.set("budget.increased", effect)

    log.budget("eng", 700, "team:x", **team)
    increase("team:x", 1)
    increase("department", 2)
    log.set("budget.removed", BudgetTakenAway(budget_id="team:x"))
    log.budget("eng", 700, "team:x", **team)
    increase("team:x", 3)
    log.set("budget.removed", BudgetTakenAway(budget_id="team:x"))
    log.budget("eng", 700, "team:x", **team)
    increase("team:x", 4)
    book(ledger, [log], rows)
    assert increases(database) == [
        ("team:x", 1, 2, 4),
        ("department", 2, 3, None),
        ("team:x", 3, 6, 7),
        ("team:x", 4, 9, None),
    ]


def requests(database: str) -> list[tuple[Any, ...]]:
    columns = "request_id, status, approved_by, refused_by, amount, closed_at, seq"
    return list(query(database, f"SELECT {columns} FROM approval_request ORDER BY request_id"))


def test_a_request_for_an_increase_is_followed_level_by_level(
    ledger: Ledger, database: str, rows: int
) -> None:
    log = DecisionLog()
    asked = log.ask_increase("r1", 500)
    log.ask_increase("r2", 70, budget_id="team:x", starts_at=asked.recorded_at + timedelta(hours=1))
    waiting = log.ask_increase("r3", 8)
    log.approve_increase(asked, "key_b", 1)
    log.approve_increase(waiting, "key_b", 1)
    approved = log.approve_increase(asked, "key_c", 0)
    refused = log.refuse_increase("r2", "key_b")
    book(ledger, [log], rows)
    assert requests(database) == [
        ("r1", "approved", ["key_b", "key_c"], None, 500, approved.occurred_at, 5),
        ("r2", "refused", [], "key_b", 70, refused.occurred_at, 6),
        ("r3", "waiting", ["key_b"], None, 8, None, 4),
    ]
    columns = "budget_id, currency, starts_at, ends_at, asked_by, asked_at, levels::text"
    first, second, _ = query(database, f"SELECT {columns} FROM approval_request ORDER BY request_id")
    assert first[:3] == ("department", "USD", None)
    assert first[4:] == ("key_a", asked.occurred_at, '[["key_b"],[]]')
    (effect,) = asked.effects
    assert first[3] == effect.ends_at  # type: ignore[union-attr]
    assert second[2] == asked.recorded_at + timedelta(hours=1)
    assert increases(database) == [("department", 500, 5, None)]


def test_a_request_s_id_that_the_owner_had_forgotten_begins_anew(
    ledger: Ledger, database: str, rows: int
) -> None:
    log = DecisionLog()
    log.approve_increase(log.ask_increase("r1", 500), "key_b", 0)
    log.ask_increase("r2", 5)
    log.refuse_increase("r2", "key_a")
    again = log.ask_increase("r1", 30)
    log.ask_increase("r2", 6)
    book(ledger, [log], rows)
    assert requests(database) == [
        ("r1", "waiting", [], None, 30, None, 4),
        ("r2", "waiting", [], None, 6, None, 5),
    ]
    log.approve_increase(again, "key_c", 1)
    book(ledger, [log], rows)
    assert requests(database)[0] == ("r1", "waiting", ["key_c"], None, 30, None, 6)


def test_why_it_was_asked_for_and_refused_is_kept_with_the_request(
    ledger: Ledger, database: str, rows: int
) -> None:
    log = DecisionLog()
    log.ask_increase("r1", 500, reason="the fair\0 in May")
    log.refuse_increase("r1", "key_b", "next year")
    log.ask_increase("r2", reason="a cruise")
    log.refuse_increase("r2", "key_b", "no")
    log.ask_increase("r2")  # forgotten by its owner, asked for anew
    log.ask_increase("r3", reason="a party")
    log.refuse_increase("r3", "key_a")
    book(ledger, [log], rows)
    columns = "request_id, status, reason, refusal_reason"
    assert query(database, f"SELECT {columns} FROM approval_request ORDER BY request_id") == [
        ("r1", "refused", "the fair\N{REPLACEMENT CHARACTER} in May", "next year"),
        ("r2", "waiting", None, None),
        ("r3", "refused", "a party", None),
    ]


def test_what_was_rejected_or_repeated_changes_no_request(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    asked = log.ask_increase("r1", 500)
    log.repeat(asked)
    why = (Reason(code=ReasonCode.MAY_NOT_APPROVE, detail="key_a has asked for r1"),)
    event = ("increase.approved", Outcome.REJECTED, "eng", None, None)
    log.append(*event, reasons=why, balances=(), actor="key_a")
    book(ledger, [log])
    assert [row[:3] for row in requests(database)] == [("r1", "waiting", [])]


def test_who_did_it_is_a_column_of_what_people_do(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.ask_increase("r1")
    log.refuse_increase("r1", "key_b")
    log.set("budget.increased", actor="Ada\0")  # an own producer may write any text
    log.approve("a", 1)
    book(ledger, [log])
    actors = query(database, "SELECT event_type, actor FROM decision ORDER BY seq")
    assert actors == [
        ("increase.requested", "key_a"),
        ("increase.refused", "key_b"),
        ("budget.increased", "Ada\N{REPLACEMENT CHARACTER}"),
        ("authorization.requested", None),
    ]
