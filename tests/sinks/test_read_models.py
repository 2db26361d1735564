"""What people set, and what stands beside the payments, in a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from schemas.controls import Calendar, Card, Policy
from schemas.decisions import Balance
from schemas.effects import (
    BudgetTakenAway,
    CapChanged,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseGivenBack,
    LeaseTaken,
    PolicyTaken,
)
from schemas.reasons import Reason, ReasonCode
from schemas.request_effects import DelegationGiven
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import TABLES, empty, query, snapshot
from tests.sinks.test_ledger import book


def test_a_row_for_each_budget_as_it_was_last_set(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.budget("eng", 1000)
    team: dict[str, Any] = {"level": "team", "subject": "platform", "tolerance": 50}
    quarter = Calendar("quarter", "Europe/Berlin", 15, 2)
    log.budget("eng", 700, "team:platform", calendar=quarter, **team)
    log.set("budget.removed", BudgetTakenAway(budget_id="team:platform"))
    log.budget("eng", 2000)
    log.budget("eng", 300, "card:c1", level="card", subject="c1", calendar=Calendar("lifetime"))
    log.set("budget.removed", BudgetTakenAway(budget_id="card:c1"))
    log.budget("eng", 400, "card:c1", level="card", subject="c1")
    book(ledger, [log], rows)
    columns = "budget_id, level, subject, limit_minor, tolerance_minor, calendar, removed, seq"
    assert query(database, f"SELECT {columns} FROM budget ORDER BY budget_id") == [
        ("card:c1", "card", "c1", 400, 0, "month", False, 6),
        ("department", "department", None, 2000, 0, "month", False, 3),
        ("team:platform", "team", "platform", 700, 50, "quarter", True, 2),
    ]
    calendar = "SELECT time_zone, start_day, start_month FROM budget WHERE budget_id = 'team:platform'"
    assert query(database, calendar) == [("Europe/Berlin", 15, 2)]


def test_a_budget_says_who_set_or_removed_it_last_and_when(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.budget("eng", 1000, actor="cfo")
    team: dict[str, Any] = {"level": "team", "subject": "platform"}
    log.budget("eng", 300, "team:platform", actor="ann", **team)
    log.budget("eng", 900)
    removed = log.set("budget.removed", BudgetTakenAway(budget_id="team:platform"), actor="bob")
    book(ledger, [log], rows)
    found = query(database, "SELECT budget_id, changed_by, changed_at FROM budget ORDER BY 1")
    assert found[0][:2] == ("department", None)
    assert found[0][2] < removed.occurred_at
    assert found[1] == ("team:platform", "bob", removed.occurred_at)
    log.budget("eng", 400, "team:platform", actor="\N{PILE OF POO}" * 200, **team)
    book(ledger, [log], rows)
    found = query(database, "SELECT changed_by FROM budget WHERE NOT removed AND level = 'team'")
    assert found == [("\N{PILE OF POO}" * 200,)]


def test_every_period_has_its_last_balance(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.budget("eng", 1000)
    charges = ("department@2026-11", "rule:lunch:card-7@2026-11-21")
    log.approve("a", 300, charges=charges)
    log.approve("b", 40, charges=("department@2026-12",))
    log.clear("a", 320, lapsing=("b",))
    book(ledger, [log], rows)
    columns = "budget_id, period, posted_minor, held_minor, available_minor, seq"
    assert query(database, f"SELECT {columns} FROM budget_period ORDER BY 1, 2") == [
        ("department", "2026-11", 320, 0, 680, 3),
        ("department", "2026-12", 0, 0, 1000, 3),
        ("rule:lunch:card-7", "2026-11-21", 320, 0, 680, 3),
    ]


def test_an_inquiry_or_decline_shows_balances_without_moving_them(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.approve("a", 300)
    shown = (Balance("department", "2026-11", 10_000_000, 0, 300), Balance("team:x", "2026", 9, 0, 0))
    log.decline("b", 5, balances=shown)
    book(ledger, [log])
    assert query(database, "SELECT budget_id, held_minor FROM budget_period ORDER BY 1") == [
        ("department", 300),
        ("team:x", 0),
    ]


def test_a_limit_s_changes_are_kept_even_where_the_sink_forgot_the_one_before(
    database: str, rows: int
) -> None:
    log = DecisionLog()
    for number, limit in enumerate((100, 100, 200, 100, 100, 300)):
        log.budget("eng", limit)
        log.approve(f"a{number}", 1)
    for _ in range(2):  # the second one begins without what the first remembered
        ledger = Ledger(PostgresSession(database))
        book(ledger, [log], rows)
        ledger.close()
        log.approve(f"b{len(log.values)}", 1)
    changes = query(database, "SELECT seq, limit_minor FROM limit_change ORDER BY seq")
    assert changes == [(0, 100), (4, 200), (6, 100), (10, 300)]


def in_force(database: str) -> list[tuple[Any, ...]]:
    columns = "version, active, drafted_seq, activated_seq"
    return list(query(database, f"SELECT {columns} FROM policy_version ORDER BY version"))


def test_one_policy_version_is_in_force_and_all_are_kept(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.budget()
    book(ledger, [log], rows)
    assert in_force(database) == [(0, True, None, None)]
    log.draft(1, Policy(hold_days=3))
    log.draft(2, Policy(hold_days=5), activate=True)
    log.set("policy.activated", PolicyTaken(policy_version=1))
    log.budget(limit=5)  # sets no policy
    book(ledger, [log], rows)
    assert in_force(database) == [(0, False, None, None), (1, True, 1, 3), (2, False, 2, 2)]
    log.set("policy.activated", PolicyTaken(policy_version=0, policy=Policy(hold_days=9)))
    book(ledger, [log], rows)
    assert in_force(database) == [(0, True, None, 5), (1, False, 1, 3), (2, False, 2, 2)]
    assert policies(database) == [Policy(hold_days=days) for days in (9, 3, 5)]


def policies(database: str) -> list[Policy]:
    stored = query(database, "SELECT policy::text FROM policy_version ORDER BY department_id, version")
    return [msgspec.json.decode(text, type=Policy) for (text,) in stored]


def test_the_default_policy_is_what_the_log_says_of_each_department(
    ledger: Ledger, database: str, rows: int
) -> None:
    """Whatever the program's own is by now: departments were opened with two, and none is today's."""
    log = DecisionLog()
    before, after = Policy(hold_days=11), Policy(hold_days=12)
    for name, policy in (("a", before), ("b", before), ("c", after)):
        log.opens_with = policy
        log.budget(name)
    log.set("policy.activated", PolicyTaken(policy_version=0, policy=after), department="b")
    book(ledger, [log], rows)
    assert policies(database) == [before, after, after]
    assert [active for _, active, *_ in in_force(database)] == [True] * 3


def test_a_card_is_as_it_was_last_set(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    card = Card(card_id="c1", employee="ada", team="platform", expires_on=date(2027, 3, 31))
    log.card(card)
    log.card(Card(card_id="c2", single_use=True))
    frozen = msgspec.structs.replace(card, status="frozen")
    log.card(frozen)
    book(ledger, [log], rows)
    columns = "card_id, status, employee, team, expires_on, seq"
    assert query(database, f"SELECT {columns} FROM card ORDER BY card_id") == [
        ("c1", "frozen", "ada", "platform", date(2027, 3, 31), 2),
        ("c2", "active", None, None, None, 1),
    ]
    ((body,),) = query(database, "SELECT body::text FROM card WHERE card_id = 'c1'")
    assert msgspec.json.decode(body, type=Card) == frozen


def test_a_refund_tells_how_much_of_it_was_taken_back(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.clear("a", 100)
    log.refund("a", 60, refund_id="r1")
    log.refund(None, 5, refund_id="r2")
    log.undo_refund("r1", "a", 20)
    log.undo_refund("r1", "a", 10)
    book(ledger, [log], rows)
    columns = "refund_id, authorization_id, amount, undone, seq"
    assert query(database, f"SELECT {columns} FROM refund ORDER BY 1") == [
        ("r1", "a", 60, 30, 4),
        ("r2", None, 5, 0, 2),
    ]


def test_a_dispute_is_open_until_it_is_resolved(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    log.clear("a", 100)
    first = log.dispute("a", 40, "d1", provisional=True)
    log.dispute("a", 30, "d2", provisional=False)
    won = log.resolve(first, "won")
    book(ledger, [log], rows)
    columns = "dispute_id, authorization_id, status, amount, provisional, opened_at, resolved_at"
    assert query(database, f"SELECT {columns} FROM dispute ORDER BY 1") == [
        ("d1", "a", "won", 40, True, first.occurred_at, won.occurred_at),
        ("d2", "a", "open", 30, False, log.decisions[2].occurred_at, None),
    ]
    assert query(database, "SELECT disputed FROM card_authorization") == [(70,)]


def test_both_sides_of_a_lease_and_what_is_on_its_way(ledger: Ledger, database: str, rows: int) -> None:
    treasury, department = DecisionLog(partition=1), DecisionLog(partition=0)
    month = Calendar()
    lease: dict[str, Any] = {"department": "eng", "period": "2026-11", "calendar": month}
    cap = CapChanged(limit=1000, calendar=month, departments=("eng", "sales"))
    treasury.set("cap.set", cap, LeaseGiven(amount=250, short=0, **lease), department="_treasury")
    asked = LeaseGiven(amount=100, short=50, **lease)
    treasury.set("lease.requested", asked, department="_treasury")
    taken = LeaseTaken(department="eng", period="2026-11", amount=30)
    treasury.set("lease.returned", taken, department="_treasury")
    department.set("lease.granted", LeaseAdded(period="2026-11", amount=250, calendar=month))
    department.set("clock.ticked", LeaseAsked(period="2026-11", needed=150))
    department.set("lease.recalled", LeaseGivenBack(period="2026-11", amount=30))
    book(ledger, [treasury, department], rows)
    columns = "department_id, side, leased_minor, asked_minor, partition"
    assert query(database, f"SELECT {columns} FROM lease ORDER BY side") == [
        ("eng", "department", 220, 150, 0),
        ("eng", "treasury", 320, 50, 1),
    ]
    assert query(database, "SELECT limit_minor, departments, calendar FROM company_cap") == [
        (1000, ["eng", "sales"], "month")
    ]
    department.set("lease.granted", LeaseAdded(period="2026-11", amount=100, calendar=month))
    book(ledger, [department], rows)
    assert query(database, "SELECT leased_minor, asked_minor FROM lease WHERE side = 'department'") == [
        (320, 0)
    ]


def test_a_payment_s_expiry_stands_while_something_is_held(ledger: Ledger, database: str, rows: int) -> None:
    log = DecisionLog()
    approved = log.approve("a", 100)
    log.approve("b", 100)
    log.reverse("b")
    book(ledger, [log], rows)
    (hold,) = approved.effects
    held = query(
        database, "SELECT authorization_id, expires_at, authorized FROM card_authorization ORDER BY 1"
    )
    assert held == [("a", hold.expires_at, 100), ("b", None, 100)]  # type: ignore[union-attr]


def test_of_a_decision_that_somebody_should_look_at_the_first_review_is_a_column(
    ledger: Ledger, database: str
) -> None:
    log = DecisionLog()
    log.approve("a", 1, reviews=(Reason(code=ReasonCode.TOLERANCE_USED),), policy_version=3)
    log.approve("b", 1)
    book(ledger, [log])
    assert query(database, "SELECT review, policy_version FROM decision ORDER BY seq") == [
        ("tolerance_used", 3),
        (None, None),
    ]


def test_text_with_nul_in_what_people_set_does_not_stop_the_partition(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.card(Card(card_id="c\0", employee="a\0"))
    log.approve_increase(log.ask_increase("r\0", asked_by="a\0", levels=(("b\0",),)), "b\0", 1)
    log.budget("eng", 5, "team:t", name="x\0")
    log.draft(1, Policy())
    book(ledger, [log])
    assert query(database, "SELECT employee FROM card") == [("a\N{REPLACEMENT CHARACTER}",)]
    assert query(database, "SELECT approved_by FROM approval_request") == [(["b\N{REPLACEMENT CHARACTER}"],)]


def test_reading_the_log_again_gives_the_same_rows(database: str) -> None:
    log = DecisionLog().mixed(60)
    opened = log.dispute("a-0-000000", 5, "d", provisional=True)
    log.resolve(opened, "lost")
    log.draft(1, Policy(), activate=True)
    log.approve_increase(log.ask_increase("r1"), "key_b", 0)
    log.ask_increase("r2")
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    who = {"absent": "key_b", "delegate": "key_c", "set_by": "key_b"}
    log.set("delegation.set", DelegationGiven(**who, starts_at=now, until=now + timedelta(days=1)))
    found = []
    for size in (1, 7, 500):
        ledger = Ledger(PostgresSession(database))
        book(ledger, [log], size)
        ledger.close()
        found.append(snapshot(database))
        empty(database)
    assert found[0] == found[1] == found[2]
    assert all(found[0][table] for table in TABLES if table not in ("card", "lease"))
