"""More money for a while: asked for with one key, approved with others, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from api.access.keys import Scope
from tests.api.books import Books, Organization, usd

ENDS = "2099-01-01T00:00:00Z"


class People(NamedTuple):
    """Keys of one company: A may do everything, B and C what approvers need."""

    a: Organization
    b: Organization
    c: Organization


@pytest.fixture
def people(books: Books) -> Iterator[People]:
    with books.organization() as a, ExitStack() as others:
        approve = [Scope.BUDGETS_APPROVE, Scope.BUDGETS_READ]
        b, c = (others.enter_context(books.person(a.id, approve)) for _ in range(2))
        yield People(a, b, c)


def levels(people: People) -> None:
    """Everything needs B; from 100.00 on it needs C, too."""
    of_b = {"name": "lead", "approvers": [people.b.key]}
    of_c = {"name": "finance", "above": 10_000, "approvers": [people.c.key]}
    people.a.done("policy.drafted", policy={"approvals": [of_b, of_c]}, activate=True)


def ask(who: Organization, request_id: str, minor: int, **members: Any) -> dict[str, Any]:
    return who.done("increase.requested", request_id=request_id, amount=usd(minor), ends_at=ENDS, **members)


def look(who: Organization, request_id: str, position: str) -> dict[str, Any]:
    return who.read(who.path(f"/increase-requests/{request_id}"), position)


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def pay(who: Organization, name: str, minor: int) -> dict[str, Any]:
    payment: dict[str, Any] = {"authorization_id": name, "card_id": "card_ada", "merchant": {"name": "Hotel"}}
    return who.done("authorization.requested", amount=usd(minor), **payment)


def test_an_increase_is_asked_for_approved_by_two_levels_and_then_there_is_more_to_spend(
    people: People,
) -> None:
    a, b, c = people
    a.start(limit=100_000)
    levels(people)
    assert pay(a, "A1", 120_000)["outcome"] == "declined"
    asked = ask(a, "inc_1", 50_000, reason="the conference")
    assert (asked["outcome"], asked["actor"], asked["amount"]) == ("accepted", a.key, usd(50_000))
    waiting = look(a, "inc_1", asked["position"])
    assert (waiting["status"], waiting["asked_by"], waiting["approved_by"]) == ("waiting", a.key, [])
    assert (waiting["levels"], waiting["waits_for"]) == ([[b.key], [c.key]], [b.key])

    assert refused(a.send("increase.approved", "own", request_id="inc_1")) == (422, "may_not_approve")
    assert refused(c.send("increase.approved", "early", request_id="inc_1")) == (422, "may_not_approve")
    first = b.done("increase.approved", request_id="inc_1")
    assert (first["actor"], first["balances"]) == (b.key, [])
    halfway = look(b, "inc_1", first["position"])
    assert (halfway["status"], halfway["approved_by"], halfway["waits_for"]) == ("waiting", [b.key], [c.key])
    assert a.read(a.path("/budget"), first["position"])["limit"] == usd(100_000)
    assert pay(a, "A2", 120_000)["outcome"] == "declined"

    last = c.done("increase.approved", request_id="inc_1")
    assert last["balances"][0]["limit"] == usd(150_000)
    approved = look(c, "inc_1", last["position"])
    assert (approved["status"], approved["approved_by"]) == ("approved", [b.key, c.key])
    assert (approved["waits_for"], approved["position"]) == (None, last["position"])
    assert approved["closed_at"] is not None
    assert a.read(a.path("/budget"), last["position"])["limit"] == usd(150_000)
    assert pay(a, "A3", 120_000)["outcome"] == "approved"


def test_who_asked_may_not_approve_though_the_key_has_the_scope(books: Books) -> None:
    with books.organization() as company, books.person(company.id) as other:
        company.start(limit=1_000)
        ask(company, "inc_1", 500)
        answer = company.send("increase.approved", "own", request_id="inc_1")
        assert refused(answer) == (422, "may_not_approve")
        assert company.key in answer.json()["detail"]
        done = other.done("increase.approved", request_id="inc_1")  # no level is named: anybody else
        assert company.read(company.path("/budget"), done["position"])["limit"] == usd(1_500)
        again = other.send("increase.approved", "again", request_id="inc_1")
        assert refused(again) == (422, "request_closed")


def test_nobody_approves_two_levels(people: People) -> None:
    a, b, c = people
    a.start()
    a.done("policy.drafted", policy={"approvals": [{"name": "one"}, {"name": "two"}]}, activate=True)
    ask(a, "inc_1", 500)
    b.done("increase.approved", request_id="inc_1")
    assert refused(b.send("increase.approved", "twice", request_id="inc_1")) == (422, "may_not_approve")
    assert (
        look(c, "inc_1", c.done("increase.approved", request_id="inc_1")["position"])["status"] == "approved"
    )


def test_two_people_with_one_idempotency_key_are_two(books: Books, people: People) -> None:
    a, b, c = people
    a.start()
    levels(people)
    ask(a, "inc_1", 50_000)
    first = b.send("increase.approved", "approve-inc_1", request_id="inc_1")
    assert refused(c.send("increase.approved", "approve-inc_1", request_id="inc_1")) == (
        422,
        "idempotency_key_reused",
    )
    books.forget()  # also where nothing but the log remembers
    again = b.send("increase.approved", "approve-inc_1", request_id="inc_1")
    assert (again.json()["position"], again.headers["idempotency-replayed"]) == (
        first.json()["position"],
        "true",
    )
    books.forget()
    second = c.send("increase.approved", "approve-inc_1", request_id="inc_1")
    assert "idempotency-replayed" not in second.headers
    assert look(a, "inc_1", second.json()["position"])["approved_by"] == [b.key, c.key]


def test_a_refused_request_stays_refused(people: People) -> None:
    a, b, c = people
    a.start(limit=1_000)
    levels(people)
    ask(a, "inc_1", 50_000)
    assert refused(c.send("increase.refused", "early", request_id="inc_1")) == (422, "may_not_approve")
    body = b.done("increase.refused", request_id="inc_1", reason="next quarter")
    found = look(a, "inc_1", body["position"])
    assert (found["status"], found["refused_by"], found["waits_for"]) == ("refused", b.key, None)
    assert refused(b.send("increase.approved", "late", request_id="inc_1")) == (422, "request_closed")
    assert a.read(a.path("/budget"))["limit"] == usd(1_000)


@pytest.mark.parametrize(
    ("kind", "members", "code"),
    [
        ("increase.approved", {"request_id": "none"}, "unknown_request"),
        ("increase.refused", {"request_id": "none"}, "unknown_request"),
        ("increase.requested", {"request_id": "inc_1"}, "request_exists"),
        ("increase.requested", {"request_id": "new", "budget_id": "team:none"}, "unknown_budget"),
        ("increase.requested", {"request_id": "new", "ends_at": "2020-01-01T00:00:00Z"}, "invalid_budget"),
    ],
)
def test_what_cannot_be_asked_or_approved_is_a_problem(
    company: Organization, kind: str, members: dict[str, Any], code: str
) -> None:
    company.start()
    ask(company, "inc_1", 500)
    more = {"amount": usd(5), "ends_at": ENDS} if kind == "increase.requested" else {}
    status = 409 if code == "request_exists" else 422
    assert refused(company.send(kind, "bad", **more | members)) == (status, code)


def test_an_increase_that_is_asked_for_later_begins_later(people: People) -> None:
    a, b, _ = people
    a.start(limit=1_000)
    starts = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    ask(a, "inc_1", 500, starts_at=starts.isoformat())
    position = b.done("increase.approved", request_id="inc_1")["position"]
    assert datetime.fromisoformat(look(a, "inc_1", position)["starts_at"]) == starts
    assert a.read(a.path("/budget"), position)["limit"] == usd(1_000)


def test_requests_are_listed_page_by_page_and_by_status(people: People) -> None:
    a, b, _ = people
    a.start()
    for number in (4, 2, 1, 3):
        ask(a, f"inc_{number}", number)
    b.done("increase.approved", request_id="inc_2")
    position = b.done("increase.refused", request_id="inc_3")["position"]
    path = a.path("/increase-requests")
    first = a.read(path, position, limit=3)
    assert [(found["request_id"], found["status"]) for found in first["requests"]] == [
        ("inc_1", "waiting"),
        ("inc_2", "approved"),
        ("inc_3", "refused"),
    ]
    rest = a.read(path, after=first["next"], limit=3)
    assert ([found["request_id"] for found in rest["requests"]], rest["next"]) == (["inc_4"], None)
    for status, ids in {"waiting": ["inc_1", "inc_4"], "approved": ["inc_2"], "refused": ["inc_3"]}.items():
        assert [found["request_id"] for found in a.read(path, status=status)["requests"]] == ids
    assert first["requests"][0] == a.read(f"{path}/inc_1")
    unknown = a.client.get(f"{path}/none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_request")
    assert a.client.get(f"{path}/%00").status_code == 404
    assert a.client.get(path, params={"status": "open"}).status_code == 422
