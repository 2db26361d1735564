"""The API's own login may what its role may, and is the same for all who ask for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from infra.errors import SpendlogError
from infra.logins import LOGIN, api_login
from tests.api.support import new_database


@pytest.fixture(scope="module")
def database(stack: Any) -> str:
    return new_database(stack.postgres, "spendlog_login_tests")


def test_whoever_asks_gets_the_same_login(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: api_login(database), range(4)))
    assert len(found) == 1
    (login,) = found
    with psycopg.connect(login) as connection:
        row = connection.execute(
            "SELECT session_user, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname = session_user"
        ).fetchone()
    assert row == (LOGIN, False, False, False, False)


def test_a_password_that_was_changed_is_set_again(database: str) -> None:
    api_login(database)
    with psycopg.connect(database) as connection:
        connection.execute(f"ALTER ROLE {LOGIN} PASSWORD 'another'".encode())
    psycopg.connect(api_login(database)).close()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_record DISABLE TRIGGER append_only",
        "UPDATE decision SET seq = 0",
        "DELETE FROM audit_head",
        "SELECT password_hash FROM person",
        "SELECT totp_secret FROM person",
        "UPDATE person SET password_hash = 'x'",
        "SET ROLE spendlog_sink",
        "SET ROLE spendlog_auditor",
        "CREATE TABLE mine ()",
        "ALTER ROLE spendlog_server BYPASSRLS",
    ],
)
def test_it_may_not_what_only_others_may(database: str, statement: str) -> None:
    with (
        psycopg.connect(api_login(database), options="-c role=spendlog_api") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_without_its_role_it_sees_no_tenant_either(database: str) -> None:
    with psycopg.connect(database) as owner:
        owner.execute("SELECT set_config('spendlog.organization', 'org-login', true)")
        record = '{"actor": "a", "action": "b", "outcome": "done", "resource": "/"}'
        owner.execute("SELECT audit_append(%s)", [record])
    with psycopg.connect(api_login(database)) as connection:
        assert connection.execute("SELECT count(*) FROM audit_record").fetchone() == (0,)
        connection.execute("SELECT set_config('spendlog.organization', 'org-login', true)")
        assert connection.execute("SELECT count(*) FROM audit_record").fetchone() == (1,)


def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(SpendlogError, match="PostgreSQL"):
        api_login("postgresql://me:secret@127.0.0.1:1/none")
