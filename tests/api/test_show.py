"""`spendlog show ...`, as a person calls it: the same figures as the API's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli import COMMANDS
from infra.commands.show import app
from tests.api.books import Books, Organization, usd

Run = Callable[..., Result]


@pytest.fixture
def run(books: Books, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SPENDLOG_POSTGRES", books.settings.postgres)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    return call


@pytest.fixture
def spent(company: Organization) -> Organization:
    """A company with a policy, a card, a hold and a settled payment, all of it in the ledger."""
    company.start()
    rule = {"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}
    company.done("policy.drafted", policy={"rules": [rule]}, activate=True)
    company.done("card.set", card={"card_id": "card_ada", "employee": "Ada [red]", "locked_to": "Hotel"})
    payment: dict[str, Any] = {"card_id": "card_ada", "merchant": {"name": "Hotel"}}
    company.done("authorization.requested", authorization_id="A1", amount=usd(60_000), **payment)
    company.done("authorization.requested", authorization_id="A2", amount=usd(5_050), **payment)
    position = company.done("clearing.presented", authorization_id="A1", amount=usd(60_000), **payment)
    company.read(company.path("/budget"), position["position"])
    return company


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_budgets_are_shown_as_the_api_shows_them(run: Run, spent: Organization) -> None:
    name = f"{spent.id}/engineering"
    shown = done(run("budgets", name))
    for text in ("department", "Engineering", "50,000.00 USD", "600.00 USD", "50.50 USD", "49,349.50 USD"):
        assert text in shown
    assert json.loads(done(run("budgets", name, "--json"))) == spent.read(spent.path("/budgets"))


def test_requests_for_an_increase_are_shown_with_whom_they_wait_for(run: Run, spent: Organization) -> None:
    more: dict[str, Any] = {"amount": usd(50_000), "ends_at": "2099-01-01T00:00:00Z"}
    spent.done("increase.requested", request_id="inc_1", reason="a [fair]", **more)
    spent.done("increase.requested", request_id="inc_2", **more)
    position = spent.done("increase.refused", request_id="inc_2", reason="too late")["position"]
    listed = spent.read(spent.path("/increase-requests"), position)
    name = f"{spent.id}/engineering"
    shown = done(run("requests", name))
    for text in ("inc_1", "500.00 USD", spent.key, "waiting", "anybody else", "inc_2", "refused"):
        assert text in shown
    for text in (f"{spent.key}: a [fair]", f"{spent.key}: too late"):
        assert text in shown
    assert json.loads(done(run("requests", name, "--json"))) == listed
    waiting = json.loads(done(run("requests", name, "--status", "waiting", "--json")))
    assert [request["request_id"] for request in waiting["requests"]] == ["inc_1"]


def test_a_policy_is_shown_with_its_rules(run: Run, spent: Organization) -> None:
    name = f"{spent.id}/engineering"
    shown = done(run("policy", name))
    assert "in force" in shown and "no-gambling" in shown and '"mcc_groups": ["gambling"]' in shown
    versions = json.loads(done(run("policy", name, "--versions", "--json")))
    assert versions == spent.read(spent.path("/policies"))
    assert "no rules" in done(run("policy", name, "--versions"))  # the one before


def test_cards_are_shown_with_names_as_they_are(run: Run, spent: Organization) -> None:
    name = f"{spent.id}/engineering"
    shown = done(run("cards", name))
    assert "card_ada" in shown and "Ada [red]" in shown and "Hotel" in shown
    assert json.loads(done(run("cards", name, "--json"))) == spent.read(spent.path("/cards"))


def test_an_authorization_is_shown_with_all_its_totals(run: Run, spent: Organization) -> None:
    name = f"{spent.id}/engineering/A1"
    shown = done(run("authorization", name))
    assert "cleared" in shown and "posted" in shown and "600.00 USD" in shown
    assert json.loads(done(run("authorization", name, "--json"))) == spent.read("/v1/authorizations/A1")


def test_balances_are_shown_now_and_then(run: Run, spent: Organization) -> None:
    name = f"{spent.id}/engineering"
    assert "49,349.50 USD" in done(run("balances", name))
    then = spent.read("/v1/authorizations/A2")["position"]
    shown = json.loads(done(run("balances", name, "--as-of", then, "--json")))
    assert shown == spent.read(spent.path("/balances"), as_of=then)
    assert shown["periods"][0]["pending"] == usd(65_050)
    assert json.loads(done(run("balances", name, "--occurred-by", "2020-01-01", "--json")))["periods"] == []


def test_accounts_and_the_trial_balance_are_shown(run: Run, spent: Organization) -> None:
    shown = done(run("accounts", f"{spent.id}/engineering"))
    assert "card-spend" in shown and "-600.00 USD" in shown
    trial = json.loads(done(run("trial-balance", spent.id, "--json")))
    assert trial["balanced"] is True and len(trial["lines"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("budgets", "nobody/nothing"), "there is no department"),
        (("requests", "nobody/nothing"), "there is no department"),
        (("policy", "nobody/nothing"), "there is no department"),
        (("cards", "nobody/nothing"), "there is no department"),
        (("balances", "nobody/nothing"), "there is no department"),
        (("accounts", "nobody/nothing"), "there is no department"),
        (("budgets", "nobody"), "does not read ORGANIZATION/DEPARTMENT"),
        (("authorization", "a/b"), "does not read ORGANIZATION/DEPARTMENT/ID"),
        (("authorization", "a/b/c"), "there is no authorization"),
        (("balances", "a/b", "--as-of", "x"), "is not a log position"),
    ],
)
def test_what_is_not_there_is_said(run: Run, words: tuple[Any, ...], said: str) -> None:
    assert said in str(run(*words).exception)


def test_the_command_is_in_the_list_and_needs_a_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "show" in COMMANDS
    monkeypatch.setenv("SPENDLOG_POSTGRES", "")
    assert "SPENDLOG_POSTGRES is missing" in str(run("budgets", "a/b").exception)
    monkeypatch.setenv("SPENDLOG_POSTGRES", "postgresql://nobody@127.0.0.1:1/none")
    assert "PostgreSQL does not answer" in str(run("budgets", "a/b").exception)
