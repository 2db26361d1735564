"""Cards by routes of their own: registered, listed, changed by those who have seen them, frozen, canceled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.books import Organization, usd


def post(company: Organization, path: str, key: str, body: Any = None, **headers: str) -> httpx.Response:
    return company.client.post(path, json=body, headers={"Idempotency-Key": key, **headers})


def put(company: Organization, path: str, key: str, body: Any, **headers: str) -> httpx.Response:
    return company.client.put(path, json=body, headers={"Idempotency-Key": key, **headers})


def card(**members: Any) -> dict[str, Any]:
    return {"department_id": "engineering", "card_id": "card_ada", "employee": "Ada", **members}


def terms(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in card(**members).items() if name != "card_id"}


def test_a_card_is_created_shown_with_what_is_left_and_spends(company: Organization) -> None:
    company.start()
    company.done("budget.set", name="Ada", level="employee", subject="Ada", limit=usd(30_000))
    company.done("budget.set", name="Bob", level="employee", subject="Bob", limit=usd(10))
    created = post(company, "/v1/cards", "new", card(last_four="4242", team="platform"))
    assert created.status_code == 201, created.text
    body = created.json()
    assert (body["status"], body["last_four"], body["team"]) == ("active", "4242", "platform")
    assert created.headers["location"] == "/v1/cards/card_ada?department_id=engineering"
    assert created.headers["etag"] == f'"{body["position"]}"'
    company.done(
        "authorization.requested",
        authorization_id="A1",
        card_id="card_ada",
        cardholder="Ada",
        amount=usd(10_000),
        merchant={"name": "Shop"},
    )
    inquired = company.done("balance.inquired", card_id="card_ada", cardholder="Ada")
    shown = company.read("/v1/cards/card_ada", inquired["position"])
    assert {limit["budget_id"]: limit["available"]["minor"] for limit in shown["limits"]} == {
        "department": 4_990_000,
        "employee:Ada": 20_000,
    }
    assert shown["available"] == inquired["available"] == usd(20_000)
    assert {**body, "limits": shown["limits"], "available": usd(20_000)} == shown


def test_a_card_without_an_id_gets_one_of_its_key_and_a_repeat_the_same(company: Organization) -> None:
    company.start()
    body = {"department_id": "engineering", "employee": "Ada"}
    first = post(company, "/v1/cards", "derived", body)
    again = post(company, "/v1/cards", "derived", body)
    assert first.status_code == again.status_code == 201, again.text
    assert first.json() == again.json()
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (
        None,
        "true",
    )
    other = post(company, "/v1/cards", "derived", {**body, "employee": "Bob"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_card_that_exists_is_not_created_again(company: Organization) -> None:
    company.start()
    made = post(company, "/v1/cards", "one", card()).json()
    answer = post(
        company, "/v1/cards", "two", card(employee="Bob"), **{"Spendlog-Position": made["position"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "card_exists")
    assert company.read("/v1/cards/card_ada", made["position"])["employee"] == "Ada"
    changed = put(company, "/v1/cards/card_ada", "two", terms(employee="Bob"))  # the key was given back
    assert (changed.status_code, changed.json()["employee"]) == (200, "Bob")


def test_of_ten_who_create_the_same_card_one_does(company: Organization) -> None:
    company.start()
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda n: post(company, "/v1/cards", f"key-{n}", card(employee=f"E{n}")), range(10))
        )
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]


def test_of_ten_who_change_what_they_have_seen_one_does(company: Organization) -> None:
    company.start()
    tag = post(company, "/v1/cards", "new", card()).headers["etag"]
    position = tag.strip('"')

    def change(number: int) -> httpx.Response:
        headers = {"If-Match": tag, "Spendlog-Position": position}
        return put(company, "/v1/cards/card_ada", f"key-{number}", terms(team=f"t{number}"), **headers)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(change, range(10)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]
    [done] = [answer for answer in answers if answer.status_code == 200]
    found = company.read("/v1/cards/card_ada", done.json()["position"])
    assert found["team"] == done.json()["team"]
    stale = post(company, "/v1/cards/card_ada/freeze", "stale", **{"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert stale.headers["etag"] == done.headers["etag"]
    fresh = post(company, "/v1/cards/card_ada/freeze", "fresh", **{"If-Match": stale.headers["etag"]})
    assert (fresh.status_code, fresh.json()["status"]) == (200, "frozen")


def test_a_tag_is_not_used_up_by_a_change_that_is_rejected(company: Organization) -> None:
    company.start()
    made = post(company, "/v1/cards", "new", card())
    tag, at = made.headers["etag"], made.json()["position"]
    both = terms(locked_to="Shop", lock_to_first=True)
    headers = {"If-Match": tag, "Spendlog-Position": at}
    assert put(company, "/v1/cards/card_ada", "bad", both, **headers).status_code == 422
    assert put(company, "/v1/cards/card_ada", "good", terms(team="t"), **headers).status_code == 200


@pytest.mark.parametrize("tag", ["3:1", '"3:1', '"a"b"', "**", '"1:2", "3:4"', ""])
def test_what_is_no_tag_is_refused(company: Organization, tag: str) -> None:
    answer = put(company, "/v1/cards/card_ada", "key", terms(), **{"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_etag")


def test_any_tag_asks_only_that_there_is_a_card(company: Organization) -> None:
    company.start()
    answer = put(company, "/v1/cards/card_ada", "none", terms(), **{"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    at = post(company, "/v1/cards", "new", card()).json()["position"]
    headers = {"If-Match": "*", "Spendlog-Position": at}
    assert put(company, "/v1/cards/card_ada", "some", terms(team="t"), **headers).json()["team"] == "t"
    weak = put(company, "/v1/cards/card_ada", "weak", terms(), **{"If-Match": 'W/"3:1"'})
    assert weak.status_code == 412


def test_a_card_is_frozen_unfrozen_and_canceled(company: Organization) -> None:
    company.start()
    position = post(company, "/v1/cards", "new", card(single_use=True)).json()["position"]
    for number, (act, status) in enumerate(
        [("freeze", "frozen"), ("unfreeze", "active"), ("freeze", "frozen"), ("cancel", "canceled")]
    ):
        answer = post(
            company, f"/v1/cards/card_ada/{act}", f"{act}-{number}", **{"Spendlog-Position": position}
        )
        assert answer.status_code == 200, answer.text
        assert (answer.json()["status"], answer.json()["single_use"]) == (status, True)
        position = answer.json()["position"]
        again = post(
            company, f"/v1/cards/card_ada/{act}", f"{act}-{number}", **{"Spendlog-Position": position}
        )
        assert (again.json(), again.headers["idempotency-replayed"]) == (answer.json(), "true")
    for act in ("freeze", "unfreeze", "cancel"):
        answer = post(company, f"/v1/cards/card_ada/{act}?department_id=engineering", f"late-{act}")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_status"), answer.text
    answer = post(company, "/v1/cards/nobody/freeze", "nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_card")


def listed(company: Organization, **params: Any) -> list[str]:
    """Ids of all pages of two, by the links."""
    found: list[str] = []
    url, query = "/v1/cards", {"limit": 2, **params}
    while True:
        answer = company.client.get(url, params=query or None)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += [f"{one['department_id']}/{one['card_id']}" for one in body["cards"]]
        assert len(body["cards"]) <= 2
        assert ("link" in answer.headers) == (body["next"] is not None)
        if body["next"] is None:
            return found
        url, query = answer.links["next"]["url"], {}


def test_cards_of_all_departments_are_listed_by_filters(company: Organization) -> None:
    company.start()
    company.done("budget.set", department_id="sales", name="Sales", limit=usd(100))
    employees = {"a": "Ada", "b": "Bob", "c": "Ada", "d": None, "e": "Ada"}
    for department in ("engineering", "sales"):
        for name, employee in employees.items():
            team = "platform" if name in "ab" else None
            body = card(department_id=department, card_id=name, employee=employee, team=team)
            position = post(company, "/v1/cards", f"{department}-{name}", body).json()["position"]
            company.read("/v1/cards", position)
    frozen = post(company, "/v1/cards/c/freeze?department_id=sales", "freeze").json()["position"]
    company.read("/v1/cards", frozen)
    both = [f"{place}/{name}" for name in employees for place in ("engineering", "sales")]
    assert listed(company) == both
    assert listed(company, status="frozen") == ["sales/c"]
    assert listed(company, status="active") == [name for name in both if name != "sales/c"]
    assert listed(company, department_id="sales") == [f"sales/{name}" for name in employees]
    assert listed(company, employee="Ada") == [name for name in both if name[-1] in "ace"]
    assert listed(company, team="platform", employee="Bob") == ["engineering/b", "sales/b"]
    assert listed(company, employee="Nobody") == []
    answer = company.client.get("/v1/cards/a")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("query.department_id", "ambiguous")
    assert "engineering, sales" in error["message"]
    assert company.read("/v1/cards/a", department_id="sales")["department_id"] == "sales"


def test_pages_neither_skip_nor_double_cards_that_come_in_meanwhile(company: Organization) -> None:
    company.start()
    for name in "bdfhj":
        company.read("/v1/cards", post(company, "/v1/cards", name, card(card_id=name)).json()["position"])
    found: list[str] = []
    after: str | None = None
    for new in "acegik":
        page = company.read("/v1/cards", limit=1, **({} if after is None else {"after": after}))
        found += [one["card_id"] for one in page["cards"]]
        after = page["next"]
        position = post(company, "/v1/cards", new, card(card_id=new)).json()["position"]
        company.read("/v1/cards", position)
        if after is None:
            break
    assert sorted(set(found)) == found
    assert set("bdfhj") <= set(found) | set("j")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("after=%25%25", "query.after", "malformed_cursor"),
        ("after=WyJhIl0", "query.after", "malformed_cursor"),
        ("after=W10", "query.after", "malformed_cursor"),
        ("after=%C3%A9", "query.after", "malformed_cursor"),
        ("after=a%00", "query.after", "value_error"),
        ("limit=0", "query.limit", "greater_than_equal"),
        ("limit=1001", "query.limit", "less_than_equal"),
        ("limit=x", "query.limit", "int_parsing"),
        ("status=lost", "query.status", "literal_error"),
        ("state=frozen", "query.state", "extra_forbidden"),
        (f"department_id={'d' * 65}", "query.department_id", "string_too_long"),
    ],
)
def test_a_wrong_filter_or_cursor_is_named(company: Organization, query: str, field: str, code: str) -> None:
    answer = company.client.get(f"/v1/cards?{query}")
    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


def test_a_cursor_belongs_to_its_own_list(company: Organization) -> None:
    company.start()
    for name in "ab":
        company.read("/v1/cards", post(company, "/v1/cards", name, card(card_id=name)).json()["position"])
    following = company.read("/v1/cards", limit=1)["next"]
    answer = company.client.get("/v1/cards", params={"after": following, "employee": "Ada"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "cursor_of_another_list")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"last_four": "424"}, "body.last_four"),
        ({"last_four": "42424"}, "body.last_four"),
        ({"last_four": "४२४२"}, "body.last_four"),
        ({"last_four": 4242}, "body.last_four"),
        ({"card_id": "4111111111111111"}, "body.card_id"),
        ({"card_id": ""}, "body.card_id"),
        ({"team": "a b"}, "body.team"),
        ({"expires_on": "2026-02-30"}, "body.expires_on"),
        ({"status": "frozen"}, "body.status"),
        ({"single_use": "yes"}, "body.single_use"),
        ({"department_id": "en/g"}, "body.department_id"),
    ],
)
def test_a_wrong_member_is_named(company: Organization, members: dict[str, Any], field: str) -> None:
    answer = post(company, "/v1/cards", "key", card(**members))
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
