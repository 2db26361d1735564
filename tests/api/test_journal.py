"""Journal entries: every booking once, by filters that combine, adding up to the balances of any time."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest

from api.stores.journal import EntryFilters, EntryKey, EntryOrder, entries_sql, entry_parameters
from tests.api.books import Books, Organization, usd
from tests.api.support import new_database

PATH = "/v1/journal-entries"
Entry = dict[str, Any]


def buy(company: Organization, name: str, minor: int, **members: Any) -> str:
    position: str = company.done(
        "authorization.requested",
        authorization_id=name,
        card_id="card_ada",
        amount=usd(minor),
        merchant={"name": "Shop", "mcc": "5814", "country": "US"},
        **members,
    )["position"]
    return position


@pytest.fixture(scope="module")
def life(books: Books) -> Iterator[tuple[Organization, list[str]]]:
    """Two departments' purchases of each kind of booking; the positions of Engineering's decisions."""
    with books.organization() as company:
        at = [company.start()]
        at.append(buy(company, "a1", 40_000))
        at.append(
            company.done("clearing.presented", authorization_id="a1", card_id="card_ada", amount=usd(45_000))[
                "position"
            ]
        )
        at.append(buy(company, "a2", 30_000))
        at.append(
            company.done("authorization.reversed", authorization_id="a2", amount=usd(10_000))["position"]
        )
        at.append(
            company.done(
                "refund.presented",
                refund_id="r1",
                authorization_id="a1",
                card_id="card_ada",
                amount=usd(5_000),
            )["position"]
        )
        opened = company.done(
            "dispute.opened",
            dispute_id="d1",
            authorization_id="a1",
            amount=usd(20_000),
            provisional_credit=True,
        )
        at.append(opened["position"])
        company.done("budget.set", department_id="sales", name="Sales", limit=usd(100_000))
        company.done("policy.drafted", department_id="sales", policy={}, activate=True)
        last = company.done(
            "authorization.requested",
            department_id="sales",
            authorization_id="s1",
            card_id="card_bob",
            amount=usd(1_000),
            merchant={"name": "Shop", "mcc": "5814", "country": "US"},
        )
        company.read(PATH, last["position"])
        company.read(PATH, at[-1])
        yield company, at


def listed(company: Organization, **params: Any) -> list[Entry]:
    """All pages."""
    found: list[Entry] = []
    while True:
        page = company.read(PATH, **params)
        found += page["journal_entries"]
        if page["next"] is None:
            return found
        params["after"] = page["next"]


def sums(entries: list[Entry]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for entry in entries:
        for line in entry["lines"]:
            found[line["account"]] += line["amount"]["minor"] * (1 if line["direction"] == "debit" else -1)
    return {account: total for account, total in found.items() if total}


def balances(company: Organization, **params: Any) -> dict[str, int]:
    accounts = company.read(company.path("/accounts"), **params)["accounts"]
    return {one["account"]: one["balance"]["minor"] for one in accounts if one["balance"]["minor"]}


def test_each_entry_is_balanced_and_all_add_up_to_the_accounts(life: tuple[Organization, list[str]]) -> None:
    company, at = life
    entries = listed(company, department_id="engineering")
    kinds = Counter(entry["kind"] for entry in entries)
    assert kinds == {"hold": 2, "release": 2, "clearing": 1, "refund": 1, "provisional_credit": 1}
    for entry in entries:
        debit, credit = entry["lines"]
        assert (debit["direction"], credit["direction"]) == ("debit", "credit")
        assert debit["amount"] == credit["amount"] and debit["account"] != credit["account"]
    assert sums(entries) == balances(company) != {}
    for position in at:
        assert sums(listed(company, department_id="engineering", as_of=position)) == balances(
            company, as_of=position
        )


def test_entries_up_to_a_time_add_up_to_the_balances_then(life: tuple[Organization, list[str]]) -> None:
    company, _ = life
    for entry in listed(company, department_id="engineering"):
        for name, moment in (("recorded_by", entry["recorded_at"]), ("occurred_by", entry["occurred_at"])):
            given = {name: moment}
            assert sums(listed(company, department_id="engineering", **given)) == balances(company, **given)


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"kind": "hold"}, {"a1", "a2", "s1"}),
        ({"kind": "hold", "department_id": "sales"}, {"s1"}),
        ({"kind": "refund"}, {"a1"}),
        ({"kind": "provisional_credit"}, {"a1"}),
        ({"kind": "dispute_won"}, set()),
        ({"layer": "posted"}, {"a1"}),
        ({"layer": "pending", "kind": "clearing"}, set()),
        ({"authorization_id": "a2"}, {"a2"}),
        ({"authorization_id": "a2", "department_id": "sales"}, set()),
        ({"authorization_id": "none"}, set()),
        ({"currency": "USD"}, {"a1", "a2", "s1"}),
        ({"currency": "EUR"}, set()),
        ({"period": "1999-01"}, set()),
        ({"account": "department:{id}/sales:encumbrance"}, {"s1"}),
        ({"account": "organization:{id}:card-payable"}, {"a1"}),
        ({"account": "organization:{id}:provisional-credit"}, {"a1"}),
        ({"account": "organization:another:card-payable"}, set()),
        ({"until": "2020-01-01T00:00:00Z"}, set()),
        ({"since": "2020-01-01T00:00:00Z"}, {"a1", "a2", "s1"}),
        ({"recorded_by": "2020-01-01T00:00:00Z"}, set()),
    ],
)
def test_filters(life: tuple[Organization, list[str]], params: dict[str, str], ids: set[str]) -> None:
    company, _ = life
    given = {name: value.replace("{id}", company.id) for name, value in params.items()}
    assert {entry["authorization_id"] for entry in listed(company, **given)} == ids


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_neither_skip_nor_double_while_bookings_come(books: Books, order: str) -> None:
    with books.organization() as company:
        company.start()
        last = [buy(company, f"p{number}", 100) for number in range(7)][-1]
        company.read(PATH, last)
        page = company.client.get(PATH, params={"limit": 2, "order": order})
        found = page.json()["journal_entries"]
        number = 7
        while "next" in page.links:
            company.read(PATH, buy(company, f"p{number}", 100))
            number += 1
            page = company.client.get(page.links["next"]["url"])
            assert page.status_code == 200, page.text
            found += page.json()["journal_entries"]
            assert number < 40
        ids = [entry["authorization_id"] for entry in found]
        assert len(ids) == len({entry["entry_id"] for entry in found})
        first = [f"p{n}" for n in range(7)]
        assert ids[:7] == first if order == "oldest" else ids == first[::-1]
        times = [datetime.fromisoformat(entry["recorded_at"]) for entry in found]
        assert times == sorted(times, reverse=order == "newest")


@pytest.mark.parametrize(
    ("params", "status", "field", "code"),
    [
        ({"kind": "payment"}, 422, "query.kind", "literal_error"),
        ({"layer": "both"}, 422, "query.layer", "literal_error"),
        ({"currency": "usd"}, 422, "query.currency", "string_pattern_mismatch"),
        ({"account": "a\x00"}, 422, "query.account", "value_error"),
        ({"period": "\x00"}, 422, "query.period", "value_error"),
        ({"since": "yesterday"}, 422, "query.since", "datetime_from_date_parsing"),
        (
            {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            422,
            "query.since",
            "empty_range",
        ),
        ({"as_of": "3"}, 422, "query.as_of", "malformed_position"),
        ({"as_of": "0:0"}, 422, "query.as_of", "missing_department"),
        ({"as_of": "{other}:0", "department_id": "engineering"}, 422, "query.as_of", "another_partition"),
        ({"after": "AAAA"}, 422, "query.after", "malformed_cursor"),
        ({"limit": "0"}, 422, "query.limit", "greater_than_equal"),
        ({"acount": "x"}, 422, "query.acount", "extra_forbidden"),
        ({"department_id": "nowhere"}, 404, None, "unknown_department"),
        ({"department_id": "no name"}, 404, None, "unknown_department"),
    ],
)
def test_what_is_wrong_is_named(
    life: tuple[Organization, list[str]], params: dict[str, str], status: int, field: str | None, code: str
) -> None:
    company, at = life
    other = (int(at[0].partition(":")[0]) + 1) % 4
    given = {name: value.replace("{other}", str(other)) for name, value in params.items()}
    answer = company.client.get(PATH, params=given)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    if field is None:
        assert problem["code"] == code
    else:
        assert [(one["field"], one["code"]) for one in problem["errors"]] == [(field, code)]


def test_a_cursor_of_another_list_is_refused(life: tuple[Organization, list[str]]) -> None:
    company, _ = life
    following = company.read(PATH, limit=1)["next"]
    answer = company.client.get(PATH, params={"after": following, "kind": "hold", "limit": 1})
    assert answer.json()["errors"][0]["code"] == "cursor_of_another_list"


FILL = """
INSERT INTO account (name, layer, organization_id, department_id)
SELECT 'department:' || org || '/d' || d || ':' || kind, layer, org, 'd' || d
FROM unnest(ARRAY['big', 'small']) AS org, generate_series(0, 9) AS d,
    (VALUES ('encumbrance', 'pending'), ('encumbrance-reserve', 'pending'), ('card-spend', 'posted'))
    AS of (kind, layer);
INSERT INTO account (name, layer, organization_id)
SELECT 'organization:' || org || ':card-payable', 'posted', org FROM unnest(ARRAY['big', 'small']) AS org;
INSERT INTO budget (organization_id, department_id, budget_id, level, name, currency, limit_minor,
    tolerance_minor, calendar, time_zone, start_day, start_month, removed, partition, seq)
SELECT org, 'd' || d, 'department', 'department', 'D', 'USD', 1, 0, 'month', 'UTC', 1, 1, false, d % 4, 0
FROM unnest(ARRAY['big', 'small']) AS org, generate_series(0, 9) AS d;
INSERT INTO transfer (partition, seq, n, leg, organization_id, department_id, authorization_id, layer, kind,
    debit_account, credit_account, amount, currency, period, recorded_at)
SELECT d % 4, i, 0, 0, org, 'd' || d, 'a' || i, layer, kind,
    CASE layer WHEN 'pending' THEN 'department:' || org || '/d' || d || ':encumbrance'
        ELSE 'department:' || org || '/d' || d || ':card-spend' END,
    CASE layer WHEN 'pending' THEN 'department:' || org || '/d' || d || ':encumbrance-reserve'
        ELSE 'organization:' || org || ':card-payable' END,
    100, 'USD', '2026-03', '2026-03-01'::timestamptz + i * interval '1 second'
FROM (
    SELECT i, i % 10 AS d, CASE WHEN i % 50 = 0 THEN 'small' ELSE 'big' END AS org,
        CASE WHEN i % 3 = 0 THEN 'posted' ELSE 'pending' END AS layer,
        CASE WHEN i % 3 > 0 THEN 'hold' WHEN i % 999 = 0 THEN 'refund' ELSE 'clearing' END AS kind
    FROM generate_series(1, 30000) AS i
) AS numbered
"""


@pytest.fixture(scope="module")
def transfers(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database(stack.postgres, "spendlog_journal"), autocommit=True) as connection:
        connection.execute(FILL)
        connection.execute("VACUUM ANALYZE transfer, budget, account")
        yield connection


BY_INDEX = {"Index Scan", "Index Scan Backward", "Index Only Scan", "Bitmap Heap Scan"}
PLANNED: dict[str, EntryFilters] = {
    "none": EntryFilters(),
    "department": EntryFilters(department_id="d3"),
    "kind": EntryFilters(kind="hold"),
    "rare kind": EntryFilters(kind="refund"),
    "kind that nothing has": EntryFilters(kind="dispute_lost"),
    "layer": EntryFilters(layer="posted"),
    "account": EntryFilters(department_id="d3", account="department:big/d3:card-spend"),
    "account of the organization": EntryFilters(account="organization:big:card-payable"),
    "rare account": EntryFilters(account="organization:big:provisional-credit"),
    "payment": EntryFilters(authorization_id="a2001", payment=(1, (2001,))),
}


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("name", PLANNED)
def test_a_page_is_read_by_an_index(transfers: psycopg.Connection[Any], name: str, order: EntryOrder) -> None:
    """As many rows of the table are touched as a page has, or few more, with any one filter."""
    filters = PLANNED[name]
    time = transfers.execute("SELECT '2026-03-01'::timestamptz + interval '4 hours'").fetchone()
    assert time is not None
    for after in (None, EntryKey(time[0], 2, 14_400, 0, 0)):
        asked = {"organization_id": "big", "rows_max": 51, "partition": None}
        asked |= entry_parameters(filters, after)
        plan = transfers.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {entries_sql(filters, order, after)}", asked
        ).fetchone()
        assert plan is not None
        scans = [node for node in _nodes(plan[0][0]["Plan"]) if node.get("Relation Name") == "transfer"]
        assert scans and all(node["Node Type"] in BY_INDEX for node in scans), json.dumps(plan[0])
        rows = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in scans
        )
        assert rows <= 10 * 51 * 4, (name, rows)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)
