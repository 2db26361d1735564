"""What the database refuses, whoever asks."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from infra.migrate import MigrationError, migrate
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book

CHANGES = [
    "UPDATE {} SET partition = 1",
    "UPDATE {} SET partition = 1 WHERE false",
    "DELETE FROM {}",
    "TRUNCATE {}",
]
ROLES = ["spendlog_sink", "spendlog_api", "spendlog_auditor"]


@pytest.fixture
def booked(database: str) -> str:
    ledger = Ledger(PostgresSession(database))
    book(ledger, [DecisionLog().mixed(12)])
    ledger.close()
    return database


@pytest.mark.parametrize("table", ["decision", "transfer", "limit_change"])
def test_even_the_owner_cannot_change_a_booking(booked: str, table: str) -> None:
    with psycopg.connect(booked, autocommit=True) as owner:
        for always in (False, True):
            if always:  # how a replica or a restore would get around ordinary triggers
                owner.execute("SET session_replication_role = replica")
            for change in CHANGES:
                with pytest.raises(errors.RestrictViolation) as refused:
                    owner.execute(change.format(table).encode())
                assert "append-only: correct with a compensating transfer" in str(refused.value)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", ["decision", "transfer", "limit_change"])
def test_no_role_has_the_right_to_change_a_booking(booked: str, role: str, table: str) -> None:
    with psycopg.connect(booked, autocommit=True, options=f"-c role={role}") as connection:
        for change in CHANGES:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(change.format(table).encode())


@pytest.mark.parametrize("role", ["spendlog_api", "spendlog_auditor"])
def test_readers_can_read_and_not_write(booked: str, role: str) -> None:
    who = f"-c role={role} -c spendlog.organization=techcorp"
    with psycopg.connect(booked, autocommit=True, options=who) as connection:
        for view in (
            *("decision", "transfer", "entry", "trial_balance", "account_balance", "account_balances()"),
            *("department_balances('techcorp', 'dept-0')", "budget", "budget_period", "limit_change"),
            *("policy_version", "card_authorization"),
        ):
            assert connection.execute(f"SELECT count(*) FROM {view}".encode()).fetchone() != (0,)
        for table in (
            "card",
            "refund",
            "dispute",
            "company_cap",
            "lease",
            "budget_increase",
            "approval_request",
        ):
            connection.execute(f"SELECT count(*) FROM {table}".encode())
        connection.execute("SELECT check_trial_balance()")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("UPDATE budget_period SET held_minor = 0")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("INSERT INTO account VALUES ('a', 'posted', 'o')")


def test_an_auditor_sees_keys_but_not_what_they_are_checked_against(booked: str) -> None:
    with psycopg.connect(booked, autocommit=True, options="-c role=spendlog_auditor") as connection:
        connection.execute("SELECT id, prefix, revoked_at FROM api_key")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT key_sha256 FROM api_key")


def test_the_ledger_works_with_the_rights_of_its_role_alone(booked: str) -> None:
    assert query(booked, "SELECT count(*) > 0 FROM transfer") == [(True,)]
    postgres = PostgresSession(booked)
    with postgres.session() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("spendlog_sink",)
    postgres.close()


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("debit_account, credit_account, amount", "'a', 'a', 5"),
        ("debit_account, credit_account, amount", "'a', 'b', 0"),
        ("debit_account, credit_account, amount", "'a', 'b', -5"),
    ],
)
def test_a_transfer_that_does_not_move_money_between_two_accounts_is_refused(
    database: str, columns: str, values: str
) -> None:
    statement = f"""
        INSERT INTO transfer (partition, seq, n, organization_id, department_id, layer, kind, currency,
            period, recorded_at, {columns})
        VALUES (0, 0, 0, 'o', 'd', 'posted', 'clearing', 'USD', '2026-11', now(), {values})
    """
    with psycopg.connect(database, autocommit=True) as owner, pytest.raises(errors.CheckViolation):
        owner.execute(statement.encode())


@pytest.mark.parametrize(
    ("layer", "kind", "period"),
    [
        ("posted", "hold", "2026-11"),
        ("pending", "clearing", "2026-11"),
        ("posted", "gift", "2026-11"),
        ("posted", "clearing", None),
        ("posted", "clearing", ""),
        ("posted", "correction", "2026-11"),  # of nothing
    ],
)
def test_a_transfer_of_no_known_kind_layer_or_period_is_refused(
    database: str, layer: str, kind: str, period: str | None
) -> None:
    label = "NULL" if period is None else f"'{period}'"
    statement = f"""
        INSERT INTO transfer (partition, seq, n, organization_id, department_id, layer, kind, currency,
            period, recorded_at, debit_account, credit_account, amount)
        VALUES (0, 0, 0, 'o', 'd', '{layer}', '{kind}', 'USD', {label}, now(), 'a', 'b', 5)
    """
    with psycopg.connect(database, autocommit=True) as owner, pytest.raises(errors.CheckViolation):
        owner.execute(statement.encode())


def test_migrating_twice_changes_nothing(database: str) -> None:
    assert migrate(database) == []


def test_a_server_that_does_not_answer_is_told_in_a_sentence() -> None:
    with pytest.raises(MigrationError, match=r"PostgreSQL: connection failed"):
        migrate("postgresql://nobody@127.0.0.1:9/none")
