"""What the database answers about balances, and what it refuses to be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors

from sinks.errors import PartitionBroken
from sinks.ledger.sink import Ledger
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book

SPEND = "department:techcorp/eng:card-spend"
FX = "department:techcorp/eng:fx-difference"
ENCUMBRANCE = "department:techcorp/eng:encumbrance"
RESERVE = "department:techcorp/eng:encumbrance-reserve"
PAYABLE = "organization:techcorp:card-payable"
PROVISIONAL = "organization:techcorp:provisional-credit"


def balances(database: str, arguments: str = "", *parameters: Any) -> dict[str, int]:
    rows = query(database, f"SELECT account, balance FROM account_balances({arguments})", *parameters)
    return {account: balance for account, balance in rows if balance}


# -- corrections


def test_a_correction_takes_back_a_posting_and_its_fx_difference(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.budget()
    log.clear("a", 500)
    log.undo(log.clear("a", 508, fx=8))
    log.undo(log.clear("b", 93, fx=-7))
    book(ledger, [log], rows=2)
    assert balances(database) == {SPEND: 500, PAYABLE: -500}
    query(database, "SELECT check_trial_balance()")


def test_posting_and_correction_may_come_in_one_batch(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.undo(log.clear("a", 108, fx=8))
    book(ledger, [log], rows=10)
    assert balances(database) == {}


def test_a_posting_is_taken_back_once(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    cleared = log.clear("a", 100)
    log.undo(cleared)
    book(ledger, [log])
    log.undo(cleared)
    with pytest.raises(PartitionBroken, match=r"decisions 0:2\.\.2 cannot be booked.*compensated_once"):
        book(ledger, [log])
    assert query(database, "SELECT count(*) FROM transfer WHERE kind = 'correction'") == [(1,)]


def test_what_was_never_posted_is_not_taken_back(ledger: Ledger) -> None:
    log = DecisionLog()
    log.approve("a", 100)
    cleared = log.clear("b", 100)
    log.undo(cleared, of_seq=0)
    with pytest.raises(PartitionBroken, match="0:2 corrects 0:0, which posted nothing to authorization b"):
        book(ledger, [log])


@pytest.mark.parametrize(
    "lie",
    [
        {"amount": 99},
        {"fx": 0},
        {"fx": 7},
        {"authorization_id": "b"},
    ],
)
def test_a_correction_is_all_of_the_posting_and_that_alone(ledger: Ledger, lie: dict[str, Any]) -> None:
    log = DecisionLog()
    log.undo(log.clear("a", 108, fx=8), **lie)
    with pytest.raises(PartitionBroken, match="posted"):
        book(ledger, [log])


def test_not_even_the_owner_may_correct_by_hand_what_is_not_there(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.clear("a", 100)
    book(ledger, [log])
    correction = transfer(PAYABLE, SPEND, kind="correction", amount=100, compensates_seq=0)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        with pytest.raises(errors.ForeignKeyViolation, match="posted nothing to authorization z"):
            insert(owner, correction | {"authorization_id": "z"})
        with pytest.raises(errors.CheckViolation):
            insert(owner, correction | {"compensates_seq": None})
        insert(owner, correction)
        with pytest.raises(errors.UniqueViolation):
            insert(owner, correction | {"seq": 901})


# -- the trial balance


def transfer(debit: str, credit: str, **more: Any) -> dict[str, Any]:
    return {
        "partition": 0,
        "seq": 900,
        "n": 0,
        "organization_id": "techcorp",
        "department_id": "eng",
        "authorization_id": "a",
        "layer": "posted",
        "kind": "clearing",
        "debit_account": debit,
        "credit_account": credit,
        "amount": 5,
        "currency": "USD",
        "period": "2026-11",
        "recorded_at": datetime.now(UTC),
    } | more


def insert(connection: psycopg.Connection[Any], row: dict[str, Any]) -> None:
    columns, values = ", ".join(row), ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO transfer ({columns}) VALUES ({values})".encode(), list(row.values()))


LIES = {
    "other layer": transfer(SPEND, RESERVE),
    "other layer on both sides": transfer(ENCUMBRANCE, RESERVE),
    "not opened": transfer(SPEND, "organization:techcorp:pocket-money"),
    "other company": transfer(SPEND, "organization:rival:card-payable"),
    "other department": transfer("department:techcorp/sales:card-spend", PAYABLE),
}


@contextmanager
def unguarded(database: str) -> Iterator[psycopg.Connection[Any]]:
    """What nobody may do in production."""
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("ALTER TABLE transfer DISABLE TRIGGER accounts")
        yield owner


@pytest.fixture
def booked(ledger: Ledger, database: str) -> str:
    log = DecisionLog().mixed(60)
    log.clear("x", 100, "eng")
    log.clear("y", 100, "sales")
    book(ledger, [log])
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("INSERT INTO account VALUES ('organization:rival:card-payable', 'posted', 'rival')")
    return database


@pytest.mark.parametrize("lie", LIES)
def test_a_transfer_that_would_unbalance_a_layer_or_a_company_is_refused(booked: str, lie: str) -> None:
    with psycopg.connect(booked, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        with pytest.raises(errors.ForeignKeyViolation, match="both must be open accounts of that layer and"):
            insert(owner, LIES[lie])
        insert(owner, transfer(SPEND, PAYABLE))  # it is the accounts that are refused, not the row


@pytest.mark.parametrize("lie", ["other layer", "not opened"])
def test_the_trial_balance_fails_on_a_lie_that_got_in(booked: str, lie: str) -> None:
    query(booked, "SELECT check_trial_balance()")
    with unguarded(booked) as owner:
        insert(owner, LIES[lie])
        with pytest.raises(
            errors.IntegrityConstraintViolation, match=r"the books do not balance: -?5 of USD"
        ):
            owner.execute("SELECT check_trial_balance()")
        wrong = owner.execute("SELECT count(*) FROM trial_balance WHERE total <> 0").fetchone()
    assert wrong == (2,)


def test_every_layer_of_a_true_ledger_balances(booked: str) -> None:
    found = query(booked, "SELECT currency, layer, total FROM trial_balance ORDER BY layer")
    assert found == [("USD", "pending", 0), ("USD", "posted", 0)]


# -- balances as of then


def history() -> DecisionLog:
    """0 budget 1000, 1 hold 400, 2 cleared 450, 3 hold 300, 4 budget 2000, 5 dispute, 6 won, 7 lapse."""
    log = DecisionLog(started=datetime(2026, 11, 21, 12, tzinfo=UTC))
    log.budget(limit=1000)
    log.approve("a", 400)
    log.clear("a", 450, fx=50)
    log.approve("b", 300)
    log.budget(limit=2000)
    opened = log.dispute("a", 450, "d", provisional=True)
    log.resolve(opened, "won")
    log.tick("b")
    return log


AS_OF_SEQ = [
    {},
    {ENCUMBRANCE: 400, RESERVE: -400},
    {SPEND: 400, FX: 50, PAYABLE: -450},
    {SPEND: 400, FX: 50, PAYABLE: -450, ENCUMBRANCE: 300, RESERVE: -300},
    {SPEND: 400, FX: 50, PAYABLE: -450, ENCUMBRANCE: 300, RESERVE: -300},
    {SPEND: 400, FX: 50, PROVISIONAL: -450, ENCUMBRANCE: 300, RESERVE: -300},
    {SPEND: -50, FX: 50, ENCUMBRANCE: 300, RESERVE: -300},
    {SPEND: -50, FX: 50},
]
# limit, posted, pending, available
DEPARTMENT_AS_OF_SEQ = [
    (1000, 0, 0, 1000),
    (1000, 0, 400, 600),
    (1000, 450, 0, 550),
    (1000, 450, 300, 250),
    (2000, 450, 300, 1250),
    (2000, 450, 300, 1250),
    (2000, 0, 300, 1700),
    (2000, 0, 0, 2000),
]
OF_DEPARTMENT = (
    "SELECT limit_minor, posted, pending, available FROM department_balances('techcorp', 'eng', {})"
    " WHERE period = '2026-11' AND currency = 'USD'"
)


def test_balances_as_of_a_position(ledger: Ledger, database: str) -> None:
    log = history()
    book(ledger, [log, DecisionLog(partition=1).mixed(20)])
    for seq, expected in enumerate(AS_OF_SEQ):
        assert balances(database, "in_partition => 0, up_to => %s", seq) == expected
        found = query(database, OF_DEPARTMENT.format("up_to => %s"), seq)
        assert found == [DEPARTMENT_AS_OF_SEQ[seq]], seq


@pytest.mark.parametrize("clock", ["recorded", "occurred"])
def test_balances_as_of_a_time(ledger: Ledger, database: str, clock: str) -> None:
    log = history()
    book(ledger, [log])
    for decision, expected, of_department in zip(log.decisions, AS_OF_SEQ, DEPARTMENT_AS_OF_SEQ, strict=True):
        at = decision.recorded_at if clock == "recorded" else decision.occurred_at
        assert balances(database, f"{clock}_by => %s", at) == expected
        assert query(database, OF_DEPARTMENT.format(f"{clock}_by => %s"), at) == [of_department]
    before = log.decisions[0].recorded_at - timedelta(hours=1)
    assert balances(database, f"{clock}_by => %s", before) == {}
    assert query(database, OF_DEPARTMENT.format(f"{clock}_by => %s"), before) == []


def test_what_came_late_was_not_known_then_but_had_happened(ledger: Ledger, database: str) -> None:
    log = DecisionLog(started=datetime(2026, 11, 21, 12, tzinfo=UTC))
    log.budget()
    log.clear("a", 100)
    yesterday = datetime(2026, 11, 20, 12, tzinfo=UTC)
    log.clear("b", 30, occurred_at=yesterday)
    book(ledger, [log])
    noon = log.decisions[1].recorded_at
    assert balances(database, "recorded_by => %s", noon) == {SPEND: 100, PAYABLE: -100}
    assert balances(database, "occurred_by => %s", yesterday) == {SPEND: 30, PAYABLE: -30}
    both = balances(database, "recorded_by => %s, occurred_by => %s", noon, yesterday)
    assert both == {}


def test_the_balances_of_a_department_are_those_its_decisions_told(ledger: Ledger, database: str) -> None:
    """Two ways to one figure: the sum of the bookings, and what the owner said."""
    log = DecisionLog().mixed(200)
    book(ledger, [log])
    summed = {
        (department, period): (limit, posted, held)
        for department in ("dept-0", "dept-1", "dept-2")
        for period, limit, posted, held in query(
            database,
            "SELECT period, limit_minor, posted, pending FROM department_balances('techcorp', %s)",
            department,
        )
    }
    told = query(
        database,
        "SELECT department_id, period, limit_minor, posted_minor, held_minor FROM budget_period",
    )
    assert summed == {row[:2]: row[2:] for row in told}
    assert len(summed) == 3
