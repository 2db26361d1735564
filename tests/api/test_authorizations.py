"""Asking for an authorization: decided, repeated, refused, not yet decided."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from schemas.ids import Position
from tests.api.conftest import Submit, budget_body, budget_path
from tests.api.decider import Decider
from tests.api.support import Views, metric, wait_until
from tests.patience import HUNG_S, WAITED_S

pytestmark = pytest.mark.usefixtures("engineering")


def test_an_authorization_within_the_budget_is_approved(submit: Submit) -> None:
    answer = submit("first", authorization_id="auth_1")
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "authorization_id": "auth_1",
        "department_id": "engineering",
        "card_id": "card_ada",
        "outcome": "approved",
        "response_code": "00",
        "reasons": [],
        "review": False,
        "reviews": [],
        "shadows": [],
        "amount": {"minor": 600_000, "currency": "USD"},
        "approved": {"minor": 600_000, "currency": "USD"},
        "would_pass": None,
        "position": body["position"],
    }
    assert answer.headers["spendlog-position"] == body["position"]
    assert "idempotency-replayed" not in answer.headers


def test_a_decline_names_its_reason_with_numbers_and_a_sentence(submit: Submit) -> None:
    submit("first", minor=600_000)
    body = submit("second", minor=4_800_000).json()
    assert (body["outcome"], body["response_code"]) == ("declined", "61")
    usd = "USD"
    assert body["reasons"] == [
        {
            "code": "budget_exceeded",
            "message": "Department 'Engineering' budget exceeded. Limit: $50,000, Current: $6,000, "
            "Requested: $48,000",
            "rule": "department",
            "period": body["reasons"][0]["period"],
            "limit": {"minor": 5_000_000, "currency": usd},
            "posted": {"minor": 0, "currency": usd},
            "held": {"minor": 600_000, "currency": usd},
            "current": {"minor": 600_000, "currency": usd},
            "available": {"minor": 4_400_000, "currency": usd},
            "requested": {"minor": 4_800_000, "currency": usd},
            "count": None,
            "count_limit": None,
        }
    ]
    assert body["approved"] == {"minor": 0, "currency": usd}
    assert body["would_pass"]["now"] == {"minor": 4_400_000, "currency": usd}


@pytest.mark.parametrize("minor", [600_000, 4_900_000_00])
def test_a_repeat_gets_the_first_answer_byte_for_byte_and_the_marker(submit: Submit, minor: int) -> None:
    first, again = submit("same", minor=minor), submit("same", minor=minor)
    assert again.status_code == first.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    places = [Position.parse(answer.headers["spendlog-position"]) for answer in (first, again)]
    assert places[0] < places[1]


def test_a_repeat_after_a_redis_flush_moves_nothing(submit: Submit, views: Views) -> None:
    first = submit("same", minor=3_000_000)
    views.redis.flushall()
    again = submit("same", minor=3_000_000)
    assert again.content == first.content
    assert submit("other", minor=2_000_000).json()["outcome"] == "approved"


@pytest.mark.parametrize("flushed", [False, True], ids=["redis remembers", "only the log remembers"])
def test_a_key_with_other_content_is_refused(submit: Submit, views: Views, flushed: bool) -> None:
    submit("key", minor=100)
    if flushed:
        views.redis.flushall()
    answer = submit("key", minor=200)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "idempotency_key_reused"


def test_a_key_used_for_another_department_is_refused(submit: Submit, client: httpx.Client) -> None:
    def failures() -> float:
        return metric(client, "spendlog_api_redis_failures_total")

    for number in range(20):
        before = failures()
        submit(f"key-{number}")
        answer = submit(f"key-{number}", department_id="marketing")
        if failures() == before:  # while Redis answers; a machine that stood still says nothing of it
            break
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_of_a_budget_is_refused_for_a_payment(submit: Submit, views: Views) -> None:
    views.redis.flushall()
    answer = submit("budget")
    assert (answer.status_code, answer.json()["reason"]) == (422, "exists_with_different_type")


def test_an_authorization_id_under_a_second_key_is_refused(submit: Submit) -> None:
    submit("one", authorization_id="auth_9")
    answer = submit("two", authorization_id="auth_9")
    assert (answer.status_code, answer.json()["code"]) == (409, "authorization_exists")
    assert answer.json()["position"] == answer.headers["spendlog-position"]


def test_an_unknown_department_is_404_and_another_currency_422(submit: Submit) -> None:
    unknown = submit("a", department_id="nowhere")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_department")
    wrong = submit("b", amount={"minor": 5, "currency": "JPY"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_currency")


def test_without_a_decision_in_time_the_answer_claims_nothing(
    submit: Submit, client: httpx.Client, decider: Decider
) -> None:
    with decider.paused():
        started = time.monotonic()
        answer = submit("slow", authorization_id="auth_slow", headers={"Prefer": "wait=1"})
        assert WAITED_S < time.monotonic() - started < HUNG_S
    assert answer.status_code == 202
    assert answer.headers["location"] == "/v1/authorizations/auth_slow?department_id=engineering"
    assert answer.headers["preference-applied"] == "wait=1"
    assert (answer.json()["status"], answer.json()["recorded"]) == ("pending", True)
    assert "outcome" not in answer.json()
    later = submit("slow", authorization_id="auth_slow")
    assert (later.status_code, later.json()["outcome"]) == (200, "approved")


def test_the_longest_wait_ends_within_2_s(submit: Submit, decider: Decider) -> None:
    with decider.paused():
        started = time.monotonic()
        answer = submit("slow", headers={"Prefer": "respond-async, wait=60"})
        assert time.monotonic() - started < HUNG_S
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=2")


def test_who_does_not_wait_is_told_that_the_event_is_safe(submit: Submit) -> None:
    answer = submit("quick", headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["recorded"]) == (202, True)


def test_two_at_once_with_one_key_get_one_answer_and_one_marker(submit: Submit) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: submit("together", minor=1), range(2)))
    assert answers[0].content == answers[1].content
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True]


def test_two_contents_at_once_with_one_key_get_one_answer_and_one_refusal(
    submit: Submit, views: Views, decider: Decider
) -> None:
    def post(minor: int) -> httpx.Response:
        return submit("together", minor=minor)

    with ThreadPoolExecutor(2) as pool, decider.paused():
        one = pool.submit(post, 1)
        time.sleep(0.2)
        views.redis.flushall()  # only the log stands between the two now
        two = pool.submit(post, 2)
        time.sleep(0.2)
    assert [one.result().status_code, two.result().status_code] == [200, 422]
    assert two.result().json()["reason"] == "exists_with_different_amount"


def test_many_at_once_fit_exactly(submit: Submit) -> None:
    def outcome(n: int) -> str:
        """As a client asks: again with the same key, while there is no answer yet."""
        return str(wait_until(lambda: submit(f"n{n}", minor=500_000).json().get("outcome"), 60.0))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(outcome, range(60)))
    assert (answers.count("approved"), answers.count("declined")) == (10, 50)


def test_setting_a_budget_is_an_event(client: httpx.Client, organization: str, submit: Submit) -> None:
    path, headers = budget_path(organization), {"Idempotency-Key": "raise"}
    first = client.put(path, json=budget_body(9_000_000), headers=headers)
    again = client.put(path, json=budget_body(9_000_000), headers=headers)
    assert first.status_code == 200
    assert first.json() == {
        "organization_id": organization,
        "department_id": "engineering",
        "name": "Engineering",
        "time_zone": "America/New_York",
        "period": "month",
        "limit": {"minor": 9_000_000, "currency": "USD"},
        "tolerance": {"minor": 0, "currency": "USD"},
        "position": first.headers["spendlog-position"],
    }
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert submit("big", minor=8_000_000).json()["outcome"] == "approved"
    refused = client.put(path, json=budget_body(1, "EUR"), headers={"Idempotency-Key": "euro"})
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_currency")
