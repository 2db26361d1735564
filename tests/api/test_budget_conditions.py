"""A budget is set only by who has seen it as it is, where he says so: ETag out, If-Match in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.books import Organization, usd


def put(company: Organization, key: str, minor: int, **headers: str) -> httpx.Response:
    body = {"name": "Engineering", "limit": usd(minor)}
    return company.client.put(company.path("/budget"), json=body, headers={"Idempotency-Key": key, **headers})


def seen(company: Organization, position: str | None = None) -> str:
    headers = {} if position is None else {"Spendlog-Position": position}
    answer = company.client.get(company.path("/budget"), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["etag"])


def at(answer: httpx.Response) -> dict[str, str]:
    """What makes a next request see what this one did."""
    assert answer.status_code == 200, answer.text
    return {"Spendlog-Position": answer.headers["spendlog-position"]}


def test_a_change_holds_for_what_was_seen(company: Organization) -> None:
    first = put(company, "b1", 100_000)
    tag = seen(company, first.headers["spendlog-position"])
    assert first.headers["etag"] == tag
    second = put(company, "b2", 200_000, **{"If-Match": tag}, **at(first))
    assert second.headers["etag"] == seen(company, at(second)["Spendlog-Position"]) != tag
    late = put(company, "b3", 300_000, **{"If-Match": tag}, **at(second))
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.headers["etag"] == second.headers["etag"]
    assert company.read(company.path("/budget"))["limit"] == usd(200_000)
    again = put(company, "b2", 200_000, **{"If-Match": tag}, **at(second))
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.headers["etag"] == second.headers["etag"]
    without = put(company, "b4", 400_000)
    assert without.status_code == 200, "who does not say what he has seen overwrites"


def test_what_is_spent_is_no_change_of_a_budget(company: Organization) -> None:
    tag = seen(company, company.start())
    spent = company.done(
        "authorization.requested",
        authorization_id="a1",
        card_id="card_ada",
        amount=usd(1_000),
        merchant={"name": "Shop", "mcc": "5814", "country": "US"},
    )["position"]
    assert company.read(company.path("/budget"), spent)["held"] == usd(1_000)
    assert seen(company) == tag
    one = company.client.get(company.path("/budgets/department"))
    assert one.headers["etag"] == tag


def test_whatever_it_is_but_it_must_be_there(company: Organization) -> None:
    none = put(company, "b1", 1, **{"If-Match": "*"})
    assert (none.status_code, none.json()["code"]) == (412, "precondition_failed")
    made = put(company, "b2", 100_000)
    assert put(company, "b3", 200_000, **{"If-Match": "*"}, **at(made)).status_code == 200


@pytest.mark.parametrize(
    ("tag", "status", "code"),
    [
        ("3:1042", 400, "malformed_etag"),
        ('"3:1042", "3:1043"', 400, "malformed_etag"),
        ('W/"3:1042"', 412, "precondition_failed"),
        ('"999:0"', 412, "precondition_failed"),
        ('"nothing of ours"', 400, "malformed_etag"),
        ('"nothing-of-ours"', 412, "precondition_failed"),
        ('""', 412, "precondition_failed"),
    ],
)
def test_other_tags_are_refused(company: Organization, tag: str, status: int, code: str) -> None:
    made = put(company, "b1", 100_000)
    answer = put(company, "b2", 200_000, **{"If-Match": tag}, **at(made))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_of_several_who_have_seen_the_same_one_is_let_through(company: Organization) -> None:
    made = put(company, "b0", 100_000)
    headers = {"If-Match": made.headers["etag"], **at(made)}

    def change(number: int) -> int:
        return put(company, f"b{number}", 100_000 + number, **headers).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(change, range(1, 7)))
    assert statuses == [200] + [412] * 5
