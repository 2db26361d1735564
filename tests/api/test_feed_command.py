"""`spendlog feed`, as a person calls it, and how it reads a stream."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from api.client.feed import FeedEvent, FeedReader
from infra.running.commands import spendlog
from tests.api.books import Books, Organization, usd
from tests.api.support import metric, wait_until


def test_decisions_are_shown_as_they_are_made(
    books: Books, company: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", company.client.headers["Authorization"].removeprefix("Bearer "))
    commands = (("--events", "3"), ("--events", "1", "--outcome", "approved", "--json"))
    listeners = metric(company.client, "spendlog_api_feed_listeners")
    shown = [
        subprocess.Popen(spendlog("feed", *words), stdout=subprocess.PIPE, text=True) for words in commands
    ]
    try:
        wait_until(lambda: metric(company.client, "spendlog_api_feed_listeners") == listeners + 2, 60.0)
        company.start()
        payment: dict[str, Any] = {"card_id": "card_ada", "merchant": {"name": "Hotel"}}
        company.done("authorization.requested", authorization_id="h1", amount=usd(700), **payment)
        text, line = (one.communicate(timeout=30)[0] for one in shown)
    finally:
        for one in shown:
            one.kill()
    assert [row.split("  ")[1:3] for row in text.splitlines()] == [
        ["accepted", "budget.set"], ["accepted", "policy.drafted"], ["approved", "authorization.requested"],
    ]  # fmt: skip
    assert "h1  USD 7.00" in text
    found = json.loads(line)
    assert (found["authorization"], found["amount"]) == ("h1", 700) and "-" in found["id"]


def test_a_stream_is_read_as_the_standard_says() -> None:
    lines = [
        ": spendlog feed", "retry: 2000", "", "id: 1-0", 'data: {"a":', "data: 1}", "", ": ping", "",
        "event: gap", 'data:{"b":2}', "", "id: 2-0", "data: 3", "", "data: 4",
    ]  # fmt: skip
    reader = FeedReader(None)
    events = [event for line in lines for event in reader.line(line)]
    assert events == [
        FeedEvent("1-0", "message", {"a": 1}),
        FeedEvent("", "gap", {"b": 2}),
        FeedEvent("2-0", "message", 3),
    ]
    assert reader.last_event_id == "2-0"
