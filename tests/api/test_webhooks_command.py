"""`spendlog webhooks ...`, as a person calls it: against the API, with the real sink and sender behind it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner, Result

from infra.commands.webhooks import app
from infra.errors import SpendlogError
from infra.listening import listening
from infra.running.commands import spendlog
from tests.api.books import Books, Organization, usd
from tests.api.sending import webhooks_sent
from tests.api.support import wait_until
from tests.sinks.receiver import receiver
from tests.sinks.webhook_books import new_secret

Run = Callable[..., str]


@pytest.fixture
def run(books: Books, company: Organization, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", company.client.headers["Authorization"].removeprefix("Bearer "))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> str:
        result: Result = CliRunner().invoke(app, words)
        if isinstance(result.exception, SpendlogError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return call


@pytest.fixture
def sending(books: Books) -> Iterator[None]:
    with webhooks_sent(books.settings):
        yield


def test_events_are_shown_on_a_terminal_as_they_come(
    run: Run, books: Books, company: Organization, sending: None
) -> None:
    command = spendlog("webhooks", "listen", "--events", "3", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:
        try:
            wait_until(lambda: "http://127.0.0.1:" in run("list"), 60.0)
        except AssertionError:
            shown.kill()
            raise
        company.start()
        payment: dict[str, Any] = {"card_id": "card_ada", "merchant": {"name": "Hotel"}}
        company.done("authorization.requested", authorization_id="h1", amount=usd(700), **payment)
        out, err = shown.communicate(timeout=60)
    assert shown.returncode == 0, err
    told = [json.loads(part) for part in out.replace("}\n{", "}\0{").split("\0")]
    # What is about different things has no order.
    found = {event["type"]: event["data"] for event in told}
    assert found.keys() == {"budget.changed", "policy.activated", "authorization.approved"}
    assert found["authorization.approved"]["approved"] == {"minor": 700, "currency": "USD"}
    assert "listening on http://127.0.0.1:" in err
    assert json.loads(run("list", "--json")) == {"endpoints": []}  # it is removed at the end


def test_an_endpoint_is_added_tried_replayed_and_removed(run: Run, sending: None) -> None:
    with receiver(new_secret()) as stranger:
        made = json.loads(run("add", stranger.url, "--type", "card.*", "--description", "ERP", "--json"))
        endpoint, stranger.secret = made["endpoint_id"], made["secret"]
        event = run("test", endpoint).strip()
        wait_until(lambda: stranger.ids() == [event], 60.0)
        wait_until(lambda: "204 in" in run("deliveries", endpoint))
        assert "delivered" in run("deliveries", endpoint, "--status", "delivered")
        stranger.secret = run("rotate", endpoint, "--overlap", "0").strip()
        assert run("replay", endpoint, "--event", event) == "1 wait to be sent again\n"
        wait_until(lambda: len(stranger.events) == 2, 60.0)
        assert stranger.ids() == [event] and stranger.forged == []
        wait_until(lambda: "204 in" in run("deliveries", endpoint, "--status", "delivered"))
        assert run("replay", endpoint, "--hours", "1", "--delivered") == "1 wait to be sent again\n"
        wait_until(lambda: len(stranger.events) == 3, 60.0)
    assert "card.*" in run("list")
    run("resume", endpoint)
    run("remove", endpoint)
    with pytest.raises(SpendlogError, match="no such endpoint"):
        run("deliveries", endpoint)


def test_what_cannot_be_is_said(run: Run) -> None:
    with pytest.raises(SpendlogError, match="there is no type card"):
        run("add", "https://hooks.example.com/", "--type", "card.lost")
    for words in ((), ("--event", "e", "--hours", "1")):
        with pytest.raises(SpendlogError, match="either one event"):
            run("replay", "whe_1", *words)
    with listening(0) as own, pytest.raises(SpendlogError, match="cannot listen on port"):
        run("listen", "--port", own.url.rpartition(":")[2].rstrip("/"))


def test_the_receiver_of_the_terminal_shows_each_signed_event_once() -> None:
    secret, body = new_secret(), '{"id": "evt_1", "type": "card.frozen"}'
    now = datetime.now(UTC)

    def post(signature: str) -> int:
        headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp()))}
        return requests.post(
            own.url, body, headers={**headers, "webhook-signature": signature}, timeout=60
        ).status_code

    with listening(0) as own:
        signed = Webhook(secret).sign("evt_1", now, body)
        assert [post("v1,AAAA"), post(signed), post(signed)] == [204] * 3
        events = own.verified(secret)
        assert next(events)["type"] == "card.frozen"
        assert own._arrived.qsize() == 1  # the repeat; the forged one is left out
        assert requests.post(own.url, b"x" * 1_048_577, timeout=60).status_code == 413
