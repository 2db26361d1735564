"""Questions that add up purchases read an index that has what they add up, and none the table of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.stores.questions import Statement, as_json, groups, purchases
from tests.api.support import new_database
from tests.api.test_transaction_plans import FILL, NOW, ROWS, nodes

#: As large as they are with a score and its reasons.
BODY = "json_build_object('reasons', repeat('x', 600))"
CARDS = """
INSERT INTO card (organization_id, department_id, card_id, status, employee, team, body, partition, seq)
SELECT 'big', 'd' || n % 20, 'card-' || n, 'active', 'holder-' || n % 300, 'team-' || n % 40, '{}', 0, n
FROM generate_series(0, 499) AS n
"""
ALL: dict[str, Any] = {"category_of": as_json({}), "status_of": as_json({}), "rows_max": 20}
DAYS = {"since": NOW - timedelta(hours=8), "until": NOW}


@pytest.fixture(scope="module")
def books(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database(stack.postgres, "spendlog_sum_plans"), autocommit=True) as connection:
        connection.execute(FILL.replace("'{}'", BODY), {"now": NOW, "rows": ROWS})
        connection.execute(CARDS)
        connection.execute("VACUUM ANALYZE card_authorization, card")
        connection.execute("SET work_mem = '64MB'")
        yield connection


def read(connection: psycopg.Connection[Any], asked: Statement) -> set[tuple[str, str]]:
    """How each part of the plan reads purchases: the kind of scan, and by which index."""
    given = {"organization_id": "big", "partition": 0, **asked.asked}
    row = connection.execute(f"EXPLAIN (FORMAT json) {asked.sql}", given, prepare=False).fetchone()
    assert row is not None
    found = [node for node in nodes(row[0][0]["Plan"]) if node.get("Relation Name") == "card_authorization"]
    return {(node["Node Type"], node.get("Index Name", "")) for node in found}


def of(*sides: str, **asked: Any) -> Statement:
    return groups(sides, "spent", "total", False, {**ALL, **asked}, by_time="time" in sides)


@pytest.mark.parametrize("side", ["department", "merchant", "category", "person", "card", "status", "team"])
def test_a_sum_of_all_reads_the_index_alone(books: psycopg.Connection[Any], side: str) -> None:
    scans = read(books, of(side))
    assert ("Index Only Scan", "transaction_sums") in scans
    assert not [kind for kind, _ in scans if kind == "Seq Scan"], scans


@pytest.mark.parametrize(
    "asked",
    [
        {"person": ["holder-7"]},
        {"own": ["holder-7", "person-7"]},
        {"team": ["team-7"]},
        {"card": ["card-7"]},
        {"merchant": ["shop 7"]},
        DAYS,
        {"at_least": as_json({"USD": "8990"})},
    ],
    ids=lambda asked: "+".join(asked),
)
def test_what_is_asked_for_is_found_by_an_index(
    books: psycopg.Connection[Any], asked: dict[str, Any]
) -> None:
    for statement in (of("department", **asked), purchases("spent", "largest", {**ALL, **asked})):
        scans = read(books, statement)
        assert scans
        assert not [kind for kind, _ in scans if kind == "Seq Scan"], scans
