"""Policies tried on the past, over HTTP: by the rules themselves, on what was really decided."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.access.keys import Scope, create_key
from tests.api.books import Books, Organization, usd

MEALS = {
    "rule": "spend_limit",
    "rule_id": "meals",
    "window": "calendar",
    "calendar": {"period": "day"},
    "amount": 10_000,
    "only": {"mcc_groups": ["restaurant"]},
}


def buy(company: Organization, name: str, minor: int, mcc: str = "5814", **members: Any) -> str:
    """The position of its decision."""
    payment: dict[str, Any] = {
        "card_id": "card_ada",
        "cardholder": "ada@example.com",
        "merchant": {"name": f"Diner {name}", "mcc": mcc},
    }
    done = company.done(
        "authorization.requested", authorization_id=name, amount=usd(minor), **payment, **members
    )
    position: str = done["position"]
    return position


def tried(company: Organization, position: str, **body: Any) -> dict[str, Any]:
    path = company.path("/policy-trials")
    answer = company.client.post(path, json=body, headers={"Spendlog-Position": position})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_who_would_have_been_declined_and_by_which_rule(books: Books, company: Organization) -> None:
    company.start()
    buy(company, "lunch", 6_000)
    buy(company, "dinner", 7_000)
    buy(company, "snack", 1_000)
    position = buy(company, "paper", 90_000, mcc="5943")
    found = tried(company, position, policy={"rules": [MEALS]})
    assert (found["purchases"], found["approved"]["minor"]) == (4, 104_000)
    assert (found["declined"]["purchases"], found["declined"]["amount"]) == (1, usd(7_000))
    assert (found["people"][0]["name"], found["rules"][0]["name"]) == ("ada@example.com", "meals")
    (dinner,) = found["examples"]
    assert (dinner["transaction_id"], dinner["change"], dinner["merchant"]) == (
        "dinner",
        "declined",
        "Diner dinner",
    )
    assert dinner["reasons"][0]["limit"] == usd(10_000)
    draft = company.done("policy.drafted", policy={"rules": [MEALS | {"amount": 5_000}]})
    by_version = tried(company, draft["position"], version=draft["policy_version"])
    assert by_version["declined"]["purchases"] == 2
    # Nothing of it is written: what is in force is what was.
    assert buy(company, "breakfast", 9_000)


def test_what_a_rule_that_is_dropped_declined_would_pass(books: Books, company: Organization) -> None:
    company.start()
    company.done("policy.drafted", policy={"rules": [MEALS]}, activate=True)
    position = buy(company, "feast", 20_000)
    found = tried(company, position, policy={})
    assert (found["passed"]["purchases"], found["passed"]["amount"]) == (1, usd(20_000))
    assert found["declined"]["purchases"] == 0
    assert tried(company, position, policy={"rules": [MEALS]})["examples"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"version": 0, "policy": {}}, 422, "invalid_request"),
        ({"version": 99}, 404, "unknown_policy_version"),
        ({"policy": {}, "days": 0}, 422, "invalid_request"),
        ({"policy": {}, "days": 91}, 422, "invalid_request"),
        ({"policy": {"rules": [{"rule": "block", "rule_id": "r"}]}}, 422, "invalid_request"),
        ({"policy": {"rules": [MEALS, MEALS]}}, 422, "invalid_policy"),
        ({"policy": {"rules": [MEALS | {"only": {"mcc_groups": ["toys"]}}]}}, 422, "invalid_policy"),
        ({"policy": 7}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_words(
    books: Books, company: Organization, body: dict[str, Any], status: int, code: str
) -> None:
    position = company.start()
    answer = company.client.post(
        company.path("/policy-trials"), json=body, headers={"Spendlog-Position": position}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_whoever_may_not_read_purchases_sees_none_of_them_here(books: Books, company: Organization) -> None:
    company.start()
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="rules", scopes=[Scope.POLICIES_READ]
    )
    answer = httpx.post(
        books.base_url + company.path("/policy-trials"),
        json={"policy": {}},
        headers={"Authorization": f"Bearer {secret}"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
