"""What the API lets in: no card numbers, but all that looks like one; zones, moments and members as Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from api.api_settings import ApiSettings
from schemas.controls import Calendar
from schemas.terms import time_zones
from tests.api.books import Organization, usd
from tests.api.conftest import Submit, budget_body, budget_path, payment_body
from tests.api.support import Views

NUMBERS = (
    "4111111111111111",
    "4111.1111.1111.1111",
    "5555_5555_5555_4444",
    "3782  822463  10005",
    "6011\u00a01111\u00a01111\u00a01117",
    "\uff14\uff11\uff11\uff11" + "\uff11" * 12,
)
Change = Callable[[str], tuple[str, str, dict[str, Any], dict[str, str]]]


def _payment(*path: str) -> Change:
    def change(number: str) -> tuple[str, str, dict[str, Any], dict[str, str]]:
        body = inner = payment_body()
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = number
        return "POST", "/v1/authorizations", body, {}

    return change


def _event(kind: str, **members: Any) -> Change:
    def change(number: str) -> tuple[str, str, dict[str, Any], dict[str, str]]:
        text = json.dumps({"type": kind, "department_id": "engineering", **members})
        return "POST", "/v1/events", json.loads(text.replace("NUMBER", number)), {}

    return change


def _rule(**rule: Any) -> Change:
    return _event("policy.drafted", policy={"rules": [{"rule_id": "r", "rule": "block", **rule}]})


PLACES: dict[str, Change] = {
    "card": _payment("card_id"),
    "merchant": _payment("merchant", "name"),
    "acceptor": _payment("merchant", "id"),
    "cardholder": _payment("cardholder"),
    "department": _payment("department_id"),
    "authorization": _payment("authorization_id"),
    "unknown member": _payment("unknown"),
    "refund": _event("refund.presented", card_id="c", amount=usd(1), refund_id="NUMBER"),
    "clearing": _event("clearing.presented", card_id="c", amount=usd(1), authorization_id="pay NUMBER"),
    "dispute": _event("dispute.opened", dispute_id="NUMBER", authorization_id="a", amount=usd(1)),
    "request": _event(
        "increase.requested", request_id="NUMBER", amount=usd(1), ends_at="2030-01-01T00:00:00Z"
    ),
    "reason": _event("increase.refused", request_id="r", reason="paid NUMBER"),
    "budget": _event("budget.set", name="NUMBER", limit=usd(1)),
    "subject": _event("budget.set", name="x", level="team", subject="NUMBER", limit=usd(1)),
    "zone": _event("budget.set", name="x", limit=usd(1), time_zone="NUMBER"),
    "set card": _event("card.set", card={"card_id": "c", "employee": "NUMBER"}),
    "lock": _event("card.set", card={"card_id": "c", "locked_to": "Shop NUMBER"}),
    "rule id": _rule(rule_id="NUMBER", what={"mccs": ["5814"]}),
    "rule": _rule(what={"merchants": ["NUMBER"]}),
    "part of a rule": _rule(what={"merchants_containing": ["NUMBER"]}),
    "hold days": _event("policy.drafted", policy={"hold_days_by_group": {"NUMBER": 3}}),
    "approver": _event("policy.drafted", policy={"approvals": [{"name": "a", "approvers": ["NUMBER"]}]}),
    "type": _event("NUMBER"),
    "department of a path": lambda number: ("PUT", "DEPARTMENT", budget_body(), {}),
    "key": lambda number: ("POST", "/v1/authorizations", payment_body(), {"Idempotency-Key": number}),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_card_number_is_refused_wherever_it_stands(
    client: httpx.Client, organization: str, place: str
) -> None:
    numbers = NUMBERS[:3] if place in ("key", "department of a path") else NUMBERS
    for number in numbers:
        method, path, body, headers = PLACES[place](number)
        if path == "DEPARTMENT":
            path = budget_path(organization, number)
        answer = client.request(method, path, json=body, headers={"Idempotency-Key": "k", **headers})
        assert answer.status_code == 422, (place, number, answer.text)
        told = answer.text.replace(r"\u00a0", "\u00a0")
        assert number not in told
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    "text",
    [
        "f31aeb00-4982-4407-8941-965096ee86ef",
        "53033190-7660-45b1-99e1-7b552e94525c",
        "PARKING TICKET 20261128000001",
        "REQ-1764302400007",
        "01JDQ41111111111111111ABCD",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-11-28T12:30:00.123456789Z",
    ],
)
def test_what_looks_like_a_card_number_is_taken(company: Organization, text: str) -> None:
    company.start()
    company.done("card.set", card={"card_id": text})
    body = payment_body(card_id=text, merchant={"name": text}, authorization_id=text.replace(" ", "-"))
    answer = company.client.post(
        "/v1/authorizations", json=body, headers={"Idempotency-Key": text.replace(" ", "-")}
    )
    assert answer.status_code == 200, answer.text
    asked: dict[str, Any] = {"request_id": text, "amount": usd(100), "ends_at": "2100-01-01T00:00:00Z"}
    assert company.send("increase.requested", "more", **asked).status_code == 200


BAD_ZONES = (
    "localtime",
    "posixrules",
    "Factory",
    "posix/Europe/Berlin",
    "right/UTC",
    "europe/berlin",
    "utc",
    "CET-1",
    "",
)


@pytest.mark.parametrize("zone", BAD_ZONES)
def test_a_zone_that_not_every_side_knows_is_refused(company: Organization, zone: str) -> None:
    company.start()
    body = {**budget_body(), "time_zone": zone}
    put = company.client.put(company.path("/budget", "other"), json=body, headers={"Idempotency-Key": "z"})
    team: dict[str, Any] = {"name": "P", "level": "team", "subject": "p", "limit": usd(1), "time_zone": zone}
    limit = {"rule": "spend_limit", "rule_id": "r", "amount": 1, "window": "calendar"}
    hours = {"rule": "active_hours", "rule_id": "r", "start": "08:00", "end": "18:00", "time_zone": zone}
    calendar = {"period": "day", "time_zone": zone}
    policies = [{"rules": [{**limit, "calendar": calendar}]}, {"rules": [hours]}]
    answers = [
        put,
        company.send("budget.set", "team", **team),
        *(company.send("policy.drafted", f"p{n}", policy=policy) for n, policy in enumerate(policies)),
        company.send(
            "cap.set",
            "cap",
            department_id="_treasury",
            limit=usd(1),
            departments=["engineering"],
            calendar=calendar,
        ),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert repr(zone) in answer.text or not zone
    assert "time zone" in answers[0].text or not zone


def test_postgresql_knows_every_zone_that_we_take(settings: ApiSettings) -> None:
    with psycopg.connect(settings.postgres) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names")}
    assert time_zones() - known == set()
    assert {"UTC", "Europe/Berlin", "America/New_York", "Etc/GMT+12"} <= time_zones()


@pytest.mark.parametrize("zone", ["localtime", "posix/Europe/Berlin", "Nowhere/At_All"])
def test_a_budget_that_has_a_bad_zone_is_still_read(
    client: httpx.Client, views: Views, organization: str, zone: str
) -> None:
    views.budget(organization, "engineering", 100, calendar=Calendar("month", zone))
    for path in (budget_path(organization), budget_path(organization) + "s"):
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert zone in answer.text


def test_the_last_nanosecond_of_a_month_belongs_to_it_by_both_operations(company: Organization) -> None:
    company.start()
    at = "2026-10-31T23:59:59.999999999Z"
    payment = payment_body(minor=100, authorization_id="A1", occurred_at=at)
    assert company.client.post(
        "/v1/authorizations", json=payment, headers={"Idempotency-Key": "1"}
    ).is_success
    payment["authorization_id"] = "A2"
    company.done("authorization.requested", **payment)
    for name in ("A1", "A2"):
        settled: dict[str, Any] = {"authorization_id": name, "card_id": "card_ada", "amount": usd(100)}
        position = company.done("clearing.presented", **settled)["position"]
    for name in ("A1", "A2"):
        found = company.read(f"/v1/authorizations/{name}", position)
        assert found["occurred_at"] == "2026-10-31T23:59:59.999999Z"
    october = company.read(company.path("/budget"), position, period="2026-10")
    assert october["posted"]["minor"] == 200


@pytest.mark.parametrize("path", ["/v1/authorizations", "/v1/events", "budget", "policies"])
@pytest.mark.parametrize("inner", [True, False])
def test_a_member_that_stands_twice_is_named(
    client: httpx.Client, organization: str, path: str, inner: bool
) -> None:
    bodies: dict[str, Any] = {
        "/v1/authorizations": payment_body(),
        "/v1/events": {"type": "authorization.requested", "authorization_id": "a", **payment_body()},
        "budget": budget_body(),
        "policies": {"policy": {"rules": [{"rule": "block", "rule_id": "r", "what": {"mccs": ["5814"]}}]}},
    }
    whole = json.dumps(bodies[path])
    name = ("rule_id" if path == "policies" else "currency") if inner else next(iter(bodies[path]))
    value = '"r"' if name == "rule_id" else '"USD"' if name == "currency" else '"x"'
    content = whole.replace(f'"{name}":', f'"{name}":{value},"{name}":', 1)
    url = {"budget": budget_path(organization), "policies": f"/v1/organizations/{organization}/policies"}
    answer = client.request(
        "PUT" if path == "budget" else "POST",
        url.get(path, path),
        content=content,
        headers={"Idempotency-Key": "twice", "Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (f"body.{name}", "duplicate_member")


def test_a_leap_second_is_no_moment_however_long_its_fraction(submit: Submit, client: httpx.Client) -> None:
    refused = submit("long", occurred_at="2026-10-31T23:59:60.999999999Z")
    assert refused.json()["errors"][0]["field"] == "body.occurred_at"
