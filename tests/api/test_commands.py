"""`spendlog keys ...`, as a person calls it."""

from __future__ import annotations

import json

import httpx
import pytest
from typer.testing import CliRunner, Result

from api.api_settings import ApiSettings
from infra.commands.keys import app


@pytest.fixture
def run(settings: ApiSettings, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SPENDLOG_POSTGRES", settings.postgres)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    return call


def test_a_key_is_made_shown_listed_and_ended(run, server: str) -> None:  # type: ignore[no-untyped-def]
    made = run("create", "--organization", "org-cli", "--name", "shop", "--scope", "authorizations:read")
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert secret.startswith("sl_")
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{server}/v1/authorizations/none", headers=headers, timeout=60).status_code == 404
    [listed] = json.loads(run("list", "--organization", "org-cli", "--json").stdout)
    assert (listed["name"], listed["scopes"], listed["revoked_at"]) == ("shop", ["authorizations:read"], None)
    table = run("list").stdout
    assert secret not in table
    assert "is revoked" in run("revoke", listed["id"]).stdout
    [ended] = json.loads(run("list", "--organization", "org-cli", "--json").stdout)
    assert ended["revoked_at"] is not None


def test_a_key_names_who_holds_it(run) -> None:  # type: ignore[no-untyped-def]
    words = ("create", "--organization", "org-actor", "--name", "phone")
    made = run(*words, "--actor", "Zoë [cfo]")
    assert "It acts as Zoë [cfo], as does no other key of this organization." in made.stderr
    [first] = json.loads(run("list", "--organization", "org-actor", "--json").stdout)
    second = run(*words, "--actor", "Zoë [cfo]")
    assert f"It acts as Zoë [cfo], as do {first['id']} of this organization." in second.stderr
    newer = json.loads(run(*words, "--actor", "Zoë [cfo]", "--json").stdout)
    unnamed = json.loads(run(*words, "--json").stdout)
    listed = json.loads(run("list", "--organization", "org-actor", "--json").stdout)
    assert [key["actor"] for key in listed] == ["Zoë [cfo]"] * 3 + [unnamed["id"]]
    assert newer["actor"] == "Zoë [cfo]"
    assert run("list", "--organization", "org-actor").stdout.count("Zoë [cfo]") == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--organization", "a", "--name", "x", "--actor", " me"), "the actor ' me' must have"),
        (("create", "--organization", "a/b", "--name", "x"), "no organization id"),
        (("revoke", "sl_none"), "there is no key"),
    ],
)
def test_what_cannot_be_done_is_said(run, words: tuple[str, ...], said: str) -> None:  # type: ignore[no-untyped-def]
    assert said in str(run(*words).exception)


def test_a_missing_database_is_said(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SPENDLOG_POSTGRES", "postgresql://nobody@127.0.0.1:1/none")
    assert "PostgreSQL does not answer" in str(run("list").exception)
    monkeypatch.setenv("SPENDLOG_POSTGRES", "")
    assert "SPENDLOG_POSTGRES is missing" in str(run("list").exception)
