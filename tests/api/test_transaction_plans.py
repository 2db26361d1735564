"""Lists of transactions read their rows by an index, with any one filter: no scan of the whole table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from api.stores.payment_pages import PaymentPlace
from api.stores.transactions import Filters, Order, page_sql, parameters
from schemas.authorizations import Status
from tests.api.support import new_database

ROWS = 20_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)

#: Two organizations: a busy one, and a small one that the statistics of the whole table say little of.
FILL = """
INSERT INTO card_authorization (organization_id, authorization_id, department_id, status, currency, partition,
    seq, card_id, occurred_at, updated_at, created_at, requested, authorized, held, posted, refunded, body,
    cardholder, merchant_key, mcc, flagged, review)
SELECT CASE WHEN n %% 50 = 0 THEN 'small' ELSE 'big' END, 'a' || n, 'd' || n %% 20,
    (ARRAY['cleared', 'cleared', 'cleared', 'declined', 'approved', 'refunded'])[1 + n %% 6], 'USD', 0, n,
    'card-' || n %% 500, t, t, t, n %% 9000, n %% 9000, 0, 0, 0,
    json_build_object('as long as', repeat('one is', 100)), 'person-' || n %% 300,
    'shop ' || n %% 400,
    lpad((n %% 97 * 83 %% 10000)::text, 4, '0'), n %% 500 = 0, n %% 700 = 0
FROM (
    SELECT n, %(now)s::timestamptz - make_interval(secs => n * 61) AS t
    FROM generate_series(1, %(rows)s) AS n
) AS numbered
"""
MERCHANTS = """
INSERT INTO merchant SELECT 'big', 'shop ' || n, 'Shop' FROM generate_series(0, 399) AS n
"""


@pytest.fixture(scope="module")
def purchases(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database(stack.postgres, "spendlog_plans"), autocommit=True) as connection:
        connection.execute(FILL, {"now": NOW, "rows": ROWS})
        connection.execute(MERCHANTS)
        connection.execute("VACUUM ANALYZE card_authorization, merchant")
        yield connection


SCANS = {"Seq Scan", "Parallel Seq Scan"}
FILTERS = {
    "none": Filters(),
    "one status": Filters(statuses=(Status.DECLINED,)),
    "a status that nothing has": Filters(statuses=(Status.DISPUTED,)),
    "several statuses": Filters(statuses=(Status.APPROVED, Status.PARTIALLY_APPROVED)),
    "flagged": Filters(flagged=True),
    "review": Filters(review=True),
    "least amount": Filters(amount_min=8_990),
    "most amount": Filters(amount_max=10),
    "amounts": Filters(amount_min=500, amount_max=510),
    "merchant": Filters(merchant="shop 7"),
    "search": Filters(words=("shop", "17")),
    "mcc": Filters(mccs=("0083",)),
    "category": Filters(mccs=tuple(f"{mcc:04}" for mcc in range(3000, 3351))),
    "department": Filters(department_id="d7"),
    "card": Filters(card_id="card-7"),
    "a card that nobody has": Filters(card_id="card-x"),
    "employee": Filters(employee="person-7"),
    "since": Filters(since=NOW - timedelta(hours=5)),
    "until": Filters(until=NOW - timedelta(days=10)),
    "span": Filters(since=NOW - timedelta(days=9), until=NOW - timedelta(days=8)),
}
AFTER: dict[Order, PaymentPlace] = {
    "newest": PaymentPlace(NOW - timedelta(days=5), "a7000", "d1"),
    "largest": PaymentPlace(4_500, "a7000", "d1"),
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def plan_of(purchases: psycopg.Connection[Any], sql: str, asked: dict[str, Any]) -> dict[str, Any]:
    """As the API gets it: in its role, behind the wall, which keeps statistics from what is not leakproof."""
    with purchases.transaction(force_rollback=True):
        purchases.execute("SET LOCAL ROLE spendlog_api")
        purchases.execute("SELECT set_config('spendlog.organization', %s, true)", [asked["organization_id"]])
        row = purchases.execute(f"EXPLAIN (FORMAT json) {sql}", asked, prepare=False).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


@pytest.mark.parametrize("organization", ["big", "small"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_is_read_by_an_index(purchases: psycopg.Connection[Any], name: str, organization: str) -> None:
    filters = FILTERS[name]
    more = {"keys": ["shop 17", "shop 117"], "cards": ["card-7"], "departments": ["d7"]}
    for after in (None, AFTER["newest"]):
        asked = parameters(filters, after) | more
        asked |= {"organization_id": organization, "rows_max": 51, "partition": 0}
        sql = page_sql(filters, "newest", after, by_name=True)
        found = list(nodes(plan_of(purchases, sql, asked)))
        scans = [node for node in found if node["Node Type"] in SCANS]
        assert [node["Relation Name"] for node in scans if "Relation Name" in node] == [], json.dumps(
            found[0]
        )
        assert any("card_authorization" in node.get("Relation Name", "") for node in found)


@pytest.mark.parametrize("order", ["largest", "smallest"])
def test_a_page_by_amount_is_read_by_an_index(purchases: psycopg.Connection[Any], order: Order) -> None:
    for after in (None, AFTER["largest"]):
        asked = parameters(Filters(), after) | {"organization_id": "big", "rows_max": 51, "partition": 0}
        sql = page_sql(Filters(), order, after, by_name=True)
        found = list(nodes(plan_of(purchases, sql, asked)))
        assert [node for node in found if node["Node Type"] in SCANS and "Relation Name" in node] == []
        assert any(node.get("Index Name") == "transaction_by_amount" for node in found), json.dumps(found[0])


def test_words_that_most_merchants_have_are_read_in_the_order_of_the_list(
    purchases: psycopg.Connection[Any],
) -> None:
    """And not all of the organization, sorted: that grows with the table."""
    filters = Filters(words=("shop",))
    asked = parameters(filters, None) | {"organization_id": "big", "rows_max": 51, "partition": 0}
    found = list(nodes(plan_of(purchases, page_sql(filters, "newest", None, by_name=False), asked)))
    assert "Sort" not in {node["Node Type"] for node in found}, json.dumps(found[0])
    assert any(node.get("Index Name") == "transaction_by_time" for node in found), json.dumps(found[0])


def test_a_scan_would_be_seen(purchases: psycopg.Connection[Any]) -> None:
    """What this file looks for is there where the indexes cannot help."""
    row = purchases.execute(
        "EXPLAIN (FORMAT json) SELECT * FROM card_authorization WHERE requested = 17"
    ).fetchone()
    assert row is not None
    assert [node["Node Type"] for node in nodes(row[0][0]["Plan"])] == ["Seq Scan"]
