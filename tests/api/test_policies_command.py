"""`spendlog policies ...`, as a person calls it, against the running API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.access.keys import create_key
from infra.cli import COMMANDS
from infra.commands.policies import app
from tests.api.books import Books, Organization, usd
from tests.api.decider import Decider
from tests.api.support import free_port, wait_until

Run = Callable[..., Result]
POLICY = {"rules": [{"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    return file


@pytest.fixture
def run(books: Books, company: Organization, monkeypatch: pytest.MonkeyPatch) -> Run:
    """With two departments, and the key of their organization."""
    for name in ("engineering", "sales"):
        company.done("budget.set", department_id=name, name=name.capitalize(), limit=usd(1_000))
    secret, _ = create_key(books.settings.postgres, organization_id=company.id, name="finance")
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", secret)
    monkeypatch.setenv("COLUMNS", "200")

    def call(command: str, *words: str) -> Result:
        return CliRunner().invoke(app, [command, *words, "--organization", company.id])

    wait_until(lambda: len(json.loads(call("list", "--json").stdout)["departments"]) == 2)
    return call


def shown(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_policy_is_applied_and_listed(run: Run, company: Organization, file: Path) -> None:
    applied = shown(run("apply", str(file), "--activate"))
    for text in ("engineering", "sales", "accepted", "Accepted in 2 of 2 departments. In force at once"):
        assert text in applied
    digest = applied.rpartition("digest ")[2].strip().rstrip(".")
    wait_until(lambda: f"{digest} is in force in 2" in shown(run("list")))
    listed = json.loads(shown(run("list", "--json")))
    assert listed == company.client.get(f"/v1/organizations/{company.id}/policies").json()
    company.done("budget.set", department_id="later", name="[red]", limit=usd(1))
    wait_until(lambda: "later" in shown(run("list")))
    table = shown(run("list"))
    assert "default" in table and "(the default policy) is in force in 1" in table


def test_for_one_department_as_a_draft(run: Run, file: Path) -> None:
    body = json.loads(shown(run("apply", str(file), "--department", "sales", "--json")))
    assert [one["department_id"] for one in body["departments"]] == ["sales"]
    wait_until(lambda: f"1 ({body['digest']})" in shown(run("list")))


def test_each_call_is_an_act_of_its_own_and_an_earlier_one_can_be_completed(
    run: Run, file: Path, decider: Decider
) -> None:
    def versions(*words: str) -> list[int]:
        departments = json.loads(shown(run("apply", str(file), "--json", *words)))["departments"]
        return [one["policy_version"] for one in departments]

    assert versions() == [1, 1]
    assert versions() == [2, 2]
    with decider.paused():
        result = run("apply", str(file), "--timeout", "0")
    assert result.exit_code == 1
    assert "pending" in result.stdout and "not complete" in result.stderr
    key = result.stderr.partition("--request ")[2].split()[0]
    assert [versions("--request", key), versions("--request", key)] == [[3, 3], [3, 3]]


def test_it_goes_on_until_all_have_decided(run: Run, file: Path, decider: Decider) -> None:
    decider.running.clear()
    resumed = threading.Timer(2.5, decider.running.set)  # longer than one call of the API waits
    resumed.start()
    try:
        assert "Accepted in 2 of 2" in shown(run("apply", str(file)))
    finally:
        resumed.join()


def test_a_rejection_is_shown_and_is_no_success(run: Run, file: Path) -> None:
    result = run("apply", str(file), "--department", "sales", "--department", "nowhere")
    assert result.exit_code == 1
    assert "rejected" in result.stdout and "unknown department" in result.stdout
    assert "Accepted in 1 of 2 departments. Rejected by nowhere." in result.stdout


def test_what_is_wrong_with_a_policy_is_said_with_its_places(run: Run, file: Path) -> None:
    file.write_text(json.dumps({"rules": [{"rule": "block", "rule_id": "b", "what": {"mccs": ["79"]}}]}))
    said = str(run("apply", str(file)).exception)
    assert "invalid policy" in said and "(422 invalid_policy)" in said
    assert "body.policy.rules.0.what.mccs: '79' is not 4 digits" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold a JSON object"),
        ('{"rules": [{"rule": "block"}], "rules": []}', "rules: stands twice in one object"),
        ('{"rules": [{"what": {"mccs": ["1"], "mccs": ["2"]}}]}', "mccs: stands twice in one object"),
        ('{"rules": [], "r\\u0075les": []}', "rules: stands twice in one object"),
        ('{"hold_days": NaN}', "NaN is no number of JSON"),
        ('{"hold_days": -Infinity}', "-Infinity is no number of JSON"),
    ],
)
def test_a_file_that_is_no_policy_is_said(run: Run, file: Path, text: str, said: str) -> None:
    file.write_text(text)
    assert said in str(run("apply", str(file)).exception)


def test_a_file_that_is_not_there_is_said(run: Run) -> None:
    result = run("apply", "no-such-file.json")
    assert result.exit_code == 2
    assert "does not exist" in result.output


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SPENDLOG_API_KEY", "", "SPENDLOG_API_KEY is missing"),
        ("SPENDLOG_API_KEY", "sl_none", "401 invalid_api_key"),
        ("SPENDLOG_API_URL", "ftp://x", "SPENDLOG_API_URL is wrong"),
    ],
)
def test_a_wrong_setting_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    assert said in str(run("list").exception)


def test_an_api_that_is_not_there_is_said_with_how_to_go_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("SPENDLOG_API_URL", f"http://127.0.0.1:{free_port()}")
    said = str(run("apply", str(file)).exception)
    assert "cannot be reached" in said and "--request policy-" in said
    assert "policies" in COMMANDS
