"""Cases: opened by a review, listed, assigned, and decided by those whose department it is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.access.keys import Scope, create_key
from api.access.roles import Role
from infra.cli import app
from tests.api.books import Books, Organization, rows, usd
from tests.api.people import member, sign_in

LOOK = {
    "rule": "spend_limit",
    "rule_id": "look",
    "window": "transaction",
    "amount": 1_000,
    "action": "review",
}
SALES: dict[str, Any] = {"department_id": "sales"}


@pytest.fixture(scope="module")
def shop(books: Books) -> Iterator[Organization]:
    """Engineering and Sales, where somebody looks at what is above 10.00."""
    with books.organization() as found:
        found.start()
        found.done("policy.drafted", policy={"rules": [LOOK]}, activate=True)
        found.done("budget.set", name="Sales", limit=usd(5_000_000), **SALES)
        found.done("policy.drafted", policy={"rules": [LOOK]}, activate=True, **SALES)
        yield found


def pay(shop: Organization, minor: int = 2_000, **members: Any) -> tuple[str, str]:
    """Id and position of a payment; from 10.01 on somebody should look at it."""
    name = f"a-{uuid.uuid4().hex[:10]}"
    members = {"card_id": "card_ada", "merchant": {"name": "Shop", "mcc": "5411"}, **members}
    done = shop.done("authorization.requested", authorization_id=name, amount=usd(minor), **members)
    assert done["outcome"] == "approved"
    return name, done["position"]


def decide(client: httpx.Client, name: str, label: str, position: str = "", **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": uuid.uuid4().hex} | ({"Spendlog-Position": position} if position else {})
    body = {"label": label, **more}
    return client.post(f"/v1/cases/{name}/decisions", json=body, headers=headers)


def assign(client: httpx.Client, name: str, to: str | None, position: str = "") -> httpx.Response:
    headers = {"Spendlog-Position": position} if position else {}
    return client.put(f"/v1/cases/{name}/assignment", json={"assignee": to}, headers=headers)


def listed(client: httpx.Client, position: str, *, limit: int = 100, **params: Any) -> list[str]:
    """Ids of all pages, by their links."""
    found: list[str] = []
    url, query = "/v1/cases", {"limit": limit, **params}
    while True:
        answer = client.get(url, params=query or None, headers={"Spendlog-Position": position})
        assert answer.status_code == 200, answer.text
        found += [one["case_id"] for one in answer.json()["cases"]]
        if answer.json()["next"] is None:
            return found
        url, query = answer.links["next"]["url"], {}


def test_a_case_is_opened_by_a_review_and_decided_once_for_all_to_see(shop: Organization) -> None:
    usual, _ = pay(shop, 500)
    name, position = pay(shop)
    assert shop.client.get(f"/v1/cases/{usual}", headers={"Spendlog-Position": position}).status_code == 404
    opened = shop.read(f"/v1/cases/{name}", position)
    assert (opened["status"], opened["reopened"], opened["label"], opened["assignment"]) == (
        *("open", False),
        *(None, None),
    )
    assert [review["rule"] for review in opened["reviews"]] == ["look"]
    assert opened["transaction"]["messages"][0]["type"] == "authorization.requested"
    answer = decide(shop.client, name, "fraud")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["type"], answer.json()["actor"]) == ("authorization.labelled", shop.key)
    found = shop.read(f"/v1/cases/{name}", answer.json()["position"])
    assert (found["status"], found["label"]["label"], found["label"]["source"], found["label"]["actor"]) == (
        *("decided", "fraud"),
        *("review", shop.key),
    )
    assert found["transaction"]["messages"][-1]["type"] == "authorization.labelled"
    assert name in listed(shop.client, found["position"], status="decided", label="fraud")
    assert name not in listed(shop.client, found["position"], status="open")


def test_a_later_chargeback_that_contradicts_opens_it_again(shop: Organization) -> None:
    name, position = pay(shop)
    assert decide(shop.client, name, "legitimate", position).status_code == 200
    said = {"label": "fraud", "source": "chargeback"}
    back = shop.done("authorization.labelled", authorization_id=name, **said)
    found = shop.read(f"/v1/cases/{name}", back["position"])
    assert (found["status"], found["reopened"], found["label"]["label"]) == ("open", True, "fraud")
    again = decide(shop.client, name, "fraud").json()
    assert shop.read(f"/v1/cases/{name}", again["position"])["status"] == "decided"


def test_the_same_key_again_is_the_same_decision(shop: Organization) -> None:
    name, position = pay(shop)
    headers = {"Idempotency-Key": f"same-{name}", "Spendlog-Position": position}
    path = f"/v1/cases/{name}/decisions"
    first, again = [shop.client.post(path, json={"label": "unsure"}, headers=headers) for _ in range(2)]
    assert first.status_code == again.status_code == 200
    assert first.json()["position"] == again.json()["position"]
    assert again.headers["idempotency-replayed"] == "true"
    other = shop.client.post(path, json={"label": "fraud"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("order", ["newest", "oldest", "highest"])
def test_pages_have_each_case_once_in_the_order_that_is_asked_for(shop: Organization, order: str) -> None:
    made = [pay(shop, card_id="card_order")[0] for _ in range(5)]
    _, position = pay(shop)
    found = listed(shop.client, position, limit=2, order=order)
    assert len(found) == len(set(found))
    mine = [name for name in found if name in made]
    assert sorted(mine) == sorted(made)
    if order == "oldest":
        assert mine == made
    whole = shop.client.get("/v1/cases", params={"limit": 1, "order": order}).json()["next"]
    wrong = shop.client.get(
        "/v1/cases", params={"limit": 1, "after": whole, "status": "open", "order": order}
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "cursor_of_another_list")


def test_people_see_and_decide_what_their_departments_have(shop: Organization, books: Books) -> None:
    ours, _ = pay(shop)
    theirs, position = pay(shop, **SALES)
    _, behind = pay(shop)

    def person(role: Role, *departments: str) -> str:
        return member(books.settings.postgres, shop.id, role, departments=departments)

    manager, boss = person(Role.FINANCE_MANAGER, "sales"), person(Role.ORG_ADMIN)
    auditor, employee = person(Role.AUDITOR), person(Role.EMPLOYEE, "sales")
    with sign_in(books.base_url, manager) as client:
        found = listed(client, position)
        assert theirs in found and ours not in found
        assert client.get("/v1/cases", params={"department_id": "engineering"}).status_code == 403
        assert client.get(f"/v1/cases/{ours}").status_code == 404
        assert decide(client, ours, "fraud").status_code == 404
        assert assign(client, ours, manager).status_code == 404
        mine = assign(client, theirs, manager)
        assert (mine.status_code, mine.json()["assignment"]["assigned_by"]) == (200, manager), mine.text
        assert listed(client, position, assignee=manager) == [theirs]
        for other, code in ((auditor, "may_not_decide"), (employee, "may_not_decide")):
            refused = assign(client, theirs, other)
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)
        stranger = assign(client, theirs, "nobody@example.com")
        assert stranger.json()["errors"][0]["code"] == "unknown_person"
        done = decide(client, theirs, "legitimate")
        assert (done.status_code, done.json()["actor"]) == (200, manager)
    with sign_in(books.base_url, boss) as client:
        assert {ours, theirs} <= set(listed(client, behind))
        refused = assign(client, ours, manager)
        assert refused.json()["errors"][0]["code"] == "may_not_decide"
        assert assign(client, theirs, boss).json()["assignment"]["assignee"] == boss
        assert assign(client, theirs, None).json()["assignment"] is None
        assert theirs in listed(client, behind, assigned=False)
    with sign_in(books.base_url, auditor) as client:
        assert ours in listed(client, behind)
        assert decide(client, ours, "fraud").status_code == 403
    with sign_in(books.base_url, employee) as client:
        assert client.get("/v1/cases").status_code == 403
    audited = rows(
        books,
        "SELECT actor, after ->> 'assignee' FROM audit_record WHERE organization_id = %s AND resource = %s"
        " AND outcome = 'done' AND action = 'assign_case' ORDER BY seq",
        shop.id,
        f"/v1/cases/{theirs}",
    )
    assert audited == [(manager, manager), (boss, boss), (boss, None)]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"status": "closed"}, "literal_error"),
        ({"label": "good"}, "literal_error"),
        ({"score_min": "1.5"}, "less_than_equal"),
        ({"score_min": "nan"}, "less_than_equal"),
        ({"order": "lowest"}, "literal_error"),
        ({"department_id": "a/b"}, "value_error"),
        ({"assignee": "a", "assigned": "false"}, "contradiction"),
        ({"assignee": "a\0"}, "value_error"),
    ],
)
def test_filters_that_cannot_be_are_told(shop: Organization, params: dict[str, str], code: str) -> None:
    answer = shop.client.get("/v1/cases", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text


def test_keys_need_the_scopes_and_another_organization_sees_nothing(shop: Organization, books: Books) -> None:
    name, position = pay(shop)
    with books.person(shop.id, [Scope.CASES_READ]) as reader:
        assert name in listed(reader.client, position)
        assert decide(reader.client, name, "fraud").status_code == 403
    with books.organization() as stranger:
        assert stranger.client.get(f"/v1/cases/{name}").status_code == 404
        assert decide(stranger.client, name, "fraud").status_code == 404
        assert stranger.client.get("/v1/cases").json()["cases"] == []


def test_the_command_line_goes_the_whole_way(
    shop: Organization, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, position = pay(shop, 4_321, merchant={"name": "Odd Shop", "mcc": "5999"})
    listed(shop.client, position)
    secret, key = create_key(books.settings.postgres, organization_id=shop.id, name="cli")
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", secret)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["cases", *words])
        assert result.exit_code == 0, result.output
        return result.output

    assert "Odd Shop" in run("list")
    found = json.loads(run("list", "--department", "engineering", "--unassigned", "--json"))
    assert name in [one["case_id"] for one in found["cases"]]
    assert key.actor in run("assign", name, key.actor)
    shown = run("show", name)
    assert "43.21 USD" in shown and key.actor in shown and "look" in shown
    told = run("decide", name, "fraud")
    assert "fraud" in told
    listed(shop.client, told.rpartition("position ")[2].strip().rstrip(")"))
    assert f"fraud by {key.actor}" in run("show", name)
    assert "nobody" in run("assign", name)
