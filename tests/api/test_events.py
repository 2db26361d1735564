"""Events of any type through one address: who may send them, what is refused, what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.access.keys import KEY_SCOPES, Scope, create_key
from api.api_settings import ApiSettings
from api.app import create_app
from api.resources.events.examples import EXAMPLES
from api.resources.events.scopes import OWNERS_ONLY, SCOPES, scopes_of, tag_of
from schemas.events import EVENT_TYPES
from tests.api.books import Books, Organization, rows, usd
from tests.api.decider import Decider
from tests.api.support import wait_until

TAGS = [tag_of(event) for event in SCOPES]
APPROVED = {"authorization.requested", "authorization.incremented", "verification.requested"}
FOUR_EYES = {"increase.approved", "request.approved"}
HOTEL = {"name": "Hotel Astoria", "mcc": "7011"}
# What must be there before the others take effect, in this order, and what ends what they are about.
BEGIN = (
    *("budget.set", "budget.increased", "increase.requested", "increase.approved", "increase.refused"),
    *("policy.drafted", "policy.activated", "card.set"),
)
END = (
    *("balance.inquired", "card.frozen", "card.unfrozen", "card.canceled", "card.replaced"),
    *("budget.removed", "department.split", "cap.set"),
)
STORY = (*BEGIN, *(tag for tag in EXAMPLES if tag not in BEGIN + END), *END)


@pytest.fixture(scope="module")
def story(books: Books) -> Iterator[dict[str, tuple[httpx.Response, httpx.Response]]]:
    """Every example of the reference, sent in an order that makes sense, and again: both by type."""
    answers: dict[str, tuple[httpx.Response, httpx.Response]] = {}
    with books.organization() as company, books.person(company.id) as another:
        for tag in STORY:
            body = dict(EXAMPLES[tag])
            if tag == "posting.reversed":
                posted = answers["clearing.presented"][0].json()["position"]
                body["seq"] = int(posted.partition(":")[2])
            if tag == "budget.removed":
                company.done("budget.set", name="Platform", limit=usd(1), level="team", subject="platform")
            if tag == "card.replaced":
                company.done("card.set", card={"card_id": body["card_id"]})
            if tag == "increase.refused":
                more = EXAMPLES["increase.requested"] | {"request_id": body["request_id"]}
                company.done("increase.requested", **{k: v for k, v in more.items() if k != "type"})
            if tag == "delegation.set":  # of at most a year, which no example that stays can say
                body["until"] = (datetime.now(UTC) + timedelta(days=5)).isoformat()
            sender = another if tag in FOUR_EYES else company
            headers = {"Idempotency-Key": tag}
            first, again = (sender.client.post("/v1/events", json=body, headers=headers) for _ in range(2))
            answers[tag] = (first, again)
        yield answers


def test_every_type_of_event_is_either_sent_by_a_scope_or_by_owners_alone() -> None:
    assert set(SCOPES) | OWNERS_ONLY == set(EVENT_TYPES)
    assert not set(SCOPES) & OWNERS_ONLY
    assert list(EXAMPLES) and set(EXAMPLES) == set(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_each_type_of_event_is_accepted_and_its_repeat_gets_the_same_answer(
    story: dict[str, tuple[httpx.Response, httpx.Response]], tag: str
) -> None:
    first, again = story[tag]
    assert first.status_code == 200, first.text
    body = first.json()
    assert body["type"] == tag
    assert body["outcome"] == ("approved" if tag in APPROVED else "accepted")
    assert body["response_code"] == ("85" if tag == "verification.requested" else "00")
    assert first.headers["spendlog-position"] == body["position"]
    assert "idempotency-replayed" not in first.headers
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


def test_the_answers_of_the_story_carry_their_numbers(
    story: dict[str, tuple[httpx.Response, httpx.Response]],
) -> None:
    def of(tag: str) -> dict[str, Any]:
        body: dict[str, Any] = story[tag][0].json()
        return body

    assert of("policy.drafted")["policy_version"] == 1
    assert of("authorization.requested")["approved"] == usd(60_000)
    own = of("authorization.requested")["balances"][0]
    assert (own["budget"], own["limit"], own["held"]) == ("department", usd(5_350_000), usd(60_000))
    assert own["available"] == usd(5_290_000)
    assert of("clearing.presented")["balances"][0]["posted"] == usd(70_000)
    assert of("posting.reversed")["balances"][0]["posted"] == usd(0)
    assert of("balance.inquired")["available"] == usd(5_350_000)
    assert of("increase.approved")["balances"][0]["limit"] == usd(5_350_000)
    assert [reason["rule"] for reason in of("authorization.requested")["shadows"]] == ["try-no-hotels"]
    assert of("authorization.advised")["alerts"] == ["no_authorization"]
    assert of("card.set")["balances"] == []


@pytest.mark.parametrize("tag", TAGS)
def test_a_key_with_every_other_scope_may_not_send_it(books: Books, tag: str) -> None:
    needed = next(scopes_of(event) for event in SCOPES if tag_of(event) == tag)
    with books.organization([scope for scope in KEY_SCOPES if scope not in needed]) as company:
        answer = company.client.post("/v1/events", json=EXAMPLES[tag], headers={"Idempotency-Key": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert f'scope="{" ".join(needed)}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("tag", sorted(map(tag_of, OWNERS_ONLY)))
def test_a_lease_message_is_refused_whatever_the_key(company: Organization, tag: str) -> None:
    answer = company.send(tag, "lease", period="2026-11", amount=1, needed=1, department="sales")
    assert (answer.status_code, answer.json()["code"]) == (403, "owners_only")


def test_an_act_names_the_key_that_did_it(books: Books, company: Organization) -> None:
    body = company.done("budget.set", name="Engineering", limit=usd(100))
    assert body["actor"] == company.key
    partition, _, seq = body["position"].partition(":")
    company.read(company.path("/budget"), body["position"])
    [(offset, actor)] = rows(
        books, "SELECT source_offset, actor FROM decision WHERE partition = %s AND seq = %s", partition, seq
    )
    assert actor == company.key
    assert json.loads(_event_at(books, int(partition), offset))["actor"] == company.key
    assert company.done("authorization.requested", **_payment("A1", 5))["actor"] is None


def _event_at(books: Books, partition: int, offset: int) -> bytes:
    from confluent_kafka import Consumer, TopicPartition

    from schemas.topics import CARD_EVENTS

    consumer = Consumer({"bootstrap.servers": books.settings.kafka, "group.id": "tests-actor"})
    consumer.assign([TopicPartition(CARD_EVENTS.name, partition, offset)])
    message = wait_until(lambda: consumer.poll(0.5))
    value = message.value()
    consumer.close()
    assert isinstance(value, bytes)
    return value


PAYMENT = EXAMPLES["authorization.requested"]
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"amount": {"minor": 0, "currency": "USD"}}, "body.amount.minor", "bounds"),
    ({"amount": {"minor": "1", "currency": "USD"}}, "body.amount.minor", "wrong_type"),
    ({"amount": {"minor": 2**63, "currency": "USD"}}, "body.amount.minor", "bounds"),
    ({"amount": {"minor": 1.5, "currency": "USD"}}, "body.amount.minor", "wrong_type"),
    ({"amount": {"minor": 1}}, "body.amount.currency", "missing"),
    ({"card_id": None}, "body.card_id", "wrong_type"),
    ({"card_id": "4111 1111-1111 1111"}, "body.card_id", "value_error"),
    ({"merchant": {"name": "Paid with 5555555555554444"}}, "body.merchant.name", "value_error"),
    ({"merchant": {"name": "a\0b"}}, "body.merchant.name", "value_error"),
    ({"merchant": {"name": "\x1b[2J"}}, "body.merchant.name", "value_error"),
    ({"merchant": {"name": "a", "mcc": "58x4"}}, "body.merchant", "string_pattern_mismatch"),
    ({"merchant": {"name": "a", "city": "Rome"}}, "body.merchant.city", "extra_forbidden"),
    ({"cardholder": "378282246310005"}, "body.cardholder", "value_error"),
    ({"entry_mode": "swipe"}, "body.entry_mode", "unknown_value"),
    ({"authorization_id": "a\nb"}, "body.authorization_id", "value_error"),
    ({"department_id": "a/b"}, "body.department_id", "string_pattern_mismatch"),
    ({"department_id": "_treasury"}, "body.department_id", "string_pattern_mismatch"),
    ({"department_id": 5}, "body.department_id", "wrong_type"),
    ({"occurred_at": "yesterday"}, "body.occurred_at", "malformed"),
    ({"occurred_at": "2026-03-01T12:00:00"}, "body.occurred_at", "bounds"),
    ({"occurred_at": "1999-12-31T23:00:00Z"}, "body.occurred_at", "value_error"),
    ({"colour": "red"}, "body.colour", "extra_forbidden"),
    ({"event_id": "mine"}, "body.event_id", "given_by_api"),
    ({"organization_id": "someone-else"}, "body.organization_id", "given_by_api"),
    ({"actor": "the boss"}, "body.actor", "given_by_api"),
    ({"type": "authorization.dreamt"}, "body.type", "unknown_type"),
    ({"type": None}, "body.type", "missing"),
]


@pytest.mark.parametrize(("change", "field", "code"), BAD, ids=range(len(BAD)))
def test_a_bad_member_is_named_with_its_path(
    company: Organization, change: dict[str, Any], field: str, code: str
) -> None:
    answer = company.client.post("/v1/events", json=PAYMENT | change, headers={"Idempotency-Key": "bad"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


def test_a_bad_rule_is_named_with_its_place_in_the_policy(company: Organization) -> None:
    what = {"mccs": ["7995", 7996]}
    rules = [
        {"rule": "block", "rule_id": "one", "what": {}},
        {"rule": "block", "rule_id": "b", "what": what},
    ]
    answer = company.send("policy.drafted", "bad", policy={"rules": rules})
    assert answer.json()["errors"][0]["field"] == "body.policy.rules.1.what.mccs.1"


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 20_000, b"1e999", b'{"type": "\\ud800"}'])
def test_what_is_no_json_is_400(company: Organization, content: bytes) -> None:
    headers = {"Idempotency-Key": "x", "Content-Type": "application/json"}
    answer = company.client.post("/v1/events", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    media = {"Idempotency-Key": "x", "Content-Type": "text/plain"}
    assert company.client.post("/v1/events", content=b"{}", headers=media).status_code == 415
    assert company.client.post("/v1/events", json=PAYMENT).json()["code"] == "idempotency_key_missing"


def test_an_acceptor_id_that_looks_like_a_card_number_is_none(company: Organization) -> None:
    company.start()
    merchant = {"name": "Hotel", "id": "371449635398431"}  # 15 digits that pass the check of card numbers
    body = company.done("authorization.requested", **_payment("A1", 100, merchant=merchant))
    assert body["outcome"] == "approved"


def _payment(name: str, minor: int, **members: Any) -> dict[str, Any]:
    return {
        "authorization_id": name,
        "card_id": "card_ada",
        "amount": usd(minor),
        "merchant": HOTEL,
        **members,
    }


@pytest.mark.parametrize(
    ("kind", "members", "status", "code"),
    [
        ("authorization.reversed", {"authorization_id": "nobody"}, 422, "unknown_authorization"),
        ("budget.removed", {"budget_id": "department"}, 422, "invalid_budget"),
        ("policy.activated", {"policy_version": 7}, 422, "unknown_policy"),
        ("card.frozen", {"card_id": "never-set"}, 422, "unknown_card"),
        ("refund.reversed", {"refund_id": "none"}, 422, "unknown_refund"),
        ("dispute.resolved", {"dispute_id": "none", "outcome": "won"}, 422, "unknown_dispute"),
        ("clock.ticked", {"department_id": "nowhere"}, 404, "unknown_department"),
    ],
)
def test_a_rejection_is_a_problem_with_its_code(
    company: Organization, kind: str, members: dict[str, Any], status: int, code: str
) -> None:
    company.start()
    answer = company.send(kind, "rejected", **members)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["position"] == answer.headers["spendlog-position"]


def test_a_policy_that_contradicts_itself_says_where(company: Organization) -> None:
    company.start()
    rules = [
        {"rule": "spend_limit", "rule_id": "lunch", "window": "calendar", "amount": 1},
        {"rule": "spend_limit", "rule_id": "lunch", "window": "transaction", "amount": 1},
    ]
    answer = company.send("policy.drafted", "bad", policy={"rules": rules})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_policy")
    assert "lunch" in answer.json()["detail"] or "rules" in answer.json()["detail"]


def test_a_decline_says_what_would_pass_and_when(company: Organization) -> None:
    company.start(limit=100_000)
    company.done("authorization.requested", **_payment("A1", 88_000, merchant={"name": "Shop"}))
    body = company.done("authorization.requested", **_payment("A2", 50_000))
    assert (body["outcome"], body["response_code"], body["approved"]) == ("declined", "61", usd(0))
    would = body["would_pass"]
    assert would["now"] == usd(12_000)
    assert would["later"]["because"] in ("hold_expires", "period_starts")
    begin = "120.00 USD passes now; all of it when "
    assert would["message"].startswith(begin)
    assert would["later"]["at"][:10] in would["message"]


def test_a_part_is_approved_where_it_may_be(company: Organization) -> None:
    company.start(limit=100_000)
    body = company.done("authorization.requested", **_payment("A1", 150_000, partial_allowed=True))
    assert (body["outcome"], body["response_code"]) == ("partially_approved", "10")
    assert (body["amount"], body["approved"]) == (usd(150_000), usd(100_000))
    assert [reason["code"] for reason in body["reasons"]] == ["budget_exceeded"]


def test_a_rule_that_reviews_approves_with_review(company: Organization) -> None:
    company.start()
    rule = {
        "rule": "block",
        "rule_id": "hotels",
        "what": {"mcc_groups": ["hotel"]},
        "action": "review",
    }
    company.done("policy.drafted", policy={"rules": [rule]}, activate=True)
    body = company.done("authorization.requested", **_payment("A1", 100))
    assert (body["outcome"], body["review"]) == ("approved", True)
    assert [reason["rule"] for reason in body["reviews"]] == ["hotels"]
    assert body["policy_version"] == 2


def test_a_shadow_rule_changes_no_answer_and_tells_what_it_would_have_said(company: Organization) -> None:
    company.start()
    rule = {
        "rule": "block",
        "rule_id": "try-hotels",
        "what": {"mcc_groups": ["hotel"]},
        "action": "shadow",
    }
    company.done("policy.drafted", policy={"rules": [rule]}, activate=True)
    for _ in range(2):  # the repeat says the same
        body = company.done("authorization.requested", "same", **_payment("A1", 100))
        assert (body["outcome"], body["reasons"], body["review"], body["reviews"]) == (
            "approved",
            [],
            False,
            [],
        )
        assert [(reason["code"], reason["rule"]) for reason in body["shadows"]] == [("blocked", "try-hotels")]
    found = company.read("/v1/authorizations/A1", body["position"])
    assert found["shadows"] == body["shadows"]
    payment = {"department_id": "engineering", "card_id": "c", "amount": usd(5), "merchant": HOTEL}
    answers = [
        company.client.post("/v1/authorizations", json=payment, headers={"Idempotency-Key": "rest"})
        for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    asked = answers[0].json()
    assert (asked["outcome"], [reason["rule"] for reason in asked["shadows"]]) == ("approved", ["try-hotels"])


def test_a_repeat_while_the_ledger_is_behind_says_what_the_log_repeats(
    books: Books, company: Organization
) -> None:
    company.start()
    with books.behind():
        first = company.done("authorization.requested", "same", **_payment("A1", 100))
        answer = company.send("authorization.requested", "same", **_payment("A1", 100))
    again = answer.json()
    assert answer.headers["idempotency-replayed"] == "true"
    assert again["balances"] is None
    for member in ("outcome", "response_code", "amount", "approved", "reasons", "position"):
        assert again[member] == first[member]
    wait_until(lambda: company.send("authorization.requested", "same", **_payment("A1", 100)).json() == first)


def test_without_a_decision_in_time_the_answer_claims_nothing(
    company: Organization, decider: Decider
) -> None:
    company.start()
    with decider.paused():
        answer = company.send(
            "clearing.presented",
            "slow",
            headers={"Prefer": "wait=0"},
            authorization_id="A9",
            card_id="c",
            amount=usd(5),
        )
        act = company.send("card.set", "slow-card", headers={"Prefer": "wait=0"}, card={"card_id": "c"})
    assert (answer.status_code, answer.json()["recorded"]) == (202, True)
    assert answer.headers["location"] == "/v1/authorizations/A9?department_id=engineering"
    assert (act.status_code, act.json()["type"]) == (202, "card.set")
    assert "location" not in act.headers


def test_a_key_of_another_organization_does_not_reach_this_one(
    books: Books, company: Organization, settings: ApiSettings
) -> None:
    company.start()
    with books.organization() as other:
        answer = other.send("clock.ticked", "tick")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")


def test_the_description_has_a_schema_and_an_example_of_each_type(settings: ApiSettings) -> None:
    described = create_app(settings).openapi()
    operation = described["paths"]["/v1/events"]["post"]
    media = operation["requestBody"]["content"]["application/json"]
    assert set(media["examples"]) == set(TAGS) == set(media["schema"]["discriminator"]["mapping"])
    for tag, reference in media["schema"]["discriminator"]["mapping"].items():
        schema = described["components"]["schemas"][reference.rpartition("/")[2]]
        assert schema["properties"]["type"]["enum"] == [tag]
        assert not {"event_id", "organization_id", "version", "actor"} & schema["properties"].keys()
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(EXAMPLES[tag])
        assert set(EXAMPLES[tag]) <= schema["properties"].keys()
    refused = described["components"]["schemas"]["event.IncreaseRefused"]
    assert refused["x-required-scope"] == ["budgets:approve", "budgets:request"]  # one of them


def test_a_key_without_any_scope_of_events_is_refused_before_its_body_is_read(books: Books) -> None:
    secret, _ = create_key(
        books.settings.postgres, organization_id="org-reader", name="r", scopes=[Scope.LEDGER_READ]
    )
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "x"}
    answer = httpx.post(f"{books.base_url}/v1/events", content=b"{broken", headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
