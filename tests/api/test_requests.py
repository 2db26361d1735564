"""Cards and budgets that somebody asks for, levels that approve them, and who answers for whom meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from api.access.keys import Scope
from tests.api.books import Books, Organization, usd

WHERE: dict[str, Any] = {"department_id": "engineering"}
CARD: dict[str, Any] = {**WHERE, "request_id": "q1", "card": {"card_id": "card_new"}, "limit": usd(20_000)}


class People(NamedTuple):
    """Keys of one company: A may do everything, B and C approve."""

    a: Organization
    b: Organization
    c: Organization


@pytest.fixture
def people(books: Books) -> Iterator[People]:
    with books.organization() as a, ExitStack() as others:
        approve = [Scope.BUDGETS_APPROVE, Scope.BUDGETS_READ]
        b, c = (others.enter_context(books.person(a.id, approve)) for _ in range(2))
        a.start(limit=100_000)
        of_b = {"name": "lead", "approvers": [b.key]}
        of_c = {"name": "finance", "above": 10_000, "approvers": [c.key]}
        a.done("policy.drafted", policy={"approvals": [of_b, of_c], "request_days": 3}, activate=True)
        yield People(a, b, c)


def post(who: Organization, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
    return who.client.post(path, json=body, headers={"Idempotency-Key": key})


def done(who: Organization, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = post(who, path, key, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def test_a_card_is_asked_for_approved_by_two_levels_and_then_it_pays_within_its_budget(
    people: People,
) -> None:
    a, b, c = people
    asked = done(a, "/v1/card-requests", "ask", {**CARD, "reason": "the fair"})
    again = post(a, "/v1/card-requests", "ask", {**CARD, "reason": "the fair"})
    assert (again.json()["position"], again.headers["idempotency-replayed"]) == (asked["position"], "true")
    found = a.read("/v1/requests/q1", asked["position"])
    assert (found["kind"], found["status"], found["amount"]) == ("card", "waiting", usd(20_000))
    assert (found["card"]["card_id"], found["budget"]["limit"]) == ("card_new", usd(20_000))
    assert (found["waits_for"], found["asked_by"]) == ([b.key], a.key)
    life = datetime.fromisoformat(found["lapses_at"]) - datetime.fromisoformat(found["asked_at"])
    assert timedelta(days=3) - life < timedelta(seconds=1)
    assert refused(post(a, "/v1/requests/q1/approvals", "own", WHERE)) == (422, "may_not_approve")
    assert refused(post(c, "/v1/requests/q1/approvals", "early", WHERE)) == (422, "may_not_approve")
    done(b, "/v1/requests/q1/approvals", "b", WHERE)
    last = done(c, "/v1/requests/q1/approvals", "c", WHERE)
    approved = a.read("/v1/requests/q1", last["position"])
    assert (approved["status"], approved["approved_by"]) == ("approved", [b.key, c.key])
    assert a.read("/v1/cards/card_new", last["position"])["available"] == usd(20_000)
    pays: dict[str, Any] = {"card_id": "card_new", "merchant": {"name": "Hotel"}}
    more = a.done("authorization.requested", authorization_id="A1", amount=usd(20_001), **pays)
    assert [reason["rule"] for reason in more["reasons"]] == ["card:card_new"]
    assert refused(post(b, "/v1/requests/q1/refusals", "late", WHERE)) == (422, "request_closed")


def test_a_budget_is_asked_for_refused_and_asked_for_again(people: People) -> None:
    a, b, _ = people
    wanted = {**WHERE, "name": "Platform", "level": "team", "subject": "platform", "limit": usd(9_999)}
    done(a, "/v1/budget-requests", "ask", {**wanted, "request_id": "q2"})
    done(b, "/v1/requests/q2/refusals", "no", {**WHERE, "reason": "smaller"})
    done(a, "/v1/budget-requests", "more", {**wanted, "limit": usd(5_000), "request_id": "q3"})
    at = done(b, "/v1/requests/q3/approvals", "yes", WHERE)["position"]
    listed = a.read("/v1/requests", at, kind="budget")["requests"]
    assert [(one["request_id"], one["status"], one["refusal_reason"]) for one in listed] == [
        ("q2", "refused", "smaller"),
        ("q3", "approved", None),
    ]
    assert a.read(a.path("/budgets/team:platform"), at)["limit"] == usd(5_000)


def test_requests_of_all_kinds_are_listed_page_by_page_and_filtered(people: People) -> None:
    a, b, _ = people
    done(a, "/v1/card-requests", "1", CARD)
    more = {**WHERE, "amount": usd(5), "ends_at": "2099-01-01T00:00:00Z"}
    done(a, "/v1/increase-requests", "2", {**more, "request_id": "q2"})
    at = done(a, "/v1/increase-requests", "3", {**more, "request_id": "q3"})["position"]
    at = done(b, "/v1/requests/q3/approvals", "yes", WHERE)["position"]

    def ids(**query: Any) -> list[str]:
        return [one["request_id"] for one in a.read("/v1/requests", at, **query)["requests"]]

    first = a.read("/v1/requests", at, limit=2)
    assert [one["request_id"] for one in first["requests"]] == ["q1", "q2"]
    assert ids(limit=2, after=first["next"]) == ["q3"]
    assert (ids(kind="card"), ids(kind="increase")) == (["q1"], ["q2", "q3"])
    assert (ids(status="waiting"), ids(status="approved")) == (["q1", "q2"], ["q3"])
    assert (ids(asked_by=a.key), ids(asked_by=b.key)) == (["q1", "q2", "q3"], [])
    assert (ids(department_id="engineering"), ids(department_id="none")) == (["q1", "q2", "q3"], [])
    assert [one["request_id"] for one in a.read(a.path("/increase-requests"))["requests"]] == ["q2", "q3"]
    assert refused(a.client.get(a.path("/increase-requests/q1"))) == (404, "unknown_request")
    assert refused(a.client.get("/v1/requests/none")) == (404, "unknown_request")
    assert a.client.get("/v1/requests", params={"kind": "car"}).status_code == 422


def test_who_is_away_is_answered_for_and_takes_it_back(people: People) -> None:
    a, b, c = people
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    done(a, "/v1/card-requests", "ask", {**CARD, "limit": usd(9_999)})
    set_ = done(b, "/v1/delegations", "away", {**WHERE, "absent": b.key, "delegate": c.key, "until": until})
    (told,) = a.read("/v1/delegations", set_["position"])["delegations"]
    assert (told["absent"], told["delegate"], told["set_by"]) == (b.key, c.key, b.key)
    assert a.read("/v1/requests/q1", set_["position"])["stand_ins"] == {b.key: c.key}
    at = done(c, "/v1/requests/q1/approvals", "for-b", WHERE)["position"]
    found = a.read("/v1/requests/q1", at)
    assert (found["approved_by"], found["on_behalf_of"]) == ([c.key], [b.key])
    at = done(b, f"/v1/delegations/{b.key}/endings", "back", WHERE)["position"]
    assert a.read("/v1/delegations", at)["delegations"] == []
    assert refused(post(b, f"/v1/delegations/{b.key}/endings", "again", WHERE)) == (422, "unknown_delegation")


def test_nobody_says_who_answers_for_another_but_whoever_may_change_people(people: People) -> None:
    _, b, c = people
    away = {**WHERE, "until": "2026-12-31T00:00:00Z"}
    theirs = {**away, "absent": b.key, "delegate": c.key}
    assert refused(post(c, "/v1/delegations", "mine", theirs)) == (403, "out_of_reach")
    assert refused(post(c, f"/v1/delegations/{b.key}/endings", "end", WHERE)) == (403, "out_of_reach")
    own = {**away, "absent": b.key, "delegate": b.key}
    assert refused(post(b, "/v1/delegations", "self", own)) == (422, "invalid_delegation")


@pytest.mark.parametrize(
    ("path", "members", "code"),
    [
        ("/v1/card-requests", {"card": {"card_id": "card_new", "status": "frozen"}}, "invalid_card"),
        ("/v1/card-requests", {"limit": {"minor": 5, "currency": "EUR"}}, "wrong_currency"),
        ("/v1/card-requests", {"time_zone": "Mars/Olympus"}, "unknown_time_zone"),
        ("/v1/card-requests", {"limit": usd(0)}, "invalid_request"),
        ("/v1/card-requests", {"colour": "red"}, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_for_is_a_problem(
    company: Organization, path: str, members: dict[str, Any], code: str
) -> None:
    company.start()
    assert refused(post(company, path, "bad", CARD | members)) == (422, code)
