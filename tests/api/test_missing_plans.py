"""What pages ask of all purchases is read by an index: missing receipts, and the cards of a department."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from api.stores.receipts import ReceiptReach, missing_sql
from api.stores.sql import statement
from tests.api.support import new_database
from tests.api.test_transaction_plans import FILL, MERCHANTS, NOW, ROWS, SCANS, nodes

CARDS = """
INSERT INTO card (organization_id, department_id, card_id, status, employee, body, partition, seq)
SELECT 'big', 'd' || n % 200, 'card-' || n, 'active', 'person-' || n % 300, '{}', 0, n
FROM generate_series(0, 9999) AS n
"""
WANTED = """
INSERT INTO receipt_policy (organization_id, currency, over_minor, days, set_by, set_at)
SELECT 'big', currency, 100, 3, 'a', timestamptz '2026-10-20' FROM unnest(ARRAY['USD', 'EUR']) AS currency
"""
LARGE = {"card_authorization", "card"}
REACHES = {
    "all": (ReceiptReach(True), None),
    "of one": (ReceiptReach(True), "person-7"),
    "own": (ReceiptReach(False, ("person-7", "seven@example.com")), None),
    "departments": (ReceiptReach(False, ("person-7",), ("d7", "d9")), None),
}


@pytest.fixture(scope="module")
def purchases(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        new_database(stack.postgres, "spendlog_missing_plans"), autocommit=True
    ) as connection:
        connection.execute(FILL, {"now": NOW, "rows": ROWS})
        for text in (MERCHANTS, CARDS, WANTED):
            connection.execute(text)
        connection.execute("VACUUM ANALYZE card_authorization, merchant, card, receipt, receipt_policy")
        yield connection


def scanned(connection: psycopg.Connection[Any], sql: str, asked: dict[str, Any]) -> list[str]:
    """The large tables that a plan reads whole."""
    row = connection.execute(f"EXPLAIN (FORMAT json) {sql}", asked, prepare=False).fetchone()
    assert row is not None
    found = [node for node in nodes(row[0][0]["Plan"]) if node["Node Type"] in SCANS]
    return [node["Relation Name"] for node in found if node.get("Relation Name") in LARGE] and [
        json.dumps(row[0])
    ]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["receipts_missing", "receipts_missing_count"])
@pytest.mark.parametrize("reach", REACHES)
def test_missing_receipts_are_found_by_an_index(
    purchases: psycopg.Connection[Any], reach: str, name: str, after: bool
) -> None:
    reached, employee = REACHES[reach]
    asked = {
        "organization_id": "big",
        "own": list(reached.own),
        "departments": list(reached.departments),
        "employee": employee,
        "after_at": NOW if after else None,
        "after_id": "a7" if after else None,
        "after_department": "d7" if after else None,
        "rows_max": 101,
    }
    assert scanned(purchases, missing_sql(name, reached, employee, after=after), asked) == []


def test_cards_of_a_department_are_found_by_an_index(purchases: psycopg.Connection[Any]) -> None:
    nothing = dict.fromkeys(("card_id", "status", "employee", "team", "after", "after_department"))
    asked = {**nothing, "organization_id": "big", "department_id": "d7", "rows_max": 21, "partition": 0}
    assert scanned(purchases, statement("cards"), asked) == []
