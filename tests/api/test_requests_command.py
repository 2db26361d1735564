"""`spendlog requests ...`, as people with keys call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli import app
from tests.api.books import Books, Organization
from tests.api.test_requests import People, people  # noqa: F401

Run = Callable[..., str]


@pytest.fixture
def called(books: Books, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`called(who, *words)`: what it prints, or with `status=1` what it says is wrong."""

    def run(who: Organization, *words: str, status: int = 0) -> str:
        monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
        monkeypatch.setenv("SPENDLOG_API_KEY", who.client.headers["Authorization"].removeprefix("Bearer "))
        result = CliRunner().invoke(app, ["requests", *words])
        assert result.exit_code == status, result.output
        return str(result.exception) if status else result.output

    return run


def at(told: str) -> str:
    """The position of what was decided."""
    return told.rpartition("position ")[2].strip().rstrip(")")


def test_a_card_is_asked_for_approved_on_behalf_and_given(people: People, called: Run) -> None:  # noqa: F811
    a, b, c = people
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    words = ("--department", "engineering", "--card", "card_new", "--employee", "Ada", "--id", "q1")
    asked = called(a, "card", "99.00", "USD", *words, "--reason", "the fair")
    a.read("/v1/requests/q1", at(asked))

    listed = called(a, "list", "--status", "waiting")
    for word in ("q1", "card card_new for Ada", "99.00 USD", f"waits for {b.key}, level 1 of 1"):
        assert word in listed
    assert f"{a.key} has asked for q1" in called(a, "approve", "q1", status=1)
    away = called(b, "delegate", b.key, c.key, "--department", "engineering", "--until", until)
    assert f"{c.key} answers for {b.key}" in away
    a.read("/v1/delegations", at(away))
    assert c.key in called(a, "delegations")
    assert f"{b.key}; {c.key} answers meanwhile" in called(a, "show", "q1")

    assert f"not yet: {b.key}" in called(a, "show", "q1")
    approved = called(c, "approve", "q1")
    a.read("/v1/requests/q1", at(approved))
    assert f"approved by {c.key} for {b.key}" in called(a, "show", "q1")
    assert "was approved before" in called(b, "approve", "q1", status=1)
    back = called(b, "back", b.key, "--department", "engineering")
    a.read("/v1/delegations", at(back))
    assert json.loads(called(a, "delegations", "--json"))["delegations"] == []


def test_more_is_asked_for_refused_and_shown_as_json(people: People, called: Run) -> None:  # noqa: F811
    a, b, _ = people
    until = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    where = ("--department", "engineering")
    asked: dict[str, Any] = json.loads(
        called(a, "increase", "1,250.50", "USD", *where, "--until", until, "--id", "q1", "--json")
    )
    assert (asked["outcome"], asked["amount"]) == ("accepted", {"minor": 125_050, "currency": "USD"})
    a.read("/v1/requests/q1", asked["position"])
    made = called(a, "budget", "50.00", "USD", *where, "--name", "Platform", "--team", "platform")
    name = made.partition(" ")[0]
    assert name.startswith("req_")
    a.read(f"/v1/requests/{name}", at(made))
    refused = called(b, "refuse", "q1", "--reason", "too dear")
    a.read("/v1/requests/q1", at(refused))

    (one,) = json.loads(called(a, "list", "--status", "refused", "--json"))["requests"]
    assert (one["request_id"], one["refused_by"], one["refusal_reason"]) == ("q1", b.key, "too dear")
    assert "too dear" in called(a, "show", "q1")
    assert json.loads(called(a, "show", name, "--json"))["budget_id"] == "team:platform"
    listed = called(a, "list", "--kind", "budget")
    assert "team:platform" in listed and "q1" not in listed


def test_what_cannot_be_asked_for_is_one_message(people: People, called: Run) -> None:  # noqa: F811
    a = people.a
    where = ("--department", "engineering")
    card = ("--card", "card_new", *where)
    assert "digits" in called(a, "card", "1.005", "USD", *card, status=1)
    assert "ZZZ" in called(a, "card", "1", "ZZZ", *card, status=1)
    assert "EUR" in called(a, "card", "1", "EUR", *card, status=1)
    assert "none is not known" in called(a, "refuse", "none", *where, status=1)
    called(a, "approve", "none", status=1)
    assert "time zone" in called(a, "card", "1", "USD", *card, "--zone", "Mars/Olympus", status=1)
