"""`spendlog split ...`, as a person calls it, against the running API, owners and sinks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import partial

import pytest
from typer.testing import CliRunner, Result

from api.access.keys import KEY_SCOPES, create_key
from infra.commands.split import app, shard_of
from tests.api.books import Books, Organization, usd
from tests.api.support import wait_until

Run = Callable[..., Result]
LUNCH = {"rule": "spend_limit", "rule_id": "lunch", "window": "transaction", "amount": 2_500, "per": "team"}
CARDS = {f"card-{number}": f"employee-{number // 2}" for number in range(6)}


@pytest.fixture
def run(books: Books, company: Organization, monkeypatch: pytest.MonkeyPatch) -> Run:
    """With a department of six cards, one of them frozen, and the key of its organization."""
    company.done("budget.set", department_id="wide", name="Wide", limit=usd(3_000))
    company.done("policy.drafted", department_id="wide", policy={"rules": [LUNCH]}, activate=True)
    for card, employee in CARDS.items():
        company.done("card.set", department_id="wide", card={"card_id": card, "employee": employee})
    company.done("card.frozen", department_id="wide", card_id="card-5")
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="finance", scopes=KEY_SCOPES
    )
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", secret)
    monkeypatch.setenv("COLUMNS", "200")
    wait_until(lambda: _status(company, "wide", "card-5") == "frozen")

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, [f"{company.id}/wide", *words])

    return call


def _path(company: Organization, department: str, what: str) -> str:
    return f"/v1/organizations/{company.id}/departments/{department}/{what}"


def _status(company: Organization, department: str, card: str) -> str | None:
    answer = company.client.get(_path(company, department, f"cards/{card}"))
    return answer.json()["status"] if answer.status_code == 200 else None


def _is_active(company: Organization, department: str, card: str) -> bool:
    return _status(company, department, card) == "active"


def shown(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_department_is_split_and_its_cards_spend_from_one_budget(run: Run, company: Organization) -> None:
    found = json.loads(shown(run("--shards", "2", "--cards", "--json")))
    assert found["shards"] == ["wide-1", "wide-2"]
    assert found["cards"] == {
        card: f"wide-{shard_of(employee, 2)}" for card, employee in CARDS.items() if card != "card-5"
    }
    assert found["left"] == ["limits that each shard counts for itself: lunch"]
    for card, shard in found["cards"].items():
        wait_until(partial(_is_active, company, shard, card))
        assert _status(company, "wide", card) == "frozen"
    assert {_status(company, shard, "card-5") for shard in found["shards"]} == {None}
    again = json.loads(shown(run("--shards", "2", "--cards", "--json")))
    assert again["shards"] == found["shards"] and again["cards"] == {}

    first, second = (_card_of(found["cards"], shard) for shard in found["shards"])
    wait_until(lambda: _spends(company, "wide-1", first, 2_000))
    assert not any(_spends(company, "wide-2", second, 1_001) for _ in range(5)), "1,000 are left"
    wait_until(lambda: _spends(company, "wide-2", second, 1_000))


def _card_of(cards: dict[str, str], shard: str) -> str:
    return next((card for card, where in cards.items() if where == shard), "any")


def _spends(company: Organization, department: str, card: str, amount: int) -> bool:
    """Whether it is approved. What a first try lacks a lease for is there at a later one."""
    answer = company.done(
        "authorization.requested",
        department_id=department,
        authorization_id=uuid.uuid4().hex,
        card_id=card,
        amount=usd(amount),
        merchant={"name": "Shop"},
    )
    return bool(answer["outcome"] == "approved")


def test_what_cannot_be_split_is_told(run: Run, company: Organization) -> None:
    company.done("budget.set", department_id="wide", budget_id="day", name="Day", limit=usd(9), period="day")
    result = run("--shards", "2")
    assert result.exit_code == 1
    assert "has several budgets of its own" in str(result.exception)


def test_a_persons_cards_are_in_one_shard_and_people_in_all() -> None:
    shards = [shard_of(f"employee-{number}", 4) for number in range(4_000)]
    assert shards == [shard_of(f"employee-{number}", 4) for number in range(4_000)]
    assert all(850 < shards.count(one) < 1_150 for one in range(1, 5))
