"""A record of the audit log that was changed, left out or put in breaks the chain, and it is said where."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from infra.verify.audit import check_audit
from infra.verify.books import snapshot
from infra.verify.report import Oracle, Report
from tests.api.support import new_database

ORGANIZATION = "org-chain"
RECORDS = [
    '{"actor": "ada@x.example", "action": "sign_in", "outcome": "done", "resource": "/v1/sessions/ses_1"}',
    '{"actor": "Zoë \\"Z\\" \\\\ \\n\\u0001 £", "action": "a", "outcome": "done", "resource": "/",'
    ' "before": {"b": [1.50, null, "é"], "a": true}, "after": {"text": "\\" / \\\\ \\u2028"}}',
    '{"actor": "k", "actor_id": "key_1", "action": "b", "outcome": "refused", "reason": "insufficient_scope",'
    ' "resource": "/v1/audit", "times": 7, "address": "::1", "request_id": "req_1", "role": "auditor"}',
    '{"actor": "k", "action": "create_card", "outcome": "done", "resource": "/v1/cards", "position": "3:1"}',
    '{"actor": "k", "action": "c", "outcome": "done", "resource": "/v1/people/1", "before": {}, "after": {}}',
]


@pytest.fixture(scope="module")
def database(stack: Any) -> str:
    return new_database(stack.postgres, "spendlog_audit_tests")


@pytest.fixture
def owner(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Of the chain of five; what a test does to it is undone."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_record DISABLE TRIGGER append_only")
        connection.execute("DELETE FROM audit_record")
        connection.execute("DELETE FROM audit_head")
        connection.execute("SELECT set_config('spendlog.organization', %s, false)", [ORGANIZATION])
        for record in RECORDS:
            connection.execute("SELECT audit_append(%s)", [record])
        yield connection
        connection.execute("ALTER TABLE audit_record ENABLE ALWAYS TRIGGER append_only")


def checked(database: str) -> Oracle:
    report = Report()
    with snapshot(database) as books:
        check_audit(books, report)
    return report["O16"]


def test_a_true_chain_holds_whatever_is_in_it(database: str, owner: psycopg.Connection[Any]) -> None:
    oracle = checked(database)
    assert (oracle.checked, oracle.examples) == (len(RECORDS), [])
    (note,) = oracle.notes
    assert note.startswith(f"the audit log of {ORGANIZATION} ends at 5, ")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE audit_record SET actor = 'eve' WHERE seq = 2", "the chain breaks at 2:"),
        ('UPDATE audit_record SET before = \'{"b":[1.5,null,"é"],"a":true}\' WHERE seq = 2', "breaks at 2:"),
        ("UPDATE audit_record SET at = at + interval '1 microsecond' WHERE seq = 3", "breaks at 3:"),
        ("UPDATE audit_record SET times = 1 WHERE seq = 3", "breaks at 3:"),
        ("UPDATE audit_record SET reason = 'out_of_reach' WHERE seq = 3", "breaks at 3:"),
        ("UPDATE audit_record SET role = NULL WHERE seq = 3", "breaks at 3:"),
        ("UPDATE audit_record SET position = NULL WHERE seq = 4", "breaks at 4:"),
        ("UPDATE audit_record SET hash = sha256('x') WHERE seq = 4", "breaks at 4:"),
        ("UPDATE audit_record SET after = NULL WHERE seq = 5", "breaks at 5:"),
        ("DELETE FROM audit_record WHERE seq = 1", "2 follows 0: what was between is gone"),
        ("DELETE FROM audit_record WHERE seq IN (2, 3)", "4 follows 1: what was between is gone"),
        (
            "DELETE FROM audit_record WHERE seq > 3",
            "ends at 3, and its head at 5: 2 records at its end are gone",
        ),
        ("DELETE FROM audit_record", "ends at 0, and its head at 5"),
        ("DELETE FROM audit_head", "ends at 5, and its head at 0"),
        ("UPDATE audit_head SET hash = sha256('x')", "its last hash at 5 is not that of its head"),
        (
            "UPDATE audit_record SET organization_id = 'org-other' WHERE seq = 5",
            "audit log of org-other: 5 follows 0",
        ),
        (
            "INSERT INTO audit_record SELECT organization_id, 6, at, actor, actor_id, role, request_id,"
            " address, action, outcome, reason, resource, times, position, before, after, hash"
            " FROM audit_record WHERE seq = 5",
            "the chain breaks at 6:",
        ),
    ],
)
def test_a_broken_chain_is_found_and_said_where(
    database: str, owner: psycopg.Connection[Any], change: str, where: str
) -> None:
    owner.execute(change.encode())
    oracle = checked(database)
    assert oracle.violations and any(where in found for found in oracle.examples), oracle.examples
    assert set(oracle.findings) <= {ORGANIZATION, "org-other"}


def test_two_who_write_at_one_moment_make_one_chain(database: str, owner: psycopg.Connection[Any]) -> None:
    def write(n: int) -> None:
        with psycopg.connect(database, options=f"-c spendlog.organization={ORGANIZATION}") as connection:
            for _ in range(10):
                connection.execute("SELECT audit_append(%s)", [RECORDS[n]])
                connection.commit()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    oracle = checked(database)
    assert (oracle.checked, oracle.violations) == (len(RECORDS) + 40, 0)


def test_nobody_writes_without_an_organization(database: str, owner: psycopg.Connection[Any]) -> None:
    owner.execute("SELECT set_config('spendlog.organization', '', false)")
    with pytest.raises(psycopg.errors.NotNullViolation):
        owner.execute("SELECT audit_append(%s)", [RECORDS[0]])
