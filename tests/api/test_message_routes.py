"""Every message of a payment's life by a route of its own, and what people ask and answer."""

from __future__ import annotations

from typing import Any

import pytest

from api.access.keys import Scope
from api.resources.events.examples import EXAMPLES
from api.resources.events.scopes import tag_of
from api.resources.messages.event_routes import MESSAGES
from tests.api.books import Books, Organization, usd


def post(
    company: Organization, path: str, key: str, body: dict[str, Any], position: str | None = None
) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} | ({} if position is None else {"Spendlog-Position": position})
    answer = company.client.post(path, json=body, headers=headers)
    return answer.status_code, answer.json()


def done(
    company: Organization, path: str, body: dict[str, Any], position: str | None = None
) -> dict[str, Any]:
    status, answer = post(company, path, f"key-{path}", body, position)
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


def test_a_card_s_whole_life_by_routes_that_name_only_what_is_new(company: Organization) -> None:
    position = company.start()
    asked = company.done(
        "authorization.requested",
        authorization_id="A/1",
        card_id="card_ada",
        amount=usd(60_000),
        merchant={"name": "Hotel Astoria", "mcc": "7011"},
    )
    life = "/v1/authorizations/A%2F1"
    position = asked["position"]
    steps: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("increments", {"amount": usd(15_000)}, "approved"),
        ("reversals", {"amount": usd(5_000)}, "approved"),
        ("advices", {"amount": usd(72_000), "merchant": {"name": "Hotel Astoria"}}, "approved"),
        ("clearings", {"amount": usd(40_000), "final": False}, "partially_cleared"),
        ("clearings", {"amount": usd(30_000)}, "cleared"),
        ("refunds", {"amount": usd(10_000), "refund_id": "R1"}, "cleared"),
        ("disputes", {"amount": usd(20_000), "dispute_id": "D1"}, "disputed"),
    )
    for path, body, status in steps:
        key = f"{path}-{body['amount']['minor']}"
        answered, answer = post(company, f"{life}/{path}", key, body, position)
        assert answered == 200, answer
        again = post(company, f"{life}/{path}", key, body, position)
        assert again == (200, answer)
        position = answer["position"]
        assert company.read(life, position)["status"] == status
    where = {"department_id": "engineering"}
    won = done(company, "/v1/disputes/D1/resolutions", {**where, "outcome": "won"})
    back = done(company, "/v1/refunds/R1/reversals", {**where})
    found = company.read(life, back["position"])
    assert (found["posted"], found["refunded"], found["recovered"]) == (usd(70_000), usd(0), usd(20_000))
    assert won["outcome"] == back["outcome"] == "accepted"
    messages = company.read("/v1/transactions/A%2F1", back["position"])["messages"]
    assert len(messages) == 10


def test_expiries_refunds_without_a_payment_inquiries_and_requests(company: Organization) -> None:
    company.start()
    where: dict[str, Any] = {"department_id": "engineering"}
    asked = company.done(
        "authorization.requested",
        authorization_id="A1",
        card_id="card_ada",
        amount=usd(60_000),
        merchant={"name": "Shop"},
    )
    done(company, "/v1/authorizations/A1/expiries", {}, asked["position"])
    refund = {**where, "card_id": "card_ada", "amount": usd(100), "refund_id": "R9"}
    assert done(company, "/v1/refunds", refund)["amount"] == usd(100)
    verified = done(company, "/v1/cards/card_ada/verifications", {**where, "merchant": {"name": "Shop"}})
    assert verified["response_code"] == "85"
    left = done(company, "/v1/cards/card_ada/balance-inquiries", where)["available"]
    assert left == usd(5_000_000)
    request = {**where, "request_id": "inc_1", "amount": usd(500), "ends_at": "2099-12-31T00:00:00Z"}
    done(company, "/v1/increase-requests", request)
    status, problem = post(company, "/v1/increase-requests/inc_1/approvals", "own", where)
    assert status == 422, problem  # nobody approves his own
    refused = done(company, "/v1/increase-requests/inc_1/refusals", {**where, "reason": "taken back"})
    assert refused["actor"] == company.key


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.operation)
def test_the_example_in_the_description_reaches_the_log(company: Organization, message: Any) -> None:
    company.start()
    example = dict(EXAMPLES[tag_of(message.event)])
    example.pop("type")
    named = example.pop(message.named, "x") if message.named else "x"
    path = message.path.format(**{message.named or "none": named})
    status, answer = post(company, path, "example", example)
    # Most are about what is not there: then they are declined, or rejected with their reason.
    assert status == 200 or (status == 422 and answer.get("reason")), answer


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("A1/clearings", {"authorization_id": "A2"}, "body.authorization_id", "given_by_path"),
        ("A1/clearings", {"type": "clearing.presented"}, "body.type", "given_by_path"),
        ("A1/clearings", {"event_id": "e"}, "body.event_id", "given_by_api"),
        ("A1/clearings", {"amount": {"minor": 0, "currency": "USD"}}, "body.amount.minor", "bounds"),
        ("A1/clearings", {"amount": usd(1), "tip": 1}, "body.tip", "extra_forbidden"),
        ("A1/disputes", {"amount": usd(1)}, "body.dispute_id", "missing"),
        ("A1/advices", {"amount": usd(1)}, "body.merchant", "missing"),
    ],
)
def test_a_wrong_member_is_named(
    company: Organization, path: str, body: dict[str, Any], field: str, code: str
) -> None:
    company.start()
    whole = {"department_id": "engineering", "card_id": "card_ada", **body}
    if path.endswith("disputes"):
        whole.pop("card_id")
    status, problem = post(company, f"/v1/authorizations/{path}", "key", whole)
    assert status == 422, problem
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]


def test_a_payment_that_nobody_knows_must_be_told_whole(company: Organization) -> None:
    company.start()
    status, problem = post(company, "/v1/authorizations/none/clearings", "key", {"amount": usd(1)})
    assert status == 422
    assert problem["errors"][0]["code"] == "missing"


def test_a_key_without_the_scope_may_not(books: Books, company: Organization) -> None:
    company.start()
    with books.person(company.id, [Scope.AUTHORIZATIONS_WRITE]) as processor:
        body = {"department_id": "engineering", "seq": 1, "reason": "twice"}
        status, problem = post(processor, "/v1/authorizations/A1/corrections", "key", body)
        assert (status, problem["code"]) == (403, "insufficient_scope")
