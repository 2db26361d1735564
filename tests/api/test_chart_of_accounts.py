"""The chart of accounts of an organization: set once, by it journals are exported and months are added up."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.access.keys import Scope, create_key
from api.reports.journal.chart import ChartRuleIn, faults_of
from tests.api.books import Books, Organization
from tests.api.test_journal_exports import beancount_sums, exported, hledger_sums, money
from tests.infra.support import spendlog
from tests.sinks.conftest import query

PATH = "/v1/chart-of-accounts"
FLIGHTS = {"account": "card-spend", "category": "airline", "name": "Expenses:Travel:Flights", "code": "6210"}
REST = {"account": "card-spend", "name": "Expenses:Other", "code": "6900"}
OWED = {"account": "card-payable", "name": "Liabilities:Card:Acme", "code": "2100"}
RULES = [FLIGHTS, REST, OWED]


@pytest.fixture(scope="module")
def company(books: Books) -> Iterator[Organization]:
    """A flight and a meal, both settled."""
    with books.organization() as company:
        company.start()
        for payment, mcc in (("flight", "4511"), ("meal", "5812")):
            paid = {"authorization_id": payment, "card_id": "card_a"}
            shop = {"name": payment, "mcc": mcc}
            company.done("authorization.requested", **paid, amount=money(10_000), merchant=shop)
            last = company.done("clearing.presented", **paid, amount=money(10_000))
        company.read("/v1/journal-entries", last["position"])
        yield company


def environment(books: Books, company: Organization) -> dict[str, str]:
    key = company.client.headers["authorization"].removeprefix("Bearer ")
    return {"SPENDLOG_API_URL": books.base_url, "SPENDLOG_API_KEY": key}


def put(company: Organization, rules: list[dict[str, Any]], **headers: str) -> Any:
    return company.client.put(PATH, json={"rules": rules}, headers=headers)


def test_exports_go_by_the_chart_that_is_kept(company: Organization) -> None:
    assert put(company, RULES).status_code == 200
    for format, sums in (("beancount", beancount_sums), ("hledger", hledger_sums)):
        text = exported(company, format).decode()
        told = {account: str(total) for (account, _), total in sums(text).items()}
        assert told == {
            "Expenses:Travel:Flights": "100.00",
            "Expenses:Other": "100.00",
            "Liabilities:Card:Acme": "-200.00",
        }
        assert "6210" in text
    table = csv.DictReader(io.StringIO(exported(company, "csv").decode().removeprefix("\ufeff")))
    assert {(row["account"], row["account code"]) for row in table} == {
        (rule["name"], rule["code"]) for rule in RULES
    }
    # Who says another in the request has another, and none has the default one.
    assert "Expenses:Engineering:Airline" in exported(company, "hledger", chart=[]).decode()


def test_the_close_of_a_month_adds_up_by_it(company: Organization) -> None:
    put(company, RULES)
    report = company.read("/v1/reports/month-end", period="this_month")
    (section,) = [one for one in report["sections"] if one["title"] == "By the chart of accounts"]
    assert [
        [cell["minor"] if isinstance(cell, dict) else cell for cell in row] for row in section["rows"]
    ] == [
        ["Expenses:Other", "6900", 10_000, 0, 10_000],
        ["Expenses:Travel:Flights", "6210", 10_000, 0, 10_000],
        ["Liabilities:Card:Acme", "2100", 0, 20_000, -20_000],
    ]
    assert section["totals"][0][-1]["minor"] == 0


def test_it_is_changed_by_whom_it_was_seen_and_audited(books: Books) -> None:
    with books.organization() as company:
        fresh = company.client.get(PATH)
        assert (fresh.json()["rules"], fresh.json()["changed_by"], fresh.headers["etag"]) == (
            [],
            None,
            '"default"',
        )
        assert {one["account"] for one in fresh.json()["otherwise"]} == {
            *("card-spend", "fx-difference", "card-payable", "provisional-credit")
        }
        first = put(company, [REST], **{"If-Match": '"default"'})
        assert (first.status_code, first.json()["changed_by"] is not None) == (200, True)
        late = put(company, [OWED], **{"If-Match": '"default"'})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
        assert company.client.get(PATH).headers["etag"] == first.headers["etag"]
        assert put(company, [], **{"If-Match": first.headers["etag"]}).json()["rules"] == []
        audit = query(
            books.settings.postgres,
            "SELECT before, after FROM audit_record WHERE resource = %s AND organization_id = %s"
            " ORDER BY seq",
            PATH,
            company.id,
        )
        assert [(row[0], row[1]) for row in audit] == [
            ({"rules": []}, {"rules": [REST]}),
            ({"rules": [REST]}, {"rules": []}),
        ]
        with books.organization() as other:
            assert other.client.get(PATH).json()["rules"] == []


#: Rules, the field that is named, and why.
WRONG = [
    ([{"account": "card-spend", "name": "Spend"}], "0.name", "value_error"),
    ([{"account": "cash", "name": "Assets:Cash"}], "0.account", "literal_error"),
    ([REST | {"code": "=6900"}], "0.code", "string_pattern_mismatch"),
    ([REST | {"category": "fun"}], "0.category", "value_error"),
    ([REST | {"mcc": "45"}], "0.mcc", "string_pattern_mismatch"),
    ([REST | {"mcc": "4511", "category": "hotel"}], "0.mcc", "not_in_category"),
    ([REST, FLIGHTS], "1", "never_reached"),
    ([FLIGHTS, FLIGHTS | {"mcc": "4511", "department_id": "sales"}], "1", "never_reached"),
    ([FLIGHTS, REST | {"code": "6210"}], "1.code", "two_names"),
    ([FLIGHTS, OWED | {"name": FLIGHTS["name"]}], "1.code", "two_codes"),
]


@pytest.mark.parametrize(("rules", "field", "code"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_set(
    company: Organization, rules: list[dict[str, Any]], field: str, code: str
) -> None:
    before = company.read(PATH)
    answer = put(company, rules)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (f"body.rules.{field}", code), error
    assert company.read(PATH) == before
    said = company.client.post("/v1/journal-exports", json={"format": "csv", "chart": rules})
    assert [one["field"] for one in said.json()["errors"]] == [f"body.chart.{field}"]


def test_as_many_rules_as_may_be_are_judged_at_once() -> None:
    rules = [
        ChartRuleIn(account="card-spend", department_id=f"d{n}", mcc="4511", name="Expenses:A", code="1")
        for n in range(500)
    ]
    assert faults_of(rules, "body.rules") == []
    fields: dict[str, int] = defaultdict(int)
    for fault in faults_of([ChartRuleIn(account="card-spend", name="Expenses:A", code="1"), *rules], "r"):
        fields[fault.code] += 1
    assert fields == {"never_reached": 500}


def test_who_may_read_may_not_set(company: Organization, books: Books) -> None:
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="reader", scopes=[Scope.LEDGER_READ]
    )
    headers = {"Authorization": f"Bearer {secret}"}
    assert company.client.get(PATH, headers=headers).status_code == 200
    assert put(company, [], **headers).status_code == 403


def test_by_the_command_it_is_shown_set_and_set_back(
    books: Books, company: Organization, tmp_path: Path
) -> None:
    put(company, RULES)
    env = environment(books, company)
    kept = tmp_path / "chart.toml"
    shown = spendlog("chart", "show", "--toml", env=env)
    kept.write_text(shown.stdout)
    assert shown.returncode == 0, shown.stderr
    done = spendlog("chart", "default", env=env)
    assert (done.returncode, company.read(PATH)["rules"]) == (0, [])
    back = spendlog("chart", "set", kept, "--if-match", '"default"', env=env)
    assert (back.returncode, "changed since" in back.stderr) == (1, True), back.stderr
    back = spendlog("chart", "set", kept, env=env)
    assert back.returncode == 0, back.stderr
    rules = [
        {name: value for name, value in rule.items() if value is not None}
        for rule in company.read(PATH)["rules"]
    ]
    assert rules == RULES
    table = spendlog("chart", "show", env=env)
    assert "Expenses:Travel:Flights" in table.stdout and "nobody" not in table.stdout
    out = tmp_path / "books.beancount"
    assert spendlog("export", "journal", out, env=env).returncode == 0
    assert ("Expenses:Travel:Flights", "USD") in beancount_sums(out.read_text())
