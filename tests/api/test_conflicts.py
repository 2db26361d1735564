"""One Idempotency-Key or one id used twice: 409 while it is in flight or taken, 422 for other content."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.api_settings import ApiSettings
from api.app import create_app
from tests.api.books import Books, Organization, rows, usd
from tests.api.conftest import Send, Submit, budget_body, budget_path, payment_body
from tests.api.decider import Decider
from tests.api.support import Views
from tests.patience import HUNG_S, WAITED_S

pytestmark = pytest.mark.usefixtures("engineering")

SHORT = {"Prefer": "wait=1"}


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def test_a_repeat_of_an_undecided_request_is_in_flight_and_then_gets_its_answer(
    submit: Submit, client: httpx.Client, decider: Decider
) -> None:
    with decider.paused():
        first = submit("key", authorization_id="auth_1", headers=SHORT)
        started = time.monotonic()
        again = submit("key", authorization_id="auth_1", headers=SHORT)
        assert WAITED_S < time.monotonic() - started < HUNG_S  # it has waited for the same decision
    assert (first.status_code, first.json()["recorded"]) == (202, True)
    assert code(again) == (409, "request_in_flight")
    assert again.headers["location"] == first.headers["location"]
    assert (again.headers["retry-after"], again.headers["preference-applied"]) == ("1", "wait=1")
    assert "outcome" not in again.json()
    answered = submit("key", authorization_id="auth_1")
    assert (answered.status_code, answered.json()["outcome"]) == (200, "approved")
    assert answered.headers["idempotency-replayed"] == "true"


def test_a_repeat_whose_decision_comes_in_time_gets_it_and_no_conflict(
    submit: Submit, decider: Decider
) -> None:
    with ThreadPoolExecutor(2) as pool:
        with decider.paused():
            asked = [pool.submit(submit, "key", minor=1) for _ in range(2)]
            time.sleep(0.3)
        answers = [future.result() for future in asked]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content


def test_who_does_not_wait_is_never_told_that_it_is_in_flight(submit: Submit, decider: Decider) -> None:
    assert submit("key").status_code == 200
    # The answer is there long since; this repeat only does not wait for it.
    again = submit("key", headers={"Prefer": "wait=0"})
    assert (again.status_code, again.json()["recorded"]) == (202, True)


def test_a_budget_and_an_event_in_flight(
    client: httpx.Client, organization: str, send: Send, decider: Decider
) -> None:
    path = budget_path(organization)

    def put() -> httpx.Response:
        return client.put(path, json=budget_body(7), headers={"Idempotency-Key": "raise", **SHORT})

    def card() -> httpx.Response:
        return send("card.set", "card", headers=SHORT, card={"card_id": "c"})

    with decider.paused(), ThreadPoolExecutor(2) as pool:
        firsts = list(pool.map(lambda ask: ask(), (put, card)))
        agains = list(pool.map(lambda ask: ask(), (put, card)))
    assert [answer.status_code for answer in firsts] == [202, 202]
    assert [code(answer) for answer in agains] == [(409, "request_in_flight")] * 2
    assert agains[0].headers["location"] == path
    assert "location" not in agains[1].headers
    assert [put().status_code, card().status_code] == [200, 200]


def test_while_redis_knows_nothing_an_undecided_repeat_claims_nothing(
    submit: Submit, views: Views, decider: Decider
) -> None:
    with decider.paused():
        submit("key", headers={"Prefer": "wait=0"})
        views.redis.flushall()
        assert submit("key", headers=SHORT).status_code == 202


def test_other_content_is_refused_before_the_decision(submit: Submit, decider: Decider) -> None:
    with decider.paused():
        submit("key", minor=1, headers={"Prefer": "wait=0"})
        started = time.monotonic()
        assert code(submit("key", minor=2)) == (422, "idempotency_key_reused")
        assert time.monotonic() - started < HUNG_S  # there is nothing to wait for
    assert submit("key", minor=1).json()["approved"]["minor"] == 1


def test_other_content_before_the_decision_is_refused_by_the_log_when_redis_has_forgotten(
    submit: Submit, views: Views, decider: Decider
) -> None:
    with decider.paused():
        submit("key", minor=1, headers={"Prefer": "wait=0"})
        views.redis.flushall()
        assert submit("key", minor=2, headers={"Prefer": "wait=0"}).status_code == 202
    assert code(submit("key", minor=2)) == (422, "idempotency_key_reused")


def test_what_the_log_refuses_does_not_take_the_key_from_the_request_that_has_it(
    submit: Submit, views: Views
) -> None:
    first = submit("key", minor=1)
    views.redis.flushall()
    refused = submit("key", minor=2)
    assert code(refused) == (422, "idempotency_key_reused")
    assert refused.json()["reason"] == "exists_with_different_amount"
    again = submit("key", minor=1)
    assert (again.status_code, again.content) == (200, first.content)


PAYMENT: dict[str, Any] = {"authorization_id": "A1", "card_id": "c"}
TAKEN: list[tuple[str, dict[str, Any], str]] = [
    ("authorization.requested", {**PAYMENT, "amount": usd(5), "merchant": {"name": "Shop"}}, "authorization"),
    ("refund.presented", {**PAYMENT, "amount": usd(5), "refund_id": "R1"}, "refund"),
    ("dispute.opened", {"authorization_id": "A1", "amount": usd(5), "dispute_id": "D1"}, "dispute"),
    (
        "increase.requested",
        {"request_id": "inc_1", "amount": usd(5), "ends_at": "2099-01-01T00:00:00Z"},
        "request",
    ),
]


@pytest.mark.parametrize(("kind", "members", "whose"), TAKEN, ids=[whose for *_, whose in TAKEN])
def test_an_id_that_is_taken_is_a_conflict(
    send: Send, kind: str, members: dict[str, Any], whose: str
) -> None:
    if whose in ("refund", "dispute"):
        assert send("clearing.presented", "settled", **PAYMENT, amount=usd(100)).status_code == 200
    first = send(kind, "one", **members)
    assert first.status_code == 200, first.text
    again = send(kind, "two", **members)
    assert code(again) == (409, f"{whose}_exists")
    assert again.json()["reason"] == f"{whose}_exists"
    assert again.json()["position"] == again.headers["spendlog-position"]
    assert send(kind, "one", **members).json()["position"] == first.json()["position"]


def test_in_flight_writes_nothing_twice(books: Books, company: Organization, decider: Decider) -> None:
    company.start()
    body = payment_body(1_000, authorization_id="A1")

    def post() -> httpx.Response:
        headers = {"Idempotency-Key": "key", **SHORT}
        return company.client.post("/v1/authorizations", json=body, headers=headers)

    with decider.paused():
        assert [post().status_code for _ in range(3)] == [202, 409, 409]
    position = company.done("clock.ticked")["position"]
    assert company.read(company.path("/budget"), position)["held"] == usd(1_000)
    decided = rows(
        books,
        "SELECT outcome, duplicate_of IS NOT NULL FROM decision"
        " WHERE organization_id = %s AND authorization_id = 'A1' ORDER BY seq",
        company.id,
    )
    assert decided == [("approved", False), ("approved", True), ("approved", True)]


def test_the_description_tells_both(settings: ApiSettings) -> None:
    described = create_app(settings).openapi()
    for path, method in (
        ("/v1/authorizations", "post"),
        ("/v1/events", "post"),
        ("/v1/organizations/{organization_id}/departments/{department_id}/budget", "put"),
    ):
        answers = described["paths"][path][method]["responses"]
        assert "request_in_flight" in answers["409"]["description"]
        assert "authorization_exists" in answers["409"]["description"]
        assert "idempotency_key_reused" in answers["422"]["description"]
