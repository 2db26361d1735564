"""One policy for the whole company, in one act: checked, sent everywhere, completed by a repeat, listed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.access.keys import Scope
from api.api_settings import ApiSettings
from api.app import create_app
from schemas.controls import Block, Match, Policy
from schemas.defaults import default_policy
from schemas.policies import digest
from tests.api.books import Books, Organization, rows, usd
from tests.api.decider import Decider
from tests.api.policies import (
    BLOCK,
    CARD,
    NAMES,
    OTHER,
    POLICY,
    add,
    apply,
    by_department,
    drafted,
    in_force,
    listed,
    path,
)
from tests.api.support import serving, wait_ready, wait_until
from tests.patience import HUNG_S


def test_it_is_in_force_in_every_department_that_has_a_budget(three: Organization) -> None:
    three.done("cap.set", department_id="_treasury", limit=usd(10_000_000), departments=list(NAMES))
    answer = apply(three, "all", activate=True)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["activate"]) == ("complete", True)
    assert body["message"] == "Accepted in 3 of 3 departments."
    assert [one["department_id"] for one in body["departments"]] == [*NAMES]  # and no treasury
    for one in body["departments"]:
        assert (one["status"], one["policy_version"], one["reasons"]) == ("accepted", 1, [])
        versions = three.read(one["look_up"], one["position"])["policies"]
        assert (versions[0]["version"], versions[0]["in_force"]) == (1, True)
        assert versions[0]["policy"]["rules"] == [BLOCK]
    casino = {"name": "Casino", "mcc": "7995"}
    payment: dict[str, Any] = {"card_id": "c", "amount": usd(5), "merchant": casino}
    for name in NAMES:
        asked = three.done("authorization.requested", department_id=name, authorization_id="A1", **payment)
        assert [reason["code"] for reason in asked["reasons"]] == ["blocked"]


def test_without_activate_it_is_a_draft_that_waits(three: Organization) -> None:
    answer = apply(three, "draft")
    assert answer.status_code == 200
    wait_until(lambda: all(one["drafts"] for one in listed(three)["departments"]))
    for one in listed(three)["departments"]:
        assert (one["version"], one["default"], one["digest"]) == (0, True, digest(default_policy("USD")))
        [draft] = one["drafts"]
        assert (draft["version"], draft["digest"]) == (1, answer.json()["digest"])
        assert draft["position"] == by_department(answer)[one["department_id"]]["position"]


@pytest.mark.parametrize("forgotten", [False, True], ids=["Redis remembers", "only the log remembers"])
def test_a_repeat_is_answered_the_same_and_makes_no_second_version(
    books: Books, three: Organization, forgotten: bool
) -> None:
    first = apply(three, "same", activate=True)
    if forgotten:
        books.forget()
    again = apply(three, "same", activate=True)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    wait_until(lambda: len(drafted(books, three)) == 6)
    assert sorted(drafted(books, three)) == [
        (name, "accepted", again) for name in NAMES for again in (False, True)
    ]
    assert in_force(three, 1)


@pytest.mark.parametrize("forgotten", [False, True], ids=["Redis remembers", "only the log remembers"])
def test_a_key_with_another_policy_is_refused_everywhere(
    books: Books, three: Organization, forgotten: bool
) -> None:
    first = apply(three, "key", activate=True)
    if forgotten:
        books.forget()
    for changed in ({"policy": OTHER, "activate": True}, {"activate": False}):
        answer = apply(three, "key", **changed)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), answer.text
        if forgotten:
            assert answer.json()["departments"] == [*NAMES]
    # What was refused has not taken the key from what was done.
    assert apply(three, "key", activate=True).content == first.content


def test_a_key_of_an_event_is_refused(three: Organization) -> None:
    three.done("clock.ticked", "tick")
    answer = apply(three, "tick")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("policy", "errors"),
    [
        (
            {"rules": [{"rule": "block", "rule_id": "b", "what": {"mccs": ["79"]}}]},
            [("body.policy.rules.0.what.mccs", "'79' is not 4 digits")],
        ),
        (
            {
                "rules": [
                    BLOCK,
                    {"rule": "allow", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}},
                ],
                "hold_days_by_group": {"casinos": 3},
            },
            [
                ("body.policy.rules.1.rule_id", "'no-gambling' stands twice"),
                ("body.policy.hold_days_by_group", "'casinos' is not one of"),
                ("body.policy.rules.1.what.mcc_groups", "'gambling' is allowed and blocked"),
            ],
        ),
        (
            {"rules": [{"rule": "spend_limit", "rule_id": "s", "window": "transaction"}]},
            [("body.policy.rules.0.amount", "one of the two")],
        ),
        (
            {"rules": [{"rule": "block", "rule_id": "b", "what": {}}]},
            [("body.policy.rules.0.what", "names nothing")],
        ),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_every_field_and_nothing_is_written(
    books: Books, three: Organization, policy: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    answer = apply(three, "bad", policy, activate=True)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_policy"), answer.text
    found = answer.json()["errors"]
    assert [error["field"] for error in found] == [field for field, _ in errors]
    for error, (_, words) in zip(found, errors, strict=True):
        assert words in error["message"]
    told = three.send("policy.drafted", "the-core-says", policy=policy).json()
    assert answer.json()["detail"] == f"{told['detail']}. Nothing was written."
    three.read(three.path("/budget"), told["position"])  # the ledger has all that was written before
    assert [outcome for _, outcome, _ in drafted(books, three)] == ["rejected"]  # the one just sent
    assert apply(three, "bad", activate=True).status_code == 200  # and the key is free


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "body.policy", "missing"),
        ({"policy": {"rules": [{"rule": "ban"}]}}, "body.policy.rules.0.rule", "unknown_value"),
        ({"policy": {"holds": 3}}, "body.policy.holds", "extra_forbidden"),
        ({"policy": POLICY, "active": True}, "body.active", "extra_forbidden"),
        ({"policy": POLICY, "activate": "yes"}, "body.activate", "wrong_type"),
        ({"policy": POLICY, "departments": []}, "body.departments", "bounds"),
        ({"policy": POLICY, "departments": ["a/b"]}, "body.departments.0", "string_pattern_mismatch"),
        ({"policy": POLICY, "departments": ["_treasury"]}, "body.departments.0", "string_pattern_mismatch"),
        ({"policy": POLICY, "departments": ["a", "b", "a"]}, "body.departments.2", "duplicate"),
        ({"policy": {"rules": [{**BLOCK, "rule_id": CARD}]}}, "body.policy.rules.0.rule_id", "value_error"),
    ],
)  # fmt: skip
def test_a_bad_member_is_named_with_its_path(
    company: Organization, body: dict[str, Any], field: str, code: str
) -> None:
    answer = company.client.post(path(company), json=body, headers={"Idempotency-Key": "bad"})
    assert answer.status_code == 422, answer.text
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_partial_success_is_plain_and_a_repeat_completes_it(three: Organization) -> None:
    departments = ["engineering", "later", "sales"]
    answer = apply(three, "some", activate=True, departments=departments)
    assert answer.status_code == 207, answer.text
    assert answer.json()["status"] == "partial"
    assert answer.json()["message"] == "Accepted in 2 of 3 departments. Rejected by later."
    found = by_department(answer)
    assert [found[name]["status"] for name in departments] == ["accepted", "rejected", "accepted"]
    assert [reason["code"] for reason in found["later"]["reasons"]] == ["unknown_department"]
    assert (found["later"]["policy_version"], found["engineering"]["policy_version"]) == (None, 1)
    assert [one["version"] for one in listed(three)["departments"]] != [1, 1, 1]  # marketing was not named
    add(three, "later")
    completed = apply(three, "some", activate=True, departments=departments)
    assert (completed.status_code, completed.json()["status"]) == (200, "complete")
    assert "idempotency-replayed" not in completed.headers  # one of them is new
    for name in ("engineering", "sales"):
        assert by_department(completed)[name] == found[name]
    assert by_department(completed)["later"]["policy_version"] == 1


def test_rejected_everywhere_is_a_problem(company: Organization) -> None:
    answer = apply(company, "none", departments=["nowhere", "neither"])
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")
    assert answer.json()["departments"] == ["nowhere", "neither"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_company_without_departments_is_told_so(company: Organization) -> None:
    answer = apply(company, "none")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")
    assert listed(company) == {"organization_id": company.id, "in_force": [], "departments": [], "next": None}


def test_without_decisions_in_time_it_is_pending_and_a_repeat_completes_it(
    books: Books, three: Organization, decider: Decider
) -> None:
    with decider.paused():
        started = time.monotonic()
        answer = apply(three, "slow", activate=True, headers={"Prefer": "wait=1"})
        again = apply(three, "slow", activate=True, headers={"Prefer": "wait=0"})
        other = apply(three, "slow", OTHER, activate=True)
        assert time.monotonic() - started < HUNG_S
    assert answer.status_code == 202, answer.text
    assert (answer.json()["status"], answer.headers["location"]) == ("pending", path(three))
    assert answer.json()["message"].endswith("Pending in engineering, marketing, sales.")
    for one in answer.json()["departments"]:
        assert (one["status"], one["policy_version"], one["position"]) == ("pending", None, None)
        assert one["look_up"].endswith(f"/departments/{one['department_id']}/policies")
        assert "will be decided" in one["detail"]
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    completed = apply(three, "slow", activate=True)
    assert (completed.status_code, completed.json()["status"]) == (200, "complete")
    assert [one["policy_version"] for one in completed.json()["departments"]] == [1, 1, 1]
    wait_until(lambda: in_force(three, 1))
    assert [again for _, _, again in drafted(books, three)].count(False) == 3


def test_what_could_not_be_sent_is_told_and_a_repeat_completes_it(books: Books, three: Organization) -> None:
    narrow = books.settings.model_copy(update={"api_waiters_max": 2})  # so the third cannot be waited for
    with serving(narrow) as base_url:
        wait_ready(base_url)
        here = Organization(
            three.id, httpx.Client(base_url=base_url, headers=three.client.headers, timeout=60)
        )
        answer = apply(here, "narrow", activate=True)
        here.client.close()
    assert (answer.status_code, answer.json()["status"]) == (202, "pending"), answer.text
    assert answer.json()["message"] == "Accepted in 2 of 3 departments. Not sent to sales."
    assert "Nothing was written" in by_department(answer)["sales"]["detail"]
    completed = apply(three, "narrow", activate=True)
    assert (completed.status_code, completed.json()["status"]) == (200, "complete")
    for name in ("engineering", "marketing"):
        assert by_department(completed)[name] == by_department(answer)[name]
    wait_until(lambda: len(drafted(books, three)) == 5)
    assert [again for *_, again in drafted(books, three)].count(False) == 3


def test_a_repeat_while_the_ledger_is_behind_tells_all_but_the_numbers(
    books: Books, three: Organization
) -> None:
    with books.behind():
        first = apply(three, "same", activate=True, departments=[*NAMES])
        again = apply(three, "same", activate=True, departments=[*NAMES])
    assert again.status_code == 200
    for one, repeated in zip(first.json()["departments"], again.json()["departments"], strict=True):
        assert repeated == one | {"policy_version": None}
    wait_until(lambda: apply(three, "same", activate=True, departments=[*NAMES]).content == first.content)


def test_many_callers_of_one_key_make_one_version(books: Books, three: Organization) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: apply(three, "together", activate=True), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    wait_until(lambda: len(drafted(books, three)) == 12)
    assert [again for _, _, again in drafted(books, three)].count(False) == 3
    assert len({answer.json()["digest"] for answer in answers}) == 1
    positions = [[one["position"] for one in answer.json()["departments"]] for answer in answers]
    assert positions == [positions[0]] * 4


def test_a_digest_tells_content_apart_and_not_how_it_was_written() -> None:
    one, other = (
        Block(rule_id="a", what=Match(mccs=("7995",))),
        Block(rule_id="b", what=Match(mccs=("7801",))),
    )
    policy = Policy(rules=(one, other), hold_days_by_group={"hotel": 9, "airline": 8})
    assert digest(policy) == digest(Policy(rules=(one, other), hold_days_by_group={"airline": 8, "hotel": 9}))
    for changed in (
        Policy(
            rules=(other, one), hold_days_by_group=policy.hold_days_by_group
        ),  # an order that is looked at
        Policy(rules=(one, other), hold_days_by_group={"hotel": 9, "airline": 7}),
        Policy(rules=(one,), hold_days_by_group=policy.hold_days_by_group),
    ):
        assert digest(changed) != digest(policy)


def test_it_needs_its_scopes_and_its_own_organization(books: Books, three: Organization) -> None:
    with books.person(three.id, [Scope.POLICIES_READ]) as reader:
        assert listed(reader)["departments"]
        answer = apply(reader, "no")
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    with books.person(three.id, [Scope.POLICIES_WRITE]) as writer:
        assert writer.client.get(path(writer)).status_code == 403
        assert apply(writer, "yes").status_code == 200
    with books.organization() as stranger:
        assert stranger.client.get(path(three)).status_code == 404
        body = {"policy": POLICY}
        answer = stranger.client.post(path(three), json=body, headers={"Idempotency-Key": "x"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_resource")
    assert three.client.post(path(three), json={"policy": POLICY}).json()["code"] == "idempotency_key_missing"


def test_each_department_has_an_event_of_its_own_that_names_who_did_it(
    books: Books, three: Organization
) -> None:
    apply(three, "act", activate=True)
    wait_until(lambda: len(drafted(books, three)) == 3)
    actors = rows(
        books,
        "SELECT array_agg(DISTINCT actor), count(DISTINCT event_id) FROM decision"
        " WHERE organization_id = %s AND event_type = 'policy.drafted'",
        three.id,
    )
    assert actors == [([three.key], 3)]


def test_the_examples_of_the_description_are_taken(settings: ApiSettings, three: Organization) -> None:
    operation = create_app(settings).openapi()["paths"]["/v1/organizations/{organization_id}/policies"][
        "post"
    ]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    for name, example in examples.items():
        body = {**example["value"]}
        if "departments" in body:
            assert set(body["departments"]) <= {*NAMES}
        answer = three.client.post(path(three), json=body, headers={"Idempotency-Key": name})
        assert answer.status_code == 200, answer.text


def test_a_hundred_departments_in_one_act(company: Organization) -> None:
    names = [f"d{number:03}" for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: add(company, name), names))
    wait_until(lambda: len(listed(company, limit=1000)["departments"]) == len(names), 60.0)
    answer = apply(company, "many", activate=True)
    assert (answer.status_code, answer.json()["status"]) == (200, "complete"), answer.json()["message"]
    assert [one["department_id"] for one in answer.json()["departments"]] == names
    assert apply(company, "many", activate=True).content == answer.content
