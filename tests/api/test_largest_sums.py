"""The largest sums that the core lets pass come out of PostgreSQL, REST and the command line exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.commands.show import app
from infra.verify.books import snapshot
from infra.verify.read_models import TABLES
from schemas.money import LIMIT_MAX, MINOR_MAX, TOTAL_MAX
from tests.api.books import Books, Organization, usd

MERCHANT = {"name": "Hotel Astoria", "mcc": "7011", "country": "DE"}


def _pay(company: Organization, kind: str, name: str, **members: Any) -> str:
    members = {"authorization_id": name, "card_id": "c1", "amount": usd(MINOR_MAX)} | members
    position: str = company.done(kind, merchant=MERCHANT, **members)["position"]
    return position


@pytest.fixture
def largest(company: Organization) -> Organization:
    """Held up to the largest limit and given back at once; posted up to the largest sum."""
    company.start(limit=MINOR_MAX)
    for _ in range(LIMIT_MAX // MINOR_MAX - 1):
        company.done("budget.increased", amount=usd(MINOR_MAX), ends_at="2099-01-01T00:00:00Z")
    _pay(company, "authorization.requested", "A")
    for _ in range(LIMIT_MAX // MINOR_MAX - 1):
        position = _pay(company, "authorization.incremented", "A")
    held = company.read("/v1/authorizations/A", position)
    assert (held["held"], held["status"]) == (usd(LIMIT_MAX), "approved")
    budget = company.read(company.path("/budget"), position)
    assert (budget["held"], budget["available"]) == (usd(LIMIT_MAX), usd(0))
    company.done("authorization.reversed", authorization_id="A")
    for _ in range(TOTAL_MAX // MINOR_MAX):
        position = _pay(company, "clearing.presented", "B", final=False)
    beyond = company.send("clearing.presented", "one-more", authorization_id="B", card_id="c1", amount=usd(1))
    assert (beyond.status_code, beyond.json()["code"]) == (422, "sum_out_of_range")
    for view in (company.path("/budget"), "/v1/authorizations/B"):
        company.read(view, position)
    return company


def test_the_largest_sums_are_exact_everywhere(
    largest: Organization, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{largest.id}/engineering"
    payment = largest.read("/v1/authorizations/B")
    assert payment["posted"] == usd(TOTAL_MAX)
    budget = largest.read(largest.path("/budget"))
    assert (budget["posted"], budget["available"]) == (usd(TOTAL_MAX), usd(LIMIT_MAX - TOTAL_MAX))
    (period,) = largest.read(largest.path("/balances"), occurred_by="2099-01-01T00:00:00Z")["periods"]
    assert (period["limit"], period["posted"]) == (usd(LIMIT_MAX), usd(TOTAL_MAX))
    accounts = {
        line["account"]: line["balance"] for line in largest.read(largest.path("/accounts"))["accounts"]
    }
    assert accounts[f"organization:{largest.id}:card-payable"] == usd(-TOTAL_MAX)
    trial = largest.read(f"/v1/organizations/{largest.id}/trial-balance")
    assert trial["balanced"] and {line["total"]["minor"] for line in trial["lines"]} == {0}

    monkeypatch.setenv("SPENDLOG_POSTGRES", books.settings.postgres)
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["budgets", name]).stdout
    assert "80,000,000,000,000.00 USD" in shown and "90,000,000,000,000.00 USD" in shown
    assert "-10,000,000,000,000.00 USD" in shown
    assert "-90,000,000,000,000.00 USD" in CliRunner().invoke(app, ["accounts", name]).stdout
    assert "90,000,000,000,000.00 USD" in CliRunner().invoke(app, ["authorization", f"{name}/B"]).stdout
    as_json = CliRunner().invoke(app, ["accounts", name, "--json"]).stdout
    assert {line["account"]: line["balance"] for line in json.loads(as_json)["accounts"]} == accounts

    with snapshot(books.settings.postgres) as read:
        found = read.account_balances()
        assert found[f"organization:{largest.id}:card-payable", "USD"] == -TOTAL_MAX
        rows = {
            key[2]: values for key, values in read.rows(TABLES["card_authorization"]) if key[0] == largest.id
        }
        assert rows["B"][1:7] == (0, 0, 0, TOTAL_MAX, 0, 0)
        assert {type(value) for value in (*found.values(), *rows["B"][1:7])} == {int}
