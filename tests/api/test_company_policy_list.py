"""The list of a company's policies: who has which since when, and who drifted."""

from __future__ import annotations

import msgspec

from schemas.controls import Policy
from schemas.defaults import default_policy
from schemas.policies import digest
from tests.api.books import Organization
from tests.api.policies import (
    OTHER,
    add,
    apply,
    by_department,
    in_force,
    listed,
    path,
)
from tests.api.support import wait_until


def test_the_list_shows_who_has_what_since_when_and_who_drifted(three: Organization) -> None:
    company = apply(three, "company", activate=True)
    drift = three.done("policy.drafted", department_id="sales", policy=OTHER, activate=True)
    three.read(three.path("/policies", "sales"), drift["position"])
    wait_until(lambda: [one["version"] for one in listed(three)["departments"]] == [1, 1, 2])
    found = listed(three)
    digests = {one["department_id"]: one["digest"] for one in found["departments"]}
    assert digests["engineering"] == digests["marketing"] == company.json()["digest"]
    assert digests["sales"] not in (company.json()["digest"], digest(default_policy("USD")))
    assert found["in_force"] == [
        {"digest": company.json()["digest"], "departments": 2, "default": False},
        {"digest": digests["sales"], "departments": 1, "default": False},
    ]
    places = {one["department_id"]: one["position"] for one in found["departments"]}
    assert places["sales"] == drift["position"]
    assert places["marketing"] == by_department(company)["marketing"]["position"]
    assert all(one["activated_at"] for one in found["departments"])


def test_a_department_that_came_later_has_the_default_policy_until_it_gets_one(three: Organization) -> None:
    first = apply(three, "company", activate=True)
    add(three, "warehouse")
    wait_until(lambda: len(listed(three)["departments"]) == 4)
    found = listed(three)
    assert [one["default"] for one in found["departments"]] == [False, False, False, True]
    assert {one["digest"]: one["departments"] for one in found["in_force"]} == {
        first.json()["digest"]: 3,
        digest(default_policy("USD")): 1,
    }
    repeated = apply(three, "company", activate=True)
    assert (repeated.status_code, len(repeated.json()["departments"])) == (200, 4)
    assert repeated.json()["departments"][:3] == first.json()["departments"]
    wait_until(lambda: in_force(three, 1))


def test_the_default_policy_is_that_of_each_department_s_currency(company: Organization) -> None:
    currencies = {"austin": "USD", "caracas": "VES", "jakarta": "IDR", "surabaya": "IDR"}
    for name, currency in currencies.items():
        limit = {"minor": 1_000_000, "currency": currency}
        done = company.done("budget.set", department_id=name, name=name, limit=limit)
        shown = company.read(company.path("/policy", name), done["position"])
        assert msgspec.convert(shown["policy"], Policy) == default_policy(currency)
    wait_until(lambda: len(listed(company)["departments"]) == len(currencies))
    found = listed(company)
    assert {one["department_id"]: one["digest"] for one in found["departments"]} == {
        name: digest(default_policy(currency)) for name, currency in currencies.items()
    }
    assert all(one["default"] for one in found["departments"])
    assert [(one["departments"], one["default"]) for one in found["in_force"]] == [
        (2, True),
        (1, True),
        (1, True),
    ]


def test_the_list_comes_in_pages_and_counts_all(three: Organization) -> None:
    apply(three, "company", activate=True)
    wait_until(lambda: in_force(three, 1))
    first = listed(three, limit=2)
    assert ([one["department_id"] for one in first["departments"]], first["next"]) == (
        ["engineering", "marketing"],
        "marketing",
    )
    rest = listed(three, limit=2, after=first["next"])
    assert ([one["department_id"] for one in rest["departments"]], rest["next"]) == (["sales"], None)
    assert [one["departments"] for one in first["in_force"]] == [3]
    assert rest["in_force"] == first["in_force"]
    assert three.client.get(path(three), params={"after": "a\0"}).status_code == 422


def test_drafts_that_were_passed_over_or_are_no_longer_kept_do_not_wait(company: Organization) -> None:
    add(company, "engineering")
    for number in range(12):
        company.done("policy.drafted", policy={"hold_days": number + 1})

    def waiting() -> list[int]:
        return [draft["version"] for one in listed(company)["departments"] for draft in one["drafts"]]

    wait_until(lambda: waiting() == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
    kept = [company.send("policy.activated", f"v{n}", policy_version=n).status_code for n in (2, 3)]
    assert kept == [422, 200]
    company.done("policy.activated", policy_version=6)
    wait_until(lambda: [one["version"] for one in listed(company)["departments"]] == [6])
    assert waiting() == [12, 11, 10, 9, 8, 7]
