"""Purchases in one step, and lists of them: statuses, filters, search, pages while rows come in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.books import Books, Organization, usd

# Four days ago: holds of that time are still valid.
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=96)


def buy(
    company: Organization, minor: int, name: str | None = None, *, hours: float = 0, **members: Any
) -> httpx.Response:
    """POST a purchase of `minor` cents, `hours` after noon."""
    body = {
        "department_id": "engineering",
        "card_id": "card_ada",
        "amount": usd(minor),
        "merchant": {"name": "Blue Bottle Coffee", "mcc": "5814", "country": "US"},
        "occurred_at": (NOON + timedelta(hours=hours)).isoformat(),
        **members,
    }
    if name is not None:
        body["authorization_id"] = name
    headers = {"Idempotency-Key": name or uuid.uuid4().hex}
    return company.client.post("/v1/transactions", json=body, headers=headers)


def bought(company: Organization, minor: int, name: str, **members: Any) -> str:
    """The same, approved; its position."""
    answer = buy(company, minor, name, **members)
    assert answer.status_code == 201, answer.text
    position: str = answer.json()["position"]
    return position


def ids(company: Organization, position: str | None = None, *, limit: int = 2, **params: Any) -> list[str]:
    """Ids of all pages, by their links."""
    found: list[str] = []
    url, query = "/v1/transactions", {"limit": limit, **params}
    headers = {} if position is None else {"Spendlog-Position": position}
    while True:
        answer = company.client.get(url, params=query or None, headers=headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["transactions"]) <= limit
        found += [one["transaction_id"] for one in body["transactions"]]
        if body["next"] is None:
            return found
        url, query = answer.links["next"]["url"], {}


def test_an_approved_purchase_is_created_and_its_repeat_is_the_same(company: Organization) -> None:
    company.start()
    first = buy(company, 45_050, "A1", cardholder="Ada")
    assert first.status_code == 201, first.text
    body = first.json()
    assert (body["status"], body["outcome"], body["amount"], body["held"]) == (
        *("held", "approved"),
        *(usd(45_050), usd(45_050)),
    )
    assert body["merchant"]["key"] == "blue bottle coffee"
    assert body["merchant"]["groups"] == ["restaurant"]
    assert first.headers["location"] == "/v1/transactions/A1?department_id=engineering"
    shown = company.read(first.headers["location"], body["position"])
    assert {name: shown[name] for name in body} == body
    again = buy(company, 45_050, "A1", cardholder="Ada")
    assert (again.status_code, again.json()) == (201, body)
    assert again.headers["idempotency-replayed"] == "true"
    assert buy(company, 45_051, "A1").json()["code"] == "idempotency_key_reused"


def test_a_purchase_beyond_a_limit_is_declined_with_its_numbers(company: Organization) -> None:
    company.start(limit=10_000)
    bought(company, 6_000, "A1")
    answer = buy(company, 5_000, "A2")
    assert answer.status_code == 402
    problem = answer.json()
    assert (problem["code"], problem["status"], problem["response_code"]) == ("declined", 402, "61")
    [reason] = problem["reasons"]
    assert (reason["code"], reason["limit"], reason["held"], reason["available"]) == (
        *("budget_exceeded", usd(10_000)),
        *(usd(6_000), usd(4_000)),
    )
    assert problem["detail"] == reason["message"]
    assert problem["would_pass"]["now"] == usd(4_000)
    assert problem["transaction_id"] == "A2"
    again = buy(company, 5_000, "A2")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (402, "true")
    assert {**again.json(), "request_id": ""} == {**problem, "request_id": ""}
    part = buy(company, 5_000, "A3", partial_allowed=True).json()
    assert (part["outcome"], part["requested"], part["approved"]) == (
        *("partially_approved", usd(5_000)),
        usd(4_000),
    )


PER_PAYMENT = {"rule": "spend_limit", "window": "transaction", "amount": 1_000}


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [
        (
            {**PER_PAYMENT, "fraud": True},
            403,
            "fraud_detected",
        ),
        (PER_PAYMENT, 402, "declined"),
        ({"rule": "block", "what": {"mccs": ["5814"]}, "fraud": True}, 403, "fraud_detected"),
        ({"rule": "block", "what": {"mccs": ["5814"]}}, 402, "declined"),
        ({"rule": "block", "what": {"mccs": ["5814"]}, "fraud": True, "action": "shadow"}, 201, None),
    ],
)
def test_a_rule_against_fraud_says_so(
    company: Organization, rule: dict[str, Any], status: int, code: str | None
) -> None:
    company.start()
    company.done("policy.drafted", policy={"rules": [{"rule_id": "r1", **rule}]}, activate=True)
    answer = buy(company, 2_000, "A1")
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    if status == 403:
        problem = answer.json()
        assert problem["response_code"] == "59"
        assert problem["reasons"][0]["rule"] == "r1"
        assert "score" in problem


def test_of_ten_at_once_for_all_that_is_left_of_a_card_one_passes(company: Organization) -> None:
    company.start()
    company.done("budget.set", name="Ada's", level="card", subject="card_ada", limit=usd(10_000))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: buy(company, 10_000, f"T{number}"), range(10)))
    assert sorted(answer.status_code for answer in answers) == [201, *[402] * 9]
    for answer in answers:
        if answer.status_code == 402:
            [reason] = answer.json()["reasons"]
            assert (reason["rule"], reason["available"]) == ("card:card_ada", usd(0))


def test_a_whole_life_is_summed_and_shown_message_by_message(company: Organization) -> None:
    company.start()
    merchant = {"name": "SQ *HOTEL ADLON 0815", "mcc": "7011", "country": "DE"}
    bought(company, 60_000, "A1", merchant=merchant)
    common: dict[str, Any] = {"authorization_id": "A1", "card_id": "card_ada"}
    company.done("authorization.incremented", **common, amount=usd(15_000))
    company.done("clearing.presented", **common, amount=usd(70_000), final=True)
    company.done("refund.presented", **common, amount=usd(10_000), refund_id="R1")
    dispute: dict[str, Any] = {"dispute_id": "D1", "authorization_id": "A1", "amount": usd(20_000)}
    position = company.done("dispute.opened", **dispute, provisional_credit=True)["position"]
    shown = company.read("/v1/transactions/A1", position)
    assert (shown["status"], shown["amount"], shown["settled"]) == ("disputed", usd(70_000), usd(70_000))
    assert (shown["refunded"], shown["disputed"], shown["held"]) == (usd(10_000), usd(20_000), usd(0))
    assert (shown["merchant"]["key"], shown["merchant"]["groups"]) == ("hotel adlon", ["hotel"])
    assert [message["type"] for message in shown["messages"]] == [
        "authorization.requested",
        "authorization.incremented",
        "clearing.presented",
        "refund.presented",
        "dispute.opened",
    ]
    assert [message["position"] for message in shown["messages"]][-1] == position
    assert [(one["kind"], one["amount"]["minor"]) for one in shown["bookings"]] == [
        ("hold", 60_000),
        ("hold", 15_000),
        ("release", 75_000),
        ("clearing", 70_000),
        ("refund", 10_000),
        ("provisional_credit", 20_000),
    ]
    assert shown["authorization"]["authorization_id"] == "A1"
    assert shown["messages"][0]["balances"][0]["budget"] == "department"


def test_what_does_not_exist_is_not_found(company: Organization, books: Books) -> None:
    company.start()
    position = bought(company, 100, "A1")
    for path in ("A2", "A1?department_id=sales", "A1?department_id=a%2Fb", "%00"):
        answer = company.client.get(f"/v1/transactions/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_transaction"), path
    with books.organization() as other:
        assert other.client.get("/v1/transactions/A1").status_code == 404
        assert ids(other, position) == []


@pytest.fixture(scope="module")
def shopper(books: Books) -> Iterator[tuple[Organization, str]]:
    """A company with purchases 1 to 8, an hour apart, all different; the position of the last."""
    with books.organization() as company:
        yield company, _shopped(company)


def _shopped(company: Organization) -> str:
    company.start(limit=1_000_000)
    company.done("budget.set", department_id="sales", name="Sales", limit=usd(1_000_000))
    company.done("policy.drafted", department_id="sales", policy={}, activate=True)
    company.done("card.set", card={"card_id": "card_ada", "employee": "Ada"})
    company.done("card.set", card={"card_id": "card_bob", "employee": "Bob"})
    lyft, adlon = {"name": "LYFT *RIDE 1234", "mcc": "4121"}, {"name": "Hotel Adlon", "mcc": "7011"}
    bought(company, 1_000, "1", hours=1)
    bought(company, 2_000, "2", hours=2, card_id="card_bob", merchant=lyft)
    bought(company, 3_000, "3", hours=3, department_id="sales", card_id="card_x", cardholder="Ada")
    bought(company, 4_000, "4", hours=4, card_id="card_bob", cardholder="Ada", merchant=adlon)
    assert buy(company, 9_000_000, "5", hours=5).status_code == 402
    bought(company, 6_000, "6", hours=6, merchant={"name": "sq *blue BOTTLE coffee #17"})
    bought(company, 7_000, "7", hours=7, card_id="card_y", merchant=adlon)
    bought(company, 8_000, "8", hours=8, merchant={"name": "100%_Bar", "mcc": "5813"})
    company.done("clearing.presented", authorization_id="2", card_id="card_bob", amount=usd(2_500))
    company.done("authorization.reversed", authorization_id="7")
    company.done("clearing.presented", authorization_id="6", card_id="card_ada", amount=usd(6_000))
    back = company.done("refund.presented", authorization_id="6", card_id="card_ada", amount=usd(6_000))
    position: str = back["position"]
    company.read("/v1/transactions/3", company.done("clock.ticked", department_id="sales")["position"])
    return position


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "87654321"),
        ({"order": "oldest"}, "12345678"),
        ({"order": "largest"}, "58764321"),
        ({"order": "smallest"}, "12346785"),
        ({"status": "held"}, "8431"),
        ({"status": "settled"}, "2"),
        ({"status": "declined"}, "5"),
        ({"status": "refunded"}, "6"),
        ({"status": "reversed"}, "7"),
        ({"status": "disputed"}, ""),
        ({"status": "approved"}, "8764321"),
        ({"status": "flagged"}, ""),
        ({"flagged": False}, "87654321"),
        ({"review": True}, ""),
        ({"amount_min": 4_000}, "87654"),
        ({"amount_max": 2_500}, "21"),
        ({"amount_min": 2_500, "amount_max": 4_000}, "432"),
        ({"amount_min": 2_500, "amount_max": 2_500}, "2"),
        ({"currency": "EUR"}, ""),
        ({"currency": "USD", "amount_min": 8_000}, "85"),
        ({"merchant": "Blue Bottle Coffee"}, "6531"),
        ({"merchant": "BLUE bottle coffee"}, "6531"),
        ({"merchant": "SQ *Blue Bottle Coffee 0042"}, "6531"),
        ({"merchant": "Blue Bottle"}, ""),
        ({"search": "bottle"}, "6531"),
        ({"search": "COFFEE blue"}, "6531"),
        ({"search": "adl"}, "74"),
        ({"search": "o"}, "765431"),
        ({"search": "%"}, "8"),
        ({"search": "_"}, "8"),
        ({"search": "0%_b"}, "8"),
        ({"search": "nowhere"}, ""),
        ({"mcc": "7011"}, "74"),
        ({"category": "hotel"}, "74"),
        ({"category": "restaurant"}, "8531"),
        ({"category": "alcohol"}, "8"),
        ({"category": "restaurant", "mcc": "5814"}, "531"),
        ({"category": "restaurant", "mcc": "7011"}, ""),
        ({"department_id": "sales"}, "3"),
        ({"department_id": "engineering", "order": "oldest"}, "1245678"),
        ({"department_id": "a/b"}, ""),
        ({"card_id": "card_bob"}, "42"),
        ({"employee": "Ada"}, "86531"),
        ({"employee": "Bob"}, "42"),
        ({"employee": "Nobody"}, ""),
        ({"since": (NOON + timedelta(hours=7)).isoformat()}, "87"),
        ({"until": (NOON + timedelta(hours=2)).isoformat()}, "1"),
        (
            {
                "since": (NOON + timedelta(hours=2)).isoformat(),
                "until": (NOON + timedelta(hours=5)).isoformat(),
            },
            "432",
        ),
        ({"status": "held", "employee": "Ada"}, "831"),
        ({"status": "held", "category": "hotel"}, "4"),
        ({"status": "held", "search": "bottle", "order": "oldest"}, "13"),
        ({"employee": "Ada", "search": "bottle", "category": "restaurant"}, "531"),
        ({"employee": "Bob", "status": "settled", "amount_min": 1}, "2"),
    ],
)
def test_filters_find_what_they_say_page_by_page(
    shopper: tuple[Organization, str], params: dict[str, Any], expected: str
) -> None:
    company, position = shopper
    for limit in (2, 500):
        assert "".join(ids(company, position, limit=limit, **params)) == expected


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("status=lost", "query.status", "literal_error"),
        ("flagged=perhaps", "query.flagged", "bool_parsing"),
        ("status=flagged&flagged=false", "query.flagged", "contradiction"),
        ("amount_min=-1", "query.amount_min", "greater_than_equal"),
        ("amount_min=1.5", "query.amount_min", "int_parsing"),
        ("amount_max=99999999999999999999", "query.amount_max", "less_than_equal"),
        ("amount_min=2&amount_max=1", "query.amount_min", "empty_range"),
        ("currency=usd", "query.currency", "string_pattern_mismatch"),
        ("merchant=", "query.merchant", "string_too_short"),
        ("merchant=a%00", "query.merchant", "value_error"),
        ("search=%E2%80%8B", "query.search", "empty_search"),
        (f"search={'a' * 101}", "query.search", "string_too_long"),
        ("mcc=12", "query.mcc", "string_pattern_mismatch"),
        ("category=fun", "query.category", "unknown_value"),
        ("since=yesterday", "query.since", "datetime_from_date_parsing"),
        ("since=2026-03-01T12:00:00", "query.since", "value_error"),
        ("since=0001-01-01T00:00:00Z", "query.since", "value_error"),
        ("since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z", "query.since", "empty_range"),
        ("order=random", "query.order", "literal_error"),
        ("limit=0", "query.limit", "greater_than_equal"),
        ("after=x", "query.after", "malformed_cursor"),
        ("after=W10", "query.after", "malformed_cursor"),
        ("sort=amount", "query.sort", "extra_forbidden"),
        ("status=held&status=settled", "query.status", "repeated"),
    ],
)
def test_a_wrong_filter_is_named(company: Organization, query: str, field: str, code: str) -> None:
    answer = company.client.get(f"/v1/transactions?{query}")
    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


def test_pages_neither_skip_nor_double_what_was_there_while_rows_come_in(company: Organization) -> None:
    company.start()
    old = [f"old-{number:02}" for number in range(12)]
    for number, name in enumerate(old):
        position = bought(company, 100, name, hours=number)
    for order in ("newest", "oldest"):
        found: list[str] = []
        after: str | None = None
        for number in range(20):
            # Before the page that was read, behind it, and at the very time of a row.
            for hours in (number + 40, number / 7, -1.0 - number / 4, float(number)):
                position = bought(company, 100, f"{order}-{number}-{hours}", hours=hours)
            params = {"limit": 9, "order": order} | ({} if after is None else {"after": after})
            page = company.read("/v1/transactions", position, **params)
            found += [one["transaction_id"] for one in page["transactions"]]
            after = page["next"]
            if after is None:
                break
        assert after is None
        assert len(found) == len(set(found))
        seen = [name for name in found if name in old]
        assert seen == (old if order == "oldest" else old[::-1])


def test_a_row_whose_status_changes_stays_in_its_place(company: Organization) -> None:
    company.start()
    for number in range(6):
        position = bought(company, 100, f"A{number}", hours=number)
    page = company.read("/v1/transactions", position, limit=2)
    for number in range(6):
        position = company.done(
            "clearing.presented",
            authorization_id=f"A{number}",
            card_id="card_ada",
            amount=usd(120),
            occurred_at=(NOON + timedelta(hours=50 - number)).isoformat(),
        )["position"]
    rest = company.read("/v1/transactions", position, limit=10, after=page["next"])
    found = [one["transaction_id"] for one in (*page["transactions"], *rest["transactions"])]
    assert found == [f"A{number}" for number in reversed(range(6))]


def test_without_redis_and_with_an_empty_cache_the_books_answer(books: Books, company: Organization) -> None:
    company.start()
    position = bought(company, 100, "A1")
    company.read("/v1/transactions", position)
    books.forget()
    assert company.read("/v1/transactions/A1", position)["transaction_id"] == "A1"
