"""Questions over HTTP: who may ask about what, in which form, and that asking can change nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import psycopg
import pytest

from api.access.roles import Role
from tests.api.books import Books, Organization, usd
from tests.api.people import member, sign_in
from tests.api.support import wait_until


def ask(client: httpx.Client, question: str | None = None, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = more or {"question": question}
    return client.post("/v1/questions", json=body, headers=headers)


def answer(client: httpx.Client, question: str, **more: Any) -> dict[str, Any]:
    found = ask(client, question, **more)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


@pytest.fixture
def shop(company: Organization) -> Organization:
    """Two departments with a card each, and one purchase of each card that the books have."""
    position = ""
    for department, card, minor in (("engineering", "ada", 12_000), ("sales", "bea", 3_000)):
        company.done("budget.set", name=department.title(), limit=usd(5_000_000), department_id=department)
        company.done("policy.drafted", policy={}, activate=True, department_id=department)
        company.done(
            "card.set",
            department_id=department,
            card={"card_id": f"card_{card}", "employee": f"{card}@shop.example"},
        )
        position = company.done(
            "authorization.requested",
            department_id=department,
            authorization_id=f"A-{card}",
            card_id=f"card_{card}",
            amount=usd(minor),
            merchant={"name": f"Merchant of {card.title()}", "mcc": "5814", "country": "US"},
        )["position"]
    wait_until(lambda: len(answer(company.client, "spend by department")["rows"]) == 2)
    assert position
    return company


def figures(body: dict[str, Any]) -> list[tuple[int, int]]:
    return [(one["amount"]["minor"], one["purchases"]) for one in body["figures"]]


def test_a_key_asks_about_its_organization(shop: Organization) -> None:
    body = answer(shop.client, "How much did we spend on meals this month, by department?")
    assert figures(body) == [(15_000, 2)]
    assert [row[0] for row in body["rows"]] == ["Engineering", "Sales"]
    assert body["headline"] == "Engineering: $120.00, the most. $150.00 in 2 purchases"
    assert body["chart"]["series"][0]["values"] == [12_000, 3_000]
    assert [chip["text"] for chip in body["chips"]][:2] == ["spend", "restaurant"]


def test_what_is_understood_can_be_changed_and_sent_back(shop: Organization) -> None:
    body = answer(shop.client, "spend by department this month")
    changed = {**body["query"], "measure": "count", "group_by": ["merchant"]}
    again = ask(shop.client, query=changed).json()
    assert [row[0] for row in again["rows"]] == ["Merchant of Ada", "Merchant of Bea"]
    chip = next(chip for chip in body["chips"] if chip["part"] == "group_by")
    assert figures(ask(shop.client, query=chip["without"]).json()) == [(15_000, 2)]


def test_a_table_can_be_taken_as_csv(shop: Organization) -> None:
    found = ask(shop.client, "spend by department this month", headers={"Accept": "text/csv"})
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(found.content.decode("utf-8-sig"))))
    assert rows == [
        ["department", "amount", "purchases", "currency"],
        ["Engineering", "120.00", "1", "USD"],
        ["Sales", "30.00", "1", "USD"],
    ]


def test_what_is_not_understood_names_the_word_and_three_questions(shop: Organization) -> None:
    question = "spend on unicorns this month"
    problem = ask(shop.client, question).json()
    assert (problem["status"], problem["code"], problem["fault"]) == (
        *(422, "question_not_understood"),
        "unknown_word",
    )
    assert problem["word"] == question[problem["start"] : problem["end"]] == "unicorns"
    assert len(problem["suggestions"]) == 3
    assert problem["suggestions"][0] == "spend this month"
    for suggestion in problem["suggestions"]:
        answer(shop.client, suggestion)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": "spend", "query": {}},
        {"question": ""},
        {"question": "spend " * 60},
        {"query": {"measure": "sum"}},
        {"query": {"names": {"department": ["sales'; DROP TABLE person; --" * 20]}}},
        {"query": {"sql": "SELECT 1"}},
        {"query": {"names": {"category": ["unicorns"]}}},
        {"query": {"period": {"first": "2026-02-01", "last": "2026-01-01"}}},
        {"query": {"amount": {"above": "NaN"}}},
        {"query": {"rows_max": 100000}},
    ],
)
def test_what_cannot_be_a_question_is_refused_with_its_member(
    shop: Organization, body: dict[str, Any]
) -> None:
    found = shop.client.post("/v1/questions", json=body)
    assert found.status_code == 422, found.text
    assert found.json()["errors"]


def test_another_s_names_and_purchases_are_not_there(shop: Organization, books: Books) -> None:
    with books.organization() as other:
        problem = ask(other.client, "spend at Merchant of Ada").json()
        assert problem["fault"] == "unknown_word"
        named = {
            "merchant": ["merchant of ada"],
            "department": ["engineering"],
            "person": ["ada@shop.example"],
        }
        assert ask(other.client, query={"names": named}).json()["figures"] == []
        assert ask(other.client, query={}).json()["figures"] == []


def test_everybody_is_answered_as_far_as_he_reaches(shop: Organization, books: Books) -> None:
    postgres, organization = books.settings.postgres, shop.id
    employee = member(postgres, organization, Role.EMPLOYEE, employee="ada@shop.example")
    manager = member(postgres, organization, Role.FINANCE_MANAGER, departments=("sales",))
    auditor = member(postgres, organization, Role.AUDITOR)
    with sign_in(books.base_url, employee) as client:
        assert figures(answer(client, "spend")) == [(12_000, 1)]
        assert figures(answer(client, "what did I spend this month")) == [(12_000, 1)]
        assert ask(client, query={"names": {"department": ["sales"]}}).json()["figures"] == []
        assert ask(client, "spend at Merchant of Bea").json()["fault"] == "unknown_word"
        assert ask(client, "what did bea@shop.example spend").json()["fault"] == "unknown_word"
        assert ask(client, "what is left in engineering").json()["fault"] == "not_known"
    with sign_in(books.base_url, manager) as client:
        assert figures(answer(client, "spend by merchant")) == [(3_000, 1)]
        assert ask(client, query={"names": {"department": ["engineering"]}}).json()["figures"] == []
        assert ask(client, "spend in Engineering").json()["fault"] == "unknown_word"
        assert [row[0] for row in answer(client, "what is left by department")["rows"]] == ["Sales"]
    with sign_in(books.base_url, auditor) as client:
        assert figures(answer(client, "spend")) == [(15_000, 2)]
    with sign_in(books.base_url, member(postgres, organization, Role.SYSTEM_ADMIN)) as client:
        assert ask(client, "spend").status_code == 403


def test_who_answers_can_only_read_and_only_one_organization(shop: Organization, books: Books) -> None:
    role = "-c role=spendlog_questions"
    with psycopg.connect(books.settings.postgres, options=role, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM card_authorization").fetchone() == (0,)
        connection.execute("SELECT set_config('spendlog.organization', %s, false)", [shop.id])
        found = connection.execute("SELECT DISTINCT organization_id FROM card_authorization").fetchall()
        assert found == [(shop.id,)]
        for refused in (
            "UPDATE card_authorization SET held = 0",
            "DELETE FROM budget",
            "INSERT INTO merchant VALUES ('a', 'b', 'c')",
            "SELECT * FROM api_key",
            "SELECT password_hash FROM person",
            "SELECT record FROM decision",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)
